"""How smooth a cost is over a region of parameters: the constants L_V and L'_V of R, section 4, as measured."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.ascent import climb, corners, random_points


class Smoothness(NamedTuple):
    """Lower bounds, each attained in the region: the largest |grad V| and the largest spectral norm of its Hessian."""

    gradient: Tensor
    curvature: Tensor


def cost_smoothness(
    cost: Callable[[Tensor], Tensor], region: tuple[Tensor, Tensor], *, starts: int = 32, samples: int = 512
) -> Smoothness:
    """The largest gradient and curvature of cost(theta), (..., K) -> (...), found in the box region = (low, high).

    By automatic differentiation and ascent from the `starts` best of `samples` points. Both are lower bounds on the
    Lipschitz constants of V and of grad V; an intricate cost wants many starts. R, Theorem 1 bounds them from above.

    Raises ValueError for a bad region or number, or a cost of the wrong shape.
    """
    low, high = corners(region)
    check.positive("starts", starts)
    check.positive("samples", samples)
    theta = random_points(low, high, max(samples, starts))
    value = cost(theta)
    if value.shape != theta.shape[:-1]:
        raise ValueError(f"cost turned shape {tuple(theta.shape)} into {tuple(value.shape)}, expected (...)")

    def gradient(point: Tensor) -> Tensor:
        with torch.enable_grad():
            point = point if point.requires_grad else point.detach().requires_grad_()
            return torch.autograd.grad(cost(point).sum(), point, create_graph=True)[0]

    def along(point: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        slope = gradient(point)
        return slope, (slope[..., None] * v).sum(-2, keepdim=True)

    def curved(point: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        # The Hessian is symmetric: H v is the gradient of (grad V) . v.
        with torch.enable_grad():
            point = point if point.requires_grad else point.detach().requires_grad_()
            slope = gradient(point)
            columns = [
                torch.autograd.grad((slope * v[..., j]).sum(), point, create_graph=True, allow_unused=True)[0]
                for j in range(v.shape[-1])
            ]
        return slope, torch.stack([torch.zeros_like(point) if c is None else c for c in columns], -1)

    def largest(push: Callable) -> Tensor:
        quick = climb(push, theta, low, high, steps=0)[0]
        best = torch.cat([theta[quick.topk(-(-starts // 2)).indices], theta[: starts // 2]])
        return torch.maximum(climb(push, best, low, high)[0].max(), quick.max())

    return Smoothness(largest(along), largest(curved))
