"""Exponents of systems whose exponents are known, and what holds for every map."""

import math
from itertools import pairwise

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlib.dynamics import classify, entropy_change, lyapunov_spectrum, max_lyapunov, orbit
from paperlib.models import LSTM, bind

F64 = torch.float64


def agrees(values, expected, least=0.0):
    """Means over starts within four standard errors; `least` is the accepted values' own last digit."""
    mean, error = values.mean(0), values.std(0) / len(values) ** 0.5
    expected = torch.as_tensor(expected, dtype=F64)
    off = (mean - expected).abs()
    assert bool((off <= 4 * error + least).all()), f"{mean.tolist()} +- {error.tolist()}, expected {expected.tolist()}"


def test_logistic_at_four(maps, uniform):
    values = lyapunov_spectrum(maps.logistic(4.0), uniform(64, 1), 4000, transient=100)
    agrees(values, [math.log(2)])
    agrees(max_lyapunov(maps.logistic(4.0), uniform(64, 1), 2000, transient=100)[:, None], [math.log(2)], 1e-4)


def test_henon(maps, uniform):
    values = lyapunov_spectrum(maps.henon(), 0.1 * uniform(32, 2), 4000, transient=200)
    agrees(values, [0.41922, -1.62319], 5e-6)
    assert (values.sum(-1) - math.log(0.3)).abs().max() < 1e-6


def test_lorenz(maps, uniform):
    dt = 0.01
    x0 = 10 * uniform(32, 3) + torch.tensor([-5.0, -5.0, 20.0], dtype=F64)
    values = lyapunov_spectrum(maps.lorenz(dt), x0, 5000, transient=1000) / dt
    # RK4 at this step is off by 4e-5 in the sum; the flow's zero exponent is zero for the map up to 1 / time.
    agrees(values, [0.9056, 0.0, -14.5723], 1e-4)
    fine = lyapunov_spectrum(maps.lorenz(0.002), x0[:2], 500, transient=10) / 0.002
    assert (fine.sum(-1) + 10 + 1 + 8 / 3).abs().max() < 1e-6


def test_roessler(maps, uniform):
    dt = 0.025
    # The motion keeps its phase for long: only starts all around make averages over them independent.
    angle, radius = 2 * math.pi * uniform(64), 3 + 5 * uniform(64)
    x0 = torch.stack([radius * angle.cos(), radius * angle.sin(), 0 * angle], -1)
    values = lyapunov_spectrum(maps.roessler(dt), x0, 5000, transient=6000) / dt
    # RK4 misses e^(r dt) by (r dt)^5 / 120 a step; r is at most 15 here, on average 5: 1e-4 a time unit and more.
    agrees(values, [0.0714, 0.0, -5.3943], 5e-4)


def test_cat_map(maps, uniform):
    values = lyapunov_spectrum(maps.cat(), uniform(4, 2), 500, transient=100)
    golden = math.log((3 + math.sqrt(5)) / 2)
    assert (values - torch.tensor([golden, -golden], dtype=F64)).abs().max() < 1e-9


def test_delayed_logistic_map(maps):
    a = torch.tensor([1.9, 2.1, 2.27], dtype=F64)
    values = lyapunov_spectrum(maps.delayed(a), torch.full((3, 2), 0.4, dtype=F64), 6000, transient=2000)
    torch.testing.assert_close(values[0], torch.full((2,), math.log(0.9) / 2, dtype=F64), rtol=0, atol=1e-3)
    # Bounded sums: the average over n steps of a smooth circle is off by at most c / n.
    torch.testing.assert_close(values[1], torch.tensor([0.0, -0.12677], dtype=F64), rtol=0, atol=2e-4)
    starts = 0.4 + 0.05 * torch.rand(32, 2, dtype=F64, generator=torch.Generator().manual_seed(0))
    chaos = lyapunov_spectrum(maps.delayed(torch.tensor(2.27, dtype=F64)), starts, 2000, transient=500)
    agrees(chaos[:, :1], [0.183], 5e-4)


moduli = st.lists(st.floats(-1.5, 1.0), min_size=1, max_size=4, unique_by=lambda x: round(x / 0.3))


@settings(max_examples=20, deadline=None)
@given(moduli, st.integers(0, 2**31), st.lists(st.booleans(), min_size=4, max_size=4))
def test_linear_map(logs, seed, signs):
    logs = sorted(logs, reverse=True)
    if any(a - b < 0.1 for a, b in pairwise(logs)):
        return
    size = len(logs)
    frame = torch.randn(size, size, dtype=F64, generator=torch.Generator().manual_seed(seed))
    frame = frame + 2 * size**0.5 * torch.eye(size, dtype=F64)
    sign = torch.tensor([1.0 if s else -1.0 for s in signs[:size]], dtype=F64)
    m = frame @ torch.diag(sign * torch.tensor(logs, dtype=F64).exp()) @ torch.linalg.inv(frame)

    class Linear:
        def __call__(self, x):
            return x @ m.T

        def push(self, x, v):
            return x @ m.T, m @ v

    values = lyapunov_spectrum(Linear(), torch.zeros(size, dtype=F64), 200, transient=400)
    torch.testing.assert_close(values, torch.tensor(logs, dtype=F64), rtol=0, atol=1e-6)
    moduli_of_m = np.sort(np.log(np.abs(np.linalg.eigvals(m.numpy()))))[::-1]
    np.testing.assert_allclose(values.numpy(), moduli_of_m, atol=1e-6)


class Tanh:
    """A random network x' = tanh(W x + b), chaotic or not."""

    def __init__(self, seed, size=4, scale=2.0):
        generator = torch.Generator().manual_seed(seed)
        self.weight = scale / size**0.5 * torch.randn(size, size, dtype=F64, generator=generator)
        self.bias = torch.randn(size, dtype=F64, generator=generator) / 4

    def __call__(self, x):
        return torch.tanh(x @ self.weight.T + self.bias)

    def push(self, x, v):
        y = self(x)
        return y, (1 - y * y)[..., None] * (self.weight @ v)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_sum_is_the_mean_log_determinant(seed):
    step, x0 = Tanh(seed), torch.full((4,), 0.5, dtype=F64)
    samples = orbit(step, x0, 200, transient=249)
    total = lyapunov_spectrum(step, x0, 200, transient=250).sum()
    assert abs(float(total - entropy_change(step, samples))) < 1e-8 * max(1, abs(float(total)))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_twice_the_step_has_twice_the_exponents(seed):
    step = Tanh(seed)

    class Twice:
        def __call__(self, x):
            return step(step(x))

        def push(self, x, v):
            return step.push(*step.push(x, v))

    x0 = torch.full((4,), 0.5, dtype=F64)
    once = lyapunov_spectrum(step, x0, 400, transient=600)
    twice = lyapunov_spectrum(Twice(), x0, 200, transient=300)
    # The same orbit; the frames differ by how they were turned, which decays with the gaps between exponents.
    torch.testing.assert_close(twice[0], 2 * once[0], rtol=0, atol=0.02)
    torch.testing.assert_close(twice.sum(), 2 * once.sum(), rtol=1e-9, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.floats(2.6, 3.43), st.floats(0.1, 50), st.floats(-5, 5))
def test_conjugated_map_has_the_same_exponents(r, scale, shift):
    class Logistic:
        def __call__(self, y):
            x = (y - shift) / scale
            return scale * (r * x * (1 - x)) + shift

        def push(self, y, v):
            return self(y), (r * (1 - 2 * (y - shift) / scale))[..., None] * v

    plain = classify(lambda x: r * x * (1 - x), torch.tensor([0.3], dtype=F64), n=200, transient=1500)
    other = classify(Logistic(), torch.tensor([scale * 0.3 + shift], dtype=F64), n=200, transient=1500)
    assert plain.kind == other.kind and plain.period == other.period
    if plain.kind != "undecided":
        torch.testing.assert_close(plain.exponents, other.exponents, rtol=0, atol=1e-4)


def test_lstm_needs_its_full_state():
    # Weights and values of the chaotic LSTM: the exponent is positive for (h, c), negative for h alone.
    weight = torch.tensor([[-1, -4], [-3, -2], [-2, 6], [0, -6], [-1, -6], [6, -9], [4, 1], [-9, -7]], dtype=F64)
    step = bind(LSTM(1, 2, None, bias=False).double(), torch.zeros(1, dtype=F64), weight_hh=weight)
    x0 = 0.5 + 0.1 * torch.rand(32, 4, dtype=F64, generator=torch.Generator().manual_seed(0))
    values = lyapunov_spectrum(step, x0, 4000, transient=300)
    agrees(values, [0.1701, -0.3853, -1.6770, -4.6222], 3e-4)
    agrees(max_lyapunov(step, x0, 2000, transient=300)[:, None], [0.1701], 3e-4)


def test_pynamicalsys_agrees(maps, uniform):
    from pynamicalsys import DiscreteDynamicalSystem

    theirs = DiscreteDynamicalSystem(model="logistic map").lyapunov([0.3], 20000, parameters=[3.7], transient_time=500)
    ours = lyapunov_spectrum(maps.logistic(3.7), uniform(16, 1), 2000, transient=200)
    # Theirs has the variance of 20,000 steps, a tenth of one of our starts', ours of 16 starts.
    error = float(ours.std(0)) * (1 / 16 + 1 / 10) ** 0.5
    assert abs(float(ours.mean()) - float(np.squeeze(theirs))) <= 4 * error
