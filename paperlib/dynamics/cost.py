"""The cost of simulating a system, Eq. (2) of R, on a grid of its parameters."""

from collections.abc import Callable

import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.orbit import at_parameters


def cost(
    step: Callable,
    parameters: Tensor,
    x0: Tensor,
    target: Tensor,
    *,
    transient: int = 0,
    output: Callable[[Tensor], Tensor] = lambda x: x,
) -> Tensor:
    """Mean squared error of the outputs after the transient, for every parameter at once: (P,) or (P, K) -> (P,).

    step and x0 as in `orbit_diagram`; target (n, N_y) holds the outputs of the n states after the transient;
    output (..., N) -> (..., N_y). Differentiable in the parameters: the cost's gradient is autograd's, exact
    where finite differences over a chaotic orbit mean nothing. R, Eq. (2), mean over steps and outputs.

    Raises ValueError for a bad argument, FloatingPointError when an orbit does not stay finite.
    """
    check.positive("transient", transient, least=0)
    check.states("target", target)
    bound, x, fold = at_parameters(step, parameters, x0)
    for _ in range(transient):
        x = bound(x)
    total = 0.0
    for expected in target:
        x = bound(x)
        y = output(x)
        if y.shape[-1:] != expected.shape:
            raise ValueError(f"target has shape {tuple(target.shape)}, expected (n, {y.shape[-1]})")
        total = total + ((y - expected) ** 2).mean(-1)
    return fold(check.finite("the cost", total / target.shape[0]), 0)


def local_minima(values: Tensor) -> Tensor:
    """Which entries of a curve (P,) or surface (P, Q) lie below all their neighbours: a bool of the same shape.

    Two neighbours on a curve, eight on a surface; the border is never a minimum. What is counted are minima of
    the sampled values: on a coarser grid than the cost's own structure, a lower bound of the true number.
    """
    check.states("values", values)
    if values.dim() not in (1, 2) or min(values.shape) < 3:
        raise ValueError(f"values has shape {tuple(values.shape)}, expected (P,) or (P, Q) with 3 or more a side")
    inner = (slice(1, -1),) * values.dim()
    lower = torch.ones_like(values[inner], dtype=torch.bool)
    for shift in torch.cartesian_prod(*[torch.tensor([-1, 0, 1])] * values.dim()).reshape(-1, values.dim()):
        if shift.any():
            neighbour = tuple(slice(1 + int(s), size - 1 + int(s)) for s, size in zip(shift, values.shape, strict=True))
            lower &= values[inner] < values[neighbour]
    result = torch.zeros_like(values, dtype=torch.bool)
    result[inner] = lower
    return result
