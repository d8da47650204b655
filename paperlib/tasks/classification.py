"""Sequences of symbols, classified by two of them far back: R, section 5.2 (Hochreiter and Schmidhuber 1997)."""

import torch
from torch import Tensor, nn

from paperlib.tasks.base import Supervised, check_sizes

SYMBOLS = ("p", "q", "a", "b", "c", "d")
CLASSES = 4


class Classification(Supervised):
    """One-hot symbols; p or q at two hidden places, a to d elsewhere; the class is 2 first + second (p 0, q 1).

    Four logits are read after the last symbol; the loss is a cross entropy summed over the batch. `first` and
    `second` are the places, 0-based, both ends included, drawn uniformly: 9..18 and 39..48 in the released code
    (the text's t1 in [10, 18], t2 in [40, 49] is one of each off). `count` training sequences and as many for
    validation, from two seeds of their own (2 and 3 in the released code), in batches in fixed order.

    Raises ValueError when the places do not fit the length.
    """

    input_size, output_size = len(SYMBOLS), CLASSES
    u_max = 1.0

    def __init__(
        self,
        *,
        length: int = 100,
        count: int = 1000,
        batch: int = 100,
        first: tuple[int, int] = (9, 18),
        second: tuple[int, int] = (39, 48),
        seeds: tuple[int, int] = (2, 3),
        device: str = "cpu",
    ):
        check_sizes(length=length, count=count, batch=batch)
        if not 0 <= first[0] <= first[1] < second[0] <= second[1] < length:
            raise ValueError(f"places {first} and {second} do not fit in order into a length of {length}")
        self.batch_size, self.batches = batch, -(-count // batch)
        self.train, self.validation = (
            tuple(tensor.to(device) for tensor in sequences(length, count, first, second, seed)) for seed in seeds
        )

    def batch(self, epoch: int, index: int) -> tuple[Tensor, Tensor]:
        """Inputs (T, B, 6) and classes (B,) of one batch; the same in every epoch."""
        return self._part(self.train, index)

    def _part(self, data: tuple[Tensor, Tensor], index: int) -> tuple[Tensor, Tensor]:
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return nn.functional.one_hot(data[0][:, part], len(SYMBOLS)).float(), data[1][part]

    @staticmethod
    def loss(y: Tensor, target: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Summed cross entropy of the last step's logits, y (T, B, 4); the right answers are counted."""
        loss = nn.functional.cross_entropy(y[-1], target, reduction="sum")
        right = float((y[-1].detach().argmax(-1) == target).sum())
        return loss, {"terms": float(len(target)), "accuracy": right}

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Mean loss and accuracy on the sequences that are not trained on."""
        total = {"loss": 0.0, "accuracy": 0.0, "terms": 0.0}
        for index in range(self.batches):
            u, target = self._part(self.validation, index)
            loss, sums = self.loss(model(u)[0], target)
            for name, value in {"loss": float(loss), **sums}.items():
                total[name] += value
        return {f"validation_{name}": total[name] / total["terms"] for name in ("loss", "accuracy")}

    def arrays(self) -> tuple[Tensor, ...]:
        """Everything a network can learn from, for the record."""
        return self.train

    @staticmethod
    def constant_inputs() -> Tensor:
        """Inputs of the orbit diagrams, (6, 6): every symbol for ever."""
        return torch.eye(len(SYMBOLS), dtype=torch.float64)


def sequences(
    length: int, count: int, first: tuple[int, int], second: tuple[int, int], seed: int
) -> tuple[Tensor, Tensor]:
    """Symbols (T, count) as numbers and classes (count,)."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high + 1, shape, generator=generator)

    symbols = draw(2, 5, length, count)
    which = draw(0, 1, 2, count)
    for place, symbol in zip((first, second), which, strict=True):
        symbols.scatter_(0, draw(*place, 1, count), symbol[None])
    return symbols, 2 * which[0] + which[1]
