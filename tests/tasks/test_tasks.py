"""The tasks' data and losses, checked against their words."""

import math

import pytest
import torch
from torch import nn

from paperlib.tasks import Classification, Sine
from paperlib.tasks.classification import SYMBOLS


def test_sine_is_the_papers():
    task = Sine()
    assert task.u.shape == task.target.shape == (400, 100, 1)
    assert task.batches == 10
    assert float(task.u[0, 0]) == pytest.approx(math.pi / 16)
    assert float(task.u[0, -1]) == pytest.approx(math.pi / 8)
    assert torch.equal(task.u, task.u[:1].expand(400, -1, -1))  # constant in time
    t = torch.arange(1, 401, dtype=torch.float64)
    omega = math.pi / 16 + 37 * (math.pi / 16) / 99
    torch.testing.assert_close(task.target[:, 37, 0].double(), torch.sin(omega * t), rtol=0, atol=1e-7)
    # Predicting zero gives about one half: R, section 5.1.
    loss, sums = task.loss(torch.zeros(400, 100, 1), task.target)
    assert float(loss) / sums["terms"] == pytest.approx(0.5, abs=0.01)


def test_sine_batches_are_the_whole_in_fixed_order():
    task = Sine(sequences=7, length=5, batch=3)
    parts = [task.batch(epoch, index) for epoch in (0,) for index in range(task.batches)]
    assert torch.equal(torch.cat([u for u, _ in parts], 1), task.u)
    assert torch.equal(torch.cat([target for _, target in parts], 1), task.target)
    assert all(torch.equal(a, b) for a, b in zip(task.batch(0, 1), task.batch(9, 1), strict=True))


def test_sine_inputs_of_the_diagram():
    inputs = Sine.constant_inputs()
    assert inputs.shape == (10, 1)
    assert float(inputs[1]) == pytest.approx(0.2182, abs=5e-5)  # the "0.218" of Fig. 4


@pytest.fixture(scope="module")
def symbols():
    return Classification(length=60)


def test_every_sequence_has_two_answers_in_their_places(symbols):
    for data, labels in (symbols.train, symbols.validation):
        assert data.shape == (60, 1000)
        hidden = data < 2
        assert torch.equal(hidden.sum(0), torch.full((1000,), 2))
        first, second = hidden[9:19], hidden[39:49]
        assert torch.equal(first.sum(0), torch.ones(1000, dtype=torch.long))
        assert torch.equal(second.sum(0), torch.ones(1000, dtype=torch.long))
        assert bool(first.any(1).all()) and bool(second.any(1).all())  # every place occurs
        answers = data.T[hidden.T].reshape(1000, 2)
        assert torch.equal(labels, 2 * answers[:, 0] + answers[:, 1])
        assert int(labels.bincount().min()) > 200
        counts = data[~hidden].bincount(minlength=6)[2:].double()
        assert float((counts / counts.sum() - 0.25).abs().max()) < 0.01  # distractors a to d, uniform


def test_training_and_validation_differ_and_are_always_the_same(symbols):
    again = Classification(length=60)
    assert torch.equal(symbols.train[0], again.train[0])
    assert torch.equal(symbols.validation[0], again.validation[0])
    assert not torch.equal(symbols.train[0], symbols.validation[0])


def test_only_the_last_step_counts(symbols):
    u, target = symbols.batch(0, 3)
    assert u.shape == (60, 100, len(SYMBOLS))
    assert torch.equal(u.sum(-1), torch.ones(60, 100))
    y = torch.randn(60, 100, 4, generator=torch.Generator().manual_seed(0))
    loss, sums = symbols.loss(y, target)
    changed = torch.cat([torch.zeros(59, 100, 4), y[-1:]])
    assert float(symbols.loss(changed, target)[0]) == float(loss)
    expected = -y[-1].log_softmax(-1)[torch.arange(100), target].sum()
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
    assert sums == {"terms": 100.0, "accuracy": float((y[-1].argmax(-1) == target).sum())}


def test_validation_counts_right_answers(symbols):
    class Knows(nn.Module):
        def forward(self, u):
            answers = u[:, :, :2].argmax(-1) * (u[:, :, :2].sum(-1) > 0)
            first, second = answers[9:19].sum(0), answers[39:49].sum(0)
            return 30 * nn.functional.one_hot(2 * first + second, 4).float().expand(60, -1, -1), None

    found = symbols.validate(Knows())
    assert found["validation_accuracy"] == 1
    assert found["validation_loss"] < 1e-6


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Sine(batch=0), "batch is 0, expected a positive integer"),
        (lambda: Sine(length=1.5), "length is 1.5, expected a positive integer"),
        (lambda: Classification(length=40), r"places \(9, 18\) and \(39, 48\) do not fit .* length of 40"),
        (lambda: Classification(first=(5, 50)), "do not fit"),
    ],
)
def test_wrong_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
