"""Flows whose trajectories are learned: Lorenz and Roessler, their settings, data and maps (M)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from paperlib.paths import BUILD

# DOP853, order 8. An error grows by e^lambda a time unit, so no tolerance keeps a chaotic trajectory beside the true
# one for 1000 of them; what is wanted is a trajectory of the true system's attractor, with a local error far below
# what single precision, in which the networks learn, can tell: 1e-12 against 6e-8.
METHOD, TOLERANCE = "DOP853", 1e-12
POINTS = 100_000  # M: of Lorenz and Roessler each, noise free
TRANSIENT = 10_000  # steps dropped: 100 time units of Lorenz, 1000 of Roessler, about 150 and 120 turns


@dataclass(frozen=True)
class System:
    """A flow dx/dt = field(x), sampled every `dt`.

    field(x1, x2, x3) -> (dx1, dx2, dx3) and slopes(x1, x2, x3) -> rows of its Jacobian, entries numbers or like x1:
    written by components, so that floats, numpy and torch go through the same lines.
    """

    name: str
    dt: float
    parameters: dict[str, float]
    field: Callable[..., tuple[Any, ...]]
    slopes: Callable[..., tuple[tuple[Any, ...], ...]]
    substeps: int  # of `flow_map`
    dimension: int = 3

    def velocity(self, x: Tensor) -> Tensor:
        """dx/dt, (..., 3) -> (..., 3)."""
        return torch.stack(self.field(*x.unbind(-1), **self.parameters), -1)

    def jacobian(self, x: Tensor) -> Tensor:
        """d(dx/dt)/dx, (..., 3) -> (..., 3, 3), entry (i, j) = d field_i / d x_j."""
        rows = self.slopes(*x.unbind(-1), **self.parameters)
        zero = torch.zeros_like(x[..., 0])
        return torch.stack([torch.stack([zero + entry for entry in row], -1) for row in rows], -2)


def lorenz(x, y, z, sigma, rho, beta):
    return sigma * (y - x), x * (rho - z) - y, x * y - beta * z


def lorenz_slopes(x, y, z, sigma, rho, beta):
    return (-sigma, sigma, 0), (rho - z, -1, -x), (y, x, -beta)


def roessler(x, y, z, a, b, c):
    return -y - z, x + a * y, b + z * (x - c)


def roessler_slopes(x, y, z, a, b, c):
    return (0, -1, -1), (1, a, 0), (z, 0, x - c)


SYSTEMS = {
    "lorenz": System("lorenz", 0.01, {"sigma": 10.0, "rho": 38.0, "beta": 8 / 3}, lorenz, lorenz_slopes, 4),  # M
    # The set that the published predictability time of 46.2 steps belongs to: Rosenstein et al. 1993.
    "lorenz-rosenstein": System(
        "lorenz-rosenstein", 0.01, {"sigma": 16.0, "rho": 45.92, "beta": 4.0}, lorenz, lorenz_slopes, 8
    ),
    "roessler": System("roessler", 0.1, {"a": 0.15, "b": 0.2, "c": 10.0}, roessler, roessler_slopes, 10),  # M
}


def system(name: str) -> System:
    """A system by its name. Raises ValueError for an unknown one."""
    if name not in SYSTEMS:
        raise ValueError(f"system is {name!r}, expected one of {', '.join(SYSTEMS)}")
    return SYSTEMS[name]


def trajectory(
    name: str,
    n: int = POINTS,
    *,
    seed: int = 0,
    x0: Sequence[float] | None = None,
    transient: int = TRANSIENT,
    keep: bool = False,
) -> np.ndarray:
    """n states every dt after the transient, (n, 3) float64, by scipy's DOP853 at a tolerance of 1e-12.

    Starts from x0, or from N(1, .1^2) drawn with `seed`; x0 is the first state when the transient is 0. The same
    array every time on the same machine; another machine's rounding gives another trajectory of the same attractor.
    With `keep` it is read from, or written to, a folder that git ignores.

    Raises ValueError for bad arguments, ModuleNotFoundError on a machine without scipy.
    """
    own = system(name)
    for what, value, least in (("n", n, 1), ("transient", transient, 0)):
        if not isinstance(value, int) or value < least:
            raise ValueError(f"{what} is {value!r}, expected an integer of at least {least}")
    if x0 is None:
        x0 = 1 + 0.1 * np.random.default_rng(seed).standard_normal(own.dimension)
    x0 = np.asarray(x0, dtype=float)
    if x0.shape != (own.dimension,) or not np.isfinite(x0).all():
        raise ValueError(f"x0 is {x0.tolist()}, expected {own.dimension} finite numbers")
    path = BUILD / "systems" / f"{name}-{n}-{transient}-{x0.tobytes().hex()}.npy"
    if keep and path.exists():
        return np.load(path, allow_pickle=False)
    states = integrate(own, x0, transient + n)[transient:]
    if keep:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.stem}-{id(states)}.part.npy")  # runs go side by side
        np.save(part, states, allow_pickle=False)
        part.replace(path)
    return states


def integrate(own: System, x0: np.ndarray, n: int, tolerance: float = TOLERANCE) -> np.ndarray:
    """n states every dt from x0, which is the first: (n, 3)."""
    try:
        from scipy.integrate import solve_ivp
    except ModuleNotFoundError:
        raise ModuleNotFoundError(f"the data of {own.name} are integrated by scipy, which is not installed") from None
    times = own.dt * np.arange(n)
    found = solve_ivp(
        lambda t, x: own.field(*x.tolist(), **own.parameters),
        (0.0, times[-1]) if n > 1 else (0.0, own.dt),
        x0,
        method=METHOD,
        t_eval=times,
        rtol=tolerance,
        atol=tolerance,
    )
    if not found.success or not np.isfinite(found.y).all():
        raise FloatingPointError(f"{own.name} from {x0.tolist()} does not stay finite")
    return found.y.T.copy()


def standardise(states: np.ndarray) -> tuple[np.ndarray, float, float]:
    """States with the mean of all entries 0 and their standard deviation 1, that mean, and that deviation.

    One number each for all components, which keeps the attractor's shape: M.
    """
    mean, deviation = float(states.mean()), float(states.std())
    return (states - mean) / deviation, mean, deviation


class FlowMap:
    """x(t) -> x(t + dt) as a step of `dynamics`, (..., 3) -> (..., 3); `push` adds tangents.

    Runge and Kutta's method of order 4 in `substeps` pieces; push is the derivative of that very map.
    """

    def __init__(self, own: System, dt: float, substeps: int):
        self.system, self.h, self.substeps = own, dt / substeps, substeps

    def __call__(self, x: Tensor) -> Tensor:
        h, f = self.h, self.system.velocity
        for _ in range(self.substeps):
            a = f(x)
            b = f(x + h / 2 * a)
            c = f(x + h / 2 * b)
            d = f(x + h * c)
            x = x + h / 6 * (a + 2 * b + 2 * c + d)
        return x

    def push(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """x' and J v: v (..., 3, k)."""
        h = self.h

        def both(x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
            return self.system.velocity(x), self.system.jacobian(x) @ v

        for _ in range(self.substeps):
            a, a_v = both(x, v)
            b, b_v = both(x + h / 2 * a, v + h / 2 * a_v)
            c, c_v = both(x + h / 2 * b, v + h / 2 * b_v)
            d, d_v = both(x + h * c, v + h * c_v)
            x, v = x + h / 6 * (a + 2 * b + 2 * c + d), v + h / 6 * (a_v + 2 * b_v + 2 * c_v + d_v)
        return x, v


def flow_map(name: str, dt: float | None = None, *, substeps: int | None = None) -> FlowMap:
    """The map over one sampling interval (the system's own dt), error below 2e-6 a step for states of size 60.

    A longer dt takes more substeps, none longer than the system's own; errors made on the way grow with the flow.
    Raises ValueError for an unknown system, a dt that is not positive, substeps below 1.
    """
    own = system(name)
    dt = own.dt if dt is None else dt
    if not (math.isfinite(dt) and dt > 0):
        raise ValueError(f"dt is {dt!r}, expected a positive number")
    if substeps is None:
        substeps = math.ceil(own.substeps * max(1.0, dt / own.dt))
    if not isinstance(substeps, int) or substeps < 1:
        raise ValueError(f"substeps is {substeps!r}, expected a positive integer")
    return FlowMap(own, dt, substeps)


def predictability_time(exponent: float) -> float:
    """tau_pred = ln 2 / lambda_max: steps after which an error has doubled, for an exponent in nats a step. M.

    Raises ValueError for NaN.
    """
    if math.isnan(exponent):
        raise ValueError("exponent is nan, expected a number")
    return math.log(2) / exponent if exponent > 0 else math.inf
