"""The flows: their fields, Jacobians, trajectories and maps, against values known elsewhere and against one another."""

import math
import sys

import numpy as np
import pytest
import torch

from paperlib.dynamics import lyapunov_spectrum
from paperlib.tasks import systems
from paperlib.tasks.systems import SYSTEMS, flow_map, integrate, standardise, trajectory

NAMES = tuple(SYSTEMS)


@pytest.fixture(scope="module", params=NAMES)
def short(request):
    return request.param, trajectory(request.param, 1200, transient=1000)


def test_the_settings_are_the_papers():
    assert {name: (own.dt, *own.parameters.values()) for name, own in SYSTEMS.items()} == {
        "lorenz": (0.01, 10, 38, 8 / 3),
        "lorenz-rosenstein": (0.01, 16, 45.92, 4),
        "roessler": (0.1, 0.15, 0.2, 10),
    }


@pytest.mark.parametrize("name", ["lorenz", "lorenz-rosenstein"])
def test_the_fixed_points_of_lorenz_are_at_rest(name):
    sigma, rho, beta = SYSTEMS[name].parameters.values()
    root = math.sqrt(beta * (rho - 1))
    points = torch.tensor([[0, 0, 0], [root, root, rho - 1], [-root, -root, rho - 1]], dtype=torch.float64)
    assert float(SYSTEMS[name].velocity(points).abs().max()) < 1e-12
    # Volume shrinks at the same rate everywhere.
    trace = SYSTEMS[name].jacobian(torch.randn(5, 3, dtype=torch.float64)).diagonal(dim1=-2, dim2=-1).sum(-1)
    assert torch.allclose(trace, torch.full((5,), -(sigma + 1 + beta), dtype=torch.float64))


def test_the_fixed_points_of_roessler_are_at_rest():
    a, b, c = SYSTEMS["roessler"].parameters.values()
    points = [[a * z, -z, z] for z in ((c + s * math.sqrt(c * c - 4 * a * b)) / (2 * a) for s in (1, -1))]
    assert float(SYSTEMS["roessler"].velocity(torch.tensor(points, dtype=torch.float64)).abs().max()) < 1e-11


def test_jacobians_are_autograds(short):
    name, states = short
    x = torch.tensor(states[::100])
    expected = torch.func.vmap(torch.func.jacrev(SYSTEMS[name].velocity))(x)
    torch.testing.assert_close(SYSTEMS[name].jacobian(x), expected, rtol=0, atol=1e-12)
    step = flow_map(name)
    eye = torch.eye(3, dtype=torch.float64).expand(len(x), 3, 3)
    following, pushed = step.push(x, eye)
    torch.testing.assert_close(following, step(x), rtol=0, atol=0)
    torch.testing.assert_close(pushed, torch.func.vmap(torch.func.jacrev(step))(x), rtol=1e-10, atol=1e-10)


def test_the_map_follows_the_flow(short):
    name, states = short
    x = torch.tensor(states[::60])
    expected = np.array([integrate(SYSTEMS[name], point, 2, 1e-13)[1] for point in states[::60]])
    assert float((flow_map(name)(x) - torch.tensor(expected)).abs().max()) < 2e-6
    # Order four: half the substep, a sixteenth of the error.
    errors = [float((flow_map(name, substeps=s)(x) - torch.tensor(expected)).abs().max()) for s in (2, 4)]
    assert 8 < errors[0] / errors[1] < 40


def test_a_long_step_is_as_many_of_the_own_length(short):
    name, states = short
    step, x = flow_map(name), torch.tensor(states[::60])
    torch.testing.assert_close(flow_map(name, 2 * SYSTEMS[name].dt)(x), step(step(x)), rtol=0, atol=1e-9)
    assert flow_map(name, SYSTEMS[name].dt / 2).substeps == step.substeps == SYSTEMS[name].substeps


def test_a_trajectory_is_one_of_the_flow_and_the_same_every_time(short):
    name, states = short
    assert states.shape == (1200, 3)
    assert np.array_equal(states, trajectory(name, 1200, transient=1000))
    following = flow_map(name)(torch.tensor(states[:-1])).numpy()
    assert np.abs(following - states[1:]).max() < 2e-6
    assert not np.array_equal(states, trajectory(name, 1200, transient=1000, seed=1))


def test_the_transient_is_dropped_and_a_start_kept():
    whole = trajectory("lorenz", 300, x0=(1.0, 2.0, 3.0), transient=0)
    assert whole[0].tolist() == [1, 2, 3]
    assert np.array_equal(trajectory("lorenz", 200, x0=(1, 2, 3), transient=100), whole[100:])
    assert trajectory("lorenz", 1, x0=(1, 2, 3), transient=0).tolist() == [[1, 2, 3]]


def test_kept_trajectories_are_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(systems, "BUILD", tmp_path)
    first = trajectory("roessler", 50, transient=10, keep=True)
    assert len(list((tmp_path / "systems").iterdir())) == 1
    monkeypatch.setattr(systems, "integrate", None)  # not called again
    assert np.array_equal(trajectory("roessler", 50, transient=10, keep=True), first)


def test_standardised_by_one_mean_and_one_deviation():
    states = trajectory("lorenz", 500, transient=500)
    scaled, mean, deviation = standardise(states)
    assert (scaled.mean(), scaled.std()) == (pytest.approx(0, abs=1e-12), pytest.approx(1))
    np.testing.assert_allclose(scaled * deviation + mean, states)
    assert abs(scaled[:, 2].mean()) > 1  # not each component by its own


@pytest.mark.parametrize("name, known", [("lorenz-rosenstein", 1.50), ("lorenz", 1.105)])  # Rosenstein et al. 1993
def test_exponents_of_lorenz(name, known):
    x = torch.tensor(trajectory(name, 4100, transient=500)[100::100])
    found = lyapunov_spectrum(flow_map(name), x, 500, transient=200) / SYSTEMS[name].dt
    sigma, _, beta = SYSTEMS[name].parameters.values()
    # The sum is exact for the flow; what is left is the map's own error.
    assert float(found.sum(-1).mean()) == pytest.approx(-(sigma + 1 + beta), abs=1e-4)
    mean, error = found.mean(0), found.std(0) / math.sqrt(len(x))
    assert abs(float(mean[0]) - known) < 4 * float(error[0])


def test_predictability_time():
    assert systems.predictability_time(1.105 * 0.01) == pytest.approx(62.7, abs=0.05)
    assert systems.predictability_time(0.0) == math.inf


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: trajectory("henon"), "system is 'henon', expected one of lorenz, lorenz-rosenstein, roessler"),
        (lambda: flow_map("henon"), "system is 'henon'"),
        (lambda: trajectory("lorenz", 0), "n is 0, expected an integer of at least 1"),
        (lambda: trajectory("lorenz", 10, transient=-1), "transient is -1"),
        (lambda: trajectory("lorenz", 10, x0=(1, 2)), r"x0 is \[1.0, 2.0\], expected 3 finite numbers"),
        (lambda: flow_map("lorenz", 0.0), "dt is 0.0, expected a positive number"),
        (lambda: systems.predictability_time(math.nan), "exponent is nan, expected a number"),
        (lambda: flow_map("lorenz", substeps=0), "substeps is 0, expected a positive integer"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_machine_without_scipy_is_told_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.integrate", None)
    with pytest.raises(ModuleNotFoundError, match="the data of lorenz are integrated by scipy, which is not installed"):
        trajectory("lorenz", 5)
