"""Every training that the paper-scale column of the ledger wants: in which order, what is done, what is left."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paperlib import experiments, runs
from paperlib.experiments import classification, forcing, sine
from paperlib.paths import RUNS, STORED_RUNS
from paperlib.training import arrays
from paperlib.training.limits import Limits

LIMITS = ("until", "max_epochs")  # of a run in a sweep: when it may end; not what it is


@dataclass(frozen=True)
class Piece:
    """One training: the row of the campaign it belongs to, its identity, how it stands, and its minutes.

    status is missing, half done, running, done, diverged, or at its limit, where it is left; minutes are those of one
    core, or of one GPU, None where nobody has measured them; limits are those of `training.limits.Limits`.
    """

    row: str
    identity: dict[str, Any]
    status: str
    minutes: float | None
    limits: dict[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> tuple[str, ...]:
        """The limits as options of `paperlib train`."""
        return tuple(word for key, value in self.limits.items() for word in (f"--{key.replace('_', '-')}", str(value)))

    @property
    def id(self) -> str:
        return runs.name(self.identity)

    @property
    def ended(self) -> bool:
        return self.status in ("done", "diverged", "at its limit")


def rows(device: str = "cpu") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows with their trainings, the most telling first, for a kind of device: cpu or cuda.

    WikiText-2 at the paper's size is for a GPU; on a CPU the medium scale stands in, under its own name.
    """
    symbols = experiments.paper_runs("classification")
    table = [run for run in symbols if run["model"] in ("lstm", "slstm", "ornn")]
    yield "Sine waves (R, 5.1)", experiments.paper_runs("sine")
    yield "Sparse forcing (M)", experiments.paper_runs("sparse_forcing")
    language = experiments.paper_runs("wikitext2")
    if device == "cpu":
        language = [run for run in language if run["scale"] == "medium"]
    yield "WikiText-2 (R, 5.3)", language
    yield "Table 1 and seeds (R, 5.2)", table
    yield "Certified and non-expansive networks (R, 5.2)", [run for run in symbols if run not in table]
    yield "Released settings", [run for chapter in (sine, classification, forcing) for run in chapter.code_runs()]
    yield "Longer windows (M)", forcing.window_runs()


def split(run: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run of a sweep as its identity and the limits at which it may be left."""
    own = runs.identity(**{key: value for key, value in run.items() if key not in LIMITS})
    return own, {key: run[key] for key in LIMITS if key in run}


def pieces(folder: Path = RUNS, device: str = "cpu") -> list[Piece]:
    """All trainings, each once, with what the store knows of them, finished ones committed or in `folder`."""
    records = {found.id: found for found in runs.find(roots=(folder, STORED_RUNS))}
    found: dict[str, Piece] = {}
    for row, wanted in rows(device):
        for run in wanted:
            own, limits = split(run)
            id = runs.name(own)
            if id not in found:
                minutes = experiments.minutes(own, device.partition(":")[0])
                found[id] = Piece(row, own, status(records.get(id), limits), minutes, limits)
    return list(found.values())


def status(run: runs.Run | None, limits: dict[str, Any]) -> str:
    """How a training stands; one whose folder is held by a process is running."""
    if run is None:
        return "missing"
    known = run.record["status"]
    if known in ("done", "diverged"):
        return known
    if (run.folder / "lock").exists():
        try:
            with runs.locked(run.folder):
                pass
        except runs.Busy:
            return "running"
    return "at its limit" if known == "stopped" and at_limit(run, limits) else "half done"


def at_limit(run: runs.Run, limits: dict[str, Any]) -> bool:
    """Whether a run has come to one of its limits, as its history tells."""
    if not limits:
        return False
    try:
        history, about = arrays.load(run.folder / "history.safetensors")
    except FileNotFoundError:
        return False
    last = {name: float(value[-1]) for name, (_, value) in history.items()}
    return bool(Limits(**limits).reached(about["epochs"], last))


def words(piece: Piece) -> list[str]:
    """What follows `paperlib` to train it."""
    own = piece.identity
    settings = [word for key, value in own["settings"].items() for word in ("--set", f"{key}={value}")]
    options = {"--model": own["model"], "--scale": own["scale"], "--variant": own["variant"], "--seed": own["seed"]}
    return [
        "train",
        own["experiment"],
        *(str(w) for pair in options.items() for w in pair),
        *settings,
        *piece.options,
    ]


def hours(found: list[Piece]) -> str:
    """What is left of some pieces, in words."""
    left = [piece for piece in found if not piece.ended]
    known = [piece.minutes for piece in left if piece.minutes is not None]
    unknown = len(left) - len(known)
    parts = [f"about {sum(known) / 60:.1f} h"] if known else []
    parts += [f"{unknown} never measured"] if unknown else []
    return ", ".join(parts) or "nothing"


class Clock:
    """The minutes that are left of a limit; endless without one."""

    def __init__(self, minutes: float | None):
        self.end = None if minutes is None else time.monotonic() + 60 * minutes

    @property
    def left(self) -> float | None:
        return None if self.end is None else max(0.0, (self.end - time.monotonic()) / 60)

    @property
    def over(self) -> bool:
        return self.left is not None and self.left < 0.05
