"""Gradients and products of Jacobians with and without forcing, against what they must be."""

import math

import pytest
import torch

from paperlib import dynamics
from paperlib.models import LSTM, PLRNN, TanhRNN, bind
from paperlib.tasks.forcing import onto
from paperlib.theory import forcing
from paperlib.training.seeds import seeded


@pytest.fixture
def lstm():
    model = seeded(0, lambda: LSTM(1, 5, 3)).double()
    model.register_parameter("bias_ho", None)
    return model


def data(steps: int, count: int = 3) -> torch.Tensor:
    return torch.randn(steps + 1, count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_gradient_of_the_last_step(lstm):
    x = data(9)
    start = onto(lstm, x[0]).detach()
    found = forcing.log_gradients(forcing.last_step(lstm, start, x[1:]), list(lstm.parameters()), (1, 9))
    assert found.shape == (2, 3)
    for s in range(3):
        state = start[s : s + 1]
        for _ in range(9):
            state = lstm.step(state, state.new_zeros(1, 1))
        error = (lstm.readout(state) - x[9, s]).square().sum() / 2
        own = torch.autograd.grad(error, list(lstm.parameters()), allow_unused=True)
        norm = math.sqrt(sum(float(g.square().sum()) for g in own if g is not None))
        assert float(found[1, s]) == pytest.approx(math.log(norm), rel=1e-9)


def test_a_forcing_cuts_the_gradient(lstm):
    """The last error of a window depends on nothing before the last forcing."""
    x, other = data(20), data(20)
    other[:10] = torch.randn(10, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    parameters = list(lstm.parameters())
    errors = []
    for windows in (x, other):
        loss = forcing.windows(lstm, windows, 10)
        total = 20 * loss(20) - 10 * loss(10)  # the error of steps 11 to 20, forced at 10
        grads = [torch.autograd.grad(value, parameters, retain_graph=True) for value in total]
        errors.append(torch.stack([torch.cat([g.reshape(-1) for g in own]) for own in grads]))
    assert torch.allclose(errors[0], errors[1], rtol=1e-7, atol=1e-9)
    assert float(errors[0].norm()) > 0.1


def test_products_begin_anew_at_every_forcing(lstm):
    x = data(12)[:, 0]
    step = bind(lstm, torch.zeros(1, dtype=torch.float64))
    starts = onto(lstm, x[:12:4]).detach()
    found = forcing.forced_products(step, starts, 4)
    assert found.shape == (12,)
    for k, start in enumerate(starts):
        product = torch.eye(10, dtype=torch.float64)
        z = start
        for t in range(4):
            product = dynamics.jacobian(step, z) @ product
            z = step(z)
            assert float(found[4 * k + t]) == pytest.approx(float(product.norm().log()), abs=1e-9)


def test_slope_of_lines():
    t = torch.arange(10.0, dtype=torch.float64)
    fit = forcing.slope(t, 0.3 * t[:, None] + torch.tensor([1.0, 2.0, -5.0]))
    assert fit.value == pytest.approx(0.3) and fit.error == pytest.approx(0, abs=1e-12)
    fit = forcing.slope(t, t[:, None] * torch.tensor([0.2, 0.4]))
    assert fit.value == pytest.approx(0.3) and fit.error == pytest.approx(0.1)
    assert fit.deviation(0.5) == pytest.approx(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: forcing.slope([1, 2], torch.ones(3, 2)), r"shapes \(2,\) and \(3, 2\)"),
        (lambda m: forcing.slope([1, 2], torch.ones(2, 1)), r"\(2, 1\)"),
        (lambda m: forcing.slope([1, 2], torch.full((2, 2), -torch.inf)), "not finite"),
        (lambda m: forcing.log_gradients(lambda n: torch.ones(1), [], [0]), "length is 0"),
        (
            lambda m: forcing.forced_products(bind(m, torch.zeros(1).double()), torch.zeros(2, 10).double(), 0),
            "tau is 0",
        ),
    ],
)
def test_bad_arguments(lstm, call, message):
    with pytest.raises(ValueError, match=message):
        call(lstm)


@pytest.mark.parametrize("make", [TanhRNN, PLRNN])
def test_a_small_network_learns_a_cycle_and_its_gradient_stays_bounded(make):
    network, start = forcing.cycle_network(make)
    step = bind(network, torch.zeros(1, dtype=torch.float64))
    found = dynamics.classify(step, start, n=600, transient=3000)
    assert found.kind[0] == "cycle" and int(found.period[0]) == 6
    states = dynamics.orbit(step, start, 6, transient=3000)[:, 0]
    distance = torch.cdist(network.readout(states).detach(), forcing.cycle()).amin(0)
    assert float(distance.max()) < 0.1
    logs = forcing.log_gradients(
        forcing.last_step(network, states[:1]), list(network.parameters()), (198, 396)
    )  # whole turns
    assert float((logs[1] - logs[0]).abs().max()) < 0.01
