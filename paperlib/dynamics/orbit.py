"""Orbits, and orbit diagrams: what is visited, against a parameter."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.check import Step


@torch.no_grad()
def orbit(step: Step, x0: Tensor, n: int, *, transient: int = 0) -> Tensor:
    """The n states after the transient, x0 (..., N) -> (n, ..., N); x0 itself is not among them.

    Raises ValueError for a bad argument, FloatingPointError when the orbit does not stay finite.
    """
    check.positive("n", n)
    check.positive("transient", transient, least=0)
    x = check.first_step(step, check.states("x0", x0))
    for _ in range(transient):
        x = step(x)
    out = room(n, x)
    out[0] = x
    for t in range(1, n):
        x = step(x)
        out[t] = x
    return check.finite("the orbit", out)


def room(n: int, x: Tensor) -> Tensor:
    """Uninitialised space for n states like x, (n, ..., N).

    The state's axis comes first in memory, as in the steps of `models`; the public shape only relabels it. On
    the CPU the space is numpy's, which asks for huge pages: a third of the time of a wide diagram was page faults.
    """
    shape = (n, x.shape[-1], *x.shape[:-1])
    if x.device.type == "cpu":
        return torch.from_numpy(np.empty(shape, dtype=str(x.dtype).removeprefix("torch."))).movedim(1, -1)
    return x.new_empty(shape).movedim(1, -1)


def at_parameters(step: Callable, parameters: Tensor, x0: Tensor) -> tuple[Step, Tensor, Callable]:
    """step(x, p) as a map on all parameters (and starts) at once, its first states, and how to fold back.

    x0 (N,), (P, N), or (S, N) for S starts of each parameter: these are folded into the parameters' axis.
    """
    if not isinstance(parameters, Tensor) or parameters.dim() not in (1, 2) or parameters.numel() == 0:
        shape = tuple(parameters.shape) if isinstance(parameters, Tensor) else type(parameters).__name__
        raise ValueError(f"parameters has shape {shape}, expected (P,) or (P, K) with at least one entry")
    check.states("parameters", parameters)
    check.states("x0", x0)
    count = parameters.shape[0]
    if x0.dim() > 2:
        raise ValueError(f"x0 has shape {tuple(x0.shape)}, expected (N,), (P, N) with P = {count}, or (S, N)")
    starts = None
    if x0.dim() == 1:
        x0 = x0.expand(count, -1)
    elif x0.shape[0] != count:
        starts = x0.shape[0]
        parameters = parameters.repeat_interleave(starts, 0)
        x0 = x0.repeat(count, 1)
    x0 = x0.T.contiguous().T
    bound = step.at(parameters) if hasattr(step, "at") else (lambda x: step(x, parameters))

    def fold(result: Tensor, axis: int) -> Tensor:
        return result if starts is None else result.unflatten(axis, (count, starts))

    return bound, x0, fold


@torch.no_grad()
def orbit_diagram(step: Callable, parameters: Tensor, x0: Tensor, n: int, *, transient: int = 0) -> Tensor:
    """The n states after the transient for every parameter at once: R, Fig. 1(a) and section 3.3.

    step(x, p) maps x (P, N) with p (P,) or (P, K); parameters (P,) or (P, K); x0 (N,), (P, N) -> (n, P, N),
    or S starts for each parameter, (S, N) -> (n, P, S, N). A step with `at(p)`, such as `models.Family`, is
    prepared for its parameters once.

    Raises ValueError for a bad argument, FloatingPointError when an orbit does not stay finite.
    """
    bound, x0, fold = at_parameters(step, parameters, x0)
    return fold(orbit(bound, x0, n, transient=transient), 1)
