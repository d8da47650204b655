"""Readings of the sparsely forced trainings: which interval reconstructs which system, beside what was published."""

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import torch
from scipy.stats import PermutationMethod, mannwhitneyu
from torch import Tensor

from paperlib import runs
from paperlib.experiments.forcing import CLIPPED, DIMENSION, NETWORKS, TAUS
from paperlib.models import Model
from paperlib.runs import Run

SYSTEMS = tuple(DIMENSION)
SHOWN = (5, 30, 200)  # tau too small, right, too large: the poster's three reconstructions
NEAR = 2.5  # "near" tau_pred: within this factor, the widest step between neighbours of the sweep above 30
REST = 1e-4  # standard deviations of the data: what moves less is at rest, as in the corrected D_H

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
STSP = ("D_stsp_published", "D_stsp")  # what verdicts are taken on: both versions
# Of a training that diverged: as far as can be. To leave it out would make a network better by its failures.
LOST = {"D_stsp": math.inf, "D_stsp_published": math.inf, "D_H": 1.0, "D_H_published": 1.0}
SURE, ENOUGH = 0.05, 4  # p below which seeds tell two settings apart; with three of both none can be reached
NEEDED = MEASURES.keys() | {"lambda_max", "lambda_max_error", "lambda_max_mixed"}

Cells = dict[int, list[Run]]  # tau -> runs, seeds in order
Sweep = dict[str, dict[str, Cells]]  # system -> network -> cells


def sweep(scale: str, roots=(), *, variant: str = "paper", status: str = "done", window: int | None = None) -> Sweep:
    """Finished runs at a scale; systems and networks without one are left out, as are runs with other settings.

    And runs whose record lacks one of the measures: those of other definitions are not to be mixed with these.
    variant="code": those whose interval grew from 1 to tau over the training, as in the released code.
    status="diverged": those whose training met a loss that is no number; they have a history and no measures.
    window: those that were trained on windows of so many steps, and not on the length that goes with their tau.
    """
    needed = NEEDED if status == "done" else set()
    other = {} if window is None else {"window": window}
    result: Sweep = {}
    for system in SYSTEMS:
        for model in NETWORKS:
            for run in runs.find(system, model, scale=scale, variant=variant, status=status, roots=roots):
                settings = run.record["identity"]["settings"]
                if settings == {"tau": settings.get("tau"), **other} and needed <= run.metrics.keys():
                    result.setdefault(system, {}).setdefault(model, {}).setdefault(settings["tau"], []).append(run)
    return in_order(result)


def joined(*sweeps: Sweep) -> Sweep:
    """Sweeps of one scale in one, finished trainings beside diverged ones."""
    result: Sweep = {}
    for system in SYSTEMS:
        for model in NETWORKS:
            for cells in (found.get(system, {}).get(model, {}) for found in sweeps):
                for tau, group in cells.items():
                    result.setdefault(system, {}).setdefault(model, {}).setdefault(tau, []).extend(group)
    return in_order(result)


def in_order(sweep: Sweep) -> Sweep:
    """A sweep with its intervals and their seeds in order."""
    return {
        system: {
            model: {tau: sorted(cells[tau], key=lambda run: run.seed) for tau in sorted(cells)}
            for model, cells in models.items()
        }
        for system, models in sweep.items()
    }


def values(cells: Cells, key: str) -> dict[int, list[float]]:
    """A number of the runs' records by tau, one a seed; of diverged trainings the largest distance there is."""
    return {tau: [run.metrics[key] if run.finished else LOST[key] for run in group] for tau, group in cells.items()}


def medians(cells: Cells, key: str) -> dict[int, float]:
    """Its median over seeds by tau."""
    return {tau: float(np.median(found)) for tau, found in values(cells, key).items()}


def spread(found: Iterable[float], digits: int = 2) -> str:
    """The median of some numbers and their range, "0.27 (0.066 to 0.59)"; one number alone, "" for none."""
    found = sorted(found)
    if not found:
        return ""
    low, middle, high = (f"{value:.{digits}g}" for value in (found[0], float(np.median(found)), found[-1]))
    return middle if low == high else f"{middle} ({low} to {high})"


def further(one: list[float], other: list[float], floor: float = 0.0) -> tuple[float, int, float]:
    """How surely the seeds of one setting are further from the data than those of another: pairs won, pairs, p.

    Of all pairs of a seed of each, those in which the first is further; a tie counts a half, and what is below `floor`
    is one. p is two-sided, over all ways to deal the values out to the two (the test of Mann and Whitney by
    permutation); nan where one of them has a single seed.
    """
    one, other = ([max(value, floor) for value in found] for found in (one, other))
    won = sum((a > b) + 0.5 * (a == b) for a in one for b in other)
    pairs = len(one) * len(other)
    if min(len(one), len(other)) < 2:
        return won, pairs, math.nan
    return won, pairs, float(mannwhitneyu(one, other, method=PermutationMethod()).pvalue)


def surely_further(one: list[float], other: list[float], floor: float = 0.0) -> bool | None:
    """Whether the seeds tell that one setting is `further`, p < `SURE`; None with fewer than `ENOUGH` of either."""
    if min(len(one), len(other)) < ENOUGH:
        return None
    won, pairs, p = further(one, other, floor)
    return won > pairs / 2 and p < SURE


def best(cells: Cells, key: str = "D_stsp_published") -> int | None:
    """The forcing interval with the smallest median; None where no forced run is there."""
    found = {tau: value for tau, value in medians(cells, key).items() if tau != CLIPPED}
    return min(found, key=found.get) if found else None


def near(tau: int, predicted: float) -> bool:
    """Whether a forcing interval is near a predictability time: within a factor `NEAR`."""
    return predicted / NEAR <= tau <= predicted * NEAR


def nearest(predicted: float) -> int:
    """The interval of the published sweep that is nearest to a predictability time, by their ratio."""
    return min(TAUS, key=lambda tau: abs(math.log(tau / predicted)))


def optimum(cells: Cells, predicted: float, key: str) -> dict[str, bool]:
    """M: the optimal interval is near tau_pred. In two parts: the best one lies near it (`near`), and the nearest one
    of the sweep (`nearest`) is at most twice as far from the data as the best, medians over seeds.

    Empty where the nearest one, or all others, have not been run, and where no interval is at a finite distance.
    """
    found = {tau: value for tau, value in medians(cells, key).items() if tau != CLIPPED}
    at = nearest(predicted)
    if at not in found or len(found) < 2:
        return {}
    top = min(found, key=found.get)
    if math.isinf(found[top]):
        return {}
    return {"the best is near": near(top, predicted), "the nearest is good": bool(found[at] <= 2 * found[top])}


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


def rival(cells: Cells, tau: int, key: str, floor: float = 0.0) -> float:
    """The smallest median distance on another forced interval, at least `floor`; inf where there is none."""
    others = (value for interval, value in medians(cells, key).items() if interval not in (tau, CLIPPED))
    return max(min(others, default=math.inf), floor)


def ratio(cells: Cells, tau: int, key: str, floor: float = 0.0) -> float:
    """Median distance on an interval (0: clipping) over the smallest one on another, forced interval; nan without.

    Distances below `floor`, that of two samples of the data, count as it: there is no telling them apart.
    """
    found, other = medians(cells, key), rival(cells, tau, key, floor)
    return max(found[tau], floor) / other if tau in found and math.isfinite(other) else math.nan


def fails(
    system: str,
    cells: Cells,
    tau: int,
    floor: dict[str, float] | None = None,
    ceiling: dict[str, float] | None = None,
) -> dict[str, bool]:
    """Whether an interval fails by both versions of D_stsp; without those in which it or all others have not been run.

    Its ratio to the best other one is above `threshold`, and their seeds tell the two apart, where `ENOUGH` were run.
    Without a version, too, by which the best is so far from the data that no run whose D_stsp is finite, and so at
    most `ceiling`, could be further by that ratio.
    """
    result = {}
    for key in STSP:
        least = (floor or {}).get(key, 0.0)
        over = ratio(cells, tau, key, least)
        most = (ceiling or {}).get(key, math.inf)
        if not math.isnan(over) and threshold(system, tau) * rival(cells, tau, key, least) <= most:
            found, top = values(cells, key), best({other: cells[other] for other in cells if other != tau}, key)
            told = surely_further(found[tau], found[top], least)
            result[MEASURES[key]] = over > threshold(system, tau) and told is not False
    return result


def alike(one: float, other: float, floor: float = 0.0) -> bool:
    """Whether two distances are within a factor of two, or both no larger than the floor; never when one is inf."""
    if not (math.isfinite(one) and math.isfinite(other)):
        return False
    return other / 2 <= one <= 2 * other or max(one, other) <= floor


def order(cells: Cells, key: str, floor: float = 0.0) -> str:
    """The shown intervals from the smallest median to the largest: "30 < 5 < 200"; "~" between two below the floor."""
    found = {tau: value for tau, value in medians(cells, key).items() if tau in SHOWN}
    taus = sorted(found, key=found.get)
    said = str(taus[0]) if taus else ""
    for a, b in pairwise(taus):
        said += f" {'~' if found[b] <= floor else '=' if found[a] == found[b] else '<'} {b}"
    return said


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


def moving(orbit: np.ndarray) -> int:
    """Steps of an orbit (T, N) until it stays where it ends, to a hundredth of the data's standard deviation."""
    away = np.flatnonzero(~(np.abs(orbit - orbit[-1]) <= 0.01).all(1))  # NaN, a run that has left, is never at rest
    return int(away[-1]) + 1 if len(away) else 0


def at_rest(series: Tensor) -> bool:
    """Whether a free run (T, N), standardised as the data are, no longer moves in its last half."""
    last = series[len(series) // 2 :]
    return bool(torch.isfinite(last).all() and (last.std(0) <= REST).all())
