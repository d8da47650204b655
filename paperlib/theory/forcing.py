"""What M proves of gradients on cycles and on chaotic attractors, measured; and what forcing does to them.

Gradients are taken backwards through free runs of a network, for growing numbers of steps T; their logarithms are
fitted by straight lines whose slopes the theorems predict: at most 0 on a stable cycle, lambda_max on a chaotic
attractor, 0 under forcing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.check import Step
from paperlib.models import LSTM, Model
from paperlib.tasks.forcing import onto, squared_error
from paperlib.theory.products import jacobian_products
from paperlib.training.seeds import seeded

Loss = Callable[[int], Tensor]  # number of steps -> one value a start, (S,)


def last_step(model: Model, x0: Tensor, target: Tensor | None = None) -> Loss:
    """|y_T - target_T|^2 / 2 after T free steps from the states x0 (S, N_x); target (T, S, N_y), zero by default."""

    def loss(steps: int) -> Tensor:
        y = model(x0.new_zeros(steps, len(x0), model.input_size), x0)[0][-1]
        return (y if target is None else y - target[steps - 1]).square().sum(-1) / 2

    return loss


def windows(model: Model, x: Tensor, tau: int) -> Loss:
    """Mean squared error over the first T steps of windows x (T + 1, S, N_y), forced every tau steps, 0 for never."""

    def loss(steps: int) -> Tensor:
        interval = tau if tau < steps else 0  # a shorter window is never forced
        parts = x[: steps + 1].split(1, 1)
        return torch.stack([squared_error(model, part, interval) / part[1:].numel() for part in parts])

    return loss


def log_gradients(loss: Loss, parameters: Sequence[Tensor], lengths: Sequence[int]) -> Tensor:
    """log of the norm of the gradient of every start's loss after so many steps: (L, S); -inf where it vanishes.

    Raises ValueError for a length below 1.
    """
    rows = []
    for length in lengths:
        check.positive("length", int(length))
        row = []
        for value in loss(int(length)):
            found = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
            row.append(torch.stack([g.square().sum() for g in found if g is not None]).sum().log() / 2)
        rows.append(torch.stack(row))
    return torch.stack(rows)


@dataclass(frozen=True)
class Slope:
    """A slope a step with its standard error over starts."""

    value: float
    error: float

    def deviation(self, expected: float, error: float = 0.0) -> float:
        """Distance to an expected slope in combined standard errors."""
        return abs(self.value - expected) / math.hypot(self.error, error)


def slope(steps, logs: Tensor) -> Slope:
    """The mean slope of straight lines fitted to the logarithms (L, S) of each start against the steps (L,).

    Raises ValueError for fewer than two steps or starts, or logarithms that are not finite.
    """
    t = torch.as_tensor(steps, dtype=torch.float64)
    if logs.dim() != 2 or len(t) != len(logs) or min(logs.shape) < 2:
        raise ValueError(f"steps and logs have shapes {tuple(t.shape)} and {tuple(logs.shape)}, expected (L,), (L, S)")
    check.states("logs", logs)
    t = t - t.mean()
    slopes = (t[:, None] * logs.double()).sum(0) / t.square().sum()
    return Slope(float(slopes.mean()), float(slopes.std() / len(slopes) ** 0.5))


def forced_products(step: Step, starts: Tensor, tau: int) -> Tensor:
    """log of the Frobenius norm of d z_t / d z_s, s the last forcing before t, along an orbit: (K tau,).

    starts (K, N) are the states put onto the data at steps 0, tau, 2 tau, ...; a forced state does not depend on the
    one before, so each product begins anew: M, its remedy.
    """
    check.positive("tau", tau)
    return jacobian_products(step, starts, tau, ord="fro").T.reshape(-1)


def cycle(period: int = 6) -> Tensor:
    """A closed orbit of `period` points that cross over, (period, 2): what a small network is to repeat."""
    angle = 2 * math.pi * torch.arange(period, dtype=torch.float64) / period
    return torch.stack([torch.cos(angle), torch.sin(2 * angle + 0.5)], -1)


def cycle_network(
    make: Callable[[int, int, int], Model] = LSTM, *, hidden_size: int = 12, period: int = 6, seed: int = 0
) -> tuple[Model, Tensor]:
    """A small network trained to repeat a cycle, float64, and its state on the first point, (1, N_x).

    Observation linear, 400 epochs of Adam on windows of five turns, forced once a turn, then half as long unforced.
    """
    model = seeded(seed, lambda: make(1, hidden_size, 2)).double()
    model.register_parameter("bias_ho", None)
    points = cycle(period).repeat(6, 1)
    shifted = torch.stack([points[k : k + 5 * period + 1] for k in range(period)], 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(600):
        optimizer.zero_grad()
        loss = squared_error(model, shifted, period if epoch < 400 else 0) / shifted[1:].numel()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval(), onto(model, points[:1]).detach()
