"""The cost along one parameter for growing length, with derivatives that are exact along the orbit."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jvp


def along(
    step: Callable[[Tensor, Tensor], Tensor],
    s: Tensor,
    x0: Tensor,
    true: float,
    lengths: list[int],
    output: Callable[[Tensor], Tensor] = lambda x: x,
    *,
    order: int = 0,
) -> Tensor:
    """V_N(s) and its derivatives up to `order` (0, 1 or 2) against the orbit of `true`: (K, order + 1, P).

    step(x, s) maps x (P, N) with s (P,); x0 (N,); lengths, K of them, ascending; V_N is the squared error averaged
    over the steps 1..N and the outputs, output linear in the state. Derivatives are forward-mode: finite
    differences of a chaotic cost, or of a wall narrower than the grid, mean nothing.

    Raises ValueError when the lengths do not ascend from 1 or more.
    """
    if not lengths or min(lengths) < 1 or sorted(set(lengths)) != list(lengths):
        raise ValueError(f"lengths is {lengths}, expected ascending integers >= 1")
    # The state's axis comes first in memory, as in the steps of `models`.
    x = x0[:, None].expand(-1, s.shape[0]).contiguous().T
    jet = (x, *(torch.zeros_like(x),) * order)
    reference, at = x0[None], s.new_full((1,), true)
    total, found = s.new_zeros(order + 1, s.shape[0]), []
    for t in range(1, lengths[-1] + 1):
        jet, reference = _push(step, jet, s), step(reference, at)
        error = output(jet[0]) - output(reference)
        parts = [error**2]
        if order >= 1:
            first = output(jet[1])
            parts.append(2 * error * first)
        if order == 2:
            parts.append(2 * (first**2 + error * output(jet[2])))
        for k, part in enumerate(parts):
            total[k] += part.mean(-1)
        if t in lengths:
            found.append(total / t)
    return torch.stack(found)


def _push(step: Callable, jet: tuple[Tensor, ...], s: Tensor) -> tuple[Tensor, ...]:
    """x' with its derivatives by s, from those of x."""
    one = torch.ones_like(s)
    if len(jet) == 1:
        return (step(jet[0], s),)
    if len(jet) == 2:
        return jvp(step, (jet[0], s), (jet[1], one))

    def first(x: Tensor, d: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        return jvp(step, (x, s), (d, one))

    (following, tangent), (_, second) = jvp(first, (jet[0], jet[1], s), (jet[1], jet[2], one))
    return following, tangent, second


def latch(w: float) -> Callable[[Tensor, Tensor], Tensor]:
    """The unit x' = w sigmoid(x) + b of P, section 2.2, written in e = b + w/2: x' = (w/2) tanh(x/2) + e.

    For w > 4 the start 0 lies on the boundary of two basins exactly at e = 0, so the wall can be approached below
    the rounding of b.
    """
    return lambda x, e: w / 2 * torch.tanh(x / 2) + e[:, None]
