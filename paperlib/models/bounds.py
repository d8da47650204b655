"""Proved bounds on a network's Jacobian with respect to the state, over a box of states, by interval arithmetic."""

import torch
from torch import Tensor

from paperlib.models.base import Model
from paperlib.models.lstm import LSTM
from paperlib.models.orthogonal import OrthogonalRNN
from paperlib.models.plrnn import PLRNN
from paperlib.models.tanh_rnn import TanhRNN

Interval = tuple[Tensor, Tensor]
ROUNDING = 1 + 1e-10  # covers the rounding of the few hundred operations below in float64


@torch.no_grad()
def lipschitz_upper(
    model: Model, weights: dict[str, Tensor], drive: Tensor | None, low: Tensor, high: Tensor
) -> Tensor:
    """An upper bound on the spectral norm of df/dx over each box low <= x <= high: (B, N) twice -> (B,).

    Infinite for a network without a bound here and where the step jumps (modReLU with a positive bias).
    """
    low, high = low.double(), high.double()
    weights = {name: value.double() for name, value in weights.items()}
    middle, radius = (low + high) / 2, (high - low) / 2
    recurrent = weights.get("weight_hh")
    if isinstance(model, PLRNN):
        return plrnn(recurrent, low, high) * ROUNDING
    if not isinstance(model, LSTM | TanhRNN | OrthogonalRNN):
        return torch.full(low.shape[:1], torch.inf, dtype=low.dtype, device=low.device)
    n = model.hidden_size
    z = middle[:, :n] @ recurrent.T + (0 if drive is None else drive.double())
    around = radius[:, :n] @ recurrent.abs().T
    z = (z - around, z + around)
    if isinstance(model, LSTM):
        return lstm(recurrent, z, (low[:, n:], high[:, n:])) * ROUNDING
    slope = bell(z, torch.tanh, 1.0)[1] if isinstance(model, TanhRNN) else modrelu(z, weights.get("bias_hh"))
    # D W = E (D_max W) with 0 <= E <= 1 diagonal: the largest slopes bound the norm.
    return norm(slope[:, :, None] * recurrent) * ROUNDING


def norm(matrix: Tensor) -> Tensor:
    """Largest singular value of each matrix; infinite entries give an infinite bound."""
    finite = torch.isfinite(matrix).all(-1).all(-1)
    safe = torch.where(finite[:, None, None], matrix, torch.zeros_like(matrix))
    return torch.where(finite, torch.linalg.matrix_norm(safe, 2), torch.inf)


def bell(z: Interval, function, top: float) -> Interval:
    """Range of the derivative of tanh or the sigmoid, which falls on both sides of its value `top` at zero."""

    def slope(y: Tensor) -> Tensor:
        value = function(y)
        return 1 - value * value if function is torch.tanh else value * (1 - value)

    ends = slope(z[0]), slope(z[1])
    inside = (z[0] <= 0) & (z[1] >= 0)
    return torch.minimum(*ends), torch.where(inside, top, torch.maximum(*ends))


def times(a: Interval, b: Interval) -> Interval:
    products = torch.stack([a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]])
    return products.amin(0), products.amax(0)


def plus(a: Interval, b: Interval) -> Interval:
    return a[0] + b[0], a[1] + b[1]


def rows(scale: Interval, matrix: Tensor) -> Interval:
    """diag(scale) times a fixed matrix: (B, H) and (H, M) -> (B, H, M)."""
    first, second = scale[0][:, :, None] * matrix, scale[1][:, :, None] * matrix
    return torch.minimum(first, second), torch.maximum(first, second)


def lstm(recurrent: Tensor, z: Interval, c: Interval) -> Tensor:
    """The Jacobian of (h, c) entry by entry, then |J| <= |midpoint| + |radius|."""
    n = c[0].shape[-1]
    cut = [tuple(side[:, g * n : (g + 1) * n] for side in z) for g in range(4)]
    i, f, o = ((torch.sigmoid(cut[g][0]), torch.sigmoid(cut[g][1])) for g in (0, 1, 3))
    g = torch.tanh(cut[2][0]), torch.tanh(cut[2][1])
    slope_i, slope_f, slope_o = (bell(cut[k], torch.sigmoid, 0.25) for k in (0, 1, 3))
    slope_g = bell(cut[2], torch.tanh, 1.0)
    w_i, w_f, w_g, w_o = recurrent.split(n)
    dc_dh = plus(
        plus(rows(times(slope_i, g), w_i), rows(times(slope_f, c), w_f)),
        rows(times(i, slope_g), w_g),
    )
    c_next = plus(times(f, c), times(i, g))
    tanh_c = torch.tanh(c_next[0]), torch.tanh(c_next[1])
    gain = times(o, bell(c_next, torch.tanh, 1.0))
    through = times(tuple(side[:, :, None] for side in gain), dc_dh)
    dh_dh = plus(through, rows(times(slope_o, tanh_c), w_o))
    eye = torch.eye(n, dtype=recurrent.dtype, device=recurrent.device)
    dh_dc, dc_dc = rows(times(gain, f), eye), rows(f, eye)
    low, high = (torch.cat([torch.cat([dh_dh[s], dh_dc[s]], 2), torch.cat([dc_dh[s], dc_dc[s]], 2)], 1) for s in (0, 1))
    return norm((low + high) / 2) + norm((high - low) / 2)


def modrelu(z: Interval, bias: Tensor | None) -> Tensor:
    """Largest slope of each unit: infinite where a positive bias makes it jump inside the box."""
    bias = torch.zeros_like(z[0][0]) if bias is None else bias
    most = torch.maximum(z[0].abs(), z[1].abs())
    jumps = (bias > 0) & (z[0] <= 0) & (z[1] >= 0)
    return torch.where(jumps, torch.inf, (most + bias > 0).to(z[0].dtype))


def plrnn(recurrent: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """A + W D, D between the indicators of low > 0 and high > 0."""
    diagonal = torch.diag(recurrent.diagonal())
    off = recurrent - diagonal
    middle, radius = (
        ((high > 0).double() + (low > 0).double()) / 2,
        ((high > 0).double() - (low > 0).double()) / 2,
    )
    return norm(diagonal + off * middle[:, None, :]) + norm(off * radius[:, None, :])
