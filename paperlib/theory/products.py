"""Products of many factors: random weights, Jacobians along an orbit, tangents of a parameter.

All lengths are logarithms: the factors are rescaled at every step, so that nothing overflows or dies.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jacfwd, vmap

from paperlib.dynamics import check
from paperlib.dynamics.check import Step
from paperlib.dynamics.tangents import push


def weight_products(
    n: int, variance: float, count: int, generator: torch.Generator, *, kind: str = "normal"
) -> tuple[Tensor, Tensor]:
    """Mean of the squared product of 1..n independent zero-mean weights, and its standard error: (n,), (n,).

    The product has mean zero, so this is its variance, variance**n in theory (G, section 10.7). kind "normal",
    "uniform" or "sign". Over `count` draws the relative error is about sqrt(kurtosis**n / count), with kurtosis
    3, 9/5 and 1: of a long product of normal weights no affordable sample shows the variance.

    Raises ValueError for an unknown kind.
    """
    check.positive("n", n)
    check.positive("count", count, least=2)
    shape = (count,)
    draws = {
        "normal": lambda: torch.randn(shape, generator=generator, dtype=torch.float64),
        "uniform": lambda: (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1) * 3**0.5,
        "sign": lambda: torch.randint(0, 2, shape, generator=generator).double() * 2 - 1,
    }
    if kind not in draws:
        raise ValueError(f"kind is {kind!r}, expected one of {', '.join(draws)}")
    squares, rows = torch.ones(shape, dtype=torch.float64), []
    for _ in range(n):
        squares = squares * (draws[kind]() ** 2 * variance)
        rows.append(torch.stack([squares.mean(), squares.std() / count**0.5]))
    return tuple(torch.stack(rows).T)


def layer_growth(width: int, depth: int, count: int, generator: torch.Generator) -> Tensor:
    """log |h_depth| / |h_0| through Gaussian layers of entry variance 1/width, a new one a layer: (count,)."""
    h = torch.nn.functional.normalize(torch.randn(count, width, generator=generator, dtype=torch.float64), dim=-1)
    total = torch.zeros(count, dtype=torch.float64)
    for _ in range(depth):
        # A Gaussian matrix turns any unit vector into independent normals: no matrix need be drawn.
        h = torch.randn(count, width, generator=generator, dtype=torch.float64) / width**0.5
        total += torch.log(torch.linalg.vector_norm(h, dim=-1))
    return total


def expected_layer_growth(width: int) -> float:
    """Mean of log |W h| / |h| for one such layer: (digamma(width/2) + log(2/width)) / 2, about -1/(2 width)."""
    half = torch.tensor(width / 2, dtype=torch.float64)
    return float((torch.special.digamma(half) - torch.log(half)) / 2)


@torch.no_grad()
def jacobian_products(step: Step, x0: Tensor, n: int, *, ord: int | str = 2) -> Tensor:
    """log of the norm of d x_t / d x_0 for t = 1..n, spectral or ord="fro": x0 (..., N) -> (n, ...).

    The full product, rescaled at every step: the norm of each finite product, not an average rate. P, Eq. (5).

    Raises ValueError for a bad argument.
    """
    check.positive("n", n)
    x = x0.expand(check.first_step(step, check.states("x0", x0)).shape)
    product = torch.eye(x.shape[-1], dtype=x.dtype).expand(*x.shape, -1)
    scale, rows = x.new_zeros(x.shape[:-1]), []
    for _ in range(n):
        x, product = push(step, x, product)
        size = torch.linalg.matrix_norm(product, ord=ord)
        product = product / size[..., None, None]
        scale = scale + torch.log(size)
        rows.append(scale)
    return torch.stack(rows)


@torch.no_grad()
def parameter_tangents(
    step: Callable[[Tensor, Tensor], Tensor], x0: Tensor, p: Tensor, n: int
) -> tuple[Tensor, Tensor]:
    """log of the size of d x_t / d p and of the gradient of |x_t|^2 / 2 by p, for t = 1..n: (n, S) each.

    step(x, p) maps x (N,) with p (K,); x0 (S, N) and p (S, K) are S networks, each with its own parameters. Forward
    propagation, D_(t+1) = J_t D_t + B_t, with D in units that follow its size.

    Raises ValueError for a bad argument.
    """
    check.positive("n", n)
    x = check.states("x0", x0)
    if x.dim() != 2 or p.dim() != 2 or len(x) != len(p):
        raise ValueError(f"x0 and p have shapes {tuple(x0.shape)} and {tuple(p.shape)}, expected (S, N) and (S, K)")
    by_state, by_parameter = vmap(jacfwd(step, 0)), vmap(jacfwd(step, 1))
    tangent = x.new_zeros(*x.shape, p.shape[-1])
    scale, sizes, gradients = x.new_zeros(len(x)), [], []
    for _ in range(n):
        tangent = by_state(x, p) @ tangent + by_parameter(x, p) * torch.exp(-scale)[:, None, None]
        x = vmap(step)(x, p)
        size = torch.linalg.matrix_norm(tangent)
        tangent = tangent / size[:, None, None]
        scale = scale + torch.log(size)
        sizes.append(scale)
        gradients.append(scale + torch.log(torch.linalg.vector_norm(x[:, None] @ tangent, dim=(-2, -1))))
    return torch.stack(sizes), torch.stack(gradients)
