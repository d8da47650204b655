"""From a model to a map: fix the input and the weights, and Eq. (1a) becomes x -> x'."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from paperlib.models.base import Model, check_last_axis
from paperlib.models.bounds import lipschitz_upper


class BoundStep:
    """x -> x' with input and weights fixed, (..., N_x) -> (..., N_x); `push` adds tangents.

    `dynamics` takes any function; of this one it also uses `push`, the model's own derivative.
    """

    def __init__(self, model: Model, weights: dict[str, Tensor], u: Tensor | None, batch: torch.Size):
        self.model, self.weights, self.batch = model, weights, batch
        drive = model.drive(weights, u)
        # The input is constant, so is what it adds; with no input and no bias there is nothing to add.
        self.drive = drive if drive is not None and (drive.requires_grad or bool(drive.any())) else None

    def __call__(self, x: Tensor) -> Tensor:
        check_last_axis("x", x, self.model.state_size)
        if x.dim() <= len(self.batch):  # one start for every model
            x = x.expand(*self.batch, -1)
        return self.model.transition(self.weights, x.movedim(-1, 0), self.drive).movedim(0, -1)

    def push(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """x' and J v: x (..., N_x), v (..., N_x, k) -> (..., N_x), (..., N_x, k)."""
        check_last_axis("x", x, self.model.state_size)
        following, tangents = self.model.push(self.weights, x.movedim(-1, 0), self.drive, v.movedim((-2, -1), (0, 1)))
        return following.movedim(0, -1), tangents.movedim((0, 1), (-2, -1))

    def lipschitz_upper(self, low: Tensor, high: Tensor) -> Tensor:
        """A proved bound on the Jacobian's spectral norm over each box, (B, N_x) twice -> (B, *batch)."""
        if not self.batch:
            return lipschitz_upper(self.model, self.weights, self.drive, low, high)
        own = self.model.weights()
        result = []
        for i in range(self.batch.numel()):
            one = self.select(torch.tensor([i]))
            weights = {
                name: value.squeeze(-1) if value.dim() > own[name].dim() else value
                for name, value in one.weights.items()
            }
            drive = one.drive.squeeze(-1) if one.drive is not None and one.drive.dim() > 1 else one.drive
            result.append(lipschitz_upper(self.model, weights, drive, low, high))
        return torch.stack(result, -1).unflatten(-1, self.batch)

    def select(self, index: Tensor) -> "BoundStep":
        """The models `index` (M,) of the flattened batch, as a step with batch (M,): some may repeat."""

        def pick(value: Tensor | None, own: int) -> Tensor | None:
            if value is None or value.dim() == own:
                return value
            missing = (1,) * (len(self.batch) - (value.dim() - own))
            full = value.reshape(*value.shape[:own], *missing, *value.shape[own:])
            return full.expand(*value.shape[:own], *self.batch).flatten(own)[..., index]

        part = copy.copy(self)
        own = self.model.weights()
        part.weights = {name: pick(value, own[name].dim()) for name, value in self.weights.items()}
        part.drive, part.batch = pick(self.drive, 1), torch.Size([len(index)])
        return part


class Family:
    """A step with a parameter, step(x, p), whose weights are a function of p: `orbit_diagram`'s natural food.

    `at(p)` computes the weights once and returns the step for these parameters, (..., N_x) -> (..., N_x).
    """

    def __init__(self, model: Model, u: Tensor, weights_of: Callable[[Tensor], dict[str, Tensor]]):
        self.model, self.u, self.weights_of = model, u, weights_of

    def at(self, p: Tensor) -> BoundStep:
        return bind(self.model, self.u, **self.weights_of(p))

    def __call__(self, x: Tensor, p: Tensor) -> Tensor:
        return self.at(p)(x)


def bind(model: Model, u: Tensor | None, **weights: Tensor) -> BoundStep:
    """Fix the input u (N_u,) or (..., N_u), None for a model without one, and any weights by name.

    Weights with leading axes (*P, ...) are a batch of models: x (..., *P, N_x) then holds one state a model,
    more starts in front. Given weights stay differentiable, the others are the
    model's own, detached.

    Raises ValueError for an unknown weight or a wrong shape. R, Eq. (1a).
    """
    if u is None and model.input_size:
        raise ValueError(f"u is None, expected (..., {model.input_size})")
    if u is not None:
        check_last_axis("u", u, model.input_size)
    own = model.weights()
    bound, batches = {}, [] if u is None else [u.shape[:-1]]
    for name, value in weights.items():
        if name not in own:
            raise ValueError(f"{name} is no weight of {type(model).__name__}, expected one of {', '.join(own)}")
        shape = tuple(own[name].shape)
        if tuple(value.shape[value.dim() - len(shape) :]) != shape or value.dim() < len(shape):
            raise ValueError(f"{name} has shape {tuple(value.shape)}, expected (..., {', '.join(map(str, shape))})")
        batches.append(value.shape[: value.dim() - len(shape)])
        # The axes of a batch of models go behind the weight's own: (P, G, H) -> (G, H, P), once, contiguous.
        own_axes = tuple(range(-len(shape), 0))
        bound[name] = value.movedim(own_axes, tuple(range(len(shape)))).contiguous()
    own = {name: value.detach() for name, value in own.items()}
    u = None if u is None else u.movedim(-1, 0)
    return BoundStep(model, {**own, **bound}, u, torch.broadcast_shapes(*batches))
