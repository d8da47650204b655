"""Orbits, diagrams, cost on grids: equal to one parameter at a time, and no bad input goes unnamed."""

import numpy as np
import pytest
import torch
from scipy.signal import argrelmin

from paperlib.dynamics import cost, jacobian, local_minima, lyapunov_spectrum, max_lyapunov, orbit, orbit_diagram

F64 = torch.float64


def logistic(x, r):
    return r[:, None] * x * (1 - x)


def henon(x):
    return torch.stack([1 - 1.4 * x[..., 0] ** 2 + x[..., 1], 0.3 * x[..., 0]], -1)


def test_orbit_equals_the_loop():
    x = torch.tensor([[0.1, 0.2], [0.0, -0.1]], dtype=F64)
    states = orbit(henon, x, 5, transient=3)
    for _ in range(3 + 1):
        x = henon(x)
    for t in range(5):
        torch.testing.assert_close(states[t], x, rtol=0, atol=0)
        x = henon(x)
    assert states.shape == (5, 2, 2) and states.dtype == F64


def test_orbit_keeps_float32():
    assert orbit(henon, torch.zeros(2), 3).dtype == torch.float32


def test_diagram_equals_one_parameter_at_a_time():
    r = torch.tensor([2.8, 3.2, 3.9], dtype=F64)
    x0 = torch.tensor([0.3], dtype=F64)
    together = orbit_diagram(logistic, r, x0, 20, transient=100)
    assert together.shape == (20, 3, 1)
    for i in range(3):
        alone = orbit(lambda x, r=r[i : i + 1]: logistic(x, r), x0[None], 20, transient=100)
        torch.testing.assert_close(together[:, i], alone[:, 0], rtol=0, atol=0)


def test_starts_are_folded_into_the_parameters():
    r = torch.tensor([2.8, 3.2, 3.9], dtype=F64)
    starts = torch.tensor([[0.3], [0.4]], dtype=F64)
    together = orbit_diagram(logistic, r, starts, 7)
    assert together.shape == (7, 3, 2, 1)
    for j in range(2):
        alone = orbit_diagram(logistic, r, starts[j], 7)
        torch.testing.assert_close(together[:, :, j], alone, rtol=0, atol=0)


def test_one_start_a_parameter():
    r, x0 = torch.tensor([2.8, 3.2], dtype=F64), torch.tensor([[0.3], [0.4]], dtype=F64)
    together = orbit_diagram(logistic, r, x0, 3)
    assert together.shape == (3, 2, 1)
    torch.testing.assert_close(together[0, 1], r[1] * 0.4 * 0.6 * torch.ones(1, dtype=F64))


def test_parameters_may_be_vectors():
    p = torch.tensor([[1.4, 0.3], [1.2, 0.2]], dtype=F64)

    def step(x, p):
        return torch.stack([1 - p[:, 0] * x[:, 0] ** 2 + x[:, 1], p[:, 1] * x[:, 0]], -1)

    states = orbit_diagram(step, p, torch.zeros(2, dtype=F64), 4)
    torch.testing.assert_close(states[:, 0], orbit(henon, torch.zeros(2, dtype=F64), 4))


def test_cost_is_the_mean_squared_error_and_its_gradient():
    r = torch.tensor([2.9, 3.0, 3.1], dtype=F64, requires_grad=True)
    target = orbit_diagram(logistic, torch.tensor([3.0], dtype=F64), torch.tensor([0.3], dtype=F64), 12, transient=4)[
        :, 0
    ]
    value = cost(logistic, r, torch.tensor([0.3], dtype=F64), target, transient=4)
    states = orbit_diagram(logistic, r.detach(), torch.tensor([0.3], dtype=F64), 12, transient=4)
    torch.testing.assert_close(value.detach(), ((states - target[:, None]) ** 2).mean((0, 2)))
    assert value[1] == 0
    value.sum().backward()
    for i in (0, 2):
        ends = [
            cost(logistic, r.detach()[i : i + 1] + h, torch.tensor([0.3], dtype=F64), target, transient=4)
            for h in (1e-6, -1e-6)
        ]
        assert abs(r.grad[i] - (ends[0] - ends[1]) / 2e-6) < 1e-6 * max(1, abs(r.grad[i]))


@pytest.mark.parametrize("shape", [(40,), (9, 11)])
def test_local_minima(shape):
    values = torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=F64)
    found = local_minima(values)
    if len(shape) == 1:
        expected = np.zeros(shape, bool)
        expected[argrelmin(values.numpy())] = True
    else:
        from scipy.ndimage import minimum_filter

        expected = values.numpy() == minimum_filter(values.numpy(), size=3)
        expected[[0, -1]] = expected[:, [0, -1]] = False
    assert found.any() and (found.numpy() == expected).all()


def test_jacobian_of_a_step_that_closes_over_its_batch():
    r = torch.tensor([2.0, 3.0], dtype=F64)
    x = torch.tensor([[0.2], [0.4]], dtype=F64)
    J = jacobian(lambda x: logistic(x, r), x)
    assert J.shape == (2, 1, 1)
    torch.testing.assert_close(J[:, 0, 0], r * (1 - 2 * x[:, 0]))


def test_one_start_expanded_to_many_has_tangents():
    r = torch.tensor([2.0, 3.0], dtype=F64)
    spectrum = lyapunov_spectrum(
        lambda x: logistic(x, r), torch.tensor([0.2], dtype=F64).expand(2, 1), 50, transient=50
    )
    torch.testing.assert_close(
        spectrum[0, 0],
        lyapunov_spectrum(lambda x: 2 * x * (1 - x), torch.tensor([0.2], dtype=F64), 50, transient=50)[0],
    )


NAN = torch.tensor([[0.1, float("nan")]], dtype=F64)


@pytest.mark.parametrize("tool", [orbit, lyapunov_spectrum, max_lyapunov])
def test_bad_arguments_are_named(tool):
    good = torch.zeros(2, dtype=F64)
    with pytest.raises(ValueError, match=r"x0 of shape \(1, 2\) has 1 entries that are not finite"):
        tool(henon, NAN, 3)
    with pytest.raises(ValueError, match=r"x0 has shape \(0, 2\)"):
        tool(henon, good.new_zeros(0, 2), 3)
    with pytest.raises(TypeError, match="x0 is a list"):
        tool(henon, [0.0, 0.0], 3)
    with pytest.raises(ValueError, match=r"x0 has dtype torch\.int64"):
        tool(henon, torch.zeros(2, dtype=torch.int64), 3)
    with pytest.raises(ValueError, match="n is 0, expected an integer >= 1"):
        tool(henon, good, 0)
    with pytest.raises(ValueError, match="transient is -1"):
        tool(henon, good, 3, transient=-1)
    with pytest.raises(ValueError, match=r"step turned shape \(2,\) into \(1,\)"):
        tool(lambda x: x[..., :1], good, 3)
    with pytest.raises(ValueError, match=r"step turned shape \(3, 2\) into \(2,\)"):
        tool(lambda x: x[0], good.expand(3, 2), 3)
    with pytest.raises(ValueError, match="step turned dtype"):
        tool(lambda x: x.float(), good, 3)
    with pytest.raises(TypeError, match="step returned a tuple"):
        tool(lambda x: (x, x), good, 3)
    with pytest.raises(FloatingPointError, match="not finite"):
        tool(lambda x: 10 * x * x + 5, good, 400)


def test_bad_grids_are_named():
    r, x0 = torch.tensor([3.0], dtype=F64), torch.tensor([0.3], dtype=F64)
    with pytest.raises(ValueError, match=r"parameters has shape \(0,\), expected \(P,\) or \(P, K\)"):
        orbit_diagram(logistic, r[:0], x0, 3)
    with pytest.raises(ValueError, match=r"parameters of shape .* not finite"):
        orbit_diagram(logistic, r * float("inf"), x0, 3)
    with pytest.raises(ValueError, match="parameters has shape list"):
        orbit_diagram(logistic, [3.0], x0, 3)
    with pytest.raises(ValueError, match=r"x0 has shape \(1, 1, 1\)"):
        orbit_diagram(logistic, r, x0[None, None], 3)
    with pytest.raises(ValueError, match=r"target has shape \(5, 2\), expected \(n, 1\)"):
        cost(logistic, r, x0, torch.zeros(5, 2, dtype=F64))
    with pytest.raises(ValueError, match=r"values has shape \(2,\)"):
        local_minima(torch.zeros(2))
    with pytest.raises(ValueError, match="k is 3, expected at most the state's size 2"):
        lyapunov_spectrum(henon, torch.zeros(2, dtype=F64), 3, k=3)
    with pytest.raises(ValueError, match=r"jacobian returned shape \(2,\), expected \(2, 2\)"):
        lyapunov_spectrum(henon, torch.zeros(2, dtype=F64), 3, jacobian=lambda x: x)
