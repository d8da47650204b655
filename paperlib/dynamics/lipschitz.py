"""The Lipschitz constant of a step over a region: what was found, and what is proved."""

from typing import NamedTuple

import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.ascent import climb, corners, random_points
from paperlib.dynamics.check import Step
from paperlib.dynamics.enclosure import enclosed_jacobian
from paperlib.dynamics.tangents import jacobian, push

BOXES = 4096
ROUNDING = 1 + 1e-10  # covers that of the few hundred operations behind a bound, in float64
CLOSE = 0.01  # refine until the proved bound is within this share of the found value


class Lipschitz(NamedTuple):
    """lower <= L <= upper, in the Euclidean norm; each of the step's batch shape.

    lower: the largest spectral norm of the Jacobian that was found. upper: proved, infinite where nothing is, and where
    the proof contradicts what was found.
    where: the state at which lower was attained, (..., N).
    """

    lower: Tensor
    upper: Tensor
    where: Tensor


def lipschitz(
    step: Step,
    region: tuple[Tensor, Tensor],
    *,
    starts: int = 32,
    jacobian_lipschitz: float | None = None,
    boxes: int = BOXES,
) -> Lipschitz:
    """Bounds on the Lipschitz constant in x of a step over the box region = (low, high), each corner (N,).

    lower: gradient ascent on the Jacobian's spectral norm from the best of many points. upper: interval arithmetic on
    the Jacobian, by `lipschitz_upper(low, high)` where the step has it, as made by `models.bind` (infinite where it
    jumps), else through the step itself, if it is made of the continuous operations in `enclosure` and infinite if
    not. `jacobian_lipschitz`, a Lipschitz constant of the Jacobian over the region (spectral against Euclidean norm),
    proves a bound for any function. Up to 8 dimensions the region is cut into boxes where the bound is largest until
    both agree to a hundredth or `boxes` are used up.

    Raises ValueError for a bad region or number. R, Eq. (5) and the remark on eigenvalues.
    """
    low, high = corners(region)
    check.positive("starts", starts)
    check.positive("boxes", boxes)
    if jacobian_lipschitz is not None and not jacobian_lipschitz >= 0:
        raise ValueError(f"jacobian_lipschitz is {jacobian_lipschitz!r}, expected a number >= 0")
    size = len(low)
    samples = random_points(low, high, 16 * starts if size <= 64 else starts)
    batch = check.first_step(step, low).shape[:-1]
    x = samples.reshape(-1, *(1,) * len(batch), size).expand(-1, *batch, size).clone()
    if size <= 64:
        with torch.no_grad():
            first = torch.linalg.matrix_norm(jacobian(step, x), 2)
        # Half the climbs from the best points, half from anywhere: the best ones may share one hill.
        best = first.topk(-(-starts // 2), dim=0).indices
        x = torch.cat([x.gather(0, best[..., None].expand(*best.shape, size)), x[: starts // 2]])
    found, at = climb(lambda y, v: push(step, y, v), x, low, high)
    lower, which = found.max(0)
    where = at.gather(0, which[None, ..., None].expand(1, *at.shape[1:]))[0]
    upper = proved(step, low, high, lower, jacobian_lipschitz, boxes, batch)
    # Below what was attained, beyond rounding, nothing can have been proved.
    refuted = lower > upper * (1 + torch.finfo(lower.dtype).eps ** 0.5)
    return Lipschitz(lower, upper.masked_fill(refuted, torch.inf), where)


def middle_and_radius(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """|J| <= |midpoint| + |radius| for every J between low and high."""
    finite = torch.isfinite(low).all(-1).all(-1) & torch.isfinite(high).all(-1).all(-1)
    middle, radius = (low + high) / 2, (high - low) / 2
    # What is not finite is turned into zeros for the decomposition, and into infinity by a radius of infinity.
    keep = finite[..., None, None]
    return torch.where(keep, middle, 0), torch.where(keep, radius, 1e300)


@torch.no_grad()
def proved(
    step: Step,
    low: Tensor,
    high: Tensor,
    lower: Tensor,
    jacobian_lipschitz: float | None,
    boxes: int,
    batch: torch.Size,
) -> Tensor:
    """The least bound at hand, by cutting the box where it is largest."""

    def bound(low: Tensor, high: Tensor) -> Tensor:
        best = lower.new_full((len(low), *batch), torch.inf)
        if hasattr(step, "lipschitz_upper"):
            best = torch.minimum(best, step.lipschitz_upper(low, high).to(best))
        else:
            shape = (-1, *(1,) * len(batch), low.shape[-1])
            found = enclosed_jacobian(step, low.reshape(shape), high.reshape(shape))
            if found is not None:
                norms = [torch.linalg.matrix_norm(part, 2) for part in middle_and_radius(*found)]
                best = torch.minimum(best, (norms[0] + norms[1]).nan_to_num(torch.inf) * ROUNDING)
        if jacobian_lipschitz is not None:
            middle, radius = (low + high) / 2, torch.linalg.vector_norm(high - low, dim=-1) / 2
            shape = (-1, *(1,) * len(batch), low.shape[-1])
            norm = torch.linalg.matrix_norm(jacobian(step, middle.reshape(shape).expand(-1, *batch, -1)), 2)
            bound_here = norm + jacobian_lipschitz * radius.reshape(-1, *(1,) * len(batch))
            best = torch.minimum(best, bound_here * ROUNDING)
        return best

    extent = (high - low).clamp(min=1e-300)
    low, high = low[None], high[None]
    value = bound(low, high)
    if batch or low.shape[-1] > 8:
        return value[0]
    while len(value) < boxes and torch.isfinite(value).any() and float(value.max()) > (1 + CLOSE) * float(lower):
        worst = value.topk(min(len(value), 128)).indices
        rest = torch.ones(len(value), dtype=torch.bool, device=value.device)
        rest[worst] = False
        # Halve the longest edge, measured against the region's own.
        edge = ((high[worst] - low[worst]) / extent).argmax(-1, keepdim=True)
        middle = ((low[worst] + high[worst]) / 2).gather(1, edge)
        upper_of_left, lower_of_right = high[worst].scatter(1, edge, middle), low[worst].scatter(1, edge, middle)
        new_low = torch.cat([low[worst], lower_of_right])
        new_high = torch.cat([upper_of_left, high[worst]])
        new = bound(new_low, new_high)
        if float(torch.cat([value[rest], new]).max()) == torch.inf and len(value) >= boxes // 4:
            break
        low, high = torch.cat([low[rest], new_low]), torch.cat([high[rest], new_high])
        value = torch.cat([value[rest], torch.minimum(new, value[worst].repeat(2))])
    return value.max()
