"""The systems that forced networks learn: samples of their attractors, distances between samples, exponents."""

import json
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paperlib import dynamics, paths
from paperlib.tasks import systems

STORED = paths.DATA / "sparse_forcing"  # what is known of series that are not on every machine
SUBSTEPS = 2  # of the flow maps here: attractors and exponents to sampling error, no trajectory is followed


def series(name: str, count: int, length: int, seed: int = 0, transient: int = 2000) -> Tensor:
    """`count` pieces of `length` steps of a system's attractor, each from a start of its own: (count, length, 3).

    Unstandardised, by the flow map; as good a sample of the attractor as one long trajectory, and made at once. The
    starts lie all around the axis: Roessler forgets its phase slowly, and pieces in step would be no sample.
    """
    generator = torch.Generator().manual_seed(seed)
    x0 = 3 * torch.randn(count, 3, dtype=torch.float64, generator=generator)
    x0[:, 2] = 1
    return dynamics.orbit(systems.flow_map(name, substeps=SUBSTEPS), x0, length, transient=transient).movedim(0, 1)


def distances(first: Tensor, second: Tensor, segments: int) -> dict[str, float]:
    """Both distances, as published and corrected, of one series (T, N) to another, and D_H of the first to itself."""
    divergence, hellinger = dynamics.state_space_divergence, dynamics.hellinger_distance
    return {
        "D_stsp_published": divergence(first, second),
        "D_stsp": divergence(first, second, around="data"),
        "D_H_published": hellinger(first, second, segments=segments),
        "D_H": hellinger(first, second, segments=segments, normalisation="unit"),
        "itself": hellinger(first, first, segments=segments),
    }


def floors(pieces: Tensor, count: int = 50) -> dict[str, Tensor]:
    """Distances between samples of one attractor: pieces (R * count, length, N) -> (R,) each.

    R series of `count` pieces, each against the next, the last against the first; standardised by one mean and one
    deviation, as the data are. What a perfect reconstruction would have: a scatter, no bound.
    """
    pieces = (pieces - pieces.mean()) / pieces.std()
    groups = [group.flatten(0, 1) for group in pieces.split(count)]
    found = [distances(one, other, count) for one, other in zip(groups, groups[1:] + groups[:1], strict=True)]
    return {key: torch.tensor([each[key] for each in found]) for key in found[0]}


def halves(system: str, data: np.ndarray | None) -> dict[str, float]:
    """Distances of the first half of a system's data (T, N) to the second; as stored where data is None.

    With the `ceiling`: the largest D_stsp, as published, of so many points. Stored for the series of the published
    length, which take long to integrate or are not on every machine. Spectra in pieces of T/50 steps, as published.
    """
    if data is None:
        return json.loads((STORED / f"{system}.json").read_text("utf-8"))["halves"]
    half = len(data) // 2
    first, second = (torch.as_tensor(np.asarray(part)) for part in (data[:half], data[half : 2 * half]))
    kept = round(dynamics.kept_share(first, second) * half)
    ceiling = dynamics.state_space_ceiling(first, kept) if kept else math.inf
    return {**distances(first, second, 25), "ceiling": ceiling}


def ceilings(system: str, data: np.ndarray | None, n: int = 100_000) -> dict[str, float]:
    """The largest D_stsp from a system's data (T, N) that a run of n points can have, as published and corrected.

    As stored where data is None, for the series and runs of the published length.
    """
    if data is None:
        stored = json.loads((STORED / f"{system}.json").read_text("utf-8"))["ceilings"]
        return {key: value + math.log(n / 100_000) for key, value in stored.items()}
    around = {"D_stsp_published": "zero", "D_stsp": "data"}
    return {key: dynamics.state_space_ceiling(data, n, around=each) for key, each in around.items()}


def box(system: str) -> np.ndarray:
    """Corners (2, 3) of the box around the first 4000 points of a stored series, first variables, standardised."""
    return np.array(json.loads((STORED / f"{system}.json").read_text("utf-8"))["box"])


@dataclass(frozen=True)
class Exponent:
    """lambda_max of a system with its standard error, nats a step, and what follows from it."""

    value: float
    error: float
    dt: float

    @property
    def per_time(self) -> tuple[float, float]:
        return self.value / self.dt, self.error / self.dt

    @property
    def predictability(self) -> float:
        """tau_pred = ln 2 / lambda_max, in steps. M."""
        return systems.predictability_time(self.value)


def exponent(name: str, starts: Tensor, n: int, *, settle: int = 500) -> Exponent:
    """lambda_max of a system from states on its attractor (S, 3), by tangents along the flow map.

    Over n steps each, after `settle` in which the tangents turn: along a flow they keep its own direction for long.
    """
    step = systems.flow_map(name, substeps=SUBSTEPS)
    sums = [steps * dynamics.lyapunov_spectrum(step, starts, steps, k=1)[:, 0] for steps in (settle, settle + n)]
    leading = (sums[1] - sums[0]) / n
    return Exponent(float(leading.mean()), float(leading.std() / len(leading) ** 0.5), systems.system(name).dt)
