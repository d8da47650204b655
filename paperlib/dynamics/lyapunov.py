"""Lyapunov exponents: of all directions by their tangents, of the leading one by two trajectories."""

from collections.abc import Callable

import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.check import Step
from paperlib.dynamics.tangents import orthonormalise, push, random_frame

SETTLE = 200  # steps at the end of the transient over which the tangents turn towards their own directions


@torch.no_grad()
def lyapunov_spectrum(
    step: Step,
    x0: Tensor,
    n: int,
    *,
    transient: int = 0,
    k: int | None = None,
    jacobian: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """The first k Lyapunov exponents (all N by default), in nats per step, descending: (..., N) -> (..., k).

    Benettin et al. 1980: k tangents pushed along the orbit and orthonormalised (QR) at every step, the logarithms
    of R's diagonal averaged over n steps, for all starts and parameters at once. The Jacobian is the step's own
    (`push`), or `jacobian(x)` (..., N) -> (..., N, N), or torch.func's. The state must be the full one: for an
    LSTM (h, c). A direction that a step removes reads as rounding: exponents more than about 36 nats a step (ln of the
    machine epsilon, float64) below the leading one are not known, and need not be minus infinity.

    Raises ValueError for a bad argument, FloatingPointError when the orbit does not stay finite.
    """
    check.positive("n", n)
    check.positive("transient", transient, least=0)
    following = check.first_step(step, check.states("x0", x0))
    size = x0.shape[-1]
    k = size if k is None else k
    check.positive("k", k)
    if k > size:
        raise ValueError(f"k is {k}, expected at most the state's size {size}")
    x = x0.expand(following.shape)
    if jacobian is not None:
        shape = tuple(jacobian(x).shape)
        if shape != (*x.shape, size):
            raise ValueError(f"jacobian returned shape {shape}, expected {(*x.shape, size)}")

    def advance(x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return push(step, x, v) if jacobian is None else (step(x), jacobian(x) @ v)

    settle = min(transient, SETTLE)
    for _ in range(transient - settle):
        x = step(x)
    q = random_frame(x, k)
    for _ in range(settle):
        x, v = advance(x, q)
        q, _ = orthonormalise(v)
    total = x.new_zeros(*x.shape[:-1], k)
    for _ in range(n):
        x, v = advance(x, q)
        q, r = orthonormalise(v)
        total += torch.log(r)
    check.finite("the last state", x)
    return torch.sort(total / n, dim=-1, descending=True).values


@torch.no_grad()
def max_lyapunov(step: Step, x0: Tensor, n: int, *, transient: int = 0) -> Tensor:
    """The largest Lyapunov exponent from two trajectories, in nats per step: (..., N) -> (...).

    A second orbit starts at a distance of sqrt(machine epsilon) and is pulled back to it at every step (Benettin
    et al. 1976). No derivative enters: an independent check of `lyapunov_spectrum`, and defined for steps that
    jump. Contraction faster than the square root of rounding reads as that, about -18 in float64. The distance grows
    with the state above size 1 and is absolute below, as an orbit at rest at zero has no size of its own: a map that
    bends over lengths near 1e-8 (float64) is to be rescaled first.

    Raises ValueError for a bad argument, FloatingPointError when the orbit does not stay finite.
    """
    check.positive("n", n)
    check.positive("transient", transient, least=0)
    following = check.first_step(step, check.states("x0", x0))
    x = x0.expand(following.shape)
    settle = min(transient, SETTLE)
    for _ in range(transient - settle):
        x = step(x)
    epsilon = torch.finfo(x.dtype).eps
    direction = random_frame(x, 1)[..., 0]
    total = x.new_zeros(x.shape[:-1])
    for t in range(settle + n):
        # Relative to large states, so that the distance is resolved far out; absolute for those below 1.
        distance = epsilon**0.5 * x.abs().amax(-1, keepdim=True).clamp(min=1)
        other = x + distance * direction
        actual = torch.linalg.vector_norm(other - x, dim=-1)
        x, other = step(x), step(other)
        gap = other - x
        reached = torch.linalg.vector_norm(gap, dim=-1)
        least = torch.finfo(x.dtype).tiny
        direction = torch.where(reached[..., None] > 0, gap / reached[..., None].clamp(min=least), direction)
        if t >= settle:
            total += torch.log(reached.clamp(min=epsilon * distance[..., 0]) / actual)
    check.finite("the last state", x)
    return total / n
