"""Entropy against closed forms and scipy's own estimator."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from paperlib.dynamics import entropy_change, knn_entropy

F64 = torch.float64


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_linear_step_adds_its_log_determinant(maps, size):
    m = normal(size, size, seed=size)
    change = entropy_change(maps.linear(m), normal(7, size))
    assert float(change) == pytest.approx(float(np.linalg.slogdet(m.numpy())[1]), abs=1e-12)


def test_change_of_a_batch_of_maps(maps):
    r = torch.tensor([2.0, 3.0], dtype=F64)[:, None]
    x = torch.rand(50, 2, 1, dtype=F64, generator=torch.Generator().manual_seed(0))
    change = entropy_change(maps.logistic(r), x)
    torch.testing.assert_close(change, (r * (1 - 2 * x)).abs().log().mean(0)[:, 0])


def test_lost_dimension_is_minus_infinity(maps):
    assert (
        float(entropy_change(maps.linear(torch.diag(torch.tensor([1.0, 0.0], dtype=F64))), normal(3, 2))) == -math.inf
    )


@pytest.mark.parametrize("size", [1, 2, 3])
def test_gaussian_entropy(size):
    root = normal(size, size, seed=size) + 2 * torch.eye(size, dtype=F64)
    exact = stats.multivariate_normal(cov=(root @ root.T).numpy()).entropy()
    values = [knn_entropy(normal(4000, size, seed=seed) @ root.T) for seed in range(8)]
    error = np.std(values, ddof=1) / len(values) ** 0.5
    assert abs(np.mean(values) - exact) <= 4 * error


def test_scipy_agrees_in_one_dimension():
    pairs = []
    for seed in range(8):
        x = torch.from_numpy(stats.gumbel_r.rvs(size=4000, random_state=seed))
        pairs.append((knn_entropy(x[:, None]), stats.differential_entropy(x.numpy())))
    ours, theirs = np.array(pairs).T
    error = np.std(ours - theirs, ddof=1) / len(ours) ** 0.5
    # scipy's spacings estimator has a bias of its own; the exact value is 1 + Euler's constant.
    assert abs(np.mean(ours) - stats.gumbel_r.entropy()) <= 4 * np.std(ours, ddof=1) / len(ours) ** 0.5
    assert abs(np.mean(ours - theirs)) <= 4 * error + abs(np.mean(theirs) - stats.gumbel_r.entropy())


def test_one_to_one_step_adds_what_the_formula_says(maps):
    x = normal(20000, 2)
    step = maps.henon()
    measured = knn_entropy(step(x)) - knn_entropy(x)
    assert measured == pytest.approx(float(entropy_change(step, x)), abs=0.05)
    assert float(entropy_change(step, x)) == pytest.approx(math.log(0.3))


def test_collapsed_samples():
    assert knn_entropy(torch.zeros(10, 2, dtype=F64)) == -math.inf


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize(
    "samples",
    [
        torch.full((10, 2), 0.1, dtype=F64),
        normal(50, 1) * torch.tensor([[0.3, 0.7, 1.1]], dtype=F64),
        5 + normal(50, 2) @ normal(2, 3, seed=1),
        normal(5, 6),
    ],
    ids=["point", "line", "plane", "few"],
)
def test_collapsed_samples_are_not_whitened(samples, dtype):
    assert knn_entropy(samples.to(dtype), whiten=True) == -math.inf


def test_thin_samples_are_whitened():
    x = normal(2000, 2)
    thin = x * torch.tensor([1.0, 1e-6], dtype=F64)
    assert knn_entropy(thin, whiten=True) == pytest.approx(knn_entropy(x, whiten=True) + math.log(1e-6), abs=1e-3)


def test_bad_arguments_are_named(maps):
    with pytest.raises(ValueError, match=r"samples has shape \(2,\)"):
        entropy_change(maps.henon(), torch.zeros(2, dtype=F64))
    with pytest.raises(ValueError, match=r"samples has shape \(3, 2\), expected \(M, N\) with M > k = 3"):
        knn_entropy(torch.zeros(3, 2, dtype=F64))
    with pytest.raises(ValueError, match="k is 0"):
        knn_entropy(torch.zeros(3, 2, dtype=F64), k=0)
    with pytest.raises(ValueError, match="not finite"):
        knn_entropy(torch.full((9, 2), math.nan, dtype=F64))
