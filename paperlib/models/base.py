"""One protocol for every network: Eq. (1) of R, x' = f(x, u; theta), y = g(x; theta).

A model says how it evolves once, in `transition`, which takes its weights as an argument. From that come
`step` (the model's own weights), `bind` (any weights, thousands of models at once) and everything in
`paperlib.dynamics`, which sees a plain function x -> x'.

Public arrays carry the state on the last axis, (..., N). Inside a transition the state comes *first*: then a
product with a weight matrix is one matrix product whatever the batch, a batch of models is an elementwise
operation over contiguous memory, and both are several times faster. `movedim` only relabels the axes.
"""

import math

import torch
from torch import Tensor, nn


def matvec(weight: Tensor, x: Tensor) -> Tensor:
    """W x with the state on the first axis: (G, H) or, for a batch of models, (G, H, *P) by (H, ...)."""
    if weight.dim() == 2:
        return (weight @ x.reshape(x.shape[0], -1)).reshape(weight.shape[0], *x.shape[1:])
    if weight.shape[1] > 16:  # many inputs, few models: a batch of matrix products
        return torch.einsum("gh...,h...->g...", weight, x)
    extra = x.dim() + 1 - weight.dim()  # starts or tangents in front of the models' axes
    if extra > 0:
        weight = weight.reshape(*weight.shape[:2], *(1,) * extra, *weight.shape[2:])
    total = weight[:, 0] * x[0]
    for j in range(1, weight.shape[1]):
        total = torch.addcmul(total, weight[:, j], x[j])
    return total


def add(x: Tensor, constant: Tensor | None) -> Tensor:
    """x + b with the state on the first axis: (G, ...) and (G,) or (G, *P), batch axes aligned at the end."""
    if constant is None:
        return x
    missing = (1,) * abs(x.dim() - constant.dim())
    if x.dim() < constant.dim():
        x = x.reshape(x.shape[0], *missing, *x.shape[1:])
    else:
        constant = constant.reshape(constant.shape[0], *missing, *constant.shape[1:])
    return x + constant


class Model(nn.Module):
    """A recurrent network as a dynamical system.

    Subclasses set `state_size` and define `transition`. `output_size=None` reads the hidden vector itself out,
    as supplement C of R does.

    Raises ValueError when a size is not a positive integer.
    """

    state_size: int

    def __init__(self, input_size: int, hidden_size: int, output_size: int | None, *, bias: bool = True):
        super().__init__()
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}, expected a positive integer")
        if output_size is not None and (not isinstance(output_size, int) or output_size < 1):
            raise ValueError(f"output_size is {output_size!r}, expected a positive integer or None")
        self.input_size, self.hidden_size, self.output_size, self.bias = (
            input_size,
            hidden_size,
            output_size,
            bias,
        )

    def add_parameter(self, name: str, *shape: int, bound: float | None = None) -> None:
        """Register a parameter drawn from U(-bound, bound), bound = 1/sqrt(hidden_size): torch's default."""
        bound = 1 / math.sqrt(self.hidden_size) if bound is None else bound
        self.register_parameter(name, nn.Parameter(torch.empty(*shape).uniform_(-bound, bound)))

    def add_readout(self) -> None:
        """Register weight_ho and bias_ho, the linear readout; call it after the recurrent parameters."""
        if self.output_size is not None:
            self.add_parameter("weight_ho", self.output_size, self.hidden_size)
            if self.bias:
                self.add_parameter("bias_ho", self.output_size)

    def weights(self) -> dict[str, Tensor]:
        """The weights that `transition` and `observe` take, by name; the model's own, differentiable."""
        return dict(self.named_parameters())

    def drive(self, weights: dict[str, Tensor], u: Tensor) -> Tensor:
        """What the input adds to the pre-activations, W_ih u + b_ih + b_hh: u (N_u, ...) -> (G, ...)."""
        return add(add(matvec(weights["weight_ih"], u), weights.get("bias_ih")), weights.get("bias_hh"))

    def transition(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None) -> Tensor:
        """f of Eq. (1a), state on the first axis: x (N_x, ...), drive (G, ...), None for zero -> (N_x, ...)."""
        raise NotImplementedError

    def push(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None, v: Tensor) -> tuple[Tensor, Tensor]:
        """x' and the tangents J v, state on the first axis: v (N_x, k, ...) -> (N_x, k, ...)."""

        def tangent(direction: Tensor) -> tuple[Tensor, Tensor]:
            return torch.func.jvp(lambda y: self.transition(weights, y, drive), (x,), (direction,))

        following, tangents = torch.func.vmap(tangent, in_dims=1, out_dims=(0, 1))(v)
        return following[0], tangents

    def hidden(self, x: Tensor) -> Tensor:
        """The part of the state that the readout sees, (..., N_x) -> (..., hidden_size)."""
        return x[..., : self.hidden_size]

    def observe(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        """g of Eq. (1b) for any weights, (..., N_x) -> (..., N_y)."""
        h = self.hidden(x)
        if self.output_size is None:
            return h
        y = add(matvec(weights["weight_ho"], h.movedim(-1, 0)), weights.get("bias_ho"))
        return y.movedim(0, -1)

    def step(self, x: Tensor, u: Tensor) -> Tensor:
        """One step of Eq. (1a), (..., N_x), (..., N_u) -> (..., N_x), differentiable."""
        check_last_axis("x", x, self.state_size)
        check_last_axis("u", u, self.input_size)
        weights = self.weights()
        if x.dim() < u.dim():  # one state under many inputs
            x = x.expand(*u.shape[:-1], -1)
        drive = self.drive(weights, u.movedim(-1, 0))
        return self.transition(weights, x.movedim(-1, 0), drive).movedim(0, -1)

    def readout(self, x: Tensor) -> Tensor:
        """The output y_t that belongs to the state after step t, (..., N_x) -> (..., N_y)."""
        check_last_axis("x", x, self.state_size)
        return self.observe(self.weights(), x)

    def forward(self, u: Tensor, x0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs and last state of a whole sequence: u (T, B, N_u) -> (T, B, N_y), (B, N_x).

        x0 (B, N_x) defaults to zero. Models override this with a faster path that equals the iterated step.
        """
        check_sequence(u, self.input_size)
        check_start(x0, u.shape[1], self.state_size)
        x = u.new_zeros(u.shape[1], self.state_size) if x0 is None else x0
        states = []
        for u_t in u:
            x = self.step(x, u_t)
            states.append(x)
        return self.readout(torch.stack(states)), x

    def project_(self) -> None:
        """Put the parameters back into the set they are bound to, in place; nothing where there is none."""


def check_last_axis(name: str, tensor: Tensor, size: int) -> None:
    if tensor.dim() == 0 or tensor.shape[-1] != size:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected (..., {size})")


def check_sequence(u: Tensor, size: int) -> None:
    if u.dim() != 3 or u.shape[-1] != size or 0 in u.shape:
        raise ValueError(f"u has shape {tuple(u.shape)}, expected (T, B, {size}) with T and B at least 1")


def check_start(x0: Tensor | None, batch: int, size: int) -> None:
    if x0 is not None and x0.shape != (batch, size):
        raise ValueError(f"x0 has shape {tuple(x0.shape)}, expected ({batch}, {size})")
