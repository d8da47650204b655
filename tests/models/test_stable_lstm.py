"""The stable LSTM: what its two projections do, and what the certificate proves."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlib.dynamics import orbit
from paperlib.models import StableLSTM, bind
from paperlib.models.stable_lstm import INPUT_FORGET, RECURRENT

F64 = torch.float64


def build(projection, inputs=1, hidden=8, seed=0, spread=1.0):
    """A network whose every weight has been moved away from where it started, then projected."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = StableLSTM(inputs, hidden, 1, projection=projection).double()
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(spread * torch.randn_like(weight))
        model.project_()
    return model


def sums(model, axis):
    return model.weight_hh.detach().view(4, model.hidden_size, -1).abs().sum(axis)


def test_column_sums_are_exactly_the_released_ones():
    model = build("column", inputs=3)
    expected = torch.tensor(RECURRENT, dtype=F64)[:, None].expand(4, 8)
    torch.testing.assert_close(sums(model, 1), expected, rtol=1e-14, atol=0)
    forget = model.weight_ih.detach()[8:16].abs().sum(0)
    torch.testing.assert_close(forget, torch.full((3,), INPUT_FORGET, dtype=F64), rtol=1e-14, atol=0)
    assert float(model.bias_ih[8:16].detach().max()) > 0.1  # nothing holds the biases


def test_rows_that_exceed_are_shrunk_and_others_left():
    model = build("row", inputs=3, spread=3.0)
    limits = torch.tensor(RECURRENT, dtype=F64)[:, None]
    assert bool((sums(model, 2) <= limits * (1 + 1e-14)).all())
    assert bool((model.weight_ih.detach()[8:16].abs().sum(1) <= INPUT_FORGET * (1 + 1e-14)).all())
    assert float((model.bias_ih + model.bias_hh).detach()[8:16].max()) <= 1e-15
    with torch.no_grad():
        model.weight_hh.mul_(0.1)
    before = [weight.clone() for weight in model.parameters()]
    model.project_()
    for old, new in zip(before, model.parameters(), strict=True):
        torch.testing.assert_close(old, new, rtol=0, atol=1e-15)


@pytest.mark.parametrize("projection", ["row", "column"])
def test_projecting_twice_changes_nothing(projection):
    model = build(projection)
    before = [weight.clone() for weight in model.parameters()]
    model.project_()
    for old, new in zip(before, model.parameters(), strict=True):
        torch.testing.assert_close(old, new, rtol=1e-14, atol=1e-16)


def test_other_gates_are_left_alone():
    model = build("row", inputs=2)
    n = model.hidden_size
    others = [k for k in range(4 * n) if not n <= k < 2 * n]
    before = model.weight_ih.detach()[others].clone(), model.bias_ih.detach()[others].clone()
    with torch.no_grad():
        model.weight_ih[n : 2 * n].mul_(100)
    model.project_()
    assert torch.equal(before[0], model.weight_ih.detach()[others])
    assert torch.equal(before[1], model.bias_ih.detach()[others])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), hidden=st.integers(1, 12), inputs=st.integers(1, 4), spread=st.floats(0, 100))
def test_rows_are_always_certified_for_inputs_up_to_one(seed, hidden, inputs, spread):
    # One matrix product a component: |u|_inf <= 1 is met by the row sums of U_f whatever the number of inputs.
    assert build("row", inputs, hidden, seed, spread).certificate(1.0).rate < 0.93


@pytest.mark.parametrize("projection, norm", [("row", "inf"), ("column", "l1")])
@pytest.mark.parametrize("seed", range(5))
def test_the_certificate_bounds_what_two_orbits_do(projection, norm, seed):
    model = build(projection, hidden=20, seed=seed, spread=0.02)
    found = model.certificate(1.0)
    assert found.rate < 1
    assert found.norm == norm
    u = 2 * torch.rand(60, 1, 1, dtype=F64, generator=torch.Generator().manual_seed(seed)) - 1
    start = torch.randn(2, 1, 40, dtype=F64, generator=torch.Generator().manual_seed(seed + 1)).tanh()
    with torch.no_grad():
        orbits = []
        for x in start:
            states = []
            for u_t in u:
                x = model.step(x, u_t)
                states.append(x)
            orbits.append(torch.stack(states))
    gap = (orbits[0] - orbits[1]).abs()[:, 0]
    size = gap.amax(-1) if norm == "inf" else gap.sum(-1)
    # In the weighted norm every step contracts; in the plain one over any 40 steps, up to the weights' ratio.
    late = size[40:] / size[:20]
    assert float(late.max()) < 10 * found.rate**40


@pytest.mark.parametrize("u", [-1.0, 0.3, 1.0])
def test_a_certified_network_has_one_fixed_point(u):
    model = build("row", hidden=30, spread=5.0)
    step = bind(model, torch.full((1,), u, dtype=F64))
    starts = 100 * torch.randn(6, 60, dtype=F64, generator=torch.Generator().manual_seed(0))
    last = orbit(step, starts, 1, transient=2000)[0]
    torch.testing.assert_close(last, last[:1].expand(6, -1), rtol=0, atol=1e-12)


def test_the_released_projection_loses_its_certificate_with_its_biases():
    model = build("column", hidden=60, spread=0.0)
    assert model.certificate().rate < 1
    with torch.no_grad():
        model.bias_hh[60:120] += 3
    model.project_()
    assert model.certificate().rate > 1


def test_the_l1_certificate_ends_where_the_forget_gate_reaches_its_bound():
    # Exact column sums: the matrix [[phi, a], [phi, a + .395/4]] has radius 1 at phi = .6557.
    model = build("column", spread=0.0, hidden=40)
    with torch.no_grad():
        for phi, below in ((0.655, True), (0.656, False)):
            w = model.weight_hh.view(4, 40, 40)[1].abs().sum(1).max() + model.weight_ih[40:80].abs().max()
            model.bias_ih[40:80] = torch.logit(torch.tensor(phi, dtype=F64)) - w
            model.bias_hh[40:80] = 0
            found = model.certificate()
            assert found.forget == pytest.approx(phi)
            assert (found.rate < 1) is below


def test_without_biases_and_bad_arguments():
    model = StableLSTM(1, 6, 1, bias=False, projection="row")
    assert model.certificate().rate < 1
    with pytest.raises(ValueError, match="projection is 'diagonal', expected 'row' or 'column'"):
        StableLSTM(1, 6, 1, projection="diagonal")
    with pytest.raises(ValueError, match="u_max is -1"):
        model.certificate(-1)
