"""Systems that attain the rates of the restated theorem, with what is known of their costs in closed form.

Each has one parameter, a fixed start, and the squared error averaged over N steps, Eq. (2) of R. The circle maps
are simulated by their angle: in the plane the unit circle repels and rounding leaves it after about 50 steps.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


def _times(n: int) -> Tensor:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n is {n!r}, expected an integer >= 1")
    return torch.arange(1, n + 1, dtype=torch.float64)


def squaring_frequencies(n: int) -> Tensor:
    """n_t = 2^t - 1 for t = 1..n: the angle of z_t is n_t theta when z' = exp(i theta) z^2 starts at 1."""
    return 2.0 ** _times(n) - 1


def squaring_angles(theta: Tensor, n: int) -> Tensor:
    """Angles of z_1..z_n of z' = exp(i theta) z^2 from z_0 = 1, by phi' = 2 phi + theta: (...) -> (n, ...).

    Reduced to [0, 2 pi) at each step; the map doubles rounding errors as it doubles everything else.
    """
    _times(n)
    phi, out = torch.zeros_like(theta), []
    for _ in range(n):
        phi = torch.remainder(2 * phi + theta, 2 * math.pi)
        out.append(phi)
    return torch.stack(out)


def squaring_cost(d: Tensor, n: int, order: int = 0) -> Tensor:
    """V(theta_0 + d), or its derivative of order 1 or 2: (...) -> (...).

    V = (2/N) sum_t (1 - cos(n_t d)), the error against the orbit at theta_0, whatever theta_0.
    """
    k = squaring_frequencies(n)
    phase = d[..., None] * k
    terms = (1 - torch.cos(phase), k * torch.sin(phase), k**2 * torch.cos(phase))[order]
    return 2 / n * terms.sum(-1)


def squaring_minima(n: int) -> int:
    """Local minima of the squaring cost inside (0, 2 pi), from the signs of V' at (pi/2 + k pi)/M, M = 2^n - 1.

    The count is a proof, not a sample: V' is a trigonometric polynomial of degree M, so it has at most 2M zeros on
    the circle; where its signs alternate at 2M points each zero is simple and lies between two of them.

    Raises ArithmeticError if the signs do not alternate.
    """
    M = 2**n - 1
    points = torch.arange(2 * M, dtype=torch.float64)
    signs = torch.empty(2 * M)
    for part in range(0, 2 * M, 4096):  # a table of 4096 x n cosines at a time
        where = slice(part, part + 4096)
        signs[where] = squaring_cost((math.pi / 2 + points[where] * math.pi) / M, n, 1).sign()
    if not torch.equal(signs, signs[0] * (-1) ** points):
        raise ArithmeticError(f"the signs of V' do not alternate at the {2 * M} points for n = {n}")
    return M - 1  # M minima on the circle; the one at d = 0 is not inside


def squaring_constants(n: int) -> tuple[float, float]:
    """L_V and L'_V of the squaring cost in closed form: |V'(3 pi/2)|, exact up to 4/N, and V''(0).

    At d = 3 pi/2 every n_t d but the first is pi/2 modulo 2 pi: V' = (2/N)(sum_t n_t - 2), and |V'| is nowhere
    above (2/N) sum_t n_t. V'' = (2/N) sum_t n_t^2 cos(n_t d) is largest at 0.
    """
    _times(n)
    return 2 / n * (2 ** (n + 1) - n - 4), 2 / n * ((4 ** (n + 1) - 4) / 3 - 2 ** (n + 2) + 4 + n)


class Jet(NamedTuple):
    """f(x, theta) of a scalar map with its first and second derivatives."""

    value: float
    x: float
    p: float
    xx: float
    xp: float
    pp: float


def fold(x: float, theta: float) -> Jet:
    """x' = x - x^2/2 + theta: Lipschitz constant 1 on [0, 1]; from 0, with y = 1, V'' = (N+1)^2 (N+2)/6 at 0."""
    return Jet(x - x * x / 2 + theta, 1 - x, 1.0, -1.0, 0.0, 0.0)


def tanh_unit(x: float, theta: float) -> Jet:
    """x' = tanh(x + theta): constant 1 everywhere; from 1, with y = -1, V'' / N^(5/2) -> -4 sqrt(6) / 175."""
    value = math.tanh(x + theta)
    slope = 1 - value * value
    return Jet(value, slope, slope, *(-2 * value * slope,) * 3)


def scalar_cost(f: Callable[[float, float], Jet], y: float, x0: float, n: int, theta: float = 0.0) -> Tensor:
    """V, V' and V'' at theta of a scalar map against a constant target y, for every length N = 1..n: (3, n)."""
    steps = _times(n)
    x, D, E = x0, 0.0, 0.0
    rows = []
    for _ in range(n):
        jet = f(x, theta)
        x, D, E = (
            jet.value,
            jet.x * D + jet.p,
            jet.x * E + jet.xx * D**2 + 2 * jet.xp * D + jet.pp,
        )
        rows.append(((x - y) ** 2, 2 * (x - y) * D, 2 * (D**2 + (x - y) * E)))
    return torch.tensor(rows, dtype=torch.float64).cumsum(0).T / steps


def rotation_cost(d: Tensor, n: int, order: int = 0) -> Tensor:
    """V(theta_0 + d) of z' = exp(i theta) z, or its derivative of order 1 or 2: (...) -> (...)."""
    k = _times(n)
    phase = d[..., None] * k
    terms = (1 - torch.cos(phase), k * torch.sin(phase), k**2 * torch.cos(phase))[order]
    return 2 / n * terms.sum(-1)
