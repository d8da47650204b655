"""Tangent vectors through a step, and their orthonormalisation."""

import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.check import Step


def push(step: Step, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """x' and J v: x (..., N), v (..., N, k) -> (..., N), (..., N, k).

    The step's own derivative where it has one (`push`, see `models.bind`), forward-mode differentiation else.
    The step may close over parameters of the whole batch, so the batch goes through it together and only the
    tangents are mapped over.
    """
    if hasattr(step, "push"):
        return step.push(x, v)
    if 0 in x.stride():
        x = x.clone()  # one start expanded to many shares its memory, which dual numbers do not allow

    def tangent(direction: Tensor) -> tuple[Tensor, Tensor]:
        return torch.func.jvp(step, (x,), (direction,))

    following, tangents = torch.func.vmap(tangent, in_dims=-1, out_dims=(0, -1))(v)
    return following[0], tangents


def jacobian(step: Step, x: Tensor) -> Tensor:
    """J of the step at x: (..., N) -> (..., N, N), entry (i, j) = d x'_i / d x_j.

    Raises ValueError for a bad x.
    """
    check.states("x", x)
    eye = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    return push(step, x, eye.expand(*x.shape, -1))[1]


def random_frame(x: Tensor, k: int) -> Tensor:
    """k orthonormal tangents, the same at every state: (..., N) -> (..., N, k), state axis first in memory.

    Random, since the first coordinate directions can span an invariant subspace without the leading exponent.
    """
    size = x.shape[-1]
    generator = torch.Generator().manual_seed(0)
    frame = torch.linalg.qr(torch.randn(size, k, dtype=torch.float64, generator=generator))[0]
    frame = frame.to(x).reshape(size, k, *(1,) * (x.dim() - 1)).expand(size, k, *x.shape[:-1])
    return frame.contiguous().movedim((0, 1), (-2, -1))


def orthonormalise(v: Tensor) -> tuple[Tensor, Tensor]:
    """v = Q R: Q (..., N, k) and the diagonal of R, non-negative, (..., k).

    Householder's for few large frames; Gram-Schmidt for many small ones, where LAPACK would be called once a
    frame. A column that is exactly zero gets a zero in R. One that vanishes in exact arithmetic only is left as the
    rounding of the others, about 1e-17 of them in float64, and so is its entry in R.
    """
    size, k = v.shape[-2:]
    if v[..., 0, 0].numel() < 16 or size > 32:
        q, r = torch.linalg.qr(v)
        return q, r.diagonal(dim1=-2, dim2=-1).abs()
    columns = v.movedim((-2, -1), (0, 1)).clone()
    norms = []
    for i in range(k):
        norm = (columns[:, i] * columns[:, i]).sum(0).sqrt()  # vector_norm over the first axis is 20 times slower
        columns[:, i] /= norm.clamp(min=torch.finfo(v.dtype).tiny)
        norms.append(norm)
        if i + 1 < k:
            rest, q = columns[:, i + 1 :], columns[:, i : i + 1]
            rest -= q * (q * rest).sum(0)
    return columns.movedim((0, 1), (-2, -1)), torch.stack(norms, -1)
