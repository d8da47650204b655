"""Theorem 1: its explicit constants, its proof step by step, and the systems that attain the restated rates."""

import math

import numpy as np
import pytest
import torch

from paperlib import chaotic_lstm, dynamics
from paperlib.models import LSTM, OrthogonalRNN, TanhRNN, bind
from paperlib.theory import derivatives, landscape, measure, networks, proof, rates, theorem1


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=generator(seed), dtype=torch.float64) * 2 - 1


def tanh_network(k, s, size=3, seed=1):
    """f = tanh(k Q x + s theta): state constant k, joint constant sqrt(k^2 + s^2), both attained at zero."""
    Q = torch.linalg.qr(torch.randn(size, size, generator=generator(seed), dtype=torch.float64))[0]
    c = torch.ones(size, dtype=torch.float64) / size**0.5
    return lambda x, u, theta: torch.tanh(k * x @ Q.T + s * theta), lambda x, theta: (x @ c)[..., None]


def system(k, s, radius, size=3):
    L = math.hypot(k, s)
    return theorem1.System(
        f=L, df=4 / 3**1.5 * L * L, f_x=k, f_theta=s, radius=radius * (2 * size) ** 0.5, output=size**0.5
    )


def direct(sys, loss, n):
    """L_V and L'_V as printed, term by term: sums and products written out, no logarithms, no recursion."""
    S = [math.sqrt(sum(sys.f ** (2 * i) for i in range(t + 1))) for t in range(n + 1)]
    M = [sys.rest + sys.g * sys.radius * x for x in S]
    T = [loss.k4 * (sys.dg * m + sys.g**2) for m in M]
    k1 = loss.k1 + loss.k0
    value = sys.g / n * sum((k1 * sys.target + loss.k2 * M[t]) * S[t] for t in range(1, n + 1))
    total = 0.0
    for t in range(1, n + 1):
        path = [sys.g * sys.df * sum(S[j] for j in range(i, t + 1)) for i in range(t + 1)]
        P = sum(sys.f ** (t - i) * (path[i] + sys.f * sys.dg * S[t]) for i in range(1, t + 1))
        Q = sum(sys.f ** (t - i) * (loss.k4 * M[t] * path[i] + sys.f * T[t] * S[t]) for i in range(1, t + 1))
        total += loss.k3 * sys.target * (P + sys.dg * S[t]) + Q + T[t] * S[t]
    return value, total / n


@pytest.mark.parametrize("f", [0.7, 1.0, 1.6])
@pytest.mark.parametrize("loss", [theorem1.SQUARED, theorem1.cross_entropy(3)], ids=["squared", "cross entropy"])
def test_constants_as_printed(f, loss):
    sys = theorem1.System(f=f, df=0.9, f_x=0.5, f_theta=1.0, g=1.3, dg=0.4, radius=2.0, rest=0.2, target=1.5)
    bound = theorem1.joint_bound(sys, loss, 12, as_printed=True)
    for n in (1, 5, 12):
        value, gradient = direct(sys, loss, n)
        assert math.isclose(math.exp(bound.log_value[n - 1]), value, rel_tol=1e-12)
        assert math.isclose(math.exp(bound.log_gradient[n - 1]), gradient, rel_tol=1e-12)


def test_orders_of_theorem_1_and_of_the_restated_one():
    lengths = np.array([20_000, 40_000])

    def fitted(bound, exponential):
        return [theorem1.growth(lengths, x[lengths - 1], exponential=exponential) for x in bound]

    base = theorem1.System(f=1.0, df=1.0, f_x=1.0, f_theta=1.0)
    for sys, joint, state, exponential in (
        (base._replace(f=0.9, f_x=0.9), (0, 0), (0, 0), False),
        (base, (1, 3), (1, 3), False),
        (base._replace(f=1.5, f_x=1.5), (2, 3), (1, 2), True),
    ):
        unit = math.log(1.5) if exponential else 1.0
        # Lower orders are smaller by 1/sqrt(N) at least: S(t) = sqrt(t + 1) in M(t) beside a constant.
        assert np.allclose(
            np.array(fitted(theorem1.joint_bound(sys, theorem1.SQUARED, 40_000), exponential)) / unit,
            joint,
            atol=20_000**-0.5,
        )
        assert np.allclose(
            np.array(fitted(theorem1.state_bound(sys, theorem1.SQUARED, 40_000), exponential)) / unit,
            state,
            atol=20_000**-0.5,
        )


def test_long_sequences_do_not_overflow():
    bound = theorem1.joint_bound(theorem1.System(f=4.0, df=1.0, f_x=2.0, f_theta=1.0), theorem1.SQUARED, 2000)
    assert np.isfinite(bound.log_gradient).all() and bound.log_gradient[-1] > 709  # beyond the largest float64


@pytest.mark.parametrize("k, s", [(0.6, 0.6), (0.8, 0.6), (0.9, 1.0), (1.5, 1.0)])
@pytest.mark.parametrize("loss", [theorem1.SQUARED, theorem1.cross_entropy(1)], ids=["squared", "cross entropy"])
def test_measured_constants_lie_below_both_bounds(k, s, loss):
    f, g = tanh_network(k, s)
    n, radius = 25, 0.5
    y = rand(n, 1, seed=2).sign().clamp(min=0)
    low = torch.full((6,), -radius, dtype=torch.float64)
    value = measure.cost(f, g, loss, torch.zeros(n, 1), y, 3)
    found = measure.constants(value, low, -low, [1, 5, 25], generator(), samples=32, rounds=3)
    for bound in (
        theorem1.joint_bound(system(k, s, radius), loss, n),
        theorem1.state_bound(system(k, s, radius), loss, n),
    ):
        for measured, proved in zip(found, bound, strict=True):
            assert (measured.log().numpy() <= proved[[0, 4, 24]]).all()


def test_measured_constants_of_a_cost_known_exactly():
    # V(p) = |p|^2 / 2 on [-1, 1]^3: gradient at most sqrt 3, Hessian the identity.
    low = -torch.ones(3, dtype=torch.float64)
    value = lambda p, n: (p**2).sum(-1) / 2  # noqa: E731
    gradient, hessian = measure.constants(value, low, -low, [1], generator())
    assert math.isclose(float(gradient), 3**0.5, rel_tol=1e-12) and math.isclose(float(hessian), 1, rel_tol=1e-12)


def test_two_searches_agree():
    # Random local search here, gradient ascent in `dynamics`: two lower bounds of one constant.
    f, g = tanh_network(0.8, 0.6)
    low = torch.full((6,), -0.5, dtype=torch.float64)
    value = measure.cost(f, g, theorem1.SQUARED, torch.zeros(8, 1), rand(8, 1, seed=2), 3)
    searched = measure.constants(value, low, -low, [8], generator(), rounds=12)
    climbed = dynamics.cost_smoothness(lambda p: value(p, 8), (low, -low), starts=8, samples=128)
    for a, b in zip(searched, climbed, strict=True):
        assert 0.95 < float(a[0] / b) < 1.05


def test_derivatives_along_a_parameter():
    family, x0 = chaotic_lstm.family(chaotic_lstm.theta(chaotic_lstm.RELEASED)), chaotic_lstm.start()
    s, lengths = torch.linspace(0.6, 1.3, 7, dtype=torch.float64), [2, 5]

    def values(p):
        x, r, total, out = x0.expand(7, 4), x0[None], 0.0, []
        for t in range(1, 6):
            x, r = family(x, p), family(r, torch.ones(1, dtype=torch.float64))
            total = total + ((x - r)[:, :2] ** 2).mean(-1)
            if t in lengths:
                out.append(total / t)
        return torch.stack(out)

    found = landscape.along(lambda x, p: family(x, p), s, x0, 1.0, lengths, lambda x: x[..., :2], order=2)
    first = lambda p: torch.func.jvp(values, (p,), (torch.ones_like(p),))[1]  # noqa: E731
    torch.testing.assert_close(found[:, 0], values(s), rtol=0, atol=1e-14)
    torch.testing.assert_close(found[:, 1], first(s), rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(
        found[:, 2], torch.func.jvp(first, (s,), (torch.ones_like(s),))[1], rtol=1e-10, atol=1e-14
    )
    assert torch.equal(found[:, 0], landscape.along(family, s, x0, 1.0, lengths, lambda x: x[..., :2])[:, 0])


def test_the_wall_of_the_latch():
    # Starting on the border, d x_n / d e grows as (w/4)^n: a geometric sum.
    at = torch.zeros(1, dtype=torch.float64)
    n, w = 30, 6.0
    curve = landscape.along(landscape.latch(w), at, torch.zeros(1, dtype=torch.float64), 0.2, [n], order=1)[0]
    r, total = torch.zeros(1, 1, dtype=torch.float64), 0.0
    for t in range(1, n + 1):
        r = landscape.latch(w)(r, torch.tensor([0.2], dtype=torch.float64))
        total += -2 * float(r) * ((w / 4) ** t - 1) / (w / 4 - 1) / n
    assert math.isclose(float(curve[1]), total, rel_tol=1e-10)
    b = -w / 2 + 0.1
    x = torch.tensor([[0.7]], dtype=torch.float64)
    assert math.isclose(
        float(landscape.latch(w)(x, torch.tensor([0.1], dtype=torch.float64))),
        float(w * torch.sigmoid(x) + b),
        rel_tol=1e-12,
    )


@pytest.mark.parametrize("loss", [theorem1.SQUARED, theorem1.cross_entropy(2)], ids=["squared", "cross entropy"])
@pytest.mark.parametrize("network", [LSTM, TanhRNN])
def test_forward_derivatives_are_autograds(network, loss):
    torch.manual_seed(0)
    model = network(1, 2, 2).double()
    f, g, theta = networks.flat(model)
    u, y = rand(15, 1, seed=1), (rand(15, 2, seed=2) > 0).double()
    x0 = torch.zeros(model.state_size, dtype=torch.float64)
    run = derivatives.forward(f, g, x0, theta, u)
    J = torch.func.jacrev(lambda p: derivatives.simulate(f, g, x0, p, u))(theta)
    torch.testing.assert_close(run.J, J, rtol=0, atol=1e-13)
    gradient = torch.func.grad(lambda p: loss.value(derivatives.simulate(f, g, x0, p, u), y).mean())(theta)
    torch.testing.assert_close(proof.gradient(run, loss, y), gradient, rtol=0, atol=1e-13)
    torch.testing.assert_close(proof.unrolled(run, 9, as_printed=False), J[8], rtol=0, atol=1e-13)
    assert (proof.unrolled(run, 9, as_printed=True) - J[8]).abs().max() > 1e-3
    # The model's own sequence pass gives the same outputs.
    torch.testing.assert_close(run.outputs, model(u[:, None])[0][:, 0].detach(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("loss", [theorem1.SQUARED, theorem1.cross_entropy(1)], ids=["squared", "cross entropy"])
def test_each_inequality_of_the_proof(loss):
    f, g = tanh_network(0.9, 0.7)
    points = 0.5 * rand(2, 16, 6, seed=4)
    y = (rand(20, 1, seed=5) > 0).double()
    found = proof.inequalities(
        f, g, loss, system(0.9, 0.7, 0.5), points[..., :3], points[..., 3:], torch.zeros(20, 1), y
    )
    assert all(0 < ratio <= 1 + 1e-12 for ratio in found.values()), found


def test_lemma_1():
    for factors in (1, 2, 4):
        assert all(0 < ratio <= 1 for ratio in proof.lemma1(generator(), factors=factors))


def test_lemma_2_fails_as_printed_for_cross_entropy_at_label_zero():
    loss = theorem1.cross_entropy(1)
    e = torch.tensor([[1e-1], [1e-3], [1e-5]], dtype=torch.float64)
    zero = torch.zeros_like(e)
    as_printed = theorem1.printed(loss)._replace(k2=1.0)
    assert torch.allclose(proof.lemma2(as_printed, e, zero, zero), 1 / (2 * e[:, 0]) + 1 / 8, rtol=1e-3)
    a, b, y = 100 * rand(3, 4000, 3, seed=6)
    for repaired, labels in ((theorem1.cross_entropy(3), (y > 0).double()), (theorem1.SQUARED, y)):
        assert proof.lemma2(repaired, a, b, labels).max() <= 1 + 1e-12
    assert (proof.lemma2(loss, e, zero, zero) <= 1).all()


@pytest.mark.parametrize("n", range(1, 11))
def test_squaring_map_has_2_to_the_n_minus_2_minima(n):
    assert rates.squaring_minima(n) == 2**n - 2
    # And by counting on a grid with 16 points to the shortest period.
    d = torch.linspace(0, 2 * math.pi, 16 * 2**n + 1, dtype=torch.float64)[1:-1]
    V = rates.squaring_cost(d, n)
    assert int(((V[1:-1] < V[:-2]) & (V[1:-1] < V[2:])).sum()) == 2**n - 2


def test_squaring_cost_is_that_of_the_map():
    theta, n = torch.tensor([0.3, 0.3 + 0.7], dtype=torch.float64), 9
    z, total = torch.ones(2, dtype=torch.complex128), 0.0
    for t, angle in enumerate(rates.squaring_angles(theta, n), 1):
        z = torch.exp(1j * theta) * z**2
        assert torch.allclose(torch.exp(1j * angle), z, atol=2.0**t * 1e-15)
        total += (z[1] - z[0]).abs() ** 2 / n
    assert math.isclose(
        float(total), float(rates.squaring_cost(torch.tensor(0.7, dtype=torch.float64), n)), rel_tol=1e-11
    )


def test_squaring_constants_and_their_limits():
    d = torch.linspace(0, 2 * math.pi, 200001, dtype=torch.float64)
    for n in (2, 5, 9):
        gradient, curvature = rates.squaring_constants(n)
        highest = float(rates.squaring_cost(d, n, 1).abs().max())
        assert gradient - 1e-6 * gradient <= highest <= gradient + 4 / n
        assert math.isclose(curvature, float(rates.squaring_cost(d, n, 2).abs().max()), rel_tol=1e-12)
    gradient, curvature = rates.squaring_constants(40)
    assert math.isclose(gradient * 40 / 2**40, 4, rel_tol=1e-9)
    assert math.isclose(curvature * 40 / 4**40, 8 / 3, rel_tol=1e-9)


def test_fold_attains_n_cubed_exactly():
    n = torch.arange(1, 801, dtype=torch.float64)
    _, slope, curvature = rates.scalar_cost(rates.fold, 1.0, 0.0, 800)
    assert torch.equal(slope, -(n + 1))
    torch.testing.assert_close(curvature, (n + 1) ** 2 * (n + 2) / 6, rtol=1e-12, atol=0)


def test_tanh_unit_attains_five_halves():
    _, _, curvature = rates.scalar_cost(rates.tanh_unit, -1.0, 1.0, 100_000)
    limit = -4 * 6**0.5 / 175
    for n in (1000, 10_000, 100_000):
        # D^2 and the last of x_t add terms of order N^2: relative to N^(5/2), -.476 / sqrt N at most.
        assert -0.5 / n**0.5 < float(curvature[n - 1]) / n**2.5 / limit - 1 < 0


@pytest.mark.parametrize(
    "map_, f", [(rates.fold, lambda x, p: x - x**2 / 2 + p), (rates.tanh_unit, lambda x, p: torch.tanh(x + p))]
)
def test_jets_are_autograds(map_, f):
    x, p = torch.tensor(0.4, dtype=torch.float64), torch.tensor(0.1, dtype=torch.float64)
    (xx, xp), (_, pp) = torch.func.hessian(f, (0, 1))(x, p)
    expected = (f(x, p), *torch.func.jacrev(f, (0, 1))(x, p), xx, xp, pp)
    assert np.allclose(map_(0.4, 0.1), [float(v) for v in expected], rtol=1e-12)


def test_rotation():
    n = 50
    d = torch.linspace(0, math.pi, 20001, dtype=torch.float64)
    assert math.isclose(float(rates.rotation_cost(d, n, 2).abs().max()), (n + 1) * (2 * n + 1) / 3, rel_tol=1e-12)


def test_state_and_joint_constant_of_a_network():
    torch.manual_seed(0)
    model = OrthogonalRNN(1, 4, 1, nonexpansive=True).double()
    high = torch.ones(4, dtype=torch.float64)
    state = dynamics.lipschitz(bind(model, torch.zeros(1, dtype=torch.float64)), (-high, high))
    assert math.isclose(float(state.upper), 1, rel_tol=1e-9)
    joint = networks.joint_constant(model, high, generator(), start=state.where, samples=16, rounds=2)
    assert joint > 1.1  # A A' + B B' = I + B B' where all units are active
    f, _ = tanh_network(0.5, 1.0)
    zero = torch.zeros(1, 3, dtype=torch.float64)
    state, joint = derivatives.jacobian_norms(f, zero, torch.zeros(1), zero)
    assert math.isclose(float(state), 0.5, rel_tol=1e-12) and math.isclose(float(joint), 1.25**0.5, rel_tol=1e-12)


def test_growth_of_a_network_is_the_hessians():
    torch.manual_seed(0)
    model = TanhRNN(1, 2, 1).double()
    u, y, x0 = rand(6, 1, seed=1), rand(6, 1, seed=2), torch.zeros(2, dtype=torch.float64)
    f, g, theta = networks.flat(model)
    cost = lambda p: ((derivatives.simulate(f, g, x0, p, u) - y) ** 2).sum(-1).mean()  # noqa: E731
    ((gradient, curvature),) = networks.growth(model, u, y, x0, [6], rounds=200)
    assert math.isclose(gradient, float(torch.func.grad(cost)(theta).norm()), rel_tol=1e-10)
    assert math.isclose(curvature, float(torch.linalg.matrix_norm(torch.func.hessian(cost)(theta), 2)), rel_tol=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: theorem1.log_spread(1.0, 0), "n is 0, expected an integer >= 1"),
        (lambda: theorem1.log_spread(-1.0, 3), "constant is -1.0, expected a finite number >= 0"),
        (lambda: theorem1.log_spread(math.inf, 3), "constant is inf"),
        (lambda: theorem1.growth([1], [1.0], exponential=True), r"lengths has shape \(1,\)"),
        (lambda: rates.squaring_minima(True), "n is True"),
        (lambda: rates.scalar_cost(rates.fold, 1.0, 0.0, -1), "n is -1"),
        (lambda: landscape.along(None, torch.zeros(2), torch.zeros(1), 0.0, [3, 2]), "expected ascending integers"),
        (lambda: measure.maximise(None, torch.ones(2), torch.zeros(2), None), "expected low <= high"),
        (
            lambda: derivatives.forward(None, None, torch.zeros(2, 2), torch.zeros(2), torch.zeros(3, 1)),
            r"x0 has shape \(2, 2\), expected a vector",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
