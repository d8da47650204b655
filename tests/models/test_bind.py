"""bind, Family, closed_loop: thousands of models at once equal one model at a time."""

import pytest
import torch

from paperlib.models import LSTM, Family, Model, bind, closed_loop

F64 = torch.float64


def rand(*shape, seed=0):
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LSTM(3, 5, 2).double()


def test_a_batch_of_models_equals_one_at_a_time(model):
    weights, x, u = rand(6, 20, 5), rand(4, 6, 10, seed=1), rand(3)
    together = bind(model, u, weight_hh=weights)(x)
    for i in range(6):
        torch.testing.assert_close(together[:, i], bind(model, u, weight_hh=weights[i])(x[:, i]), rtol=0, atol=1e-14)


def test_one_start_serves_every_model(model):
    step = bind(model, rand(3), weight_hh=rand(6, 20, 5))
    x = rand(10)
    torch.testing.assert_close(step(x), step(x.expand(6, -1)), rtol=0, atol=0)


def test_many_inputs_make_a_batch(model):
    u, x = rand(7, 3), rand(7, 10)
    step = bind(model, u)
    for i in range(7):
        torch.testing.assert_close(step(x)[i], model.step(x[i], u[i]).detach(), rtol=0, atol=1e-14)


def test_wide_models_take_the_other_matrix_product():
    torch.manual_seed(0)
    model = LSTM(1, 20, None).double()
    weights, x = rand(3, 80, 20), rand(3, 40)
    step = bind(model, rand(1), weight_hh=weights)
    for i in range(3):
        torch.testing.assert_close(step(x)[i], bind(model, rand(1), weight_hh=weights[i])(x[i]), rtol=0, atol=1e-13)
    _, tangents = step.push(x, rand(3, 40, 4))
    assert tangents.shape == (3, 40, 4)


@pytest.mark.parametrize("batch", [(), (6,), (2, 6)])
def test_tangents_equal_automatic_differentiation(model, batch):
    weights = {"weight_hh": rand(6, 20, 5)} if batch else {}
    step = bind(model, rand(3), **weights)
    x, v = rand(*batch, 10, seed=2), rand(*batch, 10, 3, seed=3)
    following, tangents = step.push(x, v)
    expected, derivative = Model.push(model, step.weights, x.movedim(-1, 0), step.drive, v.movedim((-2, -1), (0, 1)))
    torch.testing.assert_close(following, expected.movedim(0, -1), rtol=0, atol=1e-14)
    torch.testing.assert_close(tangents, derivative.movedim((0, 1), (-2, -1)), rtol=0, atol=1e-13)


def test_the_jacobian_is_that_of_the_full_state(model):
    x = rand(10)
    step = bind(model, rand(3))
    _, jacobian = step.push(x, torch.eye(10, dtype=F64))
    torch.testing.assert_close(jacobian, torch.func.jacrev(step)(x), rtol=0, atol=1e-14)
    assert jacobian[:5, 5:].abs().max() > 0  # dh'/dc: what a Jacobian of h alone forgets


def test_states_near_zero_keep_their_relative_precision():
    """A cost is counted for minima on orbits that decay to zero: rounding must not put a floor under them."""
    torch.manual_seed(0)
    model = LSTM(1, 2, None, bias=False).double()
    x = 1e-30 * torch.tensor([1.0, -2.0, 3.0, 0.5], dtype=F64)
    c = 0.5 * x[2:] + 0.5 * (model.weight_hh.detach()[4:6] @ x[:2])  # the linear part at zero, exact to 1e-60
    following = bind(model, torch.zeros(1, dtype=F64))(x)
    torch.testing.assert_close(following, torch.cat([0.5 * c, c]), rtol=1e-12, atol=0)


def test_bound_weights_stay_differentiable(model):
    weight = rand(20, 5).requires_grad_()
    bind(model, rand(3), weight_hh=weight)(rand(10)).sum().backward()
    assert weight.grad.abs().max() > 0


def test_family_is_bind_with_a_parameter(model):
    base = rand(20, 5)
    family = Family(model, rand(3), lambda s: {"weight_hh": s[:, None, None] * base})
    s, x = torch.tensor([0.5, 2.0], dtype=F64), rand(2, 10)
    torch.testing.assert_close(family(x, s)[1], bind(model, rand(3), weight_hh=2 * base)(x[1]), rtol=0, atol=1e-14)


def test_a_linear_closed_loop_forecasts():
    model = LSTM(2, 4, 2).double()
    loop = closed_loop(model, lambda y: y)
    x = rand(3, 8)
    state = loop.state(x)
    following = loop.step(state)
    by_hand = model.step(x, model.readout(x))
    torch.testing.assert_close(following[..., :8], by_hand)
    torch.testing.assert_close(following[..., 8:], model.readout(by_hand))
    torch.testing.assert_close(loop.readout(following), model.readout(by_hand))
    torch.testing.assert_close(bind(loop, None)(state), following)
    assert loop.state_size == 10


def test_closed_loop_of_an_argmax_feeds_the_word_back():
    model, embedding = LSTM(3, 4, 5).double(), rand(5, 3)
    loop = closed_loop(model, lambda y: embedding[y.argmax(-1)])
    x = rand(8)
    word = model.readout(x).argmax()
    torch.testing.assert_close(loop.step(loop.state(x))[:8], model.step(x, embedding[word]))


def test_bad_arguments_are_named(model):
    with pytest.raises(ValueError, match=r"weight_xx is no weight of LSTM, expected one of weight_ih"):
        bind(model, rand(3), weight_xx=rand(2))
    with pytest.raises(ValueError, match=r"weight_hh has shape \(2, 2\), expected \(\.\.\., 20, 5\)"):
        bind(model, rand(3), weight_hh=rand(2, 2))
    with pytest.raises(ValueError, match=r"u has shape \(4,\), expected \(\.\.\., 3\)"):
        bind(model, rand(4))
    with pytest.raises(ValueError, match=r"u is None, expected \(\.\.\., 3\)"):
        bind(model, None)
    with pytest.raises(ValueError, match=r"x has shape \(9,\), expected \(\.\.\., 10\)"):
        bind(model, rand(3))(rand(9))
    with pytest.raises(ValueError, match=r"u has shape \(4, 3\), expected \(T, B, 3\)"):
        model(rand(4, 3))
    with pytest.raises(ValueError, match="hidden_size is 0, expected a positive integer"):
        LSTM(1, 0, 1)
    with pytest.raises(ValueError, match="output_size is -1"):
        LSTM(1, 2, -1)
