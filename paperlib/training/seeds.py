"""Random numbers that belong to one run and leave the global state alone."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
STARTS = 1_000_003  # offsets of the streams of one run


def seeded(seed: int, make: Callable[[], T]) -> T:
    """make() with torch's default CPU stream set to `seed`, and put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        return make()


def start_states(seed: int, count: int, size: int, scale: float = 100.0) -> Tensor:
    """Start states of the orbit diagrams, N(0, scale^2) for every component: (count, size). R, section 5."""
    generator = torch.Generator().manual_seed(seed + STARTS)
    return scale * torch.randn(count, size, dtype=torch.float64, generator=generator)
