"""How far a generated series is from the true one in frequency: power spectra, and M's D_H."""

import math

import torch
from torch import Tensor

from paperlib.dynamics.divergence import pair

SEGMENTS = 50  # pieces that each series is cut into, whose spectra are averaged: the released code of M
SIGMA = 2.0  # width of the Gaussian smoothing, in frequencies: the released code of M
CUTOFF = 500  # frequencies that are compared: the released code of M
NORMALISATIONS = ("published", "unit")
SILENT = 1e-4  # of the true series' deviation: a piece that moves less than this is at rest


@torch.no_grad()
def power_spectrum(series, *, segments: int = SEGMENTS, length: int | None = None, sigma: float = SIGMA):
    """Smoothed one-sided power spectrum, (T, N) -> frequencies (F,) in cycles a step, power (F, N).

    The series is cut into `segments` pieces, each is brought to mean 0 and variance 1, its periodogram (which then
    sums to 1) smoothed by a Gaussian of `sigma` frequencies and averaged over the pieces; of each piece the first
    `length` steps (all by default). A piece that is constant has no power.

    Raises ValueError when a piece is shorter than four steps. M, its released code.
    """
    return _spectrum(series, segments, length, sigma)[:2]


@torch.no_grad()
def hellinger_distance(
    true, generated, *, normalisation: str = "published", segments: int = SEGMENTS, sigma: float = SIGMA
) -> float:
    """D_H of two series' power spectra, mean over coordinates: 0 for equal ones, 1 for disjoint or without power.

    true (T, N) and generated (S, N), cut into as many segments of one length; the first 500 frequencies. With the
    spectra p and q the distance is sqrt(1 - sum sqrt(p q)), the sum by the trapezoidal rule.

    normalisation="published" takes the spectra as they are: what smoothing and the cut-off lose counts as distance,
    so that a series is not at distance 0 from itself. "unit" brings the integral to the share of the pieces that
    move, 1 where all of them do. A piece at rest (deviation below 1e-4 of that of `true`) is like no spectrum;
    without this the one piece in which a series comes to rest would stand for all of it.

    1 when `generated` is not finite. Raises ValueError for bad arguments. M, its released code.
    """
    if normalisation not in NORMALISATIONS:
        raise ValueError(f"normalisation is {normalisation!r}, expected one of {', '.join(NORMALISATIONS)}")
    true, generated = pair(true, generated)
    length = min(len(true), len(generated)) // segments if isinstance(segments, int) and segments > 0 else None
    if not torch.isfinite(generated).all():
        return 1.0
    least = SILENT * true.std(0) if normalisation == "unit" else 0.0
    spectra = []
    for series in (true, generated):
        _, power, moving = _spectrum(series, segments, length, sigma, least)
        power = power[:CUTOFF]
        if normalisation == "unit":
            total = torch.trapezoid(power, dim=0)
            power = power * moving / total.where(total > 0, 1.0)
        spectra.append(power)
    overlap = torch.trapezoid((spectra[0] * spectra[1]).sqrt(), dim=0)
    return float((1 - overlap).clamp(0, 1).sqrt().mean())


def _spectrum(series, segments: int, length: int | None, sigma: float, least: Tensor | float = 0.0):
    """`power_spectrum`, and the share of the pieces whose deviation is above `least` (N,), the only ones with power."""
    series = torch.as_tensor(series).detach().cpu().double()
    if series.dim() != 2 or not series.shape[1]:
        raise ValueError(f"series has shape {tuple(series.shape)}, expected (T, N)")
    if isinstance(segments, bool) or not isinstance(segments, int) or segments < 1:
        raise ValueError(f"segments is {segments!r}, expected an integer >= 1")
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma is {sigma!r}, expected a positive number")
    whole = len(series) // segments
    length = whole if length is None else min(length, whole)
    length -= length % 2
    if length < 4:
        raise ValueError(f"series has {len(series)} steps in {segments} segments, expected at least 4 steps in each")
    pieces = series[: whole * segments].reshape(segments, whole, -1)[:, :length]
    pieces = pieces - pieces.mean(1, keepdim=True)
    size = pieces.square().mean(1, keepdim=True).sqrt()
    rounding = 1e-12 * series.abs().amax().clamp(min=torch.finfo(series.dtype).tiny)
    constant = size <= torch.maximum(rounding, torch.as_tensor(least, dtype=series.dtype))
    pieces = torch.where(constant, 0.0, pieces / size.where(~constant, 1.0))
    power = torch.fft.rfft(pieces, dim=1, norm="ortho").abs().square() * (2 / length)
    half = math.ceil(5 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-half, half + 1, dtype=torch.float64) / sigma) ** 2)
    rows = power.movedim(1, -1).reshape(-1, 1, power.shape[1])
    rows = torch.nn.functional.conv1d(rows, (kernel / kernel.sum())[None, None], padding=half)
    power = rows.reshape(segments, -1, power.shape[1]).mean(0).T
    return torch.arange(len(power), dtype=torch.float64) / length, power, (~constant).double().mean(0)[0]


def peak(frequency: Tensor, power: Tensor) -> Tensor:
    """The frequency of the highest peak of every coordinate: (F,), (F, N) -> (N,), the constant part left out."""
    return frequency[1 + power[1:].argmax(0)]
