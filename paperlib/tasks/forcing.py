"""Learning a trajectory with its own data forced in every tau steps: M, sparsely forced training."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn


class Forcing:
    """Windows of one long series, to be predicted step by step; the state is put onto the data every `tau` steps.

    x_t = B z_t without a bias, no external input. z_0 = pinv(B) x_0, and at every t divisible by tau the state
    becomes pinv(B) x_t; an LSTM's c becomes 0. tau = 0: no forcing after z_0. The loss is the mean squared error of
    all next steps. load() -> (n, N), standardised; called when the data are first used. A batch is a function of
    (seed, epoch, index) alone. With a `ramp` the interval grows from 1 to tau over so many epochs.

    Raises ValueError when tau, window or ramp is out of range, or the series shorter than a window.
    """

    input_size = 1  # of a network that is never fed: its input stays zero
    u_max = 0.0

    def __init__(
        self,
        load: Callable[[], np.ndarray],
        output_size: int,
        *,
        tau: int,
        window: int,
        batch: int = 32,
        batches: int = 10,
        ramp: int = 0,
        seed: int = 0,
        device: str = "cpu",
    ):
        for name, value, least in (
            ("tau", tau, 1 if ramp else 0),  # without a forcing there is nothing that grows
            ("ramp", ramp, 0),
            ("window", window, 1),
            ("batch", batch, 1),
            ("batches", batches, 1),
        ):
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name} is {value!r}, expected an integer of at least {least}")
        if tau >= window:
            raise ValueError(f"tau is {tau}, expected less than the window of {window} steps")
        self.load, self.output_size, self.tau, self.window = load, output_size, tau, window
        self.batch_size, self.batches, self.ramp, self.seed, self.device = batch, batches, ramp, seed, device

    @cached_property
    def data(self) -> Tensor:
        """The series, (n, N) float32."""
        states = torch.as_tensor(np.asarray(self.load())).float().to(self.device)
        if states.dim() != 2 or states.shape[1] != self.output_size:
            raise ValueError(f"the data have shape {tuple(states.shape)}, expected (n, {self.output_size})")
        if len(states) <= self.window + 1:
            raise ValueError(
                f"the data have {len(states)} points, expected more than a window of {self.window} and one"
            )
        return states

    def windows(self, epoch: int, index: int) -> Tensor:
        """One batch, (window + 1, B, N): places drawn uniformly, with a stream of its own for every batch."""
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) * 1_009 + index)
        first = torch.randint(len(self.data) - self.window, (self.batch_size,), generator=generator)
        return self.data[(torch.arange(self.window + 1)[:, None] + first).to(self.data.device)]

    def interval(self, epoch: int) -> int:
        """Steps between two forcings in an epoch; tau from epoch `ramp` - 1 on."""
        if epoch >= self.ramp:
            return self.tau
        return (self.tau - 1) * (epoch + 1) // self.ramp + 1

    def objective(self, model: nn.Module, epoch: int, index: int) -> tuple[Tensor, dict[str, float]]:
        """Mean squared error of all next steps of one batch; a mean already, so `terms` is 1."""
        x = self.windows(epoch, index).to(model.weight_ho.dtype)
        return squared_error(model, x, self.interval(epoch)) / x[1:].numel(), {"terms": 1.0}

    def arrays(self) -> tuple[Tensor, ...]:
        """Everything a network can learn from, for the record."""
        return (self.data,)


def onto(model: nn.Module, x: Tensor) -> Tensor:
    """The state forced by data, pinv(B) x and zeros: (..., N) -> (..., N_x); the gradient goes through pinv(B)."""
    h = x @ torch.linalg.pinv(model.weight_ho).mT
    rest = model.state_size - h.shape[-1]  # an LSTM's c
    return torch.cat([h, h.new_zeros(*h.shape[:-1], rest)], -1) if rest else h


def squared_error(model: nn.Module, x: Tensor, tau: int) -> Tensor:
    """Summed squared error of all next steps of windows x (T + 1, B, N), forced at every multiple of tau.

    Between two forcings nothing depends on what was before, so the pieces of a window lie side by side in one batch:
    tau steps one after the other instead of T.
    """
    length = len(x) - 1
    tau = tau or length
    whole = length // tau
    states = onto(model, x[:length:tau])

    def error(start: Tensor, target: Tensor) -> Tensor:
        u = x.new_zeros(len(target), len(start), model.input_size)
        return (model(u, start)[0] - target).square().sum()

    target = x[1 : whole * tau + 1].unflatten(0, (whole, tau)).transpose(0, 1).flatten(1, 2)
    total = error(states[:whole].flatten(0, 1), target)
    if whole * tau < length:  # the piece that the window cuts short
        total = total + error(states[whole], x[whole * tau + 1 :])
    return total
