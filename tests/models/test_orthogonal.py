"""The orthogonal network: B stays orthogonal, the exponential is torch's, b <= 0 never expands."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.parametrizations import orthogonal

from paperlib.models import OrthogonalRNN, bind
from paperlib.models.orthogonal import exponential, henaff

F64 = torch.float64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def seeded(make, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


def off(b):
    return float((b.T @ b - torch.eye(len(b), dtype=b.dtype)).abs().max())


def test_b_is_orthogonal_after_a_thousand_steps_in_float32():
    model = seeded(lambda: OrthogonalRNN(1, 60, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    u = torch.rand(8, 5, 1, generator=generator())
    first = model.weight_hh.detach()
    for _ in range(1000):
        optimizer.zero_grad()
        (model(u)[0] - u.sin()).square().sum().backward()
        optimizer.step()
    assert float((model.weight_hh.detach() - first).abs().max()) > 0.1  # it has moved
    assert off(model.weight_hh.detach()) < 1e-5


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 2e-5), (F64, 1e-12)])
@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 8.0, 60.0])
def test_the_exponential_is_torchs(dtype, tolerance, size):
    a = torch.randn(20, 20, dtype=dtype, generator=generator())
    a = a - a.T
    a = (size * a / torch.linalg.matrix_norm(a, 1)).requires_grad_()
    direction = torch.randn(20, 20, dtype=dtype, generator=generator(1))
    ours, theirs = exponential(a), torch.linalg.matrix_exp(a)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)
    derivatives = [torch.autograd.grad((value * direction).sum(), a)[0] for value in (ours, theirs)]
    torch.testing.assert_close(*derivatives, rtol=0, atol=10 * tolerance)


def test_the_parametrisation_is_torchs_without_a_base():
    model = seeded(lambda: OrthogonalRNN(1, 12, 1).double())
    rival = torch.nn.Linear(12, 12, bias=False).double()
    rival = orthogonal(rival, "weight", orthogonal_map="matrix_exp", use_trivialization=False)
    with torch.no_grad():
        rival.parametrizations.weight.original.copy_(model.parametrizations.weight_hh.original)
    torch.testing.assert_close(model.weight_hh, rival.weight, rtol=0, atol=1e-14)


def test_henaffs_angles_are_the_eigenvalues():
    lower = seeded(lambda: henaff(40)).double()
    moduli = torch.linalg.eigvals(exponential(lower - lower.T)).angle().abs().sort().values
    angles = lower[lower != 0].abs().sort().values
    torch.testing.assert_close(moduli, angles.repeat_interleave(2), rtol=0, atol=1e-12)
    assert float(angles.max()) <= math.pi
    assert float(angles.max()) > 2 > 1 > float(angles.min())


def test_weight_hh_is_the_orthogonal_matrix_and_can_be_replaced():
    model = seeded(lambda: OrthogonalRNN(1, 9, 1).double())
    assert off(model.weights()["weight_hh"].detach()) < 1e-14
    u = torch.ones(1, dtype=F64)
    x = torch.randn(9, dtype=F64, generator=generator())
    identity = bind(model, u, weight_hh=torch.eye(9, dtype=F64), weight_ih=torch.zeros(9, 1, dtype=F64))(x)
    b = model.bias_hh.detach()
    torch.testing.assert_close(identity, x.sign() * (x.abs() + b).clamp(min=0), rtol=0, atol=1e-15)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(1e-3, 100), bias=st.floats(0, 3))
def test_no_bias_above_zero_no_expansion(seed, size, bias):
    model = seeded(lambda: OrthogonalRNN(2, 7, 1, nonexpansive=True).double(), seed)
    with torch.no_grad():
        model.bias_hh.copy_(-bias * torch.rand(7, dtype=F64, generator=generator(seed)))
    x, y = size * torch.randn(2, 50, 7, dtype=F64, generator=generator(seed + 1))
    step = bind(model, torch.randn(2, dtype=F64, generator=generator(seed + 2)))
    before, after = (x - y).norm(dim=-1), (step(x) - step(y)).norm(dim=-1)
    assert bool((after <= before * (1 + 1e-12)).all())


def test_a_positive_bias_jumps():
    model = seeded(lambda: OrthogonalRNN(1, 4, 1).double())
    with torch.no_grad():
        model.bias_hh.fill_(0.3)
    step = bind(model, torch.zeros(1, dtype=F64))
    x = torch.full((4,), 1e-9, dtype=F64)
    assert float((step(x) - step(-x)).detach().abs().min()) > 0.59


def test_the_nonexpansive_network_starts_and_stays_in_its_set():
    model = seeded(lambda: OrthogonalRNN(1, 50, 1, nonexpansive=True))
    assert float(model.bias_hh.detach().max()) == 0
    with torch.no_grad():
        model.bias_hh.add_(0.1)
    model.project_()
    assert float(model.bias_hh.detach().max()) == 0
    free = seeded(lambda: OrthogonalRNN(1, 50, 1))
    before = free.bias_hh.detach().clone()
    assert float(before.detach().max()) > 0
    free.project_()
    assert torch.equal(free.bias_hh, before)


def test_the_backward_pass_is_once_differentiable():
    model = seeded(lambda: OrthogonalRNN(1, 4, 1))
    u = torch.ones(3, 1, 1, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(u)[0].square().sum(), u, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
