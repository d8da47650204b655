"""Readings of the symbol trainings, on maps and numbers whose answers are known."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from paperlib import classification, symbol_memory
from paperlib.models import OrthogonalRNN, StableLSTM, TanhRNN
from paperlib.tasks import Classification
from paperlib.training.seeds import seeded


@pytest.fixture(scope="module")
def task():
    return Classification(length=20, count=30, batch=30, first=(1, 3), second=(7, 9))


@pytest.mark.parametrize(
    ("accuracy", "validation", "word"),
    [(1.0, 0.95, "solved"), (0.95, 0.25, "memorised"), (0.3, 0.25, "not solved"), (0.95, 0.6, "half learned")],
)
def test_outcome(accuracy, validation, word):
    assert classification.outcome(accuracy, validation) == word


@pytest.mark.parametrize("wrong", [1.5, -0.1, math.nan])
def test_outcome_wants_shares(wrong):
    with pytest.raises(ValueError, match=r"validation is .* expected a share from 0 to 1"):
        classification.outcome(0.5, wrong)


def test_first_epoch_counts_from_one():
    assert classification.first_epoch(np.array([0.2, 0.81, 0.3])) == 2
    assert classification.first_epoch(np.array([0.2, 0.3])) is None


def test_unsteadiness_of_a_ramp_and_of_a_zigzag():
    assert classification.unsteadiness(np.linspace(0, 1, 11)) == pytest.approx(0, abs=1e-12)
    assert classification.unsteadiness(np.array([0, 1, 0, 1, 0.0])) == pytest.approx(1)
    assert classification.unsteadiness(np.array([0.5])) == 0


def test_a_segment_is_convex_and_two_points_are_not():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]], dtype=torch.float64)

    def segment(x):  # every point of the first axis is fixed
        return x * torch.tensor([1.0, 0.5], dtype=x.dtype)

    def pair(x):  # 0 and 1 are fixed, the middle is not
        return torch.stack([x[..., 0] ** 2, 0 * x[..., 1]], -1)

    assert classification.convexity(segment, points) < 1e-15
    assert classification.convexity(pair, points[:2]) == pytest.approx(0.25)
    assert classification.convexity(pair, points[:1]) == 0


def test_convexity_refuses_a_point_that_moves():
    with pytest.raises(ValueError, match="not fixed"):
        classification.convexity(lambda x: x + 1, torch.zeros(2, 3, dtype=torch.float64))


def test_orthogonal_network_with_b_not_positive_has_convex_fixed_points():
    # An odd rotation has an axis: without biases and input all of it is fixed. A positive bias pushes off it.
    model = seeded(0, lambda: OrthogonalRNN(6, 5, 4, nonexpansive=True)).double()
    with torch.no_grad():
        model.bias_hh.zero_()
    weight = model.weights()["weight_hh"].detach()
    values, vectors = torch.linalg.eig(weight)
    axis = vectors[:, (values - 1).abs().argmin()].real
    step = classification.steps(model, torch.zeros(6, dtype=torch.float64))
    points = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None] * axis
    assert classification.convexity(step, points) < 1e-10
    times = [1, 10, 100]
    start = torch.randn(4, 1, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    still = classification.steps(model, torch.zeros(1, 6, dtype=torch.float64))
    grown = classification.steps(
        model, torch.zeros(1, 6, dtype=torch.float64), bias_hh=torch.full((5,), 0.1, dtype=torch.float64)
    )
    same, _ = classification.cloud(still, start, times)
    wide, _ = classification.cloud(grown, start, times)
    assert same == pytest.approx(np.full((3, 1), same[0, 0]))  # an isometry
    assert wide[-1, 0] > 2 * wide[0, 0]


def test_cloud_of_a_contraction():
    x = torch.tensor([[[0.0]], [[8.0]]], dtype=torch.float64)
    diameter, move = classification.cloud(lambda x: x / 2, x, [1, 3])
    assert diameter[:, 0] == pytest.approx([4, 1])
    assert move[:, 0] == pytest.approx([2, 0.5])


def test_memory_of_a_certified_network_fades_and_a_rotation_keeps_it(task):
    stable = seeded(0, lambda: StableLSTM(6, 8, 4, projection="row")).double()
    kept = symbol_memory.memory(stable, task, 20)
    assert kept.shape == (20, 20)
    assert kept[0] == pytest.approx(np.ones(20))
    places = (task.validation[0][:, :20] < 2).int().argmax(0).numpy()
    assert ((~np.isnan(kept)).sum(0) == 20 - places).all()
    assert symbol_memory.rate_of(kept) < stable.certificate(1.0).rate
    rotation = seeded(0, lambda: OrthogonalRNN(6, 8, 4)).double()
    with torch.no_grad():
        rotation.bias_hh.zero_()
    assert symbol_memory.rate_of(symbol_memory.memory(rotation, task, 20)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_gradient_share_of_a_linear_network_is_its_rate_to_the_gap(task, rate):
    model = seeded(0, lambda: TanhRNN(6, 6, 4)).double()
    with torch.no_grad():
        model.weight_ih.copy_(1e-6 * torch.eye(6))  # so small that tanh is the identity
        model.weight_hh.copy_(rate * torch.linalg.qr(model.weight_hh)[0])
        model.bias_ih.zero_()
        model.bias_hh.zero_()
    gap = float(19 - (task.train[0] < 2).int().argmax(0).median())
    assert symbol_memory.gradient_share(model, task) == pytest.approx(rate**gap)


def test_a_network_that_reads_the_last_symbol_alone_has_the_second_right(task):
    """x' = x where a distractor is read, +-1 where p or q is: the answer knows the second symbol, p for the first."""
    model = TanhRNN(6, 1, 4).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        model.weight_hh.fill_(3.0)  # bistable: what stands there stays
        model.weight_ih[0, :2] = torch.tensor([9.0, -9.0])
        model.weight_ho[:2, 0] = torch.tensor([1.0, -1.0])  # (p, p) against (p, q)
        model.bias_ho[2:] = -9.0
    first, second = symbol_memory.symbols_right(model, task)
    assert second == 1
    assert first == pytest.approx(float((task.validation[1] < 2).double().mean()))


def test_bifurcations_of_a_rotation_that_begins_to_grow(monkeypatch):
    def model(epoch):
        made = TanhRNN(6, 2, 4).double()
        radius, turn = 0.9 + 0.05 * epoch, 0.7
        with torch.no_grad():
            for weight in made.parameters():
                weight.zero_()
            turned = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
            made.weight_hh.copy_(radius * torch.tensor(turned))
        return made

    monkeypatch.setattr(classification, "trained", lambda run, epoch: model(epoch))
    found = classification.bifurcations(SimpleNamespace(seed=0), [0, 3, 6], 0, between=4)
    assert [kind for kind, _ in found] == ["Neimark-Sacker"]
    assert found[0][1] <= 2 < found[0][1] + 0.75 + 1e-9  # the radius is one at epoch 2; a piece is 3/4 of an epoch


def test_one_logit_has_no_gradient():
    slopes = classification.single_output()
    assert slopes[1] == 0 < slopes[4]
