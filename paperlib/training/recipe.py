"""How a run is optimised, apart from what it learns."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Plateau:
    """The rate falls after more than `patience` epochs without gain in a column of the history; below `floor` the run
    ends.

    A gain is a value smaller than the best one by more than `threshold` of it. The rule of torch's
    `ReduceLROnPlateau` with its default threshold, which the released code uses; computed from the history alone, so
    that a run that is taken up again has nothing else to remember.
    """

    column: str
    patience: int
    floor: float
    threshold: float = 1e-4

    def drops(self, values: Sequence[float]) -> int:
        """How many times the rate has fallen after these epochs."""
        best, bad, count = math.inf, 0, 0
        for value in values:
            if value < best * (1 - self.threshold):
                best, bad = value, 0
            else:
                bad += 1
            if bad > self.patience:
                count, bad = count + 1, 0
        return count


@dataclass(frozen=True)
class Recipe:
    """Adam with clipped gradients of a summed loss and a schedule: R, section 5.

    The rate is `rate * factor ** (milestones passed + plateaus)`; `stop` = (column, value) ends a run early, when that
    column of its history has reached the value.
    """

    epochs: int
    rate: float
    clip: float | None = 0.25
    milestones: tuple[int, ...] = ()
    factor: float = 0.1
    stop: tuple[str, float] | None = None
    plateau: Plateau | None = None

    def rate_at(self, epoch: int, history: Mapping[str, Sequence[float]] | None = None) -> float:
        """Learning rate of an epoch, counted from 0; with plateaus it depends on the history of the epochs before."""
        falls = sum(epoch >= milestone for milestone in self.milestones)
        if self.plateau is not None and history:
            falls += self.plateau.drops(history[self.plateau.column][:epoch])
        return self.rate * self.factor**falls

    def ended(self, epoch: int, history: Mapping[str, Sequence[float]]) -> bool:
        """Whether the run's early end has come before this epoch."""
        if not history:
            return False
        # A hair below: 1e-3 divided by ten four times is not 1e-7 in binary.
        if self.plateau is not None and self.rate_at(epoch, history) < self.plateau.floor * (1 - 1e-9):
            return True
        return self.stop is not None and history[self.stop[0]][-1] >= self.stop[1]
