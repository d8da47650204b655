"""Checkpoints: a safetensors file and a JSON file that vouches for it, the last two kept."""

import json
import sys
from pathlib import Path
from typing import Any

from torch import Tensor

from paperlib.training import arrays

KEPT = 2
DAMAGED = ".damaged"  # after the names of a pair that is no checkpoint


def write(folder: Path, number: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Save tensors and state under a number that grows; then drop all but the last two.

    The JSON file is written last and holds the other's sha256: what a crash or a full disk cut short is never
    taken for a checkpoint.
    """
    path = folder / f"checkpoint-{number:09d}.safetensors"
    arrays.save(path, arrays.plain(tensors))
    arrays.write_text(path.with_suffix(".json"), json.dumps({"sha256": arrays.sha256(path), "state": state}))
    for old in numbered(folder)[KEPT:]:
        old.unlink()
        old.with_suffix(".safetensors").unlink(missing_ok=True)


def read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and state of the newest checkpoint that is whole; None when there is none.

    A damaged one is set aside with a line on stderr: where it stayed, it would count among the two that are kept.
    """
    records = numbered(folder)
    for record in records:
        path = record.with_suffix(".safetensors")
        try:
            saved = json.loads(record.read_text(encoding="utf-8"))
            if arrays.sha256(path) != saved["sha256"]:
                raise ValueError("not the file that was written")
            tensors = {name: tensor for name, (_, tensor) in arrays.load(path)[0].items()}
            return tensors, saved["state"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"{path.name} is damaged and refused ({error}), set aside as *{DAMAGED}", file=sys.stderr)
            for file in (record, path):
                if file.exists():
                    file.replace(file.with_name(file.name + DAMAGED))
    if records:
        print(f"{folder.name} has no whole checkpoint left, training begins anew", file=sys.stderr)
    return None


def clear(folder: Path) -> None:
    """Remove all checkpoints of a finished run, damaged ones too."""
    for path in folder.glob("checkpoint-*"):
        path.unlink()


def numbered(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*.json"), reverse=True)
