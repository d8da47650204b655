"""The systems whose dynamics is known, as steps with their own derivative."""

import math
from types import SimpleNamespace

import pytest
import torch

F64 = torch.float64


class Map:
    """x -> f(x) with J(x): the derivative given, so that a test need not wait for automatic differentiation."""

    def __init__(self, f, jacobian):
        self.f, self.jacobian = f, jacobian

    def __call__(self, x):
        return self.f(x)

    def push(self, x, v):
        return self.f(x), self.jacobian(x) @ v


class RungeKutta:
    """The time-dt map of a flow by the classical fourth-order method; tangents are differentiated exactly."""

    def __init__(self, field, dt):
        self.field, self.dt = field, dt

    def __call__(self, x):
        dt = self.dt
        k1 = self.field(x, None)[0]
        k2 = self.field(x + dt / 2 * k1, None)[0]
        k3 = self.field(x + dt / 2 * k2, None)[0]
        k4 = self.field(x + dt * k3, None)[0]
        return x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def push(self, x, v):
        dt = self.dt
        k1, a1 = self.field(x, v)
        k2, a2 = self.field(x + dt / 2 * k1, v + dt / 2 * a1)
        k3, a3 = self.field(x + dt / 2 * k2, v + dt / 2 * a2)
        k4, a4 = self.field(x + dt * k3, v + dt * a3)
        return x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4), v + dt / 6 * (a1 + 2 * a2 + 2 * a3 + a4)


def matrix(*rows):
    return torch.stack([torch.stack(torch.broadcast_tensors(*row), -1) for row in rows], -2)


def logistic(r):
    return Map(lambda x: r * x * (1 - x), lambda x: (r * (1 - 2 * x))[..., None])


def henon(a=1.4, b=0.3):
    def jacobian(x):
        one = torch.ones_like(x[..., 0])
        return matrix([-2 * a * x[..., 0], one], [b * one, 0 * one])

    return Map(lambda x: torch.stack([1 - a * x[..., 0] ** 2 + x[..., 1], b * x[..., 0]], -1), jacobian)


def delayed(a):
    """The delayed logistic map: every kind of attractor as a grows."""

    def jacobian(x):
        one = torch.ones_like(x[..., 0])
        return matrix([a * (1 - x[..., 1]), -a * x[..., 0]], [one, 0 * one])

    return Map(lambda x: torch.stack([a * x[..., 0] * (1 - x[..., 1]), x[..., 0]], -1), jacobian)


def cat():
    m = torch.tensor([[2.0, 1.0], [1.0, 1.0]], dtype=F64)
    return Map(lambda x: (x @ m.T) % 1, lambda x: m.expand(*x.shape, 2))


def linear(m):
    return Map(lambda x: x @ m.T, lambda x: m.expand(*x.shape, m.shape[-1]))


def lorenz(dt, sigma=10.0, rho=28.0, beta=8 / 3):
    def field(x, v):
        a, b, c = x.unbind(-1)
        rate = torch.stack([sigma * (b - a), a * (rho - c) - b, a * b - beta * c], -1)
        if v is None:
            return rate, None
        one = torch.ones_like(a)
        return rate, matrix([-sigma * one, sigma * one, 0 * one], [rho - c, -one, -a], [b, a, -beta * one]) @ v

    return RungeKutta(field, dt)


def roessler(dt, p=0.2, q=0.2, r=5.7):
    def field(x, v):
        a, b, c = x.unbind(-1)
        rate = torch.stack([-b - c, a + p * b, q + c * (a - r)], -1)
        if v is None:
            return rate, None
        one = torch.ones_like(a)
        return rate, matrix([0 * one, -one, -one], [one, p * one, 0 * one], [c, 0 * one, a - r]) @ v

    return RungeKutta(field, dt)


def rotation(turns):
    c, s = math.cos(2 * math.pi * turns), math.sin(2 * math.pi * turns)
    return linear(torch.tensor([[c, -s], [s, c]], dtype=F64))


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def maps():
    return SimpleNamespace(
        Map=Map,
        logistic=logistic,
        henon=henon,
        delayed=delayed,
        cat=cat,
        linear=linear,
        lorenz=lorenz,
        roessler=roessler,
        rotation=rotation,
    )


@pytest.fixture
def uniform():
    """uniform(shape): numbers of U(0, 1), the same at every run."""
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.rand(*shape, dtype=F64, generator=generator)
