"""Entropy of the state's distribution: what one step adds to it, and what it is."""

import math

import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.check import Step
from paperlib.dynamics.tangents import push


@torch.no_grad()
def entropy_change(step: Step, samples: Tensor) -> Tensor:
    """Mean log |det J| over the samples, in nats: what a one-to-one step adds to the differential entropy.

    samples (M, ..., N), distributed as the state is; averaged over the first axis -> (...). A step that is not
    one-to-one adds less: the mean of log |det J| minus the entropy of X_t given X_(t+1). -inf where the step
    loses a dimension. R, supplement B.1 (the change of variables in the proof).

    Raises ValueError for bad samples.
    """
    check.states("samples", samples)
    if samples.dim() < 2:
        raise ValueError(f"samples has shape {tuple(samples.shape)}, expected (M, ..., N)")
    x = samples.expand(check.first_step(step, samples).shape)
    eye = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    jacobian = push(step, x, eye.expand(*x.shape, -1))[1]
    return torch.linalg.slogdet(jacobian)[1].mean(0)


def knn_entropy(samples: Tensor, *, k: int = 3, whiten: bool = False) -> float:
    """Differential entropy of the distribution of the samples (M, N), in nats: Kozachenko and Leonenko 1987.

    psi(M) - psi(k) + log V_N + N mean log r, with r the distance to the k-th nearest neighbour and V_N the volume
    of the unit ball; its bias goes with M^(-2/N), so M must grow fast with N. -inf when k samples coincide with
    another: a distribution that has collapsed to rounding. `whiten` first brings the samples to unit covariance by a
    linear map, whose log-determinant is put back: a thin cloud then needs no more samples than a round one, and one
    whose thinnest direction is rounding has collapsed.

    Raises ValueError for bad samples or k.
    """
    from scipy.spatial import cKDTree
    from scipy.special import digamma, gammaln

    check.states("samples", samples)
    check.positive("k", k)
    if samples.dim() != 2 or len(samples) <= k:
        raise ValueError(f"samples has shape {tuple(samples.shape)}, expected (M, N) with M > k = {k}")
    count, size = samples.shape
    points, stretched = samples.detach().cpu().double(), 0.0
    if whiten:
        values, frame = torch.linalg.eigh(torch.cov(points.T).reshape(size, size))
        # Variances of the samples' own rounding, and of that of the eigenvalues.
        own = (torch.finfo(samples.dtype).eps * points.abs().max()) ** 2
        if values[0] <= torch.maximum(own, size * torch.finfo(points.dtype).eps * values[-1]):
            return -math.inf
        points = (points - points.mean(0)) @ frame / values.sqrt()
        stretched = float(values.log().sum()) / 2
    points = points.numpy()
    radius = torch.from_numpy(cKDTree(points).query(points, k + 1)[0][:, k])
    ball = size / 2 * math.log(math.pi) - float(gammaln(size / 2 + 1))
    return stretched + float(digamma(count) - digamma(k)) + ball + size * float(torch.log(radius).mean())
