"""`paperlib data`: fetched from a server on this machine, checked, refused."""

import io
import zipfile

import numpy as np
import pytest

from paperlib.cli import main
from paperlib.corpora import temperature, wikitext2
from paperlib.corpora.corpus import PARTS
from paperlib.corpora.files import sha256


def data(*words, capsys) -> tuple[int, str, str]:
    status = main(["data", *map(str, words)])
    return status, *capsys.readouterr()


def zipped(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return archive.getvalue()


def published(release: dict[str, bytes]) -> dict[str, bytes]:
    return {f"wikitext-2/wiki.{part}.tokens": release[part] for part in PARTS}


@pytest.fixture
def series(monkeypatch, nowhere) -> bytes:
    """Numbers in the place of the temperatures, as the bytes of their file."""
    file = io.BytesIO()
    np.save(file, np.arange(np.prod(temperature.SHAPE), dtype=np.float64).reshape(temperature.SHAPE))
    monkeypatch.setattr(temperature, "OFFICIAL", sha256(file.getvalue()))
    return file.getvalue()


def test_addresses_are_the_published_ones():
    assert wikitext2.ADDRESS == "https://wikitext.smerity.com/wikitext-2-v1.zip"
    assert temperature.ADDRESS.startswith("https://raw.githubusercontent.com/DurstewitzLab/ChaosRNN/")
    assert temperature.ADDRESS.endswith("/datasets/weather_datasets/tde_temperature_MoreSmoothedNoYearShort.npy")


def test_the_real_corpus_here(wikitext_folder, wikitext, capsys):
    status, out, err = data("verify", "wikitext-2", "--folder", wikitext_folder, capsys=capsys)
    assert status == 0
    assert out.splitlines() == (["wikitext-2: the published files"] if wikitext.official else [])
    assert err.splitlines() == [f"warning: {line}" for line in wikitext.warnings]


def test_the_real_temperatures_here(temperature_folder, capsys):
    assert data("verify", "temperature", "--folder", temperature_folder, capsys=capsys) == (
        0,
        "temperature: the published files\n",
        "",
    )
    loaded = temperature.load(temperature_folder)
    assert loaded.shape == (5900, 5)
    assert loaded.dtype == np.float64
    # a delay embedding: each column is the one before it as it was 500 samples earlier
    np.testing.assert_array_equal(loaded[500:, 1:], loaded[:-500, :-1])
    assert temperature.record(temperature_folder) == {"sha256": temperature.OFFICIAL, "warnings": []}


def test_fetch_keeps_the_release(release, nowhere, server, capsys):
    server.body = zipped({**published(release), "wikitext-2/README": b"more"})
    status, out, err = data("fetch", "wikitext-2", "--address", server.address, capsys=capsys)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "wikitext-2: the published files"
    kept = nowhere / "wikitext-2"
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
        f"wiki.{part}.tokens": release[part] for part in PARTS
    }
    assert server.agents == ["paperlib"]
    assert wikitext2.load().official
    # It is there: nothing is downloaded again, and it can be checked.
    assert data("fetch", "wikitext-2", "--address", server.address, capsys=capsys)[0] == 0
    assert data("verify", "wikitext-2", capsys=capsys) == (0, "wikitext-2: the published files\n", "")
    assert len(server.agents) == 1


def test_a_damaged_download_is_fetched_again(release, nowhere, server, capsys):
    server.body = zipped(published(release))
    data("fetch", "wikitext-2", "--address", server.address, capsys=capsys)
    (nowhere / "wikitext-2" / "wiki.test.tokens").write_bytes(b"")
    assert data("verify", "wikitext-2", capsys=capsys)[0] == 1
    assert data("fetch", "wikitext-2", "--address", server.address, capsys=capsys)[0] == 0
    assert wikitext2.load().official
    assert len(server.agents) == 2


def test_somebodys_own_folder_is_used_and_never_written(release, folder, server, monkeypatch, capsys):
    server.body = zipped(published(release))
    monkeypatch.setenv("PAPERLIB_WIKITEXT2", str(folder))
    assert data("fetch", "wikitext-2", "--address", server.address, capsys=capsys)[0] == 0
    (folder / "wiki.test.tokens").write_bytes(b"mine\n")
    for words in (["fetch", "wikitext-2"], ["fetch", "wikitext-2", "--folder", folder], ["verify", "wikitext-2"]):
        status, out, err = data(*words, capsys=capsys)
        assert (status, out) == (1, "")
        assert f"{folder / 'wiki.test.tokens'}: expected" in err
        assert err.count("\n") == 1
    assert (folder / "wiki.test.tokens").read_bytes() == b"mine\n"
    assert server.agents == []


def test_verify_warns_in_one_line(release, folder, capsys):
    test = folder / "wiki.test.tokens"
    lines = release["test"].split(b"\n")
    lines[3], lines[5] = lines[5], lines[3]
    test.write_bytes(b"\n".join(lines))
    status, out, err = data("verify", "wikitext-2", "--folder", folder, capsys=capsys)
    assert (status, out) == (0, "")
    assert err.startswith("warning: wikitext-2: counts and encoding are right, but wiki.test.tokens has sha256")
    assert err.count("\n") == 1


@pytest.mark.parametrize("trouble", [{"failures": 2}, {"cut": True}])
def test_a_broken_line_is_tried_again(release, nowhere, server, capsys, trouble):
    server.body = zipped(published(release))
    for name, value in trouble.items():
        setattr(server, name, value)
    assert data("fetch", "wikitext-2", "--address", server.address, capsys=capsys)[0] == 0
    assert len(server.agents) == 1 + trouble.get("failures", 1)


def test_a_server_that_never_answers_well_is_given_up(nowhere, server, capsys):
    server.failures = 99
    status, out, err = data("fetch", "wikitext-2", "--address", server.address, capsys=capsys)
    assert (status, out) == (1, "")
    assert "503" in err
    assert err.count("\n") == 1
    assert len(server.agents) == 4
    assert not nowhere.exists()


BAD = {
    "another text": (
        lambda files: zipped({name: content.replace(b" is ", b" was ", 1) for name, content in files.items()}),
        r"wiki.train.tokens: expected sha256 \w{64}, downloaded",
    ),
    "one file cut": (
        lambda files: zipped({n: c[:-1] if "test" in n else c for n, c in files.items()}),
        r"wiki.test.tokens: expected sha256",
    ),
    "one file longer": (
        lambda files: zipped({n: c + b" " * 10**6 for n, c in files.items()}),
        r"wiki.train.tokens: expected sha256 \w{64}, downloaded {train_and_one:,} bytes",
    ),
    "one file missing": (
        lambda files: zipped({n: c for n, c in files.items() if "valid" not in n}),
        r"expected wiki.valid.tokens in it, found none",
    ),
    "one file twice": (
        lambda files: zipped({**files, "other/wiki.test.tokens": b"x"}),
        r"expected one wiki.test.tokens, found several",
    ),
    "a page": (lambda files: b"<html>moved</html>", r"expected a zip archive, found 18 bytes of another kind"),
    "nothing": (lambda files: b"", r"expected a zip archive, found 0 bytes"),
    "half an archive": (lambda files: zipped(files)[:-200], r"expected a zip archive"),
    "a damaged archive": (
        lambda files: zipped(files).replace(zipped(files)[200:240], bytes(40), 1),
        r"expected a zip archive",
    ),
    "a way up": (
        lambda files: zipped({**files, "../../evil.txt": b"x"}),
        r"member '../../evil.txt' would land outside",
    ),
    "a way up, from Windows": (
        lambda files: zipped({**files, "..\\evil.txt": b"x"}),
        r"evil.txt' would land outside",
    ),
    "a wanted file by a way up": (
        lambda files: zipped({("../" + n.split("/")[1] if "test" in n else n): c for n, c in files.items()}),
        r"member '../wiki.test.tokens' would land outside",
    ),
    "the root": (lambda files: zipped({**files, "/etc/evil": b"x"}), r"member '/etc/evil' would land outside"),
    "another drive": (lambda files: zipped({**files, "C:/evil": b"x"}), r"member 'C:/evil' would land outside"),
}


@pytest.mark.parametrize("kind", BAD)
def test_any_other_download_is_refused(release, nowhere, server, tmp_path, capsys, kind):
    make, message = BAD[kind]
    server.body = make(published(release))
    before = sorted(tmp_path.rglob("*"))
    status, out, err = data("fetch", "wikitext-2", "--address", server.address, capsys=capsys)
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    message = message.replace("{train_and_one:,}", f"{len(release['train']) + 1:,}")
    with pytest.raises(ValueError, match=message):
        raise ValueError(err)
    assert sorted(tmp_path.rglob("*")) == before  # nothing was written, nowhere
    assert len(server.agents) == 1  # the same file again would be no better


def test_temperatures_are_fetched(series, nowhere, server, capsys):
    server.body = series
    status, out, _ = data("fetch", "temperature", "--address", server.address, capsys=capsys)
    assert status == 0
    assert out.splitlines()[-1] == "temperature: the published files"
    assert temperature.load()[1, 0] == 5.0
    assert [path.name for path in (nowhere / "temperature").iterdir()] == [temperature.FILE]


def test_other_temperatures_are_refused(series, nowhere, server, capsys):
    server.body = series[:-8] + bytes(8)
    status, _, err = data("fetch", "temperature", "--address", server.address, capsys=capsys)
    assert status == 1
    assert f"{temperature.FILE}: expected sha256 {temperature.OFFICIAL}, downloaded {len(series):,} bytes" in err
    assert not nowhere.exists()


def saved(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


WRONG = {
    "empty": (b"", "found 0 bytes that are no such array"),
    "truncated": (saved(np.zeros((5900, 5)))[:-100], "that are no such array"),
    "text": (b"1.0, 2.0\n", "found 9 bytes that are no such array"),
    "pickle": (saved(np.array([{}], dtype=object)), "that are no such array"),
    "another shape": (saved(np.zeros((5901, 5))), r"found float64 of shape \(5901, 5\)"),
    "another type": (saved(np.zeros((5900, 5), dtype=np.float32)), r"found float32 of shape \(5900, 5\)"),
    "not a number": (saved(np.full((5900, 5), np.nan)), "found 29500 that are not finite"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_temperatures_are_refused_by_name(nowhere, tmp_path, monkeypatch, capsys, kind):
    content, message = WRONG[kind]
    path = tmp_path / temperature.FILE
    path.write_bytes(content)
    monkeypatch.setenv("PAPERLIB_TEMPERATURE", str(tmp_path))
    with pytest.raises(
        ValueError, match=r"expected finite float64 numbers of shape \(5900, 5\), .*" + message
    ) as caught:
        temperature.load()
    assert str(caught.value).startswith(str(path))
    status, out, err = data("verify", "temperature", capsys=capsys)
    assert (status, out) == (1, "")
    assert err.count("\n") == 1


def test_other_numbers_are_one_warning(nowhere, tmp_path, capsys):
    (tmp_path / temperature.FILE).write_bytes(saved(np.zeros((5900, 5))))
    status, out, err = data("verify", "temperature", "--folder", tmp_path, capsys=capsys)
    assert (status, out) == (0, "")
    assert err.startswith("warning: temperature: shape and type are right, but")
    assert err.count("\n") == 1
    assert len(temperature.record(tmp_path)["warnings"]) == 1


@pytest.mark.parametrize("name", ["wikitext-2", "temperature"])
def test_missing_data_says_how_to_get_it(nowhere, capsys, name):
    status, out, err = data("verify", name, capsys=capsys)
    assert (status, out) == (1, "")
    assert f"`paperlib data fetch {name}`" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["verify"], ["verify", "ptb"], ["remove", "wikitext-2"], []])
def test_wrong_use(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        data(*words, capsys=capsys)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
