"""The real data where this machine has it, a small release made here, and a server on this machine."""

import hashlib
import http.server
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from paperlib.corpora import synthetic, temperature, wikitext2
from paperlib.corpora.corpus import PARTS, split
from paperlib.paths import DOWNLOADS, ROOT


def place(data, name: str) -> Path:
    """Where a data set lies on this machine. Skips the test where it does not."""
    named = os.environ.get(data.VARIABLE)
    for folder in (Path(named) if named else None, ROOT.parent / "shared" / "data" / name, DOWNLOADS / name):
        if folder is not None and data.holds(folder):
            return folder
    pytest.skip(f"{name} is not on this machine ({data.VARIABLE} may name its folder)")


@pytest.fixture(scope="session")
def wikitext_folder() -> Path:
    return place(wikitext2, "wikitext-2")


@pytest.fixture(scope="session")
def wikitext(wikitext_folder):
    return wikitext2.load(wikitext_folder)


@pytest.fixture(scope="session")
def temperature_folder() -> Path:
    return place(temperature, "temperature")


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A machine without optional data: nothing named, nothing downloaded."""
    for data in (wikitext2, temperature):
        monkeypatch.delenv(data.VARIABLE, raising=False)
    downloads = tmp_path / "downloads"
    monkeypatch.setattr("paperlib.corpora.files.DOWNLOADS", downloads)
    monkeypatch.setattr("paperlib.commands.data.DOWNLOADS", downloads)
    return downloads


@pytest.fixture
def release(monkeypatch, nowhere) -> dict[str, bytes]:
    """A small text in the place of the official one: its files by part; counts and sha256 are its own."""
    texts = {part: synthetic.text(0, 150, tokens, part) for part, tokens in zip(PARTS, (4000, 300, 300), strict=True)}
    known = set(split(texts["train"]))
    for part in ("valid", "test"):  # as in the release: what train does not have is <unk>
        lines = [[w if w in known else "<unk>" for w in line.split()] for line in texts[part].splitlines()]
        texts[part] = "".join(f" {' '.join(line)} \n" if line else " \n" for line in lines)
    files = {part: text.encode() for part, text in texts.items()}
    monkeypatch.setattr(wikitext2, "TOKENS", {part: len(split(text)) for part, text in texts.items()})
    monkeypatch.setattr(wikitext2, "WORDS", len(known))
    monkeypatch.setattr(wikitext2, "BYTES", {part: len(data) for part, data in files.items()})
    monkeypatch.setattr(wikitext2, "OFFICIAL", {p: hashlib.sha256(data).hexdigest() for p, data in files.items()})
    return files


@pytest.fixture
def folder(release, tmp_path) -> Path:
    """A folder that holds the small release."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for part, data in release.items():
        (folder / f"wiki.{part}.tokens").write_bytes(data)
    return folder


@dataclass
class Served:
    """What a server on this machine answers, and what it was asked."""

    address: str = ""
    body: bytes = b""
    failures: int = 0  # answers that are an error before the first right one
    cut: bool = False  # whether the first answer breaks off half way
    agents: list[str] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch):
    """Refuses Python's own agents, as the mirror of WikiText-2 does. Waiting between trials takes no time."""
    served = Served()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            served.agents.append(agent := self.headers.get("User-Agent", ""))
            if agent.startswith(("Python-urllib", "python-requests")):
                return self.send_error(403)
            if served.failures:
                served.failures -= 1
                return self.send_error(503)
            self.send_response(200)
            self.send_header("Content-Length", str(len(served.body)))
            self.end_headers()
            self.wfile.write(served.body[: len(served.body) // 2] if served.cut else served.body)
            served.cut = False

        def log_message(self, *words):
            pass

    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        served.address = f"http://127.0.0.1:{listening.server_port}/archive"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        listening.shutdown()
        thread.join()
