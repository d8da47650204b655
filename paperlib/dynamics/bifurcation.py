"""Where fixed points and cycles bifurcate along a path: fold, flip, Neimark-Sacker, pitchfork, transcritical."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.check import Step
from paperlib.dynamics.continuation import Branches, Node
from paperlib.dynamics.fixed_points import fixed_points, iterate_push, newton

NEAR = 0.1  # distance of a multiplier from one below which a point that vanishes is said to have met a fold


@dataclass(frozen=True)
class Bifurcation:
    """kind: "fold", "flip", "Neimark-Sacker", "pitchfork" or "transcritical"; where; the multipliers there.

    point (N,): on the cycle; multipliers (N,) complex, of f^period; period of what bifurcates.
    """

    kind: str
    parameter: float
    point: Tensor
    multipliers: Tensor
    period: int


def bifurcations(
    step: Callable, parameters: Tensor, x0: Tensor, *, period: int = 1, stride: float | None = None
) -> list[Bifurcation]:
    """Every bifurcation that fixed points of f^period meet between the first and the last parameter.

    step(x, p) with a scalar p, differentiable in both; parameters (P,): fixed points are looked for at each of them
    from the starts x0 (..., N), and their branches followed by arclength, up to 20 times the starts' size, in
    strides of at most `stride` (1/100 of the range by default). The sign changes of det(J - 1), det(J + 1), the pair
    products minus one and the branch's direction are located by Brent's method on the branch, to about 1e-9. Sorted
    by parameter. A bifurcation of lower period is left to that period's call; of one cycle each is given once. For
    states of up to a few dozen.

    Raises ValueError for bad arguments. Kuznetsov 2004, chapters 4, 5 and 10.
    """
    check.states("parameters", parameters)
    check.positive("period", period)
    if parameters.dim() != 1 or len(parameters) < 2:
        raise ValueError(f"parameters has shape {tuple(parameters.shape)}, expected (P,) with P at least 2")
    check.states("x0", x0)
    low, high = float(parameters.min()), float(parameters.max())
    if low == high:
        raise ValueError(f"parameters are all {low}, expected a range")
    stride = (high - low) / 100 if stride is None else stride
    if not stride > 0:
        raise ValueError(f"stride is {stride!r}, expected a number > 0")

    def iterate(x: Tensor, p: Tensor) -> Tensor:
        for _ in range(period):
            x = step(x, p)
        return x

    branches = Branches(iterate, low, high, stride, 20 * max(1.0, float(x0.abs().max())))
    known: list[list[Node]] = []
    for p in parameters:
        found = fixed_points(lambda x, p=p: step(x, p), x0, period=period)
        for point in found.points[found.least_period == period]:
            z = torch.cat([point, p.reshape(1).to(point)])
            cycle = [z]  # its other points lie on branches of their own, with nothing new to tell
            for _ in range(period - 1):
                cycle.append(torch.cat([step(cycle[-1][:-1], p), z[-1:]]))
            if not any(branches.passes(branch, phase) for branch in known for phase in cycle):
                known.append(branches.branch(z))
    events: list[Bifurcation] = []
    for branch in known:
        for before, after in pairwise(branch):
            for kind in TESTS:
                event = located(branches, before, after, kind, period)
                if event is None or not low <= event.parameter <= high or lower(step, event):
                    continue
                if not any(same(event, other, step) for other in events):
                    events.append(event)
    return sorted(events, key=lambda event: event.parameter)


def pairs(node: Node) -> float:
    """The product of mu_i mu_j - 1 over all pairs: zero when a complex pair crosses the unit circle."""
    mu = torch.linalg.eigvals(node.jacobian)
    i, j = torch.triu_indices(len(mu), len(mu), 1)
    return float((mu[i] * mu[j] - 1).prod().real) if len(mu) > 1 else 1.0


def flip(node: Node) -> float:
    return float(torch.linalg.det(node.jacobian + torch.eye(len(node.jacobian), dtype=node.z.dtype)))


def turning(node: Node) -> float:
    return float(node.direction[-1])


def crossing(node: Node) -> float:
    return float(torch.linalg.det(torch.cat([node.system, node.direction[None]])))


TESTS = {"fold": turning, "branch point": crossing, "flip": flip, "Neimark-Sacker": pairs}


def located(branches: Branches, before: Node, after: Node, kind: str, period: int) -> Bifurcation | None:
    from scipy.optimize import brentq

    test = TESTS[kind]
    left, right = test(before), test(after)
    if left * right > 0 or left == right:
        return None
    reach = float((after.z - before.z) @ before.direction)

    def at(s: float) -> Node:
        if s <= 0:
            return before
        return after if s >= reach else (branches.ahead(before, s) or after)

    node = at(brentq(lambda s: test(at(s)), 0.0, reach, xtol=1e-15 * max(1.0, reach), rtol=1e-14))
    if abs(test(node)) > 1e-4 * max(abs(left), abs(right)):
        return None  # a jump: Newton's method went over to a crossing branch
    mu = torch.linalg.eigvals(node.jacobian)
    if kind == "Neimark-Sacker" and not bool(((mu.abs() - 1).abs() < 1e-4)[mu.imag.abs() > 1e-4].any()):
        return None  # a real pair with product one: a neutral saddle, no bifurcation
    if kind == "branch point":
        kind = "pitchfork" if symmetric(branches, node) else "transcritical"
    if kind == "fold" and abs(crossing(node)) < 1e-6:
        return None  # a pitchfork's parabola turns where the branches cross; the crossing branch tells
    return Bifurcation(kind, float(node.z[-1]), node.z[:-1], mu, period)


def symmetric(branches: Branches, node: Node) -> bool:
    """Whether the crossing branch is a parabola: no quadratic term along the kernel, seen from the left kernel."""
    n = len(node.z) - 1
    u, _, vh = torch.linalg.svd(node.system[:, :n])
    v, w = torch.cat([vh[-1], node.z.new_zeros(1)]), u[:, -1]

    def second(h: float) -> float:
        f = [branches.system(node.z + k * h * v)[0] for k in (-1, 0, 1)]
        return float(w @ (f[0] - 2 * f[1] + f[2])) / h**2

    def third(h: float) -> float:
        f = [branches.system(node.z + k * h * v)[0] for k in (-2, -1, 1, 2)]
        return float(w @ (f[3] - 2 * f[2] + 2 * f[1] - f[0])) / (2 * h**3)

    return abs(second(1e-3)) < 1e-2 * abs(third(1e-2))


def lower(step: Callable, event: Bifurcation) -> bool:
    """Does the event belong to a divisor of the period: the point comes back earlier."""
    x = event.point
    for t in range(1, event.period):
        x = step(x, torch.tensor(event.parameter, dtype=x.dtype))
        if event.period % t == 0 and float((x - event.point).abs().max()) < 1e-4:
            return True
    return False


def same(event: Bifurcation, other: Bifurcation, step: Callable) -> bool:
    """The same bifurcation, seen from another point of the cycle or another branch through it."""
    if event.kind != other.kind or abs(event.parameter - other.parameter) > 1e-6:
        return False
    x, p = event.point, torch.tensor(event.parameter, dtype=event.point.dtype)
    for _ in range(event.period):
        if float((x - other.point).abs().max()) < 1e-3:
            return True
        x = step(x, p)
    return False


@dataclass(frozen=True)
class Change:
    """What happened to a fixed point between two sampled steps of a path: between (i, i + 1), kind, the point before.

    multipliers (N,) complex: before. kind as for `Bifurcation`; a real multiplier through 1 at a point that goes on is
    "pitchfork or transcritical"; a point that is lost with a multiplier near 1 is a "fold", else "lost".
    """

    kind: str
    between: tuple[int, int]
    point: Tensor
    multipliers: Tensor


@torch.no_grad()
def sampled_bifurcations(steps: Sequence[Step], x0: Tensor, *, period: int = 1) -> list[Change]:
    """Bifurcations between consecutive steps of a discrete path, such as the snapshots of a training run.

    The fixed points of the first step's f^period, found from x0 (..., N), and those that appear later, are each
    followed by Newton's method from one step to the next; a change of the number of multipliers outside the unit
    circle names the kind. A point that vanishes with a multiplier within 0.1 of one has met a fold, any other is lost:
    the samples are too far apart to say how. Only what happens between samples is known, not where.

    Raises ValueError for bad arguments.
    """
    check.positive("period", period)
    if not len(steps):
        raise ValueError("steps is empty, expected at least one step")
    changes: list[Change] = []
    tracked = fixed_points(steps[0], x0, period=period).points
    for i, (step, following) in enumerate(pairwise(steps)):
        if not len(tracked):
            tracked = fixed_points(following, x0, period=period).points
            continue
        moved, good = newton(following, tracked, period)
        before = torch.linalg.eigvals(iterate_push(step, tracked, period)[1])
        after = torch.linalg.eigvals(iterate_push(following, moved, period)[1])
        jump = (moved - tracked).abs().amax(-1)
        kept = []
        for j in range(len(tracked)):
            if not good[j] or jump[j] > 0.5 * max(1.0, float(tracked[j].abs().max())):
                kind = "fold" if float((before[j] - 1).abs().min()) < NEAR else "lost"
                changes.append(Change(kind, (i, i + 1), tracked[j], before[j]))
                continue
            kept.append(moved[j])
            kind = crossed(before[j], after[j])
            if kind:
                changes.append(Change(kind, (i, i + 1), tracked[j], before[j]))
        fresh = fixed_points(following, x0, period=period).points
        new = [p for p in fresh if all(float((p - q).abs().max()) > 1e-6 * max(1, float(p.abs().max())) for q in kept)]
        tracked = torch.stack(kept + new) if kept or new else tracked[:0]
    return changes


def crossed(before: Tensor, after: Tensor) -> str | None:
    """Which multipliers changed sides of the unit circle."""

    def outside(mu: Tensor) -> tuple[int, int, int]:
        out = mu[mu.abs() > 1]
        real = out.imag.abs() < 1e-9 * out.abs()
        return int((real & (out.real > 0)).sum()), int((real & (out.real < 0)).sum()), int((~real).sum())

    change = [a - b for a, b in zip(outside(after), outside(before), strict=True)]
    if sum(change) == 0:
        return None
    if abs(change[2]) >= 2:
        return "Neimark-Sacker"
    return "flip" if change[1] else "pitchfork or transcritical"
