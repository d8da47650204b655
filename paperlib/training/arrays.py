"""Arrays with named axes in one safetensors file: {name: (dims, tensor)} and a few attributes."""

import gzip
import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors import torch as files
from torch import Tensor

Named = dict[str, tuple[tuple[str, ...], Tensor]]
PACKED = ".gz"  # after the file's name: what is committed


def write(path: Path, data: bytes) -> None:
    """Write a file in full or not at all: a reader sees the old one or the new one."""
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def write_text(path: Path, text: str) -> None:
    write(path, text.encode())


def save(path: Path, arrays: Named, **attributes: Any) -> None:
    """Save arrays and their axes' names, in full or not at all; gzipped where the name says so.

    Raises ValueError when an array's number of axes is not that of its names.
    """
    for name, (dims, tensor) in arrays.items():
        if len(dims) != tensor.dim():
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected one axis for each of {dims}")
    # One entry: safetensors writes several in an order that changes from run to run.
    about = {"dims": {name: dims for name, (dims, _) in arrays.items()}, "attributes": attributes}
    metadata = {"paperlib": json.dumps(about, sort_keys=True)}
    data = files.save({name: tensor.detach().cpu().contiguous() for name, (_, tensor) in arrays.items()}, metadata)
    write(path, pack(data) if path.suffix == PACKED else data)


def pack(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)  # the same bytes whenever it is done


def load(path: Path) -> tuple[Named, dict[str, Any]]:
    """Arrays with their axes' names, and the attributes; from the gzipped file where only that is there.

    Raises ValueError when the file is damaged.
    """
    packed = path.with_name(path.name + PACKED)
    if packed.exists() and not path.exists():
        path = packed
    data = path.read_bytes()
    try:
        data = gzip.decompress(data) if path.suffix == PACKED else data
        tensors = sorted(files.load(data).items())  # it gives them in any order
    except (SafetensorError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged ({error})") from None
    # safetensors reads its own header from files alone: its length in eight bytes, then JSON.
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    about = json.loads(header.get("__metadata__", {}).get("paperlib", "{}"))
    dims = about.get("dims", {})
    return {name: (tuple(dims.get(name, ())), tensor) for name, tensor in tensors}, about.get("attributes", {})


def plain(tensors: dict[str, Tensor]) -> Named:
    """Tensors whose axes have no names of their own: parameters and the like."""
    return {name: (tuple(f"axis{k}" for k in range(tensor.dim())), tensor) for name, tensor in tensors.items()}


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(*tensors: Tensor) -> str:
    """sha256 of the values, for the record of which data a run has seen."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
