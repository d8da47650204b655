"""Lipschitz constants of a cost and of its gradient over a region, measured.

What is measured is the largest value found, so a lower bound of the constant; the bounds of `theorem1` lie above.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from paperlib.theory.derivatives import Readout, Transition
from paperlib.theory.theorem1 import Loss


def cost(f: Transition, g: Readout, loss: Loss, u: Tensor, y: Tensor, states: int) -> Callable[[Tensor, int], Tensor]:
    """(p, N) -> V_N(p), Eq. (2) of R on the first N steps; p (..., P) holds x0 in its first `states` entries and
    theta in the others, and f and g act on the last axis, (..., P) -> (...)."""

    def value(p: Tensor, n: int) -> Tensor:
        x, theta, total = p[..., :states], p[..., states:], 0.0
        for u_t, y_t in zip(u[:n], y[:n], strict=True):
            x = f(x, u_t, theta)
            total = total + loss.value(g(x, theta), y_t)
        return total / n

    return value


def gradient_norms(value: Callable[[Tensor], Tensor], p: Tensor) -> Tensor:
    """|grad V| at every row of p: (S, P) -> (S,)."""
    p = p.detach().requires_grad_()
    return torch.linalg.vector_norm(torch.autograd.grad(value(p).sum(), p)[0], dim=-1)


def hessian_norms(value: Callable[[Tensor], Tensor], p: Tensor) -> Tensor:
    """Largest modulus of an eigenvalue of Hess V at every row of p: (S, P) -> (S,)."""
    size = p.shape[-1]
    copies = p.detach().repeat_interleave(size, 0).requires_grad_()  # a column of the Hessian for each copy
    gradient = torch.autograd.grad(value(copies).sum(), copies, create_graph=True)[0]
    directions = torch.eye(size, dtype=p.dtype).repeat(len(p), 1)
    columns = torch.autograd.grad((gradient * directions).sum(), copies)[0]
    return torch.linalg.eigvalsh(columns.unflatten(0, (len(p), size))).abs().amax(-1)


def maximise(
    function: Callable[[Tensor], Tensor],
    low: Tensor,
    high: Tensor,
    generator: torch.Generator,
    *,
    samples: int = 64,
    rounds: int = 6,
    start: Tensor | None = None,
) -> tuple[float, Tensor]:
    """The largest value of a function found in a box, and where: function (S, P) -> (S,), corners (P,).

    Uniform samples, corners, the middle and `start` (P,), then points near the best one in a neighbourhood that
    shrinks from round to round. Much cheaper than the ascent of `dynamics.cost_smoothness`, and as good in a few
    dimensions. Raises ValueError when the corners do not match or are not in order.
    """
    if low.shape != high.shape or low.dim() != 1 or bool((low > high).any()):
        raise ValueError(f"corners have shapes {tuple(low.shape)} and {tuple(high.shape)}, expected low <= high")
    size = low.numel()

    def draw(count: int) -> Tensor:
        return torch.rand(count, size, generator=generator, dtype=low.dtype)

    corners = torch.randint(0, 2, (samples // 4, size), generator=generator).to(low.dtype)
    points = torch.cat([draw(samples - len(corners)), corners, torch.full((1, size), 0.5, dtype=low.dtype)])
    points = low + (high - low) * points
    if start is not None:
        points = torch.cat([points, start[None]])
    best, where = -torch.inf, points[0]
    for round_ in range(rounds + 1):
        values = function(points)
        top = int(values.argmax())
        if values[top] > best:
            best, where = float(values[top]), points[top]
        points = where + 0.5 ** (round_ + 1) * (high - low) * (2 * draw(samples) - 1)
        points = torch.clamp(points, low, high)
    return best, where


def constants(
    value: Callable[[Tensor, int], Tensor],
    low: Tensor,
    high: Tensor,
    lengths: list[int],
    generator: torch.Generator,
    **search,
) -> tuple[Tensor, Tensor]:
    """Largest |grad V_N| and |Hess V_N| found in the box for each length N, both (K,); search: as in `maximise`."""
    found = [
        [
            maximise(lambda p, n=n, norm=norm: norm(lambda q: value(q, n), p), low, high, generator, **search)[0]
            for n in lengths
        ]
        for norm in (gradient_norms, hessian_norms)
    ]
    return tuple(torch.tensor(found, dtype=low.dtype))
