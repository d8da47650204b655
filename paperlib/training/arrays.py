"""Arrays with named axes in one safetensors file: {name: (dims, tensor)} and a few attributes."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

Named = dict[str, tuple[tuple[str, ...], Tensor]]


def write_text(path: Path, text: str) -> None:
    """Write a file in full or not at all: a reader sees the old one or the new one."""
    part = path.with_name(path.name + ".part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def save(path: Path, arrays: Named, **attributes: Any) -> None:
    """Save arrays and their axes' names, in full or not at all.

    Raises ValueError when an array's number of axes is not that of its names.
    """
    for name, (dims, tensor) in arrays.items():
        if len(dims) != tensor.dim():
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected one axis for each of {dims}")
    # One entry: safetensors writes several in an order that changes from run to run.
    about = {"dims": {name: dims for name, (dims, _) in arrays.items()}, "attributes": attributes}
    metadata = {"paperlib": json.dumps(about, sort_keys=True)}
    part = path.with_name(path.name + ".part")
    save_file({name: tensor.detach().cpu().contiguous() for name, (_, tensor) in arrays.items()}, part, metadata)
    os.chmod(part, 0o644)  # safetensors keeps its files to their owner
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def load(path: Path) -> tuple[Named, dict[str, Any]]:
    """Arrays with their axes' names, and the attributes. Raises ValueError when the file is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("paperlib", "{}"))
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path.name} is damaged ({error})") from None
    dims = about.get("dims", {})
    return {name: (tuple(dims.get(name, ())), tensor) for name, tensor in tensors.items()}, about.get("attributes", {})


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
