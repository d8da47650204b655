"""WikiText-2, read and verified: the text of this machine, and every way in which a file can be wrong."""

import pytest

from paperlib.corpora import Missing, Wrong, wikitext2
from paperlib.corpora.corpus import PARTS


def test_the_real_text_is_the_papers(wikitext):
    assert [len(getattr(wikitext, part)) for part in PARTS] == [2_088_628, 217_646, 245_569]  # R, section 5.3
    assert len(wikitext.vocabulary) == 33_278  # R, section 5.3
    assert [wikitext.ids(word) for word in ("<eos>", "Valkyria", "<unk>", "is")] == [0, 2, 9, 26]  # released code
    assert not wikitext.synthetic
    # One warning where a file is not the published one, none where all are: nothing else is possible.
    other = [part for part in PARTS if wikitext.sha256[part] != wikitext2.OFFICIAL[part]]
    assert wikitext.official == (not other)
    assert len(wikitext.warnings) == bool(other)
    assert all(wikitext.sha256[part] in wikitext.warnings[0] for part in other)


def test_the_release_has_no_warning(release, folder):
    corpus = wikitext2.load(folder)
    assert corpus.official
    assert corpus.warnings == ()
    assert corpus.sha256 == wikitext2.OFFICIAL
    assert corpus.words(corpus.train)[:3] == ["<eos>", "=", "Valkyria"]


def test_files_may_have_the_shorter_names(release, folder):
    for part in PARTS:
        (folder / f"wiki.{part}.tokens").rename(folder / f"{part}.txt")
    assert wikitext2.load(folder).official


def test_the_order_is_argument_environment_download(release, folder, nowhere, monkeypatch, tmp_path):
    with pytest.raises(Missing, match=r"wikitext-2 is not on this machine.*PAPERLIB_WIKITEXT2"):
        wikitext2.load()
    nowhere.mkdir()
    folder.rename(nowhere / "wikitext-2")
    assert wikitext2.load().official
    monkeypatch.setenv("PAPERLIB_WIKITEXT2", str(tmp_path))  # before the download, and it has no files
    with pytest.raises(FileNotFoundError, match=r"expected wiki.train.tokens or train.txt in .*, found neither"):
        wikitext2.load()
    assert wikitext2.load(nowhere / "wikitext-2").official


def test_a_folder_that_is_not_there_never_becomes_another_text(release, folder, monkeypatch):
    """Only where nobody named a folder may a chapter go on without the text."""
    monkeypatch.setenv("PAPERLIB_WIKITEXT2", str(folder / "typo"))
    with pytest.raises(FileNotFoundError, match=r"PAPERLIB_WIKITEXT2 is '.*typo', which is no folder") as caught:
        wikitext2.load()
    assert not isinstance(caught.value, Missing)
    with pytest.raises(FileNotFoundError, match="folder is"):
        wikitext2.load(folder / "typo")


def test_words_that_changed_places_are_one_warning(release, folder):
    """Right counts, UTF-8, the same words: only the sha256 tells."""
    for part in ("train", "test"):
        lines = release[part].decode().split("\n")
        lines[3], lines[5] = lines[5], lines[3]
        (folder / f"wiki.{part}.tokens").write_bytes("\n".join(lines).encode())
    corpus = wikitext2.load(folder)
    assert not corpus.official
    (line,) = corpus.warnings
    assert "\n" not in line
    assert str(folder) not in line  # it goes into records that are committed
    for part in ("train", "test"):
        assert f"wiki.{part}.tokens has sha256 {corpus.sha256[part]}" in line
    assert "wiki.valid.tokens" not in line


def cut(data):
    return data[: len(data) // 2]


def cut_in_a_letter(data):
    return cut(data) + "é".encode()[:1]


def replaced(old, new):
    return lambda data: data.replace(old, new, 1)


SPOILT = {
    "empty": (lambda data: b"", r"expected [\d,]+ tokens, found an empty file"),
    "truncated": (cut, r"expected [\d,]+ tokens with <eos>, found [\d,]+"),
    "truncated in a letter": (cut_in_a_letter, "expected UTF-8, found byte 0xc3 at"),
    "a line more": (lambda data: data + b" \n", r"expected ([\d,]+) tokens with <eos>, found (?!\1)"),
    "last line feed lost": (lambda data: data.rstrip(b"\n") + b"x", "and no line feed at the end"),
    "latin-1": (replaced(b" . ", b" \xe9 "), "expected UTF-8, found byte 0xe9 at"),
    "utf-16": (lambda data: data.decode().encode("utf-16"), "expected UTF-8, found byte 0xff at 0"),
    "byte order mark": (lambda data: b"\xef\xbb\xbf" + data, "without a byte order mark, found one"),
    "windows": (lambda data: data.replace(b"\n", b"\r\n"), r"found '\\r' in line 1$"),
    "tabs": (replaced(b" is ", b"\tis "), r"expected blanks and line feeds between words, found '\\t' in line"),
    "zeros": (lambda data: b"\0" * len(data), r"found '\\x00' in line 1$"),
    "no-break space": (replaced(b" is ", b"\xc2\xa0is "), r"found '\\xa0' in line"),
    "archive": (lambda data: b"PK\x03\x04" + bytes(200), r"found '\\x00' in line 1$"),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("how", SPOILT)
def test_spoilt_files_are_refused_by_name(release, folder, part, how):
    spoil, message = SPOILT[how]
    path = folder / f"wiki.{part}.tokens"
    assert spoil(release[part]) != release[part]
    path.write_bytes(spoil(release[part]))
    with pytest.raises(Wrong, match=message) as caught:
        wikitext2.load(folder)
    assert str(caught.value).startswith(f"{path}: expected")
    assert "\n" not in str(caught.value)


def test_other_words_in_the_same_number_are_refused(release, folder):
    """The raw release has as many tokens as this one, and more words."""
    train = folder / "wiki.train.tokens"
    train.write_bytes(release["train"].replace(b" <unk> ", b" word1 ", 1))
    with pytest.raises(Wrong, match=r"train.tokens: expected 1\d\d different words, found 1\d\d"):
        wikitext2.load(folder)
    train.write_bytes(release["train"])
    (folder / "wiki.test.tokens").write_bytes(release["test"].replace(b" <unk> ", b" word1 ", 1))
    with pytest.raises(Wrong, match=r"test.tokens: expected words of the training text or <unk>, found 'word1'"):
        wikitext2.load(folder)


def test_a_missing_part_is_named(release, folder):
    (folder / "wiki.valid.tokens").unlink()
    with pytest.raises(FileNotFoundError, match=r"wikitext-2: expected wiki.valid.tokens or valid.txt in"):
        wikitext2.load(folder)


def test_a_folder_in_the_place_of_a_file_is_not_taken(release, folder):
    (folder / "wiki.valid.tokens").unlink()
    (folder / "wiki.valid.tokens").mkdir()
    with pytest.raises(FileNotFoundError, match="found neither"):
        wikitext2.load(folder)
