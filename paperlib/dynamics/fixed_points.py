"""Fixed points of a map and of its iterates, stable or not, by Newton's method from many starts at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.check import Step
from paperlib.dynamics.ensemble import Ensemble
from paperlib.dynamics.tangents import push

NEWTON = 60
HALVINGS = 8


@dataclass(frozen=True)
class FixedPoints:
    """What `fixed_points` found: M points, sorted by parameters, then by coordinates.

    points (M, N); multipliers (M, N) complex, largest modulus first; stable (M,) bool: all inside the unit circle;
    least_period (M,): of f, a divisor of the asked one; parameter (M,): index into the step's flattened batch.
    """

    points: Tensor
    multipliers: Tensor
    stable: Tensor
    least_period: Tensor
    parameter: Tensor


@torch.no_grad()
def fixed_points(step: Step, x0: Tensor, *, period: int = 1) -> FixedPoints:
    """Fixed points of the step's iterate f^period found from the starts x0 (..., N), each once.

    Damped Newton from every start, and from where its orbit is after 100 and 200 steps; a point counts when
    Newton's last step is below 1e-9 of its size (1e-4 in float32). All points of a cycle that is found are listed.
    What no start leads to is not found: none is no proof that there is none.

    Raises ValueError for a bad argument. Sussillo and Barak 2013 look for them in networks by minimising |f(x) - x|.
    """
    check.positive("period", period)
    ensemble = Ensemble(step, x0)
    count = len(ensemble.x)
    everyone = torch.arange(count, device=ensemble.x.device)
    part = ensemble.part(everyone)
    starts, x = [ensemble.x], ensemble.x
    for t in range(200):
        x = part(x)
        x = torch.where(torch.isfinite(x).all(-1, keepdim=True), x, ensemble.x)
        if t in (99, 199):
            starts.append(x)
    found, owner = [], []
    for start in starts:
        points, good = newton(part, start, period)
        # The whole cycle: points of one cycle are often reached from very unequal shares of the starts.
        for _ in range(period):
            found.append(points[good])
            owner.append(everyone[good])
            points = torch.where(good[:, None], part(points), points)
    points, owner = torch.cat(found), torch.cat(owner)
    kept = distinct(points, ensemble.group[owner], 100 * precision(points))
    points, owner = points[kept], owner[kept]
    order = sorted(range(len(points)), key=lambda i: (int(ensemble.group[owner[i]]), *points[i].tolist()))
    points, owner = points[order], owner[order]
    if not len(points):
        empty = torch.zeros(0, dtype=torch.long, device=points.device)
        return FixedPoints(points, points.to(torch.complex128), empty > 0, empty, empty)
    step_of = ensemble.part(owner)
    _, turn = iterate_push(step_of, points, period)
    multipliers = torch.linalg.eigvals(turn)
    multipliers = multipliers.gather(1, multipliers.abs().argsort(dim=1, descending=True))
    return FixedPoints(
        points,
        multipliers,
        multipliers.abs().amax(-1) < 1,
        least_period(step_of, points, period),
        ensemble.group[owner],
    )


def precision(x: Tensor) -> float:
    return 1e-9 if x.dtype == torch.float64 else 1e-4


def iterate_push(step: Step, x: Tensor, period: int) -> tuple[Tensor, Tensor]:
    """f^period(x) and its Jacobian, (M, N) -> (M, N), (M, N, N)."""
    v = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device).expand(*x.shape, -1)
    for _ in range(period):
        x, v = push(step, x, v)
    return x, v


def newton(step: Step, x: Tensor, period: int) -> tuple[Tensor, Tensor]:
    """Points (M, N) and which of them solve f^period(x) = x; the step is halved while it enlarges the residual."""

    def residual(y: Tensor) -> Tensor:
        end = y
        for _ in range(period):
            end = step(end)
        return end - y

    def length(r: Tensor) -> Tensor:
        return torch.linalg.vector_norm(r, dim=-1).nan_to_num(torch.inf)

    x = x.clone()
    eye = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    good = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    size = length(residual(x))
    stalled = torch.zeros(len(x), dtype=torch.long, device=x.device)
    for _ in range(NEWTON):
        end, jacobian = iterate_push(step, x, period)
        system = jacobian - eye
        usable = torch.isfinite(system).all(-1).all(-1) & torch.isfinite(end).all(-1)
        system = torch.where(usable[:, None, None], system, eye)
        move, info = torch.linalg.solve_ex(system, (x - end)[..., None])
        move = torch.where((usable & (info == 0))[:, None], move[..., 0], torch.zeros_like(x)).nan_to_num(0, 0, 0)
        moved = move.abs().amax(-1)
        good = usable & (info == 0) & (moved <= precision(x) * x.abs().amax(-1).clamp(min=1))
        if bool((good | (moved == 0) | (stalled > 8)).all()):
            x = x + torch.where(good[:, None], move, torch.zeros_like(move))
            break
        damping = x.new_ones(len(x), 1)
        for _ in range(HALVINGS):
            after = length(residual(x + damping * move))
            worse = (after >= size) & ~good
            if not bool(worse.any()):
                break
            damping = torch.where(worse[:, None], damping / 2, damping)
        x, before = x + damping * move, size
        size = length(residual(x))
        stalled = torch.where(size > 0.9 * before, stalled + 1, torch.zeros_like(stalled))
    return x, good & torch.isfinite(x).all(-1)


def distinct(points: Tensor, group: Tensor, near: float) -> Tensor:
    """Indices of one point of each cluster of equal ones within its group."""
    kept: list[int] = []
    left = torch.arange(len(points), device=points.device)
    scale = points.abs().amax(-1).clamp(min=1)
    while len(left):
        # One of each group at a time, so that thousands of groups cost as much as one.
        order = torch.argsort(group[left], stable=True)
        sorted_group = group[left][order]
        first = torch.ones_like(sorted_group, dtype=torch.bool)
        first[1:] = sorted_group[1:] != sorted_group[:-1]
        leaders = left[order][first]
        kept.extend(leaders.tolist())
        mine = leaders[torch.searchsorted(group[leaders], group[left])]
        far = (points[left] - points[mine]).abs().amax(-1) > near * scale[left]
        left = left[far]
    return torch.tensor(sorted(kept), dtype=torch.long, device=points.device)


def least_period(step: Step, points: Tensor, period: int) -> Tensor:
    """The least divisor of the period after which each point is back."""
    least = torch.full(points.shape[:1], period, dtype=torch.long, device=points.device)
    near = 1e3 * precision(points) * points.abs().amax(-1).clamp(min=1)
    x = points
    for t in range(1, period):
        x = step(x)
        if period % t == 0:
            back = (x - points).abs().amax(-1) <= near
            least = torch.where(back & (least == period), t, least)
    return least
