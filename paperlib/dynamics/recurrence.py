"""Does an orbit return to itself: candidates for a cycle, and their proof or rejection by its multipliers."""

import torch
from torch import Tensor

from paperlib.dynamics.check import Step
from paperlib.dynamics.tangents import orthonormalise, push, random_frame

FULL = 64  # states up to this size get all multipliers of a cycle, larger ones the leading ones
LEADING = 16
PLAIN = 16  # periods up to this take the product of the Jacobians as it is
TURN = 30  # steps before a cycle's triangular factors are read off
SETTLE = 300  # steps over which the leading tangents of a large state turn into their subspace
NEUTRAL = 1e-6  # a multiplier this close to the unit circle is at a bifurcation: nothing is decided


def tolerance(x: Tensor) -> float:
    """The distance to a cycle, relative to the orbit's size, that counts as having reached it."""
    return 1e-6 if x.dtype == torch.float64 else 1e-3


class Returns:
    """Each orbit's closest return to where it was when the watch began, step by step and without storing it.

    `period` is the first return that no later one betters fourfold; below a thousandth of the tolerance
    nothing betters it, else rounding would pick a multiple of the period.
    """

    def __init__(self, x: Tensor, scale: Tensor):
        self.start, self.t = x.clone(), 0
        self.best = x.new_full(x.shape[:1], torch.inf)
        self.period = torch.zeros(x.shape[0], dtype=torch.long, device=x.device)
        self.size = torch.maximum(scale, x.abs().amax(-1))

    def see(self, x: Tensor) -> None:
        self.t += 1
        self.size = torch.maximum(self.size, x.abs().amax(-1))
        distance = (x - self.start).abs().amax(-1)
        better = (4 * distance < self.best) & (self.best > 1e-3 * tolerance(x) * self.size)
        self.best = torch.where(better, distance, self.best)
        self.period[better] = self.t

    def candidates(self) -> Tensor:
        """Whose return is close enough to be looked at; the multipliers decide."""
        return (self.period > 0) & (self.best <= 10 * tolerance(self.start) * self.size)

    def exact(self) -> Tensor:
        """Whose return is so close that the orbit stands still on a cycle, be it stable or not."""
        return self.best <= 1e-3 * tolerance(self.start) * self.size


def around(step: Step, x: Tensor, period: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """Once around each near-cycle: a point that does not depend on where it began, and a shorter period to try.

    The point is the farthest along a random direction. A slow spiral about a fixed point returns closest after
    whole turns, so a divisor of the period after which the orbit is nearly back deserves a proof of its own.
    """
    generator = torch.Generator().manual_seed(1)
    direction = torch.randn(x.shape[-1], dtype=torch.float64, generator=generator).to(x)
    start, best, point, shorter = x, x @ direction, x, period.clone()
    for t in range(1, int(period.max())):
        x = step(x)
        height = x @ direction
        higher = (t < period) & (height > best)
        best = torch.where(higher, height, best)
        point = torch.where(higher[:, None], x, point)
        near = (x - start).abs().amax(-1) <= 1e3 * tolerance(x) * size
        shorter[near & (t < shorter) & (period % t == 0)] = t
    return point, shorter


def buckets(period: Tensor) -> list[Tensor]:
    """Indices by periods within a factor of four, so that a fixed point does not wait for a long cycle."""
    level = torch.ceil(torch.log2(period.clamp(min=1).double()) / 2)
    return [torch.nonzero(level == value)[:, 0] for value in level.unique()]


def cycle(step: Step, x: Tensor, period: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Exponents (M, k), spectral radius of the multipliers and Newton distance to the cycle, of M near-cycles.

    The Jacobian of the whole turn as a product, scaled at every step so that nothing overflows; for a state above
    `FULL` its restriction to the leading subspace. x (M, N), period (M,).
    """
    size = x.shape[-1]
    small = size <= FULL
    plain = small and int(period.max()) <= PLAIN
    q = random_frame(x, size if small else min(size, max(k, LEADING)))
    if not plain:
        x, q = settled(step, x, q, SETTLE if not small else TURN)
    end, q_end, turn, scale, logs = one_turn(step, x, q, period, orthonormal=not plain)
    turn = q.mT @ q_end @ turn
    fine = torch.isfinite(turn).all(-1).all(-1) & torch.isfinite(end).all(-1) & torch.isfinite(scale)
    turn = torch.where(fine[:, None, None], turn, torch.eye(turn.shape[-1], dtype=x.dtype, device=x.device))
    moduli = torch.sort(torch.linalg.eigvals(turn).abs(), dim=-1, descending=True).values
    exponents = (torch.log(moduli) + scale[:, None]) / period[:, None]
    # Far below the largest modulus a product of many matrices keeps no digits: there, triangular factors do.
    deep = (moduli < 1e-8 * moduli[:, :1]) & (period > 1)[:, None] & fine[:, None]
    if plain and bool(deep.any()):
        x_on, q_on = settled(step, x, q, TURN)
        logs = one_turn(step, x_on, q_on, period, orthonormal=True)[-1]
    exponents = torch.where(deep, torch.sort(logs / period[:, None], dim=-1, descending=True).values, exponents)
    radius = torch.exp(exponents[:, 0] * period)
    return exponents[:, :k], torch.where(fine, radius, torch.inf), newton_distance(x, end, q, turn, scale)


def settled(step: Step, x: Tensor, q: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """State and frame some steps on, the frame turned towards the leading directions."""
    for _ in range(steps):
        x, v = push(step, x, q)
        q = orthonormalise(orthonormalise(v)[0])[0]
    return x, q


def one_turn(step: Step, x: Tensor, q: Tensor, period: Tensor, *, orthonormal: bool) -> tuple[Tensor, ...]:
    """State and frame after one period, the triangular product over e^scale, scale, and the logs of its diagonal.

    Not orthonormal: the frame stays what it was and the product is all of the Jacobian in its coordinates.
    """
    k = q.shape[-1]
    product = torch.eye(k, dtype=x.dtype, device=x.device).expand(len(x), k, k)
    scale, logs = x.new_zeros(len(x)), x.new_zeros(len(x), k)
    longest = int(period.max())
    same = int(period.min()) == longest
    v = q
    for t in range(longest):
        following, ahead = push(step, x, q if orthonormal else v)
        if orthonormal:
            v_next, r = orthonormalise(ahead)
            v_next, r_again = orthonormalise(v_next)  # a nearly singular Jacobian needs the second time
            logs_next = logs + torch.log(r * r_again)
            ahead = (v_next.mT @ ahead) @ product
        else:
            v_next, logs_next = ahead, logs
        most = ahead.abs().amax((-2, -1)).clamp(min=torch.finfo(x.dtype).tiny)
        ahead, scale_next = ahead / most[:, None, None], scale + torch.log(most)
        v_next = v_next if orthonormal else ahead
        live = torch.ones_like(period, dtype=torch.bool) if same else t < period
        x, logs = torch.where(live[:, None], following, x), torch.where(live[:, None], logs_next, logs)
        v, product = (torch.where(live[:, None, None], new, old) for new, old in ((v_next, v), (ahead, product)))
        scale = torch.where(live, scale_next, scale)
        q = v if orthonormal else q
    return (x, v, product, scale, logs) if orthonormal else (x, q, q.mT @ v, scale, logs)


def newton_distance(x: Tensor, end: Tensor, q: Tensor, turn: Tensor, scale: Tensor) -> Tensor:
    """How far Newton's step moves x to close the cycle: far near a vanished fixed point, however slow the orbit."""
    gap = end - x
    along = (gap[:, None, :] @ q)[:, 0, :, None]
    rest = gap - (q @ along)[..., 0]
    eye = torch.eye(turn.shape[-1], dtype=x.dtype, device=x.device)
    full = turn * torch.exp(scale.clamp(max=600))[:, None, None]
    solved = torch.linalg.solve_ex(eye - full, along)[0][..., 0]
    distance = torch.maximum(solved.abs().amax(-1), rest.abs().amax(-1))
    return torch.where(torch.isfinite(distance), distance, torch.inf)
