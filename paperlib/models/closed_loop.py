"""A network that reads its own output: the inference mode of teacher forcing."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from paperlib.models.base import Model, check_last_axis


class ClosedLoop(Model):
    """A model whose state is (x, y) and which has no input: Fig. 2(b) of R, made by `closed_loop`."""

    def __init__(self, model: Model, next_input: Callable[[Tensor], Tensor]):
        nn.Module.__init__(self)
        self.model, self.next_input = model, next_input
        self.input_size, self.hidden_size = 0, model.hidden_size
        self.output_size = model.hidden_size if model.output_size is None else model.output_size
        self.state_size = model.state_size + self.output_size

    def weights(self) -> dict[str, Tensor]:
        return self.model.weights()

    def drive(self, weights: dict[str, Tensor], u: Tensor | None) -> None:
        return None

    def transition(self, weights: dict[str, Tensor], state: Tensor, drive: None) -> Tensor:
        n = self.model.state_size
        u = self.next_input(state[n:].movedim(0, -1)).movedim(-1, 0)
        x = self.model.transition(weights, state[:n], self.model.drive(weights, u))
        return torch.cat([x, self.model.observe(weights, x.movedim(0, -1)).movedim(-1, 0)])

    def step(self, state: Tensor, u: Tensor | None = None) -> Tensor:
        """One step, (..., N_x + N_y) -> (..., N_x + N_y): a plain map, for every tool of `dynamics`."""
        check_last_axis("state", state, self.state_size)
        return self.transition(self.weights(), state.movedim(-1, 0), None).movedim(0, -1)

    def observe(self, weights: dict[str, Tensor], state: Tensor) -> Tensor:
        return state[..., self.model.state_size :]

    def state(self, x: Tensor) -> Tensor:
        """The state (x, y) with y = g(x), from which the loop goes on: (..., N_x) -> (..., N_x + N_y)."""
        return torch.cat([x, self.model.readout(x)], -1)


def closed_loop(model: Model, next_input: Callable[[Tensor], Tensor]) -> ClosedLoop:
    """The network with its output fed back: Fig. 2(b) of R from Fig. 2(a), section 2.

    next_input makes the input from the output, (..., N_y) -> (..., N_u): the identity for a forecast, the
    embedding of the arg max for a language model. The result's `step` needs no input.
    """
    return ClosedLoop(model, next_input)
