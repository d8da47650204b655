"""Fixed points against scipy's root finder, bifurcations against their formulas, basins against the obvious."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, root

from paperlib.dynamics import basins, bifurcations, fixed_points, sampled_bifurcations
from paperlib.models import TanhRNN, bind

F64 = torch.float64


def one(*values):
    return torch.tensor(values, dtype=F64)


def stable_cycle_points(r, period):
    x = 0.3
    for _ in range(20000):
        x = r * x * (1 - x)
    points = []
    for _ in range(period):
        x = r * x * (1 - x)
        points.append(x)
    return sorted(points)


def test_all_points_of_all_lower_cycles(maps, uniform):
    found = fixed_points(maps.logistic(3.5), uniform(40, 1), period=4)
    assert found.least_period.tolist() == [1, 4, 2, 4, 1, 4, 2, 4]
    four = found.points[found.least_period == 4][:, 0]
    np.testing.assert_allclose(four.numpy(), stable_cycle_points(3.5, 4), atol=1e-9)
    assert found.stable.tolist() == [False, True, False, True, False, True, False, True]
    slope = (3.5 * (1 - 2 * four)).prod()
    torch.testing.assert_close(found.multipliers[found.least_period == 4].real[:, 0], slope.expand(4))


def test_henon_has_its_two_saddles(maps, uniform):
    found = fixed_points(maps.henon(), 4 * uniform(30, 2) - 2)
    x = (-0.7 + np.array([-1, 1]) * math.sqrt(0.49 + 5.6)) / 2.8
    np.testing.assert_allclose(found.points[:, 0].numpy(), x, atol=1e-10)
    for point, multipliers in zip(found.points, found.multipliers, strict=True):
        expected = np.linalg.eigvals(np.array([[-2.8 * float(point[0]), 1], [0.3, 0]]))
        np.testing.assert_allclose(sorted(multipliers.abs().tolist()), sorted(np.abs(expected)), atol=1e-9)
    assert not found.stable.any()


def test_scipy_finds_the_same_points_of_a_network(uniform):
    weight = 4 * uniform(3, 3) - 2
    step = bind(TanhRNN(1, 3, 1, bias=False).double(), one(0.0), weight_hh=weight + weight.T)
    starts = 2 * uniform(80, 3) - 1
    found = fixed_points(step, starts)
    assert len(found.points) >= 3 and (step(found.points) - found.points).abs().max() < 1e-9
    theirs = [root(lambda x: step(torch.from_numpy(x)).numpy() - x, start.numpy(), tol=1e-13) for start in starts[:20]]
    solved = [torch.from_numpy(r.x) for r in theirs if r.success]
    assert len(solved) >= 10
    for point in solved:
        assert (found.points - point).abs().amax(-1).min() < 1e-6


def test_points_of_many_parameters_at_once(maps, uniform):
    r = one(2.5, 3.2)[:, None]
    found = fixed_points(maps.logistic(r), uniform(20, 2, 1))
    assert found.parameter.tolist() == [0, 0, 1, 1]
    torch.testing.assert_close(found.points[:, 0], one(0, 0.6, 0, 0.6875), rtol=0, atol=1e-9)


def test_none_is_found_where_none_is():
    found = fixed_points(lambda x: x + 1 + 0 * x, one([0.0], [1.0]))
    assert found.points.shape == (0, 1) and found.multipliers.shape == (0, 1)


def logistic(x, r):
    return r * x * (1 - x)


def named(events):
    return [event.kind for event in events]


@pytest.mark.parametrize(
    ("period", "between", "kinds", "where"),
    [
        (1, (0.5, 3.3), ["transcritical", "flip"], [1.0, 3.0]),
        (2, (2.9, 3.5), ["flip"], [3.449489743]),
        (3, (3.8, 3.86), ["fold", "flip"], [1 + math.sqrt(8), 3.841499008]),
        (4, (3.46, 3.55), ["flip"], [3.544090360]),
        (8, (3.55, 3.566), ["flip"], [3.564407266]),
        (16, (3.5670, 3.569), ["flip"], [3.568759420]),
    ],
)
def test_logistic_map(uniform, period, between, kinds, where):
    found = bifurcations(logistic, torch.linspace(*between, 3, dtype=F64), uniform(16, 1), period=period)
    assert named(found) == kinds
    np.testing.assert_allclose([event.parameter for event in found], where, rtol=0, atol=1e-6)


def test_henon_map(uniform):
    def henon(x, a):
        return torch.stack([1 - a * x[..., 0] ** 2 + x[..., 1], 0.3 * x[..., 0]], -1)

    found = bifurcations(henon, torch.linspace(-0.2, 0.6, 4, dtype=F64), 3 * uniform(12, 2) - 1.5)
    assert named(found) == ["fold", "flip"]
    expected = [-((1 - 0.3) ** 2) / 4, 3 * (1 - 0.3) ** 2 / 4]
    np.testing.assert_allclose([event.parameter for event in found], expected, rtol=0, atol=1e-6)


def test_neimark_sacker_of_the_delayed_logistic_map(uniform):
    def delayed(x, a):
        return torch.stack([a * x[..., 0] * (1 - x[..., 1]), x[..., 0]], -1)

    (found,) = bifurcations(delayed, torch.linspace(1.5, 2.2, 3, dtype=F64), 0.2 + 0.5 * uniform(6, 2))
    assert found.kind == "Neimark-Sacker"
    assert abs(found.parameter - 2) < 1e-6
    # The angle at a = 2 is a sixth of a turn.
    assert abs(abs(float(found.multipliers[0].angle())) - math.pi / 3) < 1e-6
    torch.testing.assert_close(found.point, one(0.5, 0.5))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(("w", "folds"), [(5, [-2.6556, -2.3444]), (6, [-3.4151, -2.5849]), (3.9, [])])
def test_folds_of_the_one_unit_network(uniform, w, folds):
    found = bifurcations(
        lambda x, b: w * torch.sigmoid(x) + b, torch.linspace(-4, -1.5, 6, dtype=F64), 8 * uniform(12, 1) - 4
    )
    assert named(found) == ["fold"] * len(folds)
    np.testing.assert_allclose([event.parameter for event in found], folds, rtol=0, atol=5e-5)
    for event in found:
        # Independently: w sigmoid'(x) = 1 solved by scipy, and b from x = w sigmoid(x) + b.
        sign = 1 if float(event.point) > 0 else -1
        x = brentq(lambda x: w * sigmoid(x) * (1 - sigmoid(x)) - 1, 0, sign * 20, xtol=1e-13)
        assert abs(event.parameter - (x - w * sigmoid(x))) < 1e-6


def test_pitchfork_and_its_mirror(uniform):
    w = torch.linspace(0.5, 2, 4, dtype=F64)
    (found,) = bifurcations(lambda x, w: torch.tanh(w * x), w, 2 * uniform(8, 1) - 1)
    assert found.kind == "pitchfork" and abs(found.parameter - 1) < 1e-6
    (found,) = bifurcations(lambda x, w: torch.tanh(-w * x), w, 2 * uniform(8, 1) - 1)
    assert found.kind == "flip" and abs(found.parameter - 1) < 1e-6


def test_a_path_of_snapshots(maps, uniform):
    a = torch.linspace(1.65, 2.2, 12, dtype=F64)
    (change,) = [
        c
        for c in sampled_bifurcations([maps.delayed(value) for value in a], 0.3 + 0.3 * uniform(4, 2))
        if float(c.point.abs().max()) > 0.1
    ]
    i, j = change.between
    assert change.kind == "Neimark-Sacker" and a[i] <= 2 <= a[j]
    b = torch.linspace(-2.5, -2.2, 7, dtype=F64)
    steps = [lambda x, b=value: 5 * torch.sigmoid(x) + b for value in b]
    lost = sampled_bifurcations(steps, 8 * uniform(16, 1) - 4)
    assert [c.kind for c in lost] == ["fold", "fold"]
    assert all(b[c.between[0]] <= -2.3444 <= b[c.between[1]] for c in lost)
    weights = torch.linspace(0.8, 1.25, 4, dtype=F64)
    steps = [
        maps.Map(lambda x, w=w: torch.tanh(w * x), lambda x, w=w: (w / torch.cosh(w * x) ** 2)[..., None])
        for w in weights
    ]
    assert [c.kind for c in sampled_bifurcations(steps, one([0.1], [0.5]))] == ["pitchfork or transcritical"]


def test_basins_of_four_corners(maps):
    step = maps.Map(lambda x: torch.tanh(2 * x), lambda x: torch.diag_embed(2 / torch.cosh(2 * x) ** 2))
    found = basins(step, (one(-1, -1), one(1, 1)), (20, 30), n=200, transient=100)
    assert found.labels.shape == (20, 30) and found.kinds == ["fixed point"] * 4
    x, y = torch.meshgrid(*found.axes, indexing="ij")
    ends = torch.stack([found.attractors[k][0] for k in found.labels.flatten()])
    assert (torch.sign(ends) == torch.sign(torch.stack([x.flatten(), y.flatten()], -1))).all()


@pytest.mark.parametrize(("centre", "size"), [(0, 1e-4), (1000, 0.4)])
def test_basins_are_told_apart_at_the_size_of_the_grid(centre, size):
    def step(x):
        return centre + size * torch.tanh(2 * (x - centre) / size)

    found = basins(step, (one(centre - 2 * size), one(centre + 2 * size)), (8,), n=200, transient=200)
    assert found.labels.unique_consecutive(return_counts=True)[1].tolist() == [4, 4]
    assert found.kinds == ["fixed point"] * 2


def test_basins_of_a_slice_and_of_chaos(maps):
    product = maps.Map(
        lambda x: torch.cat([maps.henon()(x[..., :2]), torch.tanh(2 * x[..., 2:])], -1),
        lambda x: torch.stack(
            [torch.block_diag(maps.henon().jacobian(y[:2]), 2 / torch.cosh(2 * y[2:]) ** 2) for y in x]
        ),
    )
    found = basins(product, (one(-0.5, -0.1), one(0.5, 0.1)), (5, 5), origin=one(0, 0, 0.5), n=300, transient=100)
    assert found.kinds == ["chaotic"] and (found.labels == 0).all()
    alone = basins(maps.henon(), (one(-2, -2), one(2, 2)), (15, 15), n=500, transient=300)
    x, y = torch.meshgrid(*alone.axes, indexing="ij")
    states = torch.stack([x, y], -1)
    for _ in range(300):
        states = maps.henon()(states)
    assert ((alone.labels == -1) == ~torch.isfinite(states).all(-1)).all()


def test_bad_arguments_are_named(maps):
    step = maps.logistic(3.2)
    with pytest.raises(ValueError, match="period is 0"):
        fixed_points(step, one(0.3), period=0)
    with pytest.raises(ValueError, match="x0 of shape"):
        fixed_points(step, one(math.inf))
    with pytest.raises(ValueError, match=r"parameters has shape \(1,\), expected \(P,\)"):
        bifurcations(logistic, one(3.0), one(0.3))
    for stride in (-1, 0):
        with pytest.raises(ValueError, match=f"stride is {stride}"):
            bifurcations(logistic, one(3.0, 3.1), one(0.3), stride=stride)
    with pytest.raises(ValueError, match=r"parameters are all 3\.0, expected a range"):
        bifurcations(logistic, one(3.0, 3.0), one(0.3))
    with pytest.raises(ValueError, match="steps is empty"):
        sampled_bifurcations([], one(0.3))
    with pytest.raises(ValueError, match=r"region has corners \(2,\) and \(2,\), expected \(1,\)"):
        basins(step, (one(0, 0), one(1, 1)), (5,))
    with pytest.raises(ValueError, match="resolution is 1"):
        basins(step, (one(0.0), one(1.0)), (1,))


@pytest.mark.parametrize(
    ("region", "options", "message"),
    [
        ((1, 0), {}, "low corner exceeds"),
        ((0, 1, 2), {}, "region is not a pair"),
        ((0, 1), {"near": math.nan}, "near is nan, expected a finite number >= 0"),
        ((0, 1), {"near": -1}, "near is -1"),
        ((0, 1), {"transient": -1}, "transient is -1"),
        ((0, 1), {"origin": [0, math.nan]}, "origin of shape .* not finite"),
        ((0, 1), {"origin": []}, r"origin has shape \(0,\)"),
        ((0, 1), {}, r"give 1 coordinates, expected origin \(N,\)"),
        ((0, 1), {"origin": [0]}, r"give 1 coordinates, expected origin \(N,\)"),
    ],
)
def test_bad_arguments_of_basins(maps, region, options, message):
    options = {name: one(*value) if name == "origin" else value for name, value in options.items()}
    with pytest.raises(ValueError, match=message):
        basins(maps.henon(), tuple(one(corner) for corner in region), (5,), **options)
