"""Every kind of attractor, every known trap, and attractors counted once."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlib.dynamics import classify, fixed_points, orbit
from paperlib.models import LSTM, bind

F64 = torch.float64


def one(*values):
    return torch.tensor(values, dtype=F64)


def test_each_kind_on_the_delayed_logistic_map(maps, uniform):
    a = one(1.9, 1.99, 2.0, 2.1, 2.2, 2.27, 2.5)
    result = classify(maps.delayed(a), 0.35 + 0.1 * uniform(3, 7, 2))
    expected = ["fixed point", "fixed point", "undecided", "quasi-periodic", "cycle", "chaotic", "unbounded"]
    assert (result.kind == np.array(expected)).all()
    assert (result.period == torch.tensor([1, 1, 0, 0, 7, 0, 0])).all()
    assert (result.attractor == torch.tensor([0, 0, -1, 0, 0, 0, -1])).all()
    torch.testing.assert_close(result.exponents[:, 0], one(math.log(0.9) / 2).expand(3, 2), rtol=0, atol=1e-6)
    assert result.kind.shape == (3, 7) and result.exponents.shape == (3, 7, 2)
    assert result.exponents[:, 6].isnan().all()


def test_periods_of_the_logistic_map(maps):
    r = one(2.5, 3.2, 3.5, 3.55, 3.566, 1 + math.sqrt(8) + 1e-3, 3.9057)[:, None]
    result = classify(maps.logistic(r), one(0.2).expand(7, 1), transient=3000)
    assert result.period[:6].tolist() == [1, 2, 4, 8, 16, 3]
    assert result.exponents[0, 0].item() == pytest.approx(math.log(0.5), abs=1e-9)
    assert result.exponents[1, 0].item() == pytest.approx(math.log(abs(4 + 2 * 3.2 - 3.2**2)) / 2, abs=1e-8)


def test_pynamicalsys_finds_the_same_periods(maps):
    from pynamicalsys import DiscreteDynamicalSystem

    theirs = DiscreteDynamicalSystem(model="logistic map")
    r = [2.8, 3.3, 3.52, 3.835]
    ours = classify(maps.logistic(one(*r)[:, None]), one(0.3).expand(4, 1))
    expected = [
        theirs.period([0.3], max_time=3300, parameters=[value], transient_time=3000, tolerance=1e-9) for value in r
    ]
    assert ours.period.tolist() == [int(p) for p in expected]


def test_starts_out_of_phase_are_on_one_cycle(maps, uniform):
    result = classify(maps.logistic(3.55), uniform(30, 1), n=400, transient=800)
    assert (result.kind == "cycle").all() and (result.period == 8).all()
    assert (result.attractor == 0).all()


def test_two_attractors_of_each_kind_are_two(maps, uniform):
    def doubled(step):
        """Two copies of a map of [0, 1], side by side."""
        return maps.Map(
            lambda x: torch.where(x < 2, step(x), 3 + step(x - 3)),
            lambda x: torch.where((x < 2)[..., None], step.jacobian(x), step.jacobian(x - 3)),
        )

    side = torch.tensor([0.0, 3.0, 0.0, 3.0, 3.0, 0.0], dtype=F64)[:, None]
    for r, kind in ((2.8, "fixed point"), (3.2, "cycle"), (3.9, "chaotic")):
        result = classify(doubled(maps.logistic(r)), uniform(6, 1) + side)
        assert (result.kind == kind).all()
        assert result.attractor.tolist() == [0, 1, 0, 1, 1, 0]


def test_quasi_periodic_circles_of_different_radius(maps):
    result = classify(maps.rotation(math.sqrt(2) / 7), one([1.0, 0], [0, 1.0], [2.0, 0]), n=1000)
    assert (result.kind == "quasi-periodic").all()
    assert result.attractor.tolist() == [0, 0, 1]


def test_a_circle_near_a_resonance_is_one():
    # Rotation by almost 1/30 turn: within any affordable orbit thirty dots that creep, other dots from another start.
    angle = 2 * math.pi * (1 / 30 + 2e-7)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=F64)

    def step(x):
        radius = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        circle = torch.where(radius < 1.5, 1.0, 2.0)
        return (x / radius * (circle + 0.5 * (radius - circle))) @ turn.T

    phases = torch.tensor([0.0, 0.03, 0.09, 0.14, 0.19], dtype=F64)
    ring = torch.stack([phases.cos(), phases.sin()], -1)
    result = classify(step, torch.cat([0.9 * ring, 2.1 * ring]), n=2000, transient=1000)
    assert (result.kind == "quasi-periodic").all()
    assert result.attractor.tolist() == [0] * 5 + [1] * 5


@pytest.mark.parametrize(
    ("name", "step", "start"),
    [
        ("flip of the logistic map", lambda x: 3 * x * (1 - x), 0.2),
        ("second flip", lambda x: 3.449489742783178 * x * (1 - x), 0.2),
        ("pitchfork", lambda x: x - x**3, 0.5),
        ("fold", lambda x: x - x**2, 0.5),
        ("identity", lambda x: 1.0 * x, 0.5),
        ("growth without end", lambda x: x + 1, 0.5),
    ],
)
def test_nothing_is_guessed_at_a_bifurcation(name, step, start):
    result = classify(step, one(start), n=300, transient=300)
    assert result.kind == "undecided", name
    assert result.period == 0 and result.attractor == -1


def test_a_vanished_fixed_point_is_no_attractor(maps):
    # x' = x + x^2 + 1e-8 near zero: thousands of steps inside the ghost; slightly earlier, at 1e-3, it is through.
    ghost = maps.Map(
        lambda x: torch.where(x < 0.5, x + x**2 + 1e-8, x - 1.5),
        lambda x: torch.where(x < 0.5, 1 + 2 * x, 1.0)[..., None],
    )
    inside = classify(ghost, one([-0.2], [-0.001], [0.0]), n=500, transient=500)
    assert (inside.kind == "undecided").all()
    # The same just below the period-3 window.
    near = maps.logistic(1 + math.sqrt(8) - 1e-7)
    assert classify(near, one(0.5), n=300, transient=600).kind == "undecided"


def test_a_slow_spiral_is_a_fixed_point_only_once_it_arrived():
    def spiral(rate):
        c, s = rate * math.cos(math.pi / 3), rate * math.sin(math.pi / 3)
        m = torch.tensor([[c, -s], [s, c]], dtype=F64)
        return lambda x: x @ m.T + 1

    assert classify(spiral(0.999), one(3.0, 0.0), n=300, transient=300).kind == "undecided"
    late = classify(spiral(0.98), one(3.0, 0.0), n=600, transient=600)
    assert late.kind == "fixed point" and late.period == 1
    torch.testing.assert_close(late.exponents, one(1.0, 1.0) * math.log(0.98), rtol=0, atol=1e-9)


def test_rounding_makes_no_attractor(maps):
    # Binary digits run out after 53 doublings; a zero state stays where it is by symmetry.
    doubling = maps.Map(lambda x: (2 * x) % 1, lambda x: torch.full_like(x, 2.0)[..., None])
    assert classify(doubling, one(0.3), n=100, transient=100).kind == "undecided"
    held = classify(lambda x: torch.tanh(2 * x), one(0.0), n=100, transient=100)
    assert held.kind == "undecided" and held.exponents[0].item() == pytest.approx(math.log(2))


def test_orbits_below_rounding_keep_their_exponent():
    result = classify(lambda x: 0.5 * x, one(0.7, -0.2), n=500, transient=2000)
    assert result.kind == "fixed point"
    torch.testing.assert_close(result.exponents, one(1.0, 1.0) * math.log(0.5))


def test_escape(maps):
    result = classify(maps.henon(), one([0.0, 0.0], [3.0, 3.0]), n=300, transient=100)
    assert result.kind.tolist() == ["chaotic", "unbounded"]
    assert classify(lambda x: 1.1 * x, one(0.1), n=300).kind == "unbounded"
    assert result.state[1].tolist() == [3, 3]


def test_the_state_is_where_the_transient_ended(maps, uniform):
    model = LSTM(1, 2, None, bias=False).double()
    step, starts = bind(model, one(0.5), weight_hh=8 * uniform(6, 8, 2) - 4), uniform(3, 6, 4)
    result = classify(step, starts, n=50, transient=70)
    assert torch.equal(result.state, orbit(step, starts, 1, transient=69)[0])
    assert torch.equal(classify(maps.logistic(3.2), one(0.3), n=50, transient=0).state, one(0.3))


def test_batched_parameters_equal_one_at_a_time(uniform):
    model = LSTM(1, 2, None, bias=False).double()
    weight = 8 * uniform(6, 8, 2) - 4
    starts = 100 * (2 * uniform(3, 6, 4) - 1)
    together = classify(bind(model, one(0.5), weight_hh=weight), starts, n=400, transient=600)
    for i in range(6):
        alone = classify(bind(model, one(0.5), weight_hh=weight[i]), starts[:, i], n=400, transient=600)
        assert (alone.kind == together.kind[:, i]).all()
        assert (alone.period == together.period[:, i]).all()
        assert (alone.attractor == together.attractor[:, i]).all()


def test_long_cycle_is_found_with_its_least_period():
    # A rotation by 5 / 145 turns with a stable radius, every point of a cycle of 29 visited; then of 145 itself.
    for turns, period in ((5 / 145, 29), (7 / 145, 145)):
        angle = 2 * math.pi * turns
        locked = 145 if period == 145 else 29

        def step(x, angle=angle, locked=locked):
            phase, radius = torch.atan2(x[..., 1], x[..., 0]), torch.linalg.vector_norm(x, dim=-1)
            phase = phase + angle - 0.5 / locked * torch.sin(locked * phase)
            radius = 1 + 0.5 * (radius - 1)
            return torch.stack([radius * torch.cos(phase), radius * torch.sin(phase)], -1)

        result = classify(step, one([0.3, 0.1], [1.0, -2.0], [-0.5, 0.2]), n=300, transient=600)
        assert (result.kind == "cycle").all() and (result.period == period).all()
        torch.testing.assert_close(result.exponents, one(math.log(0.5), math.log(0.5)).expand(3, 2), rtol=0, atol=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_a_contraction_has_one_attractor(seed, size):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(size, size, dtype=F64, generator=generator)
    weight = 0.9 * weight / torch.linalg.matrix_norm(weight, 2)
    bias = torch.randn(size, dtype=F64, generator=generator)

    def step(x):
        return torch.tanh(x @ weight.T + bias)

    x0 = 100 * torch.randn(10, size, dtype=F64, generator=generator)
    result = classify(step, x0, n=100, transient=300)
    assert (result.kind == "fixed point").all() and (result.attractor == 0).all()
    found = fixed_points(step, x0[:3])
    assert len(found.points) == 1 and found.stable.all()
    exponents = found.multipliers[0].abs().log().sort(descending=True).values
    well = exponents > -20  # multipliers at rounding level have no digits
    torch.testing.assert_close(result.exponents[0][well], exponents[well], rtol=0, atol=1e-6)


def test_a_large_network(uniform):
    torch.manual_seed(0)
    model = LSTM(1, 40, 1).double()
    result = classify(bind(model, one(1.0)), 100 * (2 * uniform(4, 80) - 1), n=300, transient=500)
    assert (result.kind == "fixed point").all() and (result.attractor == 0).all()
    assert result.exponents.shape == (4, 4)
    found = fixed_points(bind(model, one(1.0)), uniform(2, 80))
    torch.testing.assert_close(result.exponents[0, 0], found.multipliers[0, 0].abs().log(), rtol=0, atol=1e-4)


def test_float32(maps):
    result = classify(maps.logistic(3.2), torch.tensor([[0.3], [0.7]]), n=200, transient=300)
    assert (result.kind == "cycle").all() and result.exponents.dtype == torch.float32


def test_bad_arguments_are_named(maps):
    step = maps.logistic(3.2)
    with pytest.raises(ValueError, match="n is 0"):
        classify(step, one(0.3), n=0)
    with pytest.raises(ValueError, match="transient is -1"):
        classify(step, one(0.3), transient=-1)
    with pytest.raises(ValueError, match="k is 2, expected 1 to the state's size 1"):
        classify(step, one(0.3), k=2)
    for k in (0, 1.0):
        with pytest.raises(ValueError, match=f"k is {k}, expected an integer >= 1"):
            classify(step, one(0.3), k=k)
    with pytest.raises(ValueError, match="not finite"):
        classify(step, one(float("nan")))
    with pytest.raises(TypeError, match="x0 is a list"):
        classify(step, [0.3])
