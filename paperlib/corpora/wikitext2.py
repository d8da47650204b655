"""WikiText-2 (Merity et al. 2017, CC BY-SA 3.0): found, checked, read. It is not part of this repository."""

import unicodedata
from pathlib import Path

from paperlib.corpora.corpus import EOS, PARTS, Corpus, encode, split
from paperlib.corpora.files import Wrong, located, sha256

NAME, VARIABLE = "wikitext-2", "PAPERLIB_WIKITEXT2"
ADDRESS = "https://wikitext.smerity.com/wikitext-2-v1.zip"  # the author's; the first one, in a bucket, is gone
TOKENS = {"train": 2_088_628, "valid": 217_646, "test": 245_569}  # R, section 5.3: with an <eos> a line
WORDS = 33_278  # of train, and so of all three: what is rare in train is <unk> everywhere
BYTES = {"train": 10_797_148, "valid": 1_121_681, "test": 1_256_449}
OFFICIAL = {
    "train": "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
    "valid": "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    "test": "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
}


def load(folder: Path | str | None = None) -> Corpus:
    """The corpus from `folder`, the folder that PAPERLIB_WIKITEXT2 names, or the download; read and verified.

    Files are called `wiki.train.tokens` as in the release, or `train.txt`. Right counts under another sha256 are
    taken, with one line in `warnings`. Raises Missing where there is no corpus, FileNotFoundError for a file or a
    named folder that is not there, Wrong for a file that is empty, cut, not UTF-8 or another text.
    """
    place = located(NAME, VARIABLE, folder)
    files = {part: file(place, part) for part in PARTS}
    data = {part: files[part].read_bytes() for part in PARTS}
    words = {part: _words(files[part], data[part], TOKENS[part]) for part in PARTS}
    vocabulary, numbers = encode(words)
    known = set(words["train"])
    if len(known) != WORDS:
        raise Wrong(f"{files['train']}: expected {WORDS:,} different words, found {len(known):,}")
    for part in ("valid", "test"):
        strange = next((word for word in words[part] if word not in known), None)
        if strange is not None:
            raise Wrong(f"{files[part]}: expected words of the training text or <unk>, found {strange[:40]!r}")
    digests = {part: sha256(data[part]) for part in PARTS}
    other = [part for part in PARTS if digests[part] != OFFICIAL[part]]
    named = ", ".join(f"{files[p].name} has sha256 {digests[p]}, the release {OFFICIAL[p]}" for p in other)
    warning = f"{NAME}: counts and encoding are right, but {named}"
    return Corpus(
        name=NAME,
        vocabulary=vocabulary,
        **numbers,
        official=not other,
        sha256=digests,
        warnings=(warning,) if other else (),
    )


def verify(folder: Path | str | None = None) -> list[str]:
    """What `paperlib data verify` says of the corpus, one line a warning; raises as `load` does."""
    return list(load(folder).warnings)


def holds(folder: Path) -> bool:
    """Whether any of the corpus's files lies in a folder."""
    return any((folder / name).is_file() for part in PARTS for name in _names(part))


def fetch(folder: Path, address: str = ADDRESS) -> None:
    """Download the release into a folder. Raises Wrong, and writes nothing, where it is not the published one."""
    from paperlib.corpora import download

    names = {part: _names(part)[0] for part in PARTS}
    archive = download.fetched(address)
    files = download.unpacked(address, archive, {names[part]: BYTES[part] for part in PARTS})
    download.stored(folder, files, {names[part]: OFFICIAL[part] for part in PARTS})


def _names(part: str) -> tuple[str, str]:
    """What a part's file is called in the release, and in many copies of it."""
    return f"wiki.{part}.tokens", f"{part}.txt"


def file(folder: Path, part: str) -> Path:
    """The file of a part, whichever of its two names it has. Raises FileNotFoundError."""
    names = _names(part)
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{NAME}: expected {names[0]} or {names[1]} in {folder}, found neither")


def _words(file: Path, data: bytes, expected: int) -> list[str]:
    """The tokens of one file. Raises Wrong."""
    if not data:
        raise Wrong(f"{file}: expected {expected:,} tokens, found an empty file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Wrong(f"{file}: expected UTF-8, found byte 0x{data[error.start]:02x} at {error.start:,}") from None
    # Words are parted by blanks, lines by line feeds, and there are no control characters. (Byte order marks are in the
    # release, inside the text, but no file begins with one.)
    strange = sorted({c for c in set(text) - {" ", "\n"} if c.isspace() or unicodedata.category(c) == "Cc"})
    if text.startswith("\ufeff"):
        raise Wrong(f"{file}: expected UTF-8 without a byte order mark, found one")
    if strange:
        line = text.count("\n", 0, text.index(strange[0])) + 1
        raise Wrong(f"{file}: expected blanks and line feeds between words, found {strange[0]!r} in line {line:,}")
    words = split(text)
    if len(words) != expected:
        cut = "" if text.endswith("\n") else ", and no line feed at the end"
        raise Wrong(f"{file}: expected {expected:,} tokens with {EOS}, found {len(words):,}{cut}")
    return words
