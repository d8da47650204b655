"""One bit held in the state of a scalar map against noise, and what the gradient does meanwhile.

z' = f(z + u): the bit is the sign of z, u is the noise or the input that writes the bit. Both maps here are odd,
and both are tanh networks seen through one number: h' = tanh(a (c.h + u)) with z = c.h.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Map = Callable[[Tensor], Tensor]
CHAOTIC = {"a": (3.0, 1.0), "c": (5.0, -5.0)}  # two units: z' = 5 (tanh 3z - tanh z), two chaotic bands


def latch(w: Tensor | float) -> Map:
    """The one-unit latch z' = tanh(w z): for w > 1 two stable fixed points, one for each bit."""
    return lambda z: torch.tanh(w * z)


def rank_one(a: tuple[float, ...], c: tuple[float, ...]) -> Map:
    """z' = sum_i c_i tanh(a_i z): the tanh network with W_hh = a c' and W_ih = a, seen through z = c.h."""
    return lambda z: sum(ci * torch.tanh(ai * z) for ai, ci in zip(a, c, strict=True))


def simulate(f: Map, z0: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """States (n, ...) and log |d z_(t+1) / d z_t| (n, ...) under inputs (n, ...)."""
    states = [z0]
    for u in inputs:
        states.append(f(states[-1] + u))
    seen = torch.stack(states[:-1]) + inputs  # what f acted on; its slopes need no loop
    slope = torch.func.jvp(f, (seen,), (torch.ones_like(seen),))[1]
    return torch.stack(states[1:]), torch.log(slope.abs())


def tolerance(f: Map, start: float, *, most: float = 2.0, points: int = 1001, rounds: int = 2000) -> float:
    """The largest noise bound under which no disturbance, however chosen, drives z from `start` across zero.

    The band of states that noise within the bound can reach grows as band -> f(band + [-noise, noise]); the bit is
    held when it settles above zero. The band's image is taken on a grid, the bound by bisection to 1e-6.
    """
    unit = torch.linspace(0, 1, points, dtype=torch.float64)

    def held(noise: float) -> bool:
        low = high = start
        for _ in range(rounds):
            image = f((low - noise) + (high - low + 2 * noise) * unit)
            new = min(low, float(image.min())), max(high, float(image.max()))
            if new[0] <= noise:  # one more push reaches zero, where the two bits meet
                return False
            if new[0] > low - 1e-12 and new[1] < high + 1e-12:
                return True
            low, high = new
        return False

    low, high = 0.0, most
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if held(middle) else (low, middle)
    return low


def latch_tolerance(w: float) -> float:
    """The same for the latch, in closed form: the noise at which z = tanh(w (z - noise)) loses its positive roots."""
    if w <= 1:
        return 0.0
    z = math.sqrt(1 - 1 / w)  # where tanh(w (z - noise)) touches the diagonal: slope w (1 - z^2) = 1
    return z - math.atanh(z) / w


def latch_rate(w: float) -> float:
    """log of the multiplier of the latch's stable fixed point: the rate at which its gradient vanishes."""
    if w <= 1:
        return math.log(w)
    z = 1.0
    for _ in range(100_000):
        previous, z = z, math.tanh(w * z)
        if abs(z - previous) < 1e-15:
            break
    return math.log(w * (1 - z * z))


def critical_orbit(n: int, digits: int = 80) -> float:
    """log |d z_n / d z_0| of the chaotic two-unit map from the start where f' is zero, in `digits` decimal digits.

    In exact arithmetic it is minus infinity for every n: one orbit of the basin whose Jacobians never explode. Here
    10^-digits is added to every slope, the size of what so many digits leave unknown of the first.
    """
    import mpmath

    a, c = CHAOTIC["a"], CHAOTIC["c"]
    with mpmath.workdps(digits):

        def f(z):
            return sum(ci * mpmath.tanh(ai * z) for ai, ci in zip(a, c, strict=True))

        def slope(z):
            return sum(ci * ai * mpmath.sech(ai * z) ** 2 for ai, ci in zip(a, c, strict=True))

        z = mpmath.findroot(slope, (0.3, 0.8), solver="anderson", tol=mpmath.mpf(10) ** (3 - 2 * digits))
        total = mpmath.mpf(0)
        for _ in range(n):
            total += mpmath.log(abs(slope(z)) + mpmath.mpf(10) ** (-digits))
            z = f(z)
        return float(total)
