"""Diagrams, spectra and cost surfaces of two-unit LSTMs, against three other ways to compute them."""

import time

import numpy as np
import pytest
import torch
from numba import njit

from paperlib import chaotic_lstm, dynamics

WEIGHT = chaotic_lstm.theta(chaotic_lstm.RELEASED)
FAMILY = chaotic_lstm.family(WEIGHT)
W = WEIGHT.numpy()
START = chaotic_lstm.start()


def numpy_orbits(s, n, transient):
    """The recursion as one would write it in numpy, parameters along the last axis."""
    h, c = np.full((2, len(s)), 0.5), np.full((2, len(s)), 0.5)
    out = np.empty((n, 4, len(s)))
    for t in range(-transient, n):
        z = (W @ h) * s
        i, f, o = 1 / (1 + np.exp(-z[:2])), 1 / (1 + np.exp(-z[2:4])), 1 / (1 + np.exp(-z[6:]))
        c = f * c + i * np.tanh(z[4:6])
        h = o * np.tanh(c)
        if t >= 0:
            out[t, :2], out[t, 2:] = h, c
    return out


def plain_step(x, s):
    """A step as a user would write it, the state on the last axis."""
    z = (x[..., :2] @ WEIGHT.T) * s[:, None]
    c = z[..., 2:4].sigmoid() * x[..., 2:] + z[..., :2].sigmoid() * z[..., 4:6].tanh()
    return torch.cat([z[..., 6:].sigmoid() * c.tanh(), c], -1)


def one_lstm_a_parameter(s, n):
    """The released code's way: a torch.nn.LSTM for every parameter vector."""
    zeros, half = torch.zeros(n, 1, 1, dtype=torch.float64), torch.full((1, 1, 2), 0.5, dtype=torch.float64)
    lstm = torch.nn.LSTM(1, 2, bias=False, dtype=torch.float64)
    with torch.no_grad():
        for value in s:
            lstm.weight_hh_l0.copy_(value * WEIGHT)
            lstm(zeros, (half, half))


@njit
def compiled_map(u, parameters):
    z = (W @ u[:2].copy()) * parameters[0]
    out = np.empty(4)
    for k in range(2):
        i, f, o = 1 / (1 + np.exp(-z[k])), 1 / (1 + np.exp(-z[2 + k])), 1 / (1 + np.exp(-z[6 + k]))
        c = f * u[2 + k] + i * np.tanh(z[4 + k])
        out[k], out[2 + k] = o * np.tanh(c), c
    return out


@njit
def compiled_jacobian(u, parameters, *arguments):
    s = parameters[0]
    z = (W @ u[:2].copy()) * s
    jacobian = np.zeros((4, 4))
    for k in range(2):
        i, f, o = 1 / (1 + np.exp(-z[k])), 1 / (1 + np.exp(-z[2 + k])), 1 / (1 + np.exp(-z[6 + k]))
        g = np.tanh(z[4 + k])
        tanh_c = np.tanh(f * u[2 + k] + i * g)
        for j in range(4):
            dz = s * W[:, j] if j < 2 else np.zeros(8)
            dc = f * (1 - f) * u[2 + k] * dz[2 + k] + i * (1 - i) * g * dz[k] + i * (1 - g * g) * dz[4 + k]
            if j == 2 + k:
                dc += f
            jacobian[2 + k, j] = dc
            jacobian[k, j] = o * (1 - o) * tanh_c * dz[6 + k] + o * (1 - tanh_c * tanh_c) * dc
    return jacobian


@pytest.fixture(scope="module")
def rival():
    from pynamicalsys import DiscreteDynamicalSystem

    return DiscreteDynamicalSystem(
        mapping=compiled_map, jacobian=compiled_jacobian, system_dimension=4, number_of_parameters=1
    )


def bench_orbit_diagram(report, rival):
    s, n, piece = torch.linspace(0.5, 2, 10_000, dtype=torch.float64), 1000, 10
    half = n // 2  # dropped, as in Fig. 1
    values = s.numpy()
    item = report.item(
        "Orbit diagram of the two-unit LSTM",
        f"{len(s)} parameters, {n} steps, the first half dropped, float64, one thread",
    )
    begin = time.perf_counter()
    rival.bifurcation_diagram(START.numpy(), 0, values[:2], n, transient_time=half)
    compilation = time.perf_counter() - begin
    times = item.time(
        {
            "orbit_diagram, the package's step": lambda: dynamics.orbit_diagram(FAMILY, s, START, half, transient=half),
            "orbit_diagram, a plain step on (..., N)": lambda: dynamics.orbit_diagram(
                plain_step, s, START, half, transient=half
            ),
            "numpy, vectorised over parameters": lambda: numpy_orbits(values, half, half),
            "pynamicalsys (numba)": lambda: rival.bifurcation_diagram(START.numpy(), 0, values, n, transient_time=half),
        },
        notes={"pynamicalsys (numba)": f"after {compilation:.1f} s of compilation; keeps one state of four"},
    )
    seconds = []
    for k in range(5):
        begin = time.perf_counter()
        one_lstm_a_parameter(s[k * piece : (k + 1) * piece], n)
        seconds.append((time.perf_counter() - begin) * len(s) / piece)
    item.row("one nn.LSTM call a parameter", seconds, f"{piece} parameters timed, scaled to {len(s)}")
    ours = times["orbit_diagram, the package's step"]
    item.ratio("faster than one nn.LSTM call a parameter", sorted(seconds)[2] / ours, at_least=500)
    item.ratio("faster than pynamicalsys", times["pynamicalsys (numba)"] / ours, at_least=6)
    item.ratio("time over vectorised numpy's", ours / times["numpy, vectorised over parameters"], at_most=1.5)
    item.ratio(
        "plain step's time over the package's", times["orbit_diagram, a plain step on (..., N)"] / ours, at_most=5
    )


def bench_spectrum(report, rival):
    s, n = torch.linspace(0.5, 2, 1000, dtype=torch.float64), 1000
    item = report.item(
        "Lyapunov spectrum of the two-unit LSTM", f"{len(s)} parameters, {n} steps, 4 exponents, float64"
    )
    step, x0 = FAMILY.at(s), START.expand(len(s), -1)

    def pynamicalsys():
        return [rival.lyapunov(START.numpy(), n, parameters=[value]) for value in s.tolist()]

    rival.lyapunov(START.numpy(), 10, parameters=[1.0])
    times = item.time(
        {
            "lyapunov_spectrum, analytic tangents": lambda: dynamics.lyapunov_spectrum(step, x0, n),
            "lyapunov_spectrum, automatic tangents": lambda: dynamics.lyapunov_spectrum(lambda x: step(x), x0, n),
            "pynamicalsys (numba)": pynamicalsys,
        }
    )
    ours = times["lyapunov_spectrum, analytic tangents"]
    item.ratio("faster than pynamicalsys", times["pynamicalsys (numba)"] / ours, at_least=2)
    # The first two: near s = 1/2 the orbit rests at zero, where the Jacobian has rank two and the rest is rounding.
    analytic = dynamics.lyapunov_spectrum(step, x0, 200)[:, :2]
    automatic = dynamics.lyapunov_spectrum(lambda x: step(x), x0, 200)[:, :2]
    largest = (analytic - automatic).abs().max().item()
    item.ratio("largest difference between analytic and automatic exponents", largest, at_most=1e-9)


def bench_cost_surface(report):
    grid = chaotic_lstm.grid().reshape(-1, 2)
    plane = chaotic_lstm.family(WEIGHT, chaotic_lstm.random_direction(0))
    item = report.item("Cost surface of Supplementary Fig. 1", "152 x 151 parameters, 200 steps, 100 dropped, float64")
    data = dynamics.orbit(FAMILY.at(torch.ones(1, dtype=torch.float64)), START[None], 100, transient=100)[:, 0, :2]
    times = item.time(
        {
            "cost on the grid": lambda: dynamics.cost(
                plane, grid, START, data, transient=100, output=lambda x: x[..., :2]
            )
        }
    )
    item.ratio("seconds", times["cost on the grid"], at_most=2)
