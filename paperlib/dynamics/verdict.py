"""Orbits that do not return: how their tangents grow, and whether that is chaos or quasi-periodic motion."""

import torch
from torch import Tensor

from paperlib.dynamics.check import Step
from paperlib.dynamics.recurrence import Returns
from paperlib.dynamics.tangents import orthonormalise, push, random_frame

SETTLE = 200
BLOCKS = 10
REGULAR = 1e-4  # agreement of two weighted averages, in standard deviations, that chaos does not reach


def growth(step: Step, x: Tensor, n: int, k: int, returns: Returns) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Last state, k exponents, the leading growth at each step (n, M) and the orbit's shadow (n, M, up to 3)."""
    generator = torch.Generator().manual_seed(2)
    size = x.shape[-1]
    if size <= 3:
        view = torch.eye(size, dtype=x.dtype, device=x.device)
    else:
        view = torch.randn(size, 3, dtype=torch.float64, generator=generator).to(x)
    q = random_frame(x, k)
    for _ in range(min(SETTLE, n)):
        x, v = push(step, x, q)
        q, _ = orthonormalise(v)
        returns.see(x)
    total = x.new_zeros(len(x), k)
    logs, shadow = x.new_empty(n, len(x)), x.new_empty(n, len(x), view.shape[-1])
    for t in range(n):
        x, v = push(step, x, q)
        q, r = orthonormalise(v)
        log = torch.log(r)
        total += log
        logs[t], shadow[t] = log[:, 0], x @ view
        returns.see(x)
    return x, torch.sort(total / n, dim=-1, descending=True).values, logs, shadow


def judge(logs: Tensor, shadow: Tensor, age: int) -> tuple[Tensor, Tensor]:
    """Who is quasi-periodic, who chaotic: two masks (M,). Whoever is neither is undecided.

    age: the steps before these. Algebraic convergence at a bifurcation has smooth averages too, but its growth
    rate at time t is -a/t with a of order 1, while that of quasi-periodic motion is zero to many digits.
    """
    n = len(logs)
    half = n // 2
    if half < BLOCKS:
        none = torch.zeros(logs.shape[1], dtype=torch.bool, device=logs.device)
        return none, none
    centre, spread = shadow.mean(0), shadow.std(0)
    # A coordinate that stands still has nothing to say, and its rounding must not be heard.
    heard = spread > 1e-6 * spread.amax(-1, keepdim=True)
    z = torch.where(heard, (shadow - centre) / spread, 0)
    seen = torch.cat([z, torch.cos(z.sum(-1, keepdim=True)), z * z.roll(1, -1)], -1)
    apart = (smooth_mean(seen[:half]) - smooth_mean(seen[half : 2 * half])).abs().amax(-1)
    rate = smooth_mean(logs[half : 2 * half, :, None])[:, 0]
    quasi = heard.any(-1) & (apart < REGULAR) & (rate.abs() < 0.05 / (age + n))

    blocks = logs[: n // BLOCKS * BLOCKS].reshape(BLOCKS, -1, logs.shape[1]).mean(1)
    mean, error = blocks.mean(0), blocks.std(0) / BLOCKS**0.5
    first, second = z[:half], z[half:]
    drift = (first.mean(0) - second.mean(0)).abs().amax(-1)
    ratio = torch.where(heard, (first.std(0) / second.std(0)).log().abs(), 0).amax(-1)
    # Growth by e^5 at least: below that a smooth circle's own uneven speed can feign an exponent.
    chaos = ~quasi & (mean > 4 * error) & (mean * n > 5) & heard.any(-1) & (drift < 0.7) & (ratio < 0.7)
    return quasi, chaos


def smooth_mean(series: Tensor) -> Tensor:
    """The weighted Birkhoff average over the first axis: faster than any power for quasi-periodic motion."""
    t = (torch.arange(len(series), dtype=series.dtype, device=series.device) + 0.5) / len(series)
    weight = torch.exp(-1 / (t * (1 - t)))
    return torch.tensordot(weight / weight.sum(), series, dims=1)
