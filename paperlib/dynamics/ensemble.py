"""All starts and parameters of a step as one flat batch, any part of which can go on by itself."""

import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.check import Step
from paperlib.dynamics.tangents import push


class Ensemble:
    """A step and its start states x0 (..., N), flattened: `x` (B, N), state axis first in memory.

    `group` (B,) tells the parameters of each member: members of one group are starts of the same map. A step that
    closes over a batch of parameters answers a single state with that batch's shape, which is how it is found.
    """

    def __init__(self, step: Step, x0: Tensor):
        following = check.first_step(step, check.states("x0", x0))
        self.step, self.shape = step, following.shape[:-1]
        self.size = x0.shape[-1]
        self.x = x0.expand(following.shape).detach().reshape(-1, self.size).T.contiguous().T
        self.parameters = self._parameters(self.x)
        count = self.parameters.numel()
        self.group = torch.arange(self.x.shape[0], device=self.x.device) % count

    def _parameters(self, x0: Tensor) -> torch.Size:
        """The shape that the fewest leading axes of one state already come back with."""
        batch = getattr(self.step, "batch", None)
        if batch is not None:
            return self._last(batch)
        x = x0.reshape(*self.shape, self.size)
        for axes in range(len(self.shape)):
            one = x[(0,) * (len(self.shape) - axes)]
            try:
                return self._last(self.step(one).shape[:-1])
            except (RuntimeError, ValueError, IndexError):  # a step that insists on the shape of its parameters
                continue
        return self.shape

    def _last(self, batch: torch.Size) -> torch.Size:
        # Parameters are the last axes of the batch; anything else cannot be told apart from starts.
        return batch if self.shape[len(self.shape) - len(batch) :] == batch else self.shape

    def part(self, index: Tensor) -> Step:
        """The map of the members `index` (M,) alone, (M, N) -> (M, N), with tangents through `push`."""
        if not self.parameters:
            return self.step
        if hasattr(self.step, "select"):
            return self.step.select(self.group[index])
        if len(index) == len(self.x):
            return Reshaped(self.step, self.shape)
        return Scattered(self.step, self.shape, index, self.x)


class Reshaped:
    """The whole flat batch through a step that knows its own batch shape."""

    def __init__(self, step: Step, shape: torch.Size):
        self.step, self.shape = step, shape

    def __call__(self, x: Tensor) -> Tensor:
        return self.step(x.reshape(*self.shape, x.shape[-1])).reshape(x.shape)

    def push(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        following, tangents = push(
            self.step, x.reshape(*self.shape, x.shape[-1]), v.reshape(*self.shape, *v.shape[-2:])
        )
        return following.reshape(x.shape), tangents.reshape(v.shape)


class Scattered:
    """A part of the batch through a step that can only take all of it: the others stand at their start."""

    def __init__(self, step: Step, shape: torch.Size, index: Tensor, rest: Tensor):
        self.step, self.shape, self.index, self.rest = step, shape, index, rest

    def __call__(self, x: Tensor) -> Tensor:
        full = self.rest.index_copy(0, self.index, x)
        return self.step(full.reshape(*self.shape, x.shape[-1])).reshape(-1, x.shape[-1])[self.index]
