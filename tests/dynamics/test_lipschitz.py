"""Found below, proved above: both bounds against scipy's global optimiser and exact constants."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brute, dual_annealing

from paperlib.dynamics import cost_smoothness, jacobian, lipschitz
from paperlib.dynamics.enclosure import enclosed_jacobian
from paperlib.models import LSTM, PLRNN, OrthogonalRNN, TanhRNN, bind

F64 = torch.float64


def box(size, radius=1.0):
    return torch.full((size,), -radius, dtype=F64), torch.full((size,), radius, dtype=F64)


def test_linear_step_has_its_spectral_norm(maps, uniform):
    m = uniform(4, 4) - 0.5
    exact = pytest.approx(float(np.linalg.norm(m.numpy(), 2)), rel=1e-9)
    found = lipschitz(maps.linear(m), box(4))
    assert float(found.lower) == exact and float(found.upper) == exact

    def opaque(x):
        return torch.einsum("ij,...j->...i", m, x)

    found = lipschitz(opaque, box(4))
    assert float(found.lower) == exact
    assert math.isinf(found.upper)  # nothing is proved of a step that cannot be looked into
    assert float(lipschitz(opaque, box(4), jacobian_lipschitz=0.0).upper) == exact


def test_logistic_map_both_ways(maps):
    region = torch.tensor([0.0], dtype=F64), torch.tensor([0.9], dtype=F64)
    found = lipschitz(maps.logistic(3.9), region, jacobian_lipschitz=7.8)
    assert float(found.lower) == pytest.approx(3.9)
    assert 3.9 <= float(found.upper) <= 3.9 * 1.011


def test_ascent_finds_what_a_global_optimiser_finds(uniform):
    torch.manual_seed(1)
    step = bind(LSTM(1, 1, 1).double(), torch.ones(1, dtype=F64), weight_hh=6 * (uniform(4, 1) - 0.5))

    def norm(x):
        return -float(np.linalg.norm(jacobian(step, torch.from_numpy(x)).numpy(), 2))

    theirs = dual_annealing(norm, [(-1, 1)] * 2, maxiter=60, seed=0)
    found = lipschitz(step, box(2))
    assert float(found.lower) >= -theirs.fun - 1e-6
    assert -norm(found.where.numpy()) == pytest.approx(float(found.lower), rel=1e-6)


def networks(kind, seed):
    torch.manual_seed(seed)
    hidden = 3
    if kind == "lstm":
        return bind(LSTM(1, 2, 1).double(), torch.rand(1, dtype=F64), weight_hh=2 * torch.randn(8, 2, dtype=F64))
    if kind == "tanh":
        return bind(TanhRNN(1, hidden, 1).double(), torch.rand(1, dtype=F64), weight_hh=torch.randn(3, 3, dtype=F64))
    if kind == "plrnn":
        return bind(PLRNN(1, hidden, 1).double(), torch.rand(1, dtype=F64), weight_hh=torch.randn(3, 3, dtype=F64))
    model = OrthogonalRNN(1, hidden, 1, nonexpansive=True).double()
    return bind(model, torch.rand(1, dtype=F64))


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(["lstm", "tanh", "plrnn", "ornn"]), st.integers(0, 10**6))
def test_the_proved_bound_holds_everywhere(kind, seed):
    step = networks(kind, seed)
    size = step.model.state_size
    low, high = box(size, 1.5)
    found = lipschitz(step, (low, high), boxes=256)
    assert found.lower <= found.upper < math.inf
    generator = torch.Generator().manual_seed(seed)
    a, b = (low + (high - low) * torch.rand(2000, size, dtype=F64, generator=generator) for _ in range(2))
    b = torch.where(torch.rand(2000, 1, generator=generator) < 0.5, b, a + 1e-3 * (b - a))
    quotient = (step(a) - step(b)).norm(dim=-1) / (a - b).norm(dim=-1)
    assert float(quotient.max()) <= float(found.upper) * (1 + 1e-9)
    assert float(torch.linalg.matrix_norm(jacobian(step, a), 2).max()) <= float(found.upper)
    assert float(torch.linalg.matrix_norm(jacobian(step, a), 2).max()) <= float(found.lower) * (1 + 1e-2)


W = torch.tensor([[0.9, -1.2], [0.4, 0.7]], dtype=F64)
PLAIN = {
    "linear": lambda x: x @ W.T,
    "tanh": lambda x: torch.tanh(x @ W.T + 0.3),
    "functional": lambda x: torch.nn.functional.linear(x, W, W[0]).sigmoid(),
    "henon": lambda x: torch.stack([1 - 1.4 * x[..., 0] ** 2 + x[..., 1], 0.3 * x[..., 0]], -1),
    "waves": lambda x: x / 2 + 0.5 * torch.sin(3 * x) - torch.cos(x),
    "gates": lambda x: torch.cat([torch.exp(-x[..., :1].square()) * x[..., 1:], torch.relu(x[..., :1])], -1),
    "unbound": lambda x: torch.stack([x.unbind(-1)[1] ** 3, (x * W[1]).sum(-1)], -1),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_step_is_enclosed(name):
    step = PLAIN[name]
    low, high = box(2)
    found = lipschitz(step, (low, high))
    assert found.lower <= found.upper <= 1.1 * found.lower
    generator = torch.Generator().manual_seed(0)
    a, b = (low + (high - low) * torch.rand(4000, 2, dtype=F64, generator=generator) for _ in range(2))
    quotient = (step(a) - step(b)).norm(dim=-1) / (a - b).norm(dim=-1)
    assert float(quotient.max()) <= float(found.upper)
    # The enclosure holds the Jacobian at every point of every box, small or large.
    for width in (0.5, 0.05):
        left, right = a.minimum(a + width), a + width
        entries = enclosed_jacobian(step, left, right)
        inside = left + (right - left) * torch.rand(4000, 2, dtype=F64, generator=generator)
        exact = jacobian(step, inside)
        assert (entries[0] <= exact + 1e-12).all() and (exact <= entries[1] + 1e-12).all()


@pytest.mark.parametrize(
    "step",
    [lambda x: (2 * x) % 1, lambda x: torch.sign(x), lambda x: torch.where(x > 0, x + 1, x), lambda x: x + x.round()],
)
def test_a_plain_step_that_jumps_is_not(step):
    assert math.isinf(lipschitz(step, box(2)).upper)


def exp_in_place(x):
    y = 3 * x
    torch.exp_(y)
    return y


def scaled_in_place(x):
    y = z = x * 1.0
    z *= 5
    return y


@pytest.mark.parametrize("step", [exp_in_place, scaled_in_place])
def test_what_is_written_in_place_is_not_lost(step):
    assert enclosed_jacobian(step, *(end[None] for end in box(1))) is None


def test_a_bound_below_what_was_attained_proves_nothing():
    assert math.isinf(lipschitz(lambda x: x**3, box(1), jacobian_lipschitz=0.0).upper)


def test_a_step_that_jumps_has_no_constant():
    model = OrthogonalRNN(1, 3, 1).double()
    with torch.no_grad():
        model.bias_hh.fill_(0.1)
    step = bind(model, torch.zeros(1, dtype=F64))
    found = lipschitz(step, box(3))
    assert float(found.lower) == pytest.approx(1.0) and math.isinf(found.upper)
    with torch.no_grad():
        model.bias_hh.fill_(-0.1)
    assert float(lipschitz(bind(model, torch.zeros(1, dtype=F64)), box(3)).upper) == pytest.approx(1.0)
    # Away from the jump the bound is finite again.
    with torch.no_grad():
        model.bias_hh.fill_(0.1)
    step = bind(model, torch.full((1,), 50.0, dtype=F64))
    assert float(lipschitz(step, box(3, 1e-3)).upper) == pytest.approx(1.0)


def test_a_batch_of_networks(uniform):
    weight = uniform(3, 3, 3) * 2 - 1
    model = TanhRNN(1, 3, 1).double()
    together = lipschitz(bind(model, torch.zeros(1, dtype=F64), weight_hh=weight), box(3))
    assert together.lower.shape == together.upper.shape == (3,)
    for i in range(3):
        alone = lipschitz(bind(model, torch.zeros(1, dtype=F64), weight_hh=weight[i]), box(3))
        assert float(together.lower[i]) == pytest.approx(float(alone.lower), rel=1e-3)
        assert float(together.lower[i]) <= float(together.upper[i])


def test_smoothness_of_a_cost():
    def cost(theta):
        return torch.sin(3 * theta[..., 0]) * torch.cos(2 * theta[..., 1]) + theta[..., 0] ** 2

    found = cost_smoothness(cost, box(2))

    def slope(t):
        return -math.hypot(
            3 * math.cos(3 * t[0]) * math.cos(2 * t[1]) + 2 * t[0], 2 * math.sin(3 * t[0]) * math.sin(2 * t[1])
        )

    def curvature(t):
        s, c, s2, c2 = math.sin(3 * t[0]), math.cos(3 * t[0]), math.sin(2 * t[1]), math.cos(2 * t[1])
        return -np.linalg.norm([[-9 * s * c2 + 2, -6 * c * s2], [-6 * c * s2, -4 * s * c2]], 2)

    for ours, function in ((found.gradient, slope), (found.curvature, curvature)):
        theirs = -brute(function, [(-1, 1)] * 2, Ns=41, full_output=True, finish=None)[1]
        assert theirs - 1e-9 <= float(ours) <= theirs * 1.01


def test_smoothness_of_a_quadratic(uniform):
    root = uniform(3, 3)
    hessian = root @ root.T
    found = cost_smoothness(lambda x: ((x @ hessian) * x).sum(-1) / 2, box(3))
    assert float(found.curvature) == pytest.approx(float(np.linalg.norm(hessian.numpy(), 2)), rel=1e-6)
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=F64)] * 3)
    assert float(found.gradient) == pytest.approx(float((corners @ hessian).norm(dim=-1).max()), rel=1e-6)


def test_bad_arguments_are_named(maps):
    step = maps.henon()
    low, high = box(2)
    with pytest.raises(ValueError, match="region is not a pair"):
        lipschitz(step, low[:1])
    with pytest.raises(ValueError, match=r"region has corners \(2,\) and \(1,\)"):
        lipschitz(step, (low, high[:1]))
    with pytest.raises(ValueError, match="low corner exceeds"):
        lipschitz(step, (high, low))
    with pytest.raises(ValueError, match="jacobian_lipschitz is -1"):
        lipschitz(step, (low, high), jacobian_lipschitz=-1)
    with pytest.raises(ValueError, match="starts is 0"):
        cost_smoothness(lambda x: x.sum(-1), (low, high), starts=0)
    with pytest.raises(ValueError, match="cost turned shape"):
        cost_smoothness(lambda x: x, (low, high))
