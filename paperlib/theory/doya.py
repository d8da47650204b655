"""Doya's network of one unit, x' = w sigmoid(x) + b: what it converges to, and what its gradient does there."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Folds(NamedTuple):
    """The two folds of the unit: between b = low and b = high two attractors stand side by side."""

    low: float
    high: float
    x_low: float  # where the upper attractor meets the boundary and both end, at b = low
    x_high: float


def step(x: Tensor, w: Tensor | float, b: Tensor | float) -> Tensor:
    """x' = w sigmoid(x) + b, elementwise. P, section 2.2; Doya 1993."""
    return w * torch.sigmoid(x) + b


def folds(w: float) -> Folds:
    """Where a fixed point has multiplier w s (1 - s) = 1, s = sigmoid(x): s = (1 -+ sqrt(1 - 4/w)) / 2.

    Raises ValueError for w <= 4, where the slope never passes one and no second attractor exists.
    """
    if not w > 4:
        raise ValueError(f"w is {w}, expected above 4: w sigmoid' is at most w/4, so there is no fold")
    root = math.sqrt(1 - 4 / w)

    def at(s: float) -> tuple[float, float]:
        x = math.log(s / (1 - s))
        return x - w * s, x

    (low, x_low), (high, x_high) = at((1 + root) / 2), at((1 - root) / 2)
    return Folds(low, high, x_low, x_high)


def equilibria(x: Tensor, w: float) -> Tensor:
    """The b for which x is a fixed point: the whole bifurcation diagram as a graph over x, no root to find."""
    return x - w * torch.sigmoid(x)


def sensitivity(x0: Tensor, w: float, b: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """x_n and d x_n / d b, elementwise over x0 and b."""
    x, d = torch.broadcast_tensors(x0, torch.zeros_like(b))
    for _ in range(n):
        s = torch.sigmoid(x)
        x, d = w * s + b, w * s * (1 - s) * d + 1
    return x, d


def descend(
    b: float, *, w: float, x0: float, n: int, target: float, rate: float, steps: int, clip: float = math.inf
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient descent in b on (x_n - target)^2 / 2: the values of b, of the loss and of its gradient, (steps,) each.

    clip bounds the gradient's size as P, section 3.2, does.
    """
    rows = []
    for _ in range(steps):
        x, d = sensitivity(torch.tensor(x0, dtype=torch.float64), w, torch.tensor(b, dtype=torch.float64), n)
        gradient = float((x - target) * d)
        rows.append((b, float((x - target) ** 2 / 2), gradient))
        b -= rate * math.copysign(min(abs(gradient), clip), gradient)
    return tuple(torch.tensor(rows, dtype=torch.float64).T)
