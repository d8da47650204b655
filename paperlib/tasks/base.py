"""What sequences with known targets have in common."""

from torch import Tensor, nn


def check_sizes(**sizes: int) -> None:
    """Raises ValueError for a size that is no positive integer."""
    for name, value in sizes.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}, expected a positive integer")


class Supervised:
    """A task with `batch(epoch, index)` -> (u, target) and `loss(y, target)` -> (summed loss, sums)."""

    def objective(self, model: nn.Module, epoch: int, index: int) -> tuple[Tensor, dict[str, float]]:
        """Summed loss of one batch, to be minimised, with `terms`, the number of terms that makes it a mean."""
        u, target = self.batch(epoch, index)
        y, _ = model(u)
        return self.loss(y, target)
