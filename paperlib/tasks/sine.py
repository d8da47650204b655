"""Sine waves of given frequency: R, section 5.1."""

import math

import torch
from torch import Tensor

from paperlib.tasks.base import Supervised, check_sizes

LOWEST, HIGHEST = math.pi / 16, math.pi / 8  # frequencies, rad a step: R, section 5.1


class Sine(Supervised):
    """Input u_t = omega for all t, target sin(omega t), t = 1..length; the loss is a sum over batch and time.

    sequences frequencies evenly spaced from pi/16 to pi/8, in batches of `batch` in fixed order (released code).
    """

    input_size = output_size = 1
    u_max = HIGHEST

    def __init__(self, *, sequences: int = 100, length: int = 400, batch: int = 10, device: str = "cpu"):
        check_sizes(sequences=sequences, length=length, batch=batch)
        omega = torch.linspace(LOWEST, HIGHEST, sequences, dtype=torch.float64)
        t = torch.arange(1, length + 1, dtype=torch.float64)
        self.u = omega.expand(length, -1)[..., None].float().contiguous().to(device)
        self.target = torch.sin(t[:, None] * omega)[..., None].float().to(device)
        self.batch_size = batch
        self.batches = -(-sequences // batch)

    def batch(self, epoch: int, index: int) -> tuple[Tensor, Tensor]:
        """Inputs (T, B, 1) and targets (T, B, 1) of one batch; the same in every epoch."""
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.u[:, part].contiguous(), self.target[:, part].contiguous()

    def loss(self, y: Tensor, target: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Sum of squared errors, to be minimised, and the number of terms that makes it a mean."""
        return (y - target).square().sum(), {"terms": float(target.numel())}

    def arrays(self) -> tuple[Tensor, ...]:
        """Everything a network can learn from, for the record."""
        return self.u, self.target

    @staticmethod
    def constant_inputs(count: int = 10) -> Tensor:
        """Inputs of the orbit diagrams, (count, 1): linspace(pi/16, pi/8, 10); number 1 is the 0.218 of Fig. 4."""
        return torch.linspace(LOWEST, HIGHEST, count, dtype=torch.float64)[:, None]
