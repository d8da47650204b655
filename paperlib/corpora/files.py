"""Where optional data may lie on this machine, and what is said when it is not there or not what it should be."""

import hashlib
import os
from pathlib import Path

from paperlib.paths import DOWNLOADS


class Missing(FileNotFoundError):
    """The data is nowhere on this machine, and nobody said where: a chapter may go on without it."""


class Wrong(ValueError):
    """A file is not what it should be: the message names it, what was expected and what was found."""


def located(name: str, variable: str, folder: Path | str | None = None) -> Path:
    """The folder of a data set: `folder`, else the environment variable, else where downloads go.

    Raises Missing when nothing was named and nothing was downloaded, FileNotFoundError for a named folder that is
    not there: a path with a typing error never turns into other data.
    """
    told = folder or os.environ.get(variable)
    if told:
        path = Path(told).expanduser()
        if not path.is_dir():
            given = "folder" if folder else variable
            raise FileNotFoundError(f"{name}: {given} is {str(told)!r}, which is no folder")
        return path
    path = DOWNLOADS / name
    if not path.is_dir():
        raise Missing(f"{name} is not on this machine: `paperlib data fetch {name}`, or name its folder in {variable}")
    return path


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
