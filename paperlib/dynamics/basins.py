"""Basins of attraction on a grid: which start leads where."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.check import Step
from paperlib.dynamics.classify import classify
from paperlib.dynamics.orbit import orbit

PROBES = 200  # starts of the grid that are classified in a round
ROUNDS = 4
POINTS = 400  # kept of an attractor


@dataclass(frozen=True)
class Basins:
    """labels (*resolution): index into `attractors`, -1 where undecided or unbounded.

    axes: the grid's coordinates along each of its axes. attractors: points (m, N) of each; kinds: as `classify` says.
    """

    labels: Tensor
    axes: tuple[Tensor, ...]
    attractors: list[Tensor]
    kinds: list[str]


@torch.no_grad()
def basins(
    step: Step,
    region: tuple[Tensor, Tensor],
    resolution: tuple[int, ...],
    *,
    n: int = 1000,
    transient: int = 1000,
    origin: Tensor | None = None,
    near: float = 1e-3,
) -> Basins:
    """Which attractor each point of a grid leads to.

    region = (low, high), corners (d,) of the grid in the first d = len(resolution) coordinates; the others are those
    of `origin` (N,), needed where N > d. Some starts are classified; every start is then followed for the transient
    and given to the attractor it is within `near` of the attractor's extent of (chaotic sets: within their own
    spacing); further starts are classified for whoever is left. R, Definition 2.

    Raises ValueError for a bad region or resolution.
    """
    low, high = region
    check.states("region's low corner", low)
    check.states("region's high corner", high)
    size = len(resolution)
    if low.shape != (size,) or high.shape != (size,):
        raise ValueError(
            f"region has corners {tuple(low.shape)} and {tuple(high.shape)}, expected ({size},) as resolution says"
        )
    for count in resolution:
        check.positive("resolution", count, least=2)
    axes = tuple(torch.linspace(float(a), float(b), c).to(low) for a, b, c in zip(low, high, resolution, strict=True))
    starts = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, size)
    if origin is not None:
        starts = torch.cat([starts, origin[size:].to(starts).expand(len(starts), -1)], -1)
    end = starts
    for _ in range(transient):
        end = step(end)
    labels = torch.full((len(starts),), -1, dtype=torch.long)
    lost = ~torch.isfinite(end).all(-1)
    attractors: list[Tensor] = []
    kinds: list[str] = []
    generator = torch.Generator().manual_seed(0)
    tried = lost.clone()
    for _ in range(ROUNDS):
        left = torch.nonzero((labels < 0) & ~tried)[:, 0]
        if not len(left):
            break
        probes = left[torch.randperm(len(left), generator=generator)[:PROBES]]
        tried[probes] = True
        result = classify(step, end[probes], n=n, transient=0)
        for label in result.attractor.unique().tolist():
            if label < 0:
                continue
            i = int(torch.nonzero(result.attractor == label)[0, 0])
            period = int(result.period[i])
            points = orbit(step, end[probes[i]], period or 10 * POINTS, transient=n)
            if not any(touching(points, other, near, period) for other in attractors):
                attractors.append(points)
                kinds.append(str(result.kind[i]))
        labels = torch.where(lost, labels, nearest(end, attractors, kinds, near))
    return Basins(labels.reshape(resolution), axes, attractors, kinds)


def nearest(end: Tensor, attractors: list[Tensor], kinds: list[str], near: float) -> Tensor:
    """The attractor that each state is on, -1 for none."""
    from scipy.spatial import cKDTree

    states = end.nan_to_num(torch.inf).clamp(-1e300, 1e300).numpy()
    distance = np.full((len(attractors) + 1, len(states)), np.inf)
    for i, (points, kind) in enumerate(zip(attractors, kinds, strict=True)):
        tree = cKDTree(points.numpy())
        scale = max(1.0, float(points.abs().max()))
        limit = near * scale
        if kind in ("chaotic", "quasi-periodic"):
            own = cKDTree(points[::2].numpy()).query(points[1::2].numpy())[0]
            limit = max(limit, 4 * float(own.max()))
        reached = tree.query(states)[0]
        distance[i] = np.where(reached <= limit, reached / limit, np.inf)
    best = distance.argmin(0)
    return torch.from_numpy(np.where(np.isfinite(distance.min(0)), best, -1))


def touching(points: Tensor, other: Tensor, near: float, period: int) -> bool:
    """Is an attractor found in a later round one of the earlier ones."""
    gap = torch.cdist(points[:POINTS], other[: 10 * POINTS]).amin(1)
    own = near if period else max(near, 4 * float(torch.cdist(points[::2], points[1::2]).amin(1).max()))
    return bool((gap <= own * max(1.0, float(points.abs().max()))).all())
