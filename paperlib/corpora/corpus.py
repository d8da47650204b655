"""A text as numbers: words in the order of their first appearance, three parts, and where they came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

PARTS = ("train", "valid", "test")
EOS, UNK = "<eos>", "<unk>"
PROBES = (EOS, UNK, "=", "is", "Valkyria")  # what the probes of R, section 5.3, ask for: a reduced text keeps them


@dataclass(frozen=True, eq=False)
class Corpus:
    """A tokenised text. `train`, `valid` and `test` are int64 tensors (T,) of positions in `vocabulary`.

    sha256: of each part's file, as text; official: whether all three are the published ones; warnings: one line each,
    to be recorded with every run. synthetic: the text was made by this package and says so in its name.
    """

    name: str
    vocabulary: tuple[str, ...] = field(repr=False)
    train: Tensor
    valid: Tensor
    test: Tensor
    synthetic: bool = False
    official: bool = False
    sha256: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary)}

    def ids(self, word: str) -> int:
        """The number of a word. Raises ValueError for one that the text does not have."""
        if word not in self._ids:
            raise ValueError(f"word is {word!r}, not among the {len(self.vocabulary)} words of {self.name}")
        return self._ids[word]

    def words(self, ids: Iterable[int] | Tensor) -> list[str]:
        """The words of a sequence of numbers."""
        return [self.vocabulary[i] for i in (ids.tolist() if isinstance(ids, Tensor) else ids)]

    def counts(self, part: str = "train") -> Tensor:
        """How often each word stands in a part, (V,)."""
        return torch.bincount(getattr(self, part), minlength=len(self.vocabulary))

    def reduced(self, size: int, keep: Iterable[str] = PROBES) -> "Corpus":
        """The same text with `size` words: those in `keep`, then the most frequent of train; all others are <unk>.

        The order of first appearance stays, and of two equally frequent words the first one is taken.
        Raises ValueError where `size` is below the number of words kept or above that of the text's.
        """
        kept = {self.ids(word) for word in (UNK, *keep)}
        if not isinstance(size, int) or not len(kept) <= size <= len(self.vocabulary):
            raise ValueError(f"size is {size!r}, expected an integer from {len(kept)} to {len(self.vocabulary)}")
        if size == len(self.vocabulary):
            return self
        ranked = torch.sort(self.counts(), descending=True, stable=True).indices.tolist()
        chosen = sorted([*kept, *[i for i in ranked if i not in kept][: size - len(kept)]])
        number = torch.full((len(self.vocabulary),), chosen.index(self.ids(UNK)))
        number[chosen] = torch.arange(size)
        return replace(
            self,
            name=f"{self.name}, {size:,} most frequent words",
            vocabulary=tuple(self.vocabulary[i] for i in chosen),
            **{part: number[getattr(self, part)] for part in PARTS},
        )

    def part(self, fraction: float | None = None, *, tokens: int | None = None) -> "Corpus":
        """The beginning of each part: a fraction of it, or that which leaves `tokens` of train. The vocabulary stays.

        Raises ValueError for a fraction outside (0, 1], for tokens outside 1 to the length of train, and for both.
        """
        if (fraction is None) == (tokens is None):
            raise ValueError(f"fraction is {fraction!r} and tokens is {tokens!r}, expected one of the two")
        if tokens is not None and (not isinstance(tokens, int) or not 1 <= tokens <= len(self.train)):
            raise ValueError(f"tokens is {tokens!r}, expected an integer from 1 to {len(self.train)}")
        share = fraction if tokens is None else tokens / len(self.train)
        if not 0 < share <= 1:
            raise ValueError(f"fraction is {fraction!r}, expected a number in (0, 1]")
        if share == 1:
            return self
        lengths = {part: max(1, round(share * len(getattr(self, part)))) for part in PARTS}
        return replace(
            self,
            name=f"{self.name}, first {lengths['train']:,} tokens",
            **{part: getattr(self, part)[:length].clone() for part, length in lengths.items()},
        )


def split(text: str) -> list[str]:
    """Words of a text, line after line, each line closed by <eos>: `line.split() + ["<eos>"]`, as R's code does."""
    lines = text.removesuffix("\n").split("\n") if text else []
    return [word for line in lines for word in (*line.split(), EOS)]


def encode(parts: Mapping[str, list[str]], further: Iterable[str] = ()) -> tuple[tuple[str, ...], dict[str, Tensor]]:
    """Vocabulary in the order of first appearance over train, valid, test (`further` words last), and the numbers."""
    known: dict[str, int] = {}
    numbers = {part: torch.tensor([known.setdefault(w, len(known)) for w in parts[part]]).long() for part in PARTS}
    for word in further:
        known.setdefault(word, len(known))
    return tuple(known), numbers


def streams(ids: Tensor, batch: int) -> Tensor:
    """A text (L,) cut into `batch` contiguous streams read side by side, (L // batch, batch); the rest is dropped.

    Raises ValueError when there is less than one token a stream.
    """
    if ids.dim() != 1:
        raise ValueError(f"ids has shape {tuple(ids.shape)}, expected (L,)")
    if not isinstance(batch, int) or not 1 <= batch <= len(ids):
        raise ValueError(f"batch is {batch!r}, expected an integer from 1 to the {len(ids)} tokens of the text")
    length = len(ids) // batch
    return ids[: length * batch].view(batch, length).T.contiguous()
