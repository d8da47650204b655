"""Basins of attraction on a grid: which start leads where."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.ascent import corners
from paperlib.dynamics.check import Step
from paperlib.dynamics.classify import classify
from paperlib.dynamics.orbit import orbit

PROBES = 200  # starts of the grid that are classified in a round
ROUNDS = 4
POINTS = 400  # kept of an attractor
ULPS = 64  # roundings of the largest coordinate that no distance is resolved below


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
    and given to the attractor it is within `near` of half the grid's extent of, or of all attractors' where that is
    wider (chaotic sets: within their own spacing); further starts are classified for whoever is left. R, Definition 2.

    Raises ValueError for bad arguments, an origin that is missing among them.
    """
    low, high = corners(region)
    size = len(resolution)
    if low.shape != (size,):
        raise ValueError(
            f"region has corners {tuple(low.shape)} and {tuple(high.shape)}, expected ({size},) as resolution says"
        )
    for count in resolution:
        check.positive("resolution", count, least=2)
    check.positive("transient", transient, least=0)
    if not 0 <= near < float("inf"):
        raise ValueError(f"near is {near!r}, expected a finite number >= 0")
    if origin is not None and (check.states("origin", origin).dim() != 1 or len(origin) < size):
        raise ValueError(f"origin has shape {tuple(origin.shape)}, expected (N,) with N at least {size}")
    axes = tuple(torch.linspace(float(a), float(b), c).to(low) for a, b, c in zip(low, high, resolution, strict=True))
    starts = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, size)
    if origin is not None:
        starts = torch.cat([starts, origin[size:].to(starts).expand(len(starts), -1)], -1)
    try:
        check.first_step(step, starts)
    except (IndexError, RuntimeError) as error:
        given = f"region and origin give {starts.shape[-1]} coordinates"
        raise ValueError(f"{given}, expected origin (N,) with all that step takes ({error})") from error
    grid = float((high - low).max()) / 2
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
            limit = resolved([*attractors, points], grid, near)
            if not any(touching(points, other, limit, period) for other in attractors):
                attractors.append(points)
                kinds.append(str(result.kind[i]))
        labels = torch.where(lost, labels, nearest(end, attractors, kinds, resolved(attractors, grid, near)))
    return Basins(labels.reshape(resolution), axes, attractors, kinds)


def resolved(attractors: list[Tensor], grid: float, near: float) -> float:
    """The distance below which two states are one: a share of what is looked at, never below rounding."""
    if not attractors:
        return near * grid
    points = torch.cat(attractors)
    extent = max(grid, float((points.amax(0) - points.amin(0)).max()) / 2)
    rounding = ULPS * torch.finfo(points.dtype).eps * float(points.abs().max())
    return max(near * extent, rounding, torch.finfo(points.dtype).tiny)


def nearest(end: Tensor, attractors: list[Tensor], kinds: list[str], near: float) -> Tensor:
    """The attractor that each state is on, -1 for none."""
    from scipy.spatial import cKDTree

    states = end.nan_to_num(torch.inf).clamp(-1e300, 1e300).numpy()
    distance = np.full((len(attractors) + 1, len(states)), np.inf)
    for i, (points, kind) in enumerate(zip(attractors, kinds, strict=True)):
        tree = cKDTree(points.numpy())
        limit = near
        if kind in ("chaotic", "quasi-periodic"):
            own = cKDTree(points[::2].numpy()).query(points[1::2].numpy())[0]
            limit = max(limit, 4 * float(own.max()))
        reached = tree.query(states)[0]
        distance[i] = np.where(reached <= limit, reached / limit, np.inf)
    best = distance.argmin(0)
    return torch.from_numpy(np.where(np.isfinite(distance.min(0)), best, -1))


def touching(points: Tensor, other: Tensor, near: float, period: int) -> bool:
    """Is an attractor found in a later round one of the earlier ones."""

    # By differences: the matrix product's way loses small distances far from the origin.
    def between(a: Tensor, b: Tensor) -> Tensor:
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").amin(1)

    limit = near if period else max(near, 4 * float(between(points[::2], points[1::2]).max()))
    return bool((between(points[:POINTS], other[: 10 * POINTS]) <= limit).all())
