"""Every training that the paper-scale column of the ledger wants: in which order, what is done, what is left."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paperlib import experiments, runs
from paperlib.paths import RUNS, STORED_RUNS

# Minutes on one core, by experiment and model. Sine: measured on one core of an AMD EPYC, 2026; the orthogonal network
# took 70 minutes beside other work and runs 100 epochs a minute alone, the LSTM 40 to 60.
MINUTES = {
    ("sine", "lstm"): 85,
    ("sine", "slstm"): 85,
    ("sine", "slstm-certified"): 85,
    ("sine", "ornn"): 40,
    ("sine", "ornn-nonexpansive"): 40,
}


@dataclass(frozen=True)
class Piece:
    """One training: its identity, whether it is missing, running or done, and the minutes it takes on one core."""

    identity: dict[str, Any]
    status: str
    minutes: float

    @property
    def id(self) -> str:
        return runs.name(self.identity)


def wanted() -> Iterator[dict[str, Any]]:
    """Identities of the sweep at paper scale, the most telling first: every network once, then more seeds."""
    sweep = experiments.paper_runs("sine")
    for run in sweep:
        yield runs.identity(**run)


def pieces(folder: Path = RUNS) -> list[Piece]:
    """All trainings with what the store knows of them, finished ones committed or in `folder`."""
    known: dict[str, str] = {}
    for found in runs.find(scale="paper", roots=(folder, STORED_RUNS)):
        known[found.id] = found.record["status"]
    names = {"running": "half done", "done": "done", "diverged": "diverged"}
    return [
        Piece(own, names.get(known.get(runs.name(own), ""), "missing"), MINUTES[own["experiment"], own["model"]])
        for own in wanted()
    ]


def words(piece: Piece) -> list[str]:
    """What follows `paperlib` to train it."""
    own = piece.identity
    settings = [word for key, value in own["settings"].items() for word in ("--set", f"{key}={value}")]
    options = {"--model": own["model"], "--scale": own["scale"], "--variant": own["variant"], "--seed": own["seed"]}
    return ["train", own["experiment"], *(str(w) for pair in options.items() for w in pair), *settings]


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
