"""Sparse forcing: the pieces side by side equal the loop that M describes, in value and in gradient."""

import numpy as np
import pytest
import torch

from paperlib.experiments.forcing import observed
from paperlib.models import LSTM, PLRNN, TanhRNN
from paperlib.tasks import Forcing
from paperlib.tasks.forcing import onto, squared_error

F64 = torch.float64


def series(n=400, size=3, seed=0):
    return torch.randn(n, size, dtype=F64, generator=torch.Generator().manual_seed(seed)).cumsum(0).numpy() / 5


def task(n=400, size=3, **options):
    return Forcing(lambda: series(n, size), size, **{"tau": 5, "window": 20, "batch": 4, "batches": 3} | options)


def network(make, size=3, hidden=7):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return observed(make, task(size=size), hidden).double()


def naive(model, x, tau):
    """Step by step, as it is described: mean squared error of all next steps."""
    B = model.weight_ho
    u = x.new_zeros(x.shape[1], 1)
    errors = []
    for t in range(len(x) - 1):
        if t == 0 or (tau and t % tau == 0):
            h = x[t] @ torch.linalg.pinv(B).T
            z = torch.cat([h, torch.zeros_like(h)], -1) if isinstance(model, LSTM) else h
        z = model.step(z, u)
        errors.append((z[:, : model.hidden_size] @ B.T - x[t + 1]) ** 2)
    return torch.stack(errors).mean()


@pytest.mark.parametrize("make", [LSTM, TanhRNN, PLRNN])
@pytest.mark.parametrize("tau", [0, 1, 5, 6, 10, 19])  # none, every step, whole pieces, a piece cut short
def test_the_pieces_side_by_side_are_the_loop(make, tau):
    model, data = network(make), task(tau=tau)
    x = data.windows(3, 1).double()
    assert x.shape == (21, 4, 3)
    loss, sums = data.objective(model, 3, 1)
    expected = naive(model, x, tau)
    assert sums == {"terms": 1.0}
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-12)
    own = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    plain = torch.autograd.grad(expected, list(model.parameters()), allow_unused=True)
    for (name, _), one, other in zip(model.named_parameters(), own, plain, strict=True):
        if name == "weight_ih":  # the network is never fed
            assert all(g is None or not g.any() for g in (one, other))
        else:
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-12)


def test_a_ramp_raises_the_interval_from_one_to_tau():
    data = task(tau=6, ramp=10)
    own = [data.interval(epoch) for epoch in range(13)]
    assert own == [int((6 - 1) / 10 * (epoch + 1)) + 1 for epoch in range(10)] + [6] * 3  # as it was released
    assert own[0] == 1 and own[9] == 6
    assert {task(tau=6).interval(epoch) for epoch in range(20)} == {6}
    model = network(TanhRNN)
    for epoch, tau in ((0, 1), (4, 3)):
        expected = naive(model, data.windows(epoch, 0).double(), tau)
        assert float(data.objective(model, epoch, 0)[0].detach()) == pytest.approx(float(expected.detach()), rel=1e-12)


def test_the_gradient_goes_through_the_pseudo_inverse():
    model = network(TanhRNN)
    x = task().windows(0, 0).double()
    through = torch.autograd.grad(squared_error(model, x, 5), model.weight_ho)[0]
    held = torch.linalg.pinv(model.weight_ho.detach())
    h = (x[:20:5] @ held.T).flatten(0, 1)
    target = x[1:].unflatten(0, (4, 5)).transpose(0, 1).flatten(1, 2)
    without = (model(x.new_zeros(5, len(h), 1), h)[0] - target).square().sum()
    assert float((torch.autograd.grad(without, model.weight_ho)[0] - through).abs().max()) > 1e-3


def test_a_forced_state_is_seen_as_the_data():
    for make in (LSTM, TanhRNN, PLRNN):
        model = network(make)
        x = torch.randn(6, 3, dtype=F64)
        z = onto(model, x)
        assert z.shape == (6, model.state_size)
        torch.testing.assert_close(model.readout(z), x)
        assert not z[:, model.hidden_size :].any()


def test_batches_are_a_function_of_seed_epoch_and_index():
    data = task(seed=3)
    assert torch.equal(data.windows(2, 1), task(seed=3).windows(2, 1))
    others = [data.windows(2, 0), data.windows(1, 1), task(seed=4).windows(2, 1)]
    assert not any(torch.equal(data.windows(2, 1), other) for other in others)
    # Pieces of the series, whole and in order.
    whole = torch.as_tensor(series()).float()
    for window in data.windows(7, 2).unbind(1):
        start = int((whole == window[0]).all(1).nonzero()[0, 0])
        assert torch.equal(window, whole[start : start + 21])


def test_places_are_drawn_from_the_whole_series():
    data = Forcing(lambda: np.arange(40.0)[:, None], 1, tau=5, window=20, batch=200)
    starts = torch.cat([data.windows(0, k)[0, :, 0] for k in range(10)])
    assert set(starts.tolist()) == set(range(20))


def test_data_are_loaded_when_they_are_used():
    def missing():
        raise FileNotFoundError("no data here")

    data = Forcing(missing, 3, tau=5, window=20)
    assert data.output_size == 3
    with pytest.raises(FileNotFoundError, match="no data here"):
        data.arrays()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: task(tau=-1), "tau is -1, expected an integer of at least 0"),
        (lambda: task(tau=2.5), "tau is 2.5"),
        (lambda: task(tau=0, ramp=5), "tau is 0, expected an integer of at least 1"),
        (lambda: task(tau=20), "tau is 20, expected less than the window of 20 steps"),
        (lambda: task(window=0), "window is 0"),
        (lambda: task(n=20).data, "the data have 20 points, expected more than a window of 20 and one"),
        (
            lambda: Forcing(lambda: series(), 5, tau=5, window=20).data,
            r"the data have shape \(400, 3\), expected \(n, 5\)",
        ),
    ],
)
def test_wrong_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
