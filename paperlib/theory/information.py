"""Entropy of a network's state: linear-Gaussian systems exactly, clouds of states by their samples, words by counts."""

from typing import NamedTuple

import torch
from torch import Tensor

from paperlib.dynamics import entropy_change, knn_entropy
from paperlib.dynamics.check import Step

F64 = torch.float64


class LinearSystems(NamedTuple):
    """Random x' = A x on a Gaussian state: sizes (M,), change of entropy and N log L of each (M,), in nats."""

    size: Tensor
    change: Tensor
    bound: Tensor


def linear_systems(count: int, sizes: tuple[int, ...], generator: torch.Generator) -> LinearSystems:
    """count systems of each size, entries of A standard normal; H(AX) - H(X) = log |det A|, L = |A|_2."""
    rows = []
    for n in sizes:
        a = torch.randn(count, n, n, dtype=F64, generator=generator)
        change = torch.linalg.slogdet(a)[1]
        bound = n * torch.linalg.matrix_norm(a, 2).log()
        rows.append((torch.full((count,), n), change, bound))
    return LinearSystems(*(torch.cat(column) for column in zip(*rows, strict=True)))


def follow(step: Step, x: Tensor, steps: int) -> tuple[list[float], list[float]]:
    """The entropy of a cloud (M, N) at t = 0..steps, twice: by nearest neighbours, and from H_0 by log |det J|."""
    measured = [knn_entropy(x, whiten=True)]
    derived = [measured[0]]
    for _ in range(steps):
        derived.append(derived[-1] + float(entropy_change(step, x)))
        x = step(x)
        measured.append(knn_entropy(x, whiten=True))
    return measured, derived


def block_entropies(symbols: Tensor, longest: int) -> Tensor:
    """Shannon entropies of words of 1..longest symbols, in nats: symbols (T, M), integers >= 0, words along T."""
    base = int(symbols.max()) + 1
    result, word = [], torch.zeros_like(symbols)
    for m in range(1, longest + 1):
        word = word[: len(symbols) - m + 1] * base + symbols[m - 1 :]
        share = word.flatten().unique(return_counts=True)[1].double()
        share /= share.sum()
        result.append(-(share * share.log()).sum())
    return torch.stack(result)


def label_entropy(labels: Tensor) -> float:
    """Shannon entropy of which attractor is reached, in nats; unlabelled states (-1) are left out."""
    share = labels[labels >= 0].unique(return_counts=True)[1].double()
    share /= share.sum()
    return abs(float((share * share.log()).sum()))
