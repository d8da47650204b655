"""The largest spectral norm of a Jacobian over a box, found by climbing: a lower bound on a Lipschitz constant."""

from collections.abc import Callable

import torch
from torch import Tensor

from paperlib.dynamics import check

CLIMB = 60  # steps uphill
POWER = 4  # of the power iteration, before the first

Push = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def corners(region: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The region (low, high), checked."""
    try:
        low, high = region
    except (TypeError, ValueError):
        raise ValueError("region is not a pair, expected its (low, high) corners, each (N,)") from None
    check.states("region's low corner", low)
    check.states("region's high corner", high)
    if low.shape != high.shape or low.dim() != 1:
        raise ValueError(f"region has corners {tuple(low.shape)} and {tuple(high.shape)}, expected (N,) twice")
    if bool((low > high).any()):
        raise ValueError("region's low corner exceeds its high one")
    return low, high


def random_points(low: Tensor, high: Tensor, count: int, seed: int = 0) -> Tensor:
    """Centre, corners (random ones) and uniform points of a box: (count, N)."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(count, len(low), dtype=torch.float64, generator=generator)
    u[: count // 4] = u[: count // 4].round()
    u[0] = 0.5
    return low + (high - low) * u.to(low)


def climb(push: Push, x: Tensor, low: Tensor, high: Tensor, steps: int = CLIMB) -> tuple[Tensor, Tensor]:
    """Largest |J v| reached from each start, |v| = 1, and where: x (S, ..., N) -> (S, ...), (S, ..., N).

    push(x, v) gives the function's value and J v, differentiably. Alternating power iteration for v and projected
    gradient steps for x; a step that does not gain is halved. Every value is attained inside the box, so it is a
    lower bound whatever the climb has missed.
    """
    generator = torch.Generator().manual_seed(1)
    v = torch.randn(*x.shape, dtype=torch.float64, generator=generator).to(x)
    v = v / torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    x = x.contiguous()
    for _ in range(POWER):
        v = power(push, x, v)
    value, gradient = slope(push, x, v)
    reach = (high - low).expand_as(x)
    pace = x.new_full((*x.shape[:-1], 1), 0.1)
    for _ in range(steps):
        # Where the box ends nothing is to be gained outwards, and the rest of the gradient sets the pace.
        blocked = ((x >= high) & (gradient > 0)) | ((x <= low) & (gradient < 0))
        gradient = torch.where(blocked, 0, gradient)
        scale = (gradient * reach).abs().amax(-1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
        there = torch.clamp(x + pace * reach * (gradient * reach) / scale, low, high)
        v_there = power(push, there, v)
        value_there, gradient_there = slope(push, there, v_there)
        better = (value_there > value)[..., None]
        x, v = torch.where(better, there, x), torch.where(better, v_there, v)
        gradient, value = torch.where(better, gradient_there, gradient), torch.where(better[..., 0], value_there, value)
        pace = torch.where(better, pace * 1.5, pace / 2)
    for _ in range(POWER):
        v = power(push, x, v)
    return torch.maximum(value, slope(push, x, v)[0]), x


def power(push: Push, x: Tensor, v: Tensor) -> Tensor:
    """v turned by J'J towards the first right singular vector; where J v = 0 it stays."""
    with torch.enable_grad():
        direction = v.detach().requires_grad_()
        image = push(x.detach(), direction[..., None])[1][..., 0]
        if not image.requires_grad:  # a constant function
            return v.detach()
        (back,) = torch.autograd.grad((image * image.detach()).sum(), direction)
    length = torch.linalg.vector_norm(back, dim=-1, keepdim=True)
    return torch.where(length > 0, back / length.clamp(min=torch.finfo(v.dtype).tiny), v).detach()


def slope(push: Push, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """|J v| and its gradient with respect to x."""
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        image = push(point, v[..., None])[1][..., 0]
        value = torch.linalg.vector_norm(image, dim=-1)
        if not value.requires_grad:  # an affine function
            return value.detach(), torch.zeros_like(x)
        (gradient,) = torch.autograd.grad(value.sum(), point, allow_unused=True)
    gradient = torch.zeros_like(x) if gradient is None else gradient.nan_to_num(0, 0, 0)
    return value.detach().nan_to_num(0), gradient
