"""Readings of the sparsely forced trainings: which interval reconstructs which system, beside what was published."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paperlib import dynamics, paths, runs
from paperlib.experiments.forcing import CLIPPED, DIMENSION, NETWORKS, TAUS
from paperlib.models import Model
from paperlib.runs import Run
from paperlib.tasks import systems

SYSTEMS = tuple(DIMENSION)
SHOWN = (5, 30, 200)  # tau too small, right, too large: the poster's three reconstructions
STORED = paths.DATA / "sparse_forcing" / "temperature.json"  # floors of a series that may not be committed
SUBSTEPS = 2  # of the flow maps here: attractors and exponents to sampling error, no trajectory is followed
NEAR = 2.5  # "near" tau_pred: within this factor, the widest step of the sweep above tau = 30

# M, values of its figures for the LSTM, by tau; 0 is clipping, with the range over networks.
PUBLISHED = {
    "lorenz": {5: 4.36, 30: 0.062, 50: 0.19, 60: 0.42, 70: 1.34, 100: 9.3, 200: 12.1},
    "roessler": {5: 3.5, 100: 1.7, 200: 3.0, 500: 14.7},
    "temperature": {5: 12.8, 30: 6.6, 50: 5.8, 60: 12.8},
}
PUBLISHED_CLIPPED = {"lorenz": (8.0, 14.0), "temperature": (16.0, 17.0)}
PUBLISHED_HELLINGER = {"lorenz": {5: 0.36, 30: 0.11, 100: 0.48}}
PUBLISHED_PREDICTABILITY = {"lorenz": 46.2, "roessler": 77.0}  # steps; the released notebook


# Keys of a run's record -> what they are called here; the corrected measures have the plain names.
MEASURES = {
    "D_stsp": "around the data",
    "D_stsp_published": "as published",
    "D_H": "spectra of integral 1",
    "D_H_published": "as published",
}

Cells = dict[int, list[Run]]  # tau -> runs, seeds in order
Sweep = dict[str, dict[str, Cells]]  # system -> network -> cells


def sweep(scale: str, roots=(), *, variant: str = "paper") -> Sweep:
    """Finished runs at a scale; systems and networks without one are left out, as are runs with other settings.

    variant="code": those whose interval grew from 1 to tau over the training, as in the released code.
    """
    result: Sweep = {}
    for system in SYSTEMS:
        for model in NETWORKS:
            cells: Cells = {}
            for run in runs.find(system, model, scale=scale, variant=variant, status="done", roots=roots):
                settings = run.record["identity"]["settings"]
                if settings.keys() == {"tau"} and MEASURES.keys() <= run.metrics.keys():
                    cells.setdefault(settings["tau"], []).append(run)
            if cells:
                result.setdefault(system, {})[model] = {
                    tau: sorted(cells[tau], key=lambda run: run.seed) for tau in sorted(cells)
                }
    return result


def values(cells: Cells, key: str) -> dict[int, list[float]]:
    """A number of the runs' records by tau, one a seed."""
    return {tau: [run.metrics[key] for run in group] for tau, group in cells.items()}


def medians(cells: Cells, key: str) -> dict[int, float]:
    """Its median over seeds by tau."""
    return {tau: float(np.median(found)) for tau, found in values(cells, key).items()}


def best(cells: Cells, key: str = "D_stsp_published") -> int | None:
    """The forcing interval with the smallest median; None where no forced run is there."""
    found = {tau: value for tau, value in medians(cells, key).items() if tau != CLIPPED}
    return min(found, key=found.get) if found else None


def near(tau: int, predicted: float) -> bool:
    """Whether a forcing interval is near a predictability time: within a factor `NEAR`."""
    return predicted / NEAR <= tau <= predicted * NEAR


def optimal(cells: Cells, predicted: float, key: str) -> float:
    """How far the best interval near a predictability time is from the best of all: ratio of medians, 1 when it is it.

    nan where no interval near it was run. M: the optimum is near tau_pred.
    """
    found = {tau: value for tau, value in medians(cells, key).items() if tau != CLIPPED}
    close = [value for tau, value in found.items() if near(tau, predicted)]
    return min(close) / min(found.values()) if close else math.nan


def missing(cells: Cells, taus: Iterable[int] = (*TAUS, CLIPPED)) -> list[int]:
    """The intervals of the published sweep that no run stands for."""
    return [tau for tau in taus if tau not in cells]


def said(tau: int) -> str:
    return "clipped" if tau == CLIPPED else f"tau {tau}"


def threshold(system: str, tau: int) -> float:
    """From which ratio of D_stsp on an interval (0: clipping) counts as failing, against the best other one.

    The geometric middle of 1 and the printed ratio, so that what is above is nearer to the printed one than to no
    difference; 2 where nothing is printed.
    """
    printed = PUBLISHED[system]
    value = PUBLISHED_CLIPPED.get(system, (None,))[0] if tau == CLIPPED else printed.get(tau)
    return 2.0 if value is None else math.sqrt(value / min(printed.values()))


def ratio(cells: Cells, tau: int, key: str) -> float:
    """Median distance on an interval (0: clipping) over the smallest one on another, forced interval; nan without."""
    found = medians(cells, key)
    others = [value for interval, value in found.items() if interval not in (tau, CLIPPED)]
    return found[tau] / min(others) if tau in found and others else math.nan


def fails(system: str, cells: Cells, tau: int) -> dict[str, bool]:
    """Whether an interval fails by both versions of D_stsp; empty where it or all others have not been run."""
    found = {key: ratio(cells, tau, key) for key in ("D_stsp_published", "D_stsp")}
    return {MEASURES[key]: bool(v > threshold(system, tau)) for key, v in found.items() if not math.isnan(v)}


def network(run: Run) -> Model:
    """The trained network in float64."""
    return run.model().double()


@torch.no_grad()
def generate(run: Run, n: int) -> Tensor:
    """n outputs of a network left to itself, from the first stored state on its own run: (n, N).

    NaN where the run had left for infinity before that.
    """
    model = network(run)
    start = torch.from_numpy(run.final.state.values[:1]).double()
    return model(start.new_zeros(n, 1, model.input_size), start)[0][:, 0]


def series(name: str, count: int, length: int, seed: int = 0, transient: int = 2000) -> Tensor:
    """`count` pieces of `length` steps of a system's attractor, each from a start of its own: (count, length, 3).

    Unstandardised, by the flow map; as good a sample of the attractor as one long trajectory, and made at once. The
    starts lie all around the axis: Roessler forgets its phase slowly, and pieces in step would be no sample.
    """
    generator = torch.Generator().manual_seed(seed)
    x0 = 3 * torch.randn(count, 3, dtype=torch.float64, generator=generator)
    x0[:, 2] = 1
    return dynamics.orbit(systems.flow_map(name, substeps=SUBSTEPS), x0, length, transient=transient).movedim(0, 1)


def floors(pieces: Tensor, halves: int = 50) -> dict[str, Tensor]:
    """Both distances between two halves of data as long as published: pieces (R * halves, length, N) -> (R,) each.

    Each half is halves/2 pieces; standardised by one mean and one deviation, as the data are.
    """
    pieces = (pieces - pieces.mean()) / pieces.std()
    found: dict[str, list[float]] = {}
    for group in pieces.split(halves):
        first, second = (half.flatten(0, 1) for half in group.split(halves // 2))
        for key, value in {
            "D_stsp_published": dynamics.state_space_divergence(first, second),
            "D_stsp": dynamics.state_space_divergence(first, second, around="data"),
            "D_H_published": dynamics.hellinger_distance(first, second, segments=halves // 2),
            "D_H": dynamics.hellinger_distance(first, second, segments=halves // 2, normalisation="unit"),
            "itself": dynamics.hellinger_distance(first, first, segments=halves // 2),
        }.items():
            found.setdefault(key, []).append(value)
    return {key: torch.tensor(values) for key, values in found.items()}


def temperature_floors(data: np.ndarray | None) -> dict[str, float]:
    """The same of the one temperature series there is, (T, N); as stored where it is not on this machine.

    Spectra in pieces of T/50 steps, as published.
    """
    if data is None:
        return json.loads(STORED.read_text("utf-8"))
    floor = dynamics.metric_floor
    return {
        "D_stsp_published": floor(dynamics.state_space_divergence, data),
        "D_stsp": floor(dynamics.state_space_divergence, data, around="data"),
        "D_H_published": floor(dynamics.hellinger_distance, data, segments=25),
        "D_H": floor(dynamics.hellinger_distance, data, segments=25, normalisation="unit"),
        "itself": dynamics.hellinger_distance(data, data),
    }


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
