"""How a run is optimised, apart from what it learns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Adam with clipped gradients of a summed loss and a step schedule: R, section 5.

    The rate is `rate * factor ** (milestones passed)`; `stop` = (column, value) ends a run early, when that column
    of its history has reached the value.
    """

    epochs: int
    rate: float
    clip: float | None = 0.25
    milestones: tuple[int, ...] = ()
    factor: float = 0.1
    stop: tuple[str, float] | None = None

    def rate_at(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        return self.rate * self.factor ** sum(epoch >= milestone for milestone in self.milestones)
