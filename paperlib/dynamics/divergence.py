"""How far a generated attractor is from the true one in state space: M's D_stsp."""

import math

import torch
from torch import Tensor

SMOOTHING = 1e-5  # added to every bin, occupied or not: the released code of M
HALF_WIDTH = 2.0  # standard deviations of the true series to either side: the released code of M
CENTRES = ("zero", "data")


@torch.no_grad()
def state_space_divergence(true, generated, *, bins: int = 10, around: str = "zero") -> float:
    """D_stsp = KL(true || generated) of two series binned in state space, in nats; 0 for equal histograms.

    true (T, N) and generated (S, N), tensors or arrays; `bins` of equal width in every coordinate over two
    standard deviations of `true` to either side of a centre. bins**N cells in all, of which only the occupied
    ones are held.

    around="zero" is what was published: the centre is the origin, wherever the data lie, the lowest bin and all that
    lies outside are dropped from either series. around="data" centres on the mean of `true`, and the outermost bins
    are open: nothing is dropped.

    inf when `generated` is not finite or no point of it is left. Raises ValueError for bad arguments, or when no
    point of `true` is left. M, its released code; `metric_floor` gives the value below which nothing can be told,
    `state_space_ceiling` that above which there is none.
    """
    true, generated = pair(true, generated)
    cells = _number(bins, true.shape[1])
    if not torch.isfinite(generated).all():
        return math.inf
    scale = spread(true)
    p, q = _true_cells(true, scale, bins, around), _cells(generated, true, scale, bins, around)
    if not len(q):
        return math.inf
    occupied, where = torch.unique(torch.cat([p, q]), return_inverse=True)
    count = [torch.bincount(part, minlength=len(occupied)).double() for part in where.split([len(p), len(q)])]
    log_p, log_q = (torch.log((c + SMOOTHING) / (c.sum() + SMOOTHING * cells)) for c in count)
    empty_p, empty_q = (SMOOTHING / (len(part) + SMOOTHING * cells) for part in (p, q))
    empty = (cells - len(occupied)) * empty_p * math.log(empty_p / empty_q)
    return max(float((log_p.exp() * (log_p - log_q)).sum()) + empty, 0.0)  # rounding may leave -1e-17


@torch.no_grad()
def state_space_ceiling(true, n: int, *, bins: int = 10, around: str = "zero") -> float:
    """The largest D_stsp that n points can have, in nats: that of a series which misses every bin of `true`.

    ln(n + a K) - ln(a) - H(p) of K bins, smoothed by a each, H the entropy of `true`: by 2.3 more for ten times as many
    points. Arguments, bins and errors as in `state_space_divergence`, and a ValueError when n is not positive.
    """
    true, _ = pair(true, true)
    cells = _number(bins, true.shape[1])
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n is {n!r}, expected a positive integer")
    visited = torch.unique(_true_cells(true, spread(true), bins, around), return_counts=True)[1].double()
    total = float(visited.sum()) + SMOOTHING * cells
    p, empty = (visited + SMOOTHING) / total, SMOOTHING / total
    negative_entropy = float((p * p.log()).sum()) + (cells - len(p)) * empty * math.log(empty)
    return negative_entropy + math.log((n + SMOOTHING * cells) / SMOOTHING)


@torch.no_grad()
def kept_share(true, series=None, *, bins: int = 10, around: str = "zero") -> float:
    """Share of the points of `series` (of `true` by default) that the binning of `state_space_divergence` keeps.

    Points that are not finite are dropped. Raises ValueError for bad arguments.
    """
    true, series = pair(true, true if series is None else series)
    finite = series[torch.isfinite(series).all(1)]
    return len(_cells(finite, true, spread(true), bins, around)) / len(series)


def metric_floor(metric, series, **options) -> float:
    """metric(first half, second half): the distance between two pieces of one and the same series (T, N)."""
    half = len(series) // 2
    return metric(series[:half], series[half : 2 * half], **options)


def _number(bins: int, size: int) -> int:
    """Of the bins in all; ValueError for bad `bins`."""
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
        raise ValueError(f"bins is {bins!r}, expected an integer >= 2")
    if bins**size >= 2**62:
        raise ValueError(f"bins is {bins}, which makes {bins**size:.1e} cells in {size} dimensions, too many")
    return bins**size


def pair(true, generated) -> tuple[Tensor, Tensor]:
    """Both as float64 (T, N) on the CPU. Raises ValueError for bad shapes or a true series that is not finite."""
    series = []
    for name, values in (("true", true), ("generated", generated)):
        values = torch.as_tensor(values).detach().cpu().double()
        if values.dim() != 2 or len(values) < 2 or not values.shape[1]:
            raise ValueError(f"{name} has shape {tuple(values.shape)}, expected (T, N) with T at least 2")
        series.append(values)
    if series[0].shape[1] != series[1].shape[1]:
        shapes = tuple(series[0].shape), tuple(series[1].shape)
        raise ValueError(f"true and generated have shapes {shapes[0]} and {shapes[1]}, expected the same last axis")
    if not torch.isfinite(series[0]).all():
        raise ValueError(f"true of shape {tuple(series[0].shape)} has entries that are not finite")
    return series[0], series[1]


def spread(true: Tensor) -> Tensor:
    """Standard deviation of every coordinate, (T, N) -> (N,). Raises ValueError where one is zero."""
    scale = true.std(0)
    if not (scale > 0).all():
        raise ValueError(f"true of shape {tuple(true.shape)} is constant in a coordinate, expected one that varies")
    return scale


def _true_cells(true: Tensor, scale: Tensor, bins: int, around: str) -> Tensor:
    """Those of `true` itself, of which there must be some."""
    cells = _cells(true, true, scale, bins, around)
    if not len(cells):
        raise ValueError(f"no point of true (shape {tuple(true.shape)}) lies in the bins around {around}")
    return cells


def _cells(series: Tensor, true: Tensor, scale: Tensor, bins: int, around: str) -> Tensor:
    """The cell's number for every point that is kept."""
    if around not in CENTRES:
        raise ValueError(f"around is {around!r}, expected one of {', '.join(CENTRES)}")
    centre = true.mean(0) if around == "data" else torch.zeros_like(scale)
    place = ((series - centre) / (2 * HALF_WIDTH * scale) + 0.5) * bins
    if around == "data":
        place = place.clamp(0, bins - 1).long()
    else:
        place = place.clamp(-1, bins).long()
        place = place[((place > 0) & (place < bins)).all(1)]
    powers = bins ** torch.arange(series.shape[1] - 1, -1, -1)
    return (place * powers).sum(1)
