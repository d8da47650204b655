"""Downloads: with progress, tried again when the line breaks, and kept only with the published sha256."""

import io
import os
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from paperlib.corpora.files import Wrong, sha256

AGENT = "paperlib"  # the mirror of WikiText-2 refuses Python's own name
RETRIES = 3


def fetched(address: str) -> bytes:
    """What lies at an address. A bar on a terminal; a broken download is tried again three times.

    Raises the error of requests when it cannot be had.
    """
    import pooch

    shown = sys.stderr.isatty()
    pooch.get_logger().setLevel("INFO" if shown else "ERROR")
    with tempfile.TemporaryDirectory() as folder:
        # no hash here: pooch would fetch a wrong file four times, and the published ones are of unpacked files
        store = pooch.create(folder, "", registry={"file": None}, urls={"file": address}, retry_if_failed=RETRIES)
        get = pooch.HTTPDownloader(progressbar=shown, headers={"User-Agent": AGENT})
        return Path(store.fetch("file", downloader=get)).read_bytes()


def unpacked(name: str, archive: bytes, wanted: Mapping[str, int]) -> dict[str, bytes]:
    """The members of a zip archive whose file names are wanted, none read further than one byte beyond its size.

    wanted: file name -> size in bytes. Nothing is written, so no member chooses where it lands.
    Raises Wrong for a file that is no zip archive or a broken one, for a member that would land outside of the
    folder it is unpacked in, and for one that is missing or there twice.
    """
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            for member in opened.infolist():
                path = PurePosixPath(member.filename.replace("\\", "/"))
                if path.is_absolute() or ".." in path.parts or ":" in str(path):
                    raise Wrong(f"{name}: member {member.filename!r} would land outside of its folder")
                if path.name in found:
                    raise Wrong(f"{name}: expected one {path.name}, found several")
                if path.name in wanted and not member.is_dir():
                    with opened.open(member) as stream:
                        found[path.name] = stream.read(wanted[path.name] + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Wrong(f"{name}: expected a zip archive, found {len(archive):,} bytes of another kind ({error})") from None
    for file in wanted.keys() - found:
        raise Wrong(f"{name}: expected {file} in it, found none")
    return found


def stored(folder: Path, files: Mapping[str, bytes], published: Mapping[str, str]) -> None:
    """Write files whose sha256 is the published one: all of them or, where one differs, none. Raises Wrong."""
    for name, data in files.items():
        if sha256(data) != published[name]:
            raise Wrong(f"{name}: expected sha256 {published[name]}, downloaded {len(data):,} bytes of {sha256(data)}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        partial = folder / f".{name}.{os.getpid()}"
        try:
            partial.write_bytes(data)
            partial.replace(folder / name)
        finally:
            partial.unlink(missing_ok=True)
