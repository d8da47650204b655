"""The next word of a text: R, section 5.3."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from paperlib.corpora import Corpus, streams
from paperlib.corpora.corpus import PARTS
from paperlib.tasks.base import check_sizes

STREAM = 2_000_003  # offset of the dropout masks among the random streams of a run


class Language:
    """Predict every token from those before it, in `streams` contiguous streams read side by side.

    Backpropagation reaches back over `steps` tokens; the state is carried from batch to batch, detached, and starts
    from zero in every epoch. What does not fill the streams is dropped. The loss is a sum over streams and steps.
    Dropout masks are a function of (seed, epoch, batch).

    corpus() gives the text when it is first needed, `vocabulary` how many words it has. precision "bf16" multiplies in
    bfloat16 in the softmax, where most of the work is. Raises ValueError where corpus and vocabulary do not agree or a
    part of the text is too short for the streams.
    """

    u_max = 1.0  # what a certificate is asked for; `Vitals` asks the model how large its embeddings are

    def __init__(
        self,
        corpus: Callable[[], Corpus],
        vocabulary: int,
        *,
        streams: int = 100,
        steps: int = 80,
        seed: int = 0,
        device: str = "cpu",
        precision: str = "float32",
    ):
        check_sizes(streams=streams, steps=steps)
        self.source, self.vocabulary, self.device = corpus, vocabulary, torch.device(device)
        self.streams, self.steps, self.seed, self.precision = streams, steps, seed, precision
        self._corpus: Corpus | None = None
        self.x: Tensor | None = None  # the state that is carried
        self.best = float("inf")  # the smallest validation loss so far

    @property
    def corpus(self) -> Corpus:
        """The text, loaded when it is first asked for: a network can be built without it."""
        if self._corpus is None:
            corpus = self.source()
            if len(corpus.vocabulary) != self.vocabulary:
                raise ValueError(f"corpus has {len(corpus.vocabulary)} words, expected {self.vocabulary}")
            for name in PARTS:
                count = len(getattr(corpus, name))
                if count < 2 * self.streams:
                    raise ValueError(
                        f"{name} has {count} tokens, expected 2 or more for each of {self.streams} streams"
                    )
            self.parts = {name: streams(getattr(corpus, name), self.streams).to(self.device) for name in PARTS}
            self._corpus = corpus
        return self._corpus

    def part(self, name: str) -> Tensor:
        """train, valid or test in streams, (T, streams)."""
        _ = self.corpus
        return self.parts[name]

    @property
    def batches(self) -> int:
        """Batches of an epoch; every token but the first of each stream is predicted once."""
        return -(-(len(self.part("train")) - 1) // self.steps)

    def window(self, name: str, index: int) -> tuple[Tensor, Tensor]:
        """Tokens (T, streams) of one batch and those that follow them, T = steps but for the last."""
        text = self.part(name)
        begin = index * self.steps
        end = min(begin + self.steps, len(text) - 1)
        return text[begin:end], text[begin + 1 : end + 1]

    def objective(self, model: nn.Module, epoch: int, index: int) -> tuple[Tensor, dict[str, float]]:
        """Summed cross entropy of one batch, and the number of predictions."""
        tokens, target = self.window("train", index)
        generator = torch.Generator(self.device)
        generator.manual_seed(((self.seed + STREAM) * 100_003 + epoch) * 100_003 + index)
        loss, x = self.loss(model, tokens, target, None if index == 0 else self.x, generator)
        self.x = x.detach()
        return loss, {"terms": float(target.numel())}

    def loss(
        self, model: nn.Module, tokens: Tensor, target: Tensor, x: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        h, x = model.states(tokens, x, generator)
        return model.loss(h, target, torch.bfloat16 if self.precision == "bf16" else None), x

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Loss on the validation text; on the test text too when it is the best so far, else NaN.

        The test perplexity is so exp of the last number that is not NaN: R reads it at the best validation.
        """
        found = {"validation_loss": self.evaluate(model, "valid"), "test_loss": float("nan")}
        if found["validation_loss"] < self.best:
            self.best = found["validation_loss"]
            found["test_loss"] = self.evaluate(model, "test")
        return found

    @torch.no_grad()
    def evaluate(self, model: nn.Module, name: str) -> float:
        """Mean cross entropy over a part of the text, in nats a token, without dropout."""
        x, total = None, []
        for tokens, target in self.windows(name):
            loss, x = self.loss(model, tokens, target, x, None)
            total.append(loss)
        return float(torch.stack(total).double().sum()) / (len(self.part(name)) - 1) / self.streams

    def windows(self, name: str) -> Iterator[tuple[Tensor, Tensor]]:
        for index in range(-(-(len(self.part(name)) - 1) // self.steps)):
            yield self.window(name, index)

    def state(self) -> dict[str, Tensor]:
        """What goes on from batch to batch: the carried state, and the best validation loss."""
        carried = {} if self.x is None else {"x": self.x}
        return carried | {"best": torch.tensor(self.best, dtype=torch.float64)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        self.x = tensors["x"].to(self.device) if "x" in tensors else None
        self.best = float(tensors.get("best", torch.tensor(float("inf"))))

    def arrays(self) -> tuple[Tensor, ...]:
        """Everything a network can learn from, for the record."""
        return (self.corpus.train,)

    def provenance(self) -> dict[str, Any]:
        """Which text it was, for the record."""
        corpus = self.corpus
        return {
            "text": corpus.name,
            "synthetic": corpus.synthetic,
            "text_sha256": dict(corpus.sha256),
            "text_warnings": list(corpus.warnings),
            "vocabulary": self.vocabulary,
            "precision": self.precision,
        }
