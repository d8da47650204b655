"""What the background chapter computes: products, Doya's unit, memory, training over a span."""

import math

import pytest
import torch
from scipy.optimize import brentq
from torch.func import jacrev

from paperlib import dynamics
from paperlib.models import TanhRNN, bind
from paperlib.theory import doya, memory, products, span


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def tanh_network(seed, size=4, gain=1.5):
    weight = torch.randn(size, size, dtype=torch.float64, generator=generator(seed)) * gain / size**0.5
    return lambda x: torch.tanh(x @ weight.T), weight


def test_the_variance_of_a_product_of_signs_is_exact():
    value, error = products.weight_products(30, 1.1, 1000, generator(), kind="sign")
    torch.testing.assert_close(value, 1.1 ** torch.arange(1.0, 31, dtype=torch.float64))
    assert float((error / value).max()) < 1e-12


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_the_variance_of_a_product_is_v_to_the_n(kind):
    value, error = products.weight_products(4, 0.7, 200_000, generator(1), kind=kind)
    away = (value - 0.7 ** torch.arange(1.0, 5, dtype=torch.float64)).abs() / error
    assert float(away.max()) < 4
    assert float((error / value).max()) < 0.05  # a wide error would accept anything


def test_an_unknown_kind_of_weight_is_refused():
    with pytest.raises(ValueError, match="kind is 'cauchy', expected one of normal, uniform, sign"):
        products.weight_products(3, 1.0, 10, generator(), kind="cauchy")


@pytest.mark.parametrize("width", [1, 3, 50])
def test_the_typical_loss_of_a_layer_is_as_expected(width):
    depth, count = 50, 4000
    growth = products.layer_growth(width, depth, count, generator(width)) / depth
    assert abs(float(growth.mean()) - products.expected_layer_growth(width)) < 4 * float(growth.std()) / count**0.5


def test_a_layer_without_matrices_grows_as_one_with_them():
    width, count = 5, 20_000
    h = torch.nn.functional.normalize(torch.randn(count, width, dtype=torch.float64, generator=generator()), dim=-1)
    matrices = torch.randn(count, width, width, dtype=torch.float64, generator=generator(1)) / width**0.5
    direct = torch.log(torch.linalg.vector_norm((matrices @ h[..., None])[..., 0], dim=-1))
    short = products.layer_growth(width, 1, count, generator(2))
    error = (direct.var() + short.var()).sqrt() / count**0.5
    assert abs(float(direct.mean() - short.mean())) < 4 * float(error)


@pytest.mark.parametrize("ord", [2, "fro"])
def test_jacobian_products_are_those_of_the_iterated_map(ord):
    step, _ = tanh_network(0)
    x0 = torch.randn(3, 4, dtype=torch.float64, generator=generator(5))

    def iterated(x):
        for _ in range(7):
            x = step(x)
        return x

    expected = torch.stack([torch.linalg.matrix_norm(jacrev(iterated)(x), ord=ord) for x in x0])
    torch.testing.assert_close(products.jacobian_products(step, x0, 7, ord=ord)[-1].exp(), expected)


def test_jacobian_products_neither_overflow_nor_die():
    for scale in (1e3, 1e-3):
        norms = products.jacobian_products(lambda x, scale=scale: scale * x, torch.zeros(2, dtype=torch.float64), 500)
        torch.testing.assert_close(norms[-1], torch.tensor(500 * math.log(scale), dtype=torch.float64))


def test_jacobian_products_of_a_batch_of_models_are_each_models_own():
    weights = torch.randn(3, 5, 5, dtype=torch.float64, generator=generator(2))
    model = TanhRNN(1, 5, None, bias=False).double()
    u = torch.zeros(1, dtype=torch.float64)
    x0 = torch.randn(2, 3, 5, dtype=torch.float64, generator=generator(3))
    together = products.jacobian_products(bind(model, u, weight_hh=weights), x0, 20)
    for i in range(3):
        alone = products.jacobian_products(bind(model, u, weight_hh=weights[i]), x0[:, i], 20)
        torch.testing.assert_close(together[:, :, i], alone)


def test_parameter_tangents_are_autograds():
    _, weight = tanh_network(3)
    x0 = torch.randn(2, 4, dtype=torch.float64, generator=generator(6))

    def step(x, theta):
        return torch.tanh(theta.reshape(4, 4) @ x)

    def end(theta, x):
        for _ in range(9):
            x = step(x, theta)
        return x

    theta = weight.reshape(-1)
    sizes, gradients = products.parameter_tangents(step, x0, theta.expand(2, -1), 9)
    for i in range(2):
        expected = jacrev(end)(theta, x0[i])
        torch.testing.assert_close(sizes[-1, i].exp(), torch.linalg.matrix_norm(expected))
        torch.testing.assert_close(gradients[-1, i].exp(), torch.linalg.vector_norm(end(theta, x0[i]) @ expected))


def test_parameter_tangents_want_one_parameter_vector_a_start():
    with pytest.raises(ValueError, match=r"shapes \(2, 4\) and \(3, 16\), expected \(S, N\) and \(S, K\)"):
        products.parameter_tangents(lambda x, p: x, torch.zeros(2, 4), torch.zeros(3, 16), 5)


@pytest.mark.parametrize(("w", "low", "high"), [(5.0, -2.6556, -2.3444), (6.0, -3.4151, -2.5849)])
def test_doyas_folds(w, low, high):
    folds = doya.folds(w)
    assert (folds.low, folds.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    for b, x in ((folds.low, folds.x_low), (folds.high, folds.x_high)):
        x = torch.tensor(x, dtype=torch.float64)
        image, slope = torch.func.jvp(lambda z, b=b: doya.step(z, w, b), (x,), (torch.ones_like(x),))
        assert float(image - x) == pytest.approx(0, abs=1e-12)
        assert float(slope) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("w", [4.0, 1.0, -5.0, math.nan])
def test_there_is_no_fold_without_a_slope_above_one(w):
    with pytest.raises(ValueError, match="expected above 4"):
        doya.folds(w)


def test_the_number_of_equilibria_changes_at_the_folds_and_nowhere_else():
    folds = doya.folds(5.0)
    x = torch.linspace(-8, 8, 100_001, dtype=torch.float64)
    for b, count in ((folds.low - 1e-3, 1), (folds.low + 1e-3, 3), (folds.high - 1e-3, 3), (folds.high + 1e-3, 1)):
        assert int((torch.diff(torch.sign(doya.equilibria(x, 5.0) - b)) != 0).sum()) == count


def test_sensitivity_is_the_derivative():
    b = torch.linspace(-3, -2, 7, dtype=torch.float64, requires_grad=True)
    end, slope = doya.sensitivity(torch.tensor(4.0, dtype=torch.float64), 5.0, b, 40)
    torch.testing.assert_close(slope.detach(), torch.autograd.grad(end.sum(), b)[0])


def test_descent_follows_the_gradient_and_the_clip_bounds_its_steps():
    settings = {"w": 5.0, "x0": 4.0, "n": 50, "target": -2.5, "rate": 1e-3, "steps": 30}
    b, loss, gradient = doya.descend(-2.6, **settings)
    torch.testing.assert_close(torch.diff(b), -1e-3 * gradient[:-1])
    clipped = doya.descend(-2.6, **settings, clip=5.0)[0]
    assert float(torch.diff(clipped).abs().max()) == pytest.approx(5e-3)
    assert float(torch.diff(b).abs().max()) > 5e-3
    end, slope = doya.sensitivity(torch.tensor(4.0, dtype=torch.float64), 5.0, b[0], 50)
    assert float(gradient[0]) == pytest.approx(float((end + 2.5) * slope))
    assert float(loss[0]) == pytest.approx(float((end + 2.5) ** 2 / 2))


@pytest.mark.parametrize("w", [1.2, 2.0, 3.0])
def test_the_latchs_tolerance_is_its_closed_form(w):
    assert memory.tolerance(memory.latch(w), 1.0) == pytest.approx(memory.latch_tolerance(w), abs=2e-4)


def test_without_a_second_state_nothing_is_held():
    assert memory.tolerance(memory.latch(0.9), 1.0) < 1e-5
    assert memory.latch_tolerance(0.9) == 0
    assert memory.latch_rate(0.9) == pytest.approx(math.log(0.9))


def test_the_latchs_rate_is_the_multiplier_of_its_fixed_point():
    z = brentq(lambda z: math.tanh(1.7 * z) - z, 0.1, 1)
    assert memory.latch_rate(1.7) == pytest.approx(math.log(1.7 * (1 - z * z)), abs=1e-9)


def test_the_two_unit_network_is_the_map_it_is_called():
    a, c = (torch.tensor(memory.CHAOTIC[name], dtype=torch.float64) for name in "ac")
    f = memory.rank_one(**memory.CHAOTIC)
    h, u = torch.randn(2, dtype=torch.float64, generator=generator()), torch.tensor(0.3, dtype=torch.float64)
    network = torch.tanh(torch.outer(a, c) @ h + a * u)
    torch.testing.assert_close(c @ network, f(c @ h + u))


def test_the_chaotic_bit_is_held_below_its_bound_and_lost_above():
    f = memory.rank_one(**memory.CHAOTIC)
    bound = memory.tolerance(f, 0.5)
    noise = 2 * torch.rand(2000, 100, dtype=torch.float64, generator=generator()) - 1
    start = torch.full((100,), 0.5, dtype=torch.float64)
    states, slopes = memory.simulate(f, start, 0.99 * bound * noise)
    assert bool((states > 0).all())
    rate = slopes[200:].mean(0)
    assert float(rate.mean()) > 20 * float(rate.std()) / 100**0.5  # the gradient grows
    assert not bool((memory.simulate(f, start, 2 * bound * noise)[0] > 0).all())


def test_the_band_of_the_chaotic_bit_is_invariant():
    """The proposition's hypothesis with a band found from the bound: f of the widened band lies in the band."""
    f = memory.rank_one(**memory.CHAOTIC)
    noise = memory.tolerance(f, 0.5) - 1e-3
    low = high = 0.5
    for _ in range(200):
        image = f(torch.linspace(low - noise, high + noise, 20_001, dtype=torch.float64))
        low, high = min(low, float(image.min())), max(high, float(image.max()))
    image = f(torch.linspace(low - noise, high + noise, 200_001, dtype=torch.float64))
    assert noise < low <= float(image.min()) + 1e-6
    assert float(image.max()) - 1e-6 <= high


def test_simulated_slopes_are_the_derivative_of_the_last_state():
    f = memory.rank_one(**memory.CHAOTIC)
    inputs = 0.05 * torch.randn(6, 1, dtype=torch.float64, generator=generator())
    z0 = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
    z = z0
    for u in inputs:
        z = f(z + u)
    states, slopes = memory.simulate(f, z0.detach(), inputs)
    torch.testing.assert_close(states[-1], z.detach())
    torch.testing.assert_close(slopes.sum(0).exp(), torch.autograd.grad(z.sum(), z0)[0].abs())


def test_the_critical_orbit_is_as_deep_as_the_digits():
    shallow, deep = memory.critical_orbit(60, 40), memory.critical_orbit(60, 80)
    assert deep - shallow == pytest.approx(-40 * math.log(10), rel=0.05)


def test_a_nilpotent_recurrent_matrix_can_be_chaotic():
    weight = torch.tensor([[-2.0, 1.0], [-4.0, 2.0]], dtype=torch.float64)
    assert not bool((weight @ weight).any())

    def step(x):
        return torch.tanh((weight @ x[..., None])[..., 0] + torch.tensor([-2.0, -0.5], dtype=torch.float64))

    starts = torch.randn(32, 2, dtype=torch.float64, generator=generator())
    exponents = dynamics.lyapunov_spectrum(step, starts, 1000, transient=300, k=1)[:, 0]
    twins = dynamics.max_lyapunov(step, starts, 1000, transient=300)
    error = float((exponents.var() + twins.var()).sqrt()) / 32**0.5
    assert float(exponents.min()) > 0.2
    assert abs(float(exponents.mean() - twins.mean())) < 4 * error


@pytest.mark.parametrize("length", [1, 7])
def test_the_span_gradient_is_autograds(length):
    weights = span.start(4, 5, generator())
    inputs, classes = span.draw(4, length, 3, 0.2, generator(1))
    recurrent, readout = (w.clone().requires_grad_() for w in weights)
    h = torch.zeros(4, 5, 3)
    for u in inputs:
        h = torch.tanh(recurrent[..., :5] @ h + recurrent[..., 5:6] * u[:, None] + recurrent[..., 6:])
    outputs = (readout[:, :5].mT @ h)[:, 0] + readout[:, 5]
    loss = torch.nn.functional.softplus(-classes * outputs).mean(-1).sum()
    for ours, theirs in zip(
        span.gradient(weights, inputs, classes), torch.autograd.grad(loss, (recurrent, readout)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_models_trained_together_do_not_see_each_other():
    """The same model with the same data, alone and beside others: the batched update is its own."""
    weights = span.start(3, 4, generator())
    inputs, classes = span.draw(3, 6, 5, 0.2, generator(1))
    together = span.gradient(weights, inputs, classes)
    alone = span.gradient(tuple(w[1:2] for w in weights), inputs[:, 1:2], classes[1:2])
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a[1:2], b)


def test_a_short_span_is_learnt_and_an_untrained_one_is_not():
    rates = torch.full((6,), 1.0)
    assert bool(span.train(span.start(6, 10, generator()), rates, 2, generator(1), steps=300).all())
    assert not bool(span.train(span.start(6, 10, generator()), rates * 1e-9, 10, generator(1), steps=1).any())


def test_an_orthogonal_start_is_orthogonal():
    square = span.start(3, 6, generator(), orthogonal=True)[0][..., :6]
    torch.testing.assert_close(square @ square.mT, torch.eye(6).expand(3, 6, 6), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"span": 0}, "span is 0, expected an integer >= 1"),
        ({"steps": 2.5}, "steps is 2.5, expected an integer >= 1"),
        ({"rates": torch.ones(2)}, r"rates has shape \(2,\), expected \(3,\)"),
        ({"rates": torch.tensor([1.0, -1.0, 1.0])}, "positive entries"),
    ],
)
def test_training_refuses_what_it_cannot_use(change, message):
    arguments = {"rates": torch.ones(3), "span": 4, "steps": 2, **change}
    with pytest.raises(ValueError, match=message):
        span.train(
            span.start(3, 4, generator()), arguments["rates"], arguments["span"], generator(), steps=arguments["steps"]
        )
