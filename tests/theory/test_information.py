"""Entropies of clouds and words against what is known of them."""

import math

import pytest
import torch

from paperlib.dynamics import knn_entropy
from paperlib.theory import information

F64 = torch.float64


def generator():
    return torch.Generator().manual_seed(0)


def test_linear_systems_obey_the_corrected_bound_and_break_the_printed_one():
    found = information.linear_systems(50, (1, 3), generator())
    assert found.size.tolist() == [1] * 50 + [3] * 50
    assert (found.change <= found.bound + 1e-10).all()
    assert (found.change[50:] < found.bound[50:] - 1e-3).all()
    torch.testing.assert_close(found.change[:50], found.bound[:50])


def test_two_measurements_of_one_entropy_agree():
    m = torch.tensor([[0.9, 0.3], [0.0, 0.5]], dtype=F64)
    cloud = torch.randn(4000, 2, dtype=F64, generator=generator())
    measured, derived = information.follow(lambda x: torch.tanh(x @ m.T), cloud, 3)
    assert len(measured) == len(derived) == 4 and measured[0] == derived[0]
    assert max(abs(a - b) for a, b in zip(measured, derived, strict=True)) < 0.05


def test_whitening_changes_no_entropy_but_helps_a_thin_cloud():
    thin = torch.tensor([1.0, 1e-3, 1e-6], dtype=F64)
    cloud = torch.randn(4000, 3, dtype=F64, generator=generator()) * thin
    exact = 1.5 * math.log(2 * math.pi * math.e) + float(thin.log().sum())
    assert knn_entropy(cloud, whiten=True) == pytest.approx(exact, abs=0.1)
    assert abs(knn_entropy(cloud) - exact) > 1


def test_words_of_a_fair_and_of_a_repeated_coin():
    coin = torch.randint(2, (40, 20000), generator=generator())
    fair = information.block_entropies(coin, 5)
    torch.testing.assert_close(fair, math.log(2) * torch.arange(1, 6, dtype=F64), rtol=0, atol=2e-4)
    alternating = torch.arange(1000)[:, None] % 2
    repeated = information.block_entropies(alternating, 4)
    torch.testing.assert_close(repeated, torch.full((4,), math.log(2), dtype=F64), rtol=0, atol=1e-5)


def test_labels():
    assert information.label_entropy(torch.tensor([0, 1, 2, 3, -1])) == pytest.approx(math.log(4))
    assert information.label_entropy(torch.tensor([0, 0])) == 0
