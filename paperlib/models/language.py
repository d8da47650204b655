"""A word-level language model: embedding, recurrent network, and a decoder that shares the embedding's weights."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from paperlib.models.base import Model
from paperlib.models.chunked import cross_entropy


class LanguageModel(Model):
    """Embedding -> dropout -> network -> dropout -> tied decoder: R, section 5.3.

    make(input_size, hidden_size, None) builds the recurrent part, `network`; embedding and hidden vector both have
    `size` entries. weight_ho (V, size) is embedding and decoder in one, N(0, 1), bias_ho (V,) the decoder's,
    U(-1/sqrt(size), 1/sqrt(size)): the released code takes torch's defaults of both layers and then lets the decoder
    have the embedding's weights. `clamped` bounds embeddings to [-1, 1], after dropout, as a certificate for
    |u|_inf <= 1 asks.

    As a dynamical system its input is the embedding vector, its output the V logits; `step`, `bind` and `closed_loop`
    take it like any other model. Raises ValueError for a size that is not a positive integer or a dropout outside
    [0, 1).
    """

    def __init__(
        self,
        make: Callable[..., Model],
        vocabulary: int,
        size: int,
        *,
        dropout: float = 0.5,
        clamped: bool = False,
    ):
        super().__init__(size, size, vocabulary)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout!r}, expected a number from 0 to below 1")
        self.dropout, self.clamped = dropout, clamped
        self.network = make(size, size, None)
        self.state_size = self.network.state_size
        self.weight_ho = nn.Parameter(torch.randn(vocabulary, size))
        self.add_parameter("bias_ho", vocabulary)

    def weights(self) -> dict[str, Tensor]:
        return {**self.network.weights(), "weight_ho": self.weight_ho, "bias_ho": self.bias_ho}

    def drive(self, weights: dict[str, Tensor], u: Tensor) -> Tensor:
        return self.network.drive(weights, u)

    def transition(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None) -> Tensor:
        return self.network.transition(weights, x, drive)

    def push(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None, v: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.push(weights, x, drive, v)

    def hidden(self, x: Tensor) -> Tensor:
        return self.network.hidden(x)

    def project_(self) -> None:
        self.network.project_()

    def embed(self, tokens: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Input vectors of tokens (...) of ids -> (..., size); with a generator, dropped out."""
        if tokens.dtype != torch.long:
            raise TypeError(f"tokens are {tokens.dtype}, expected torch.int64")
        u = self.drop(nn.functional.embedding(tokens, self.weight_ho), generator)
        return u.clamp(-1, 1) if self.clamped else u

    def drop(self, value: Tensor, generator: torch.Generator | None) -> Tensor:
        """Dropout with a mask drawn from the generator; none without one."""
        if generator is None or self.dropout == 0:
            return value
        kept = torch.empty_like(value).bernoulli_(1 - self.dropout, generator=generator)
        return value * kept.mul_(1 / (1 - self.dropout))

    def states(
        self, tokens: Tensor, x0: Tensor | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Hidden vectors of a text, tokens (T, B) from state x0 (B, N_x) -> (T, B, size), and the last state."""
        h, x = self.network(self.embed(tokens, generator), x0)
        return self.drop(h, generator), x

    def forward(self, u: Tensor, x0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits of a sequence of input vectors, (T, B, size) -> (T, B, V), and the last state."""
        h, x = self.network(u, x0)
        return nn.functional.linear(h, self.weight_ho, self.bias_ho), x

    def loss(self, h: Tensor, target: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Summed cross entropy of hidden vectors (..., size) and the tokens that follow (...)."""
        return cross_entropy(h, self.weight_ho, self.bias_ho, target, dtype=dtype)

    def next_token(self, x: Tensor) -> Tensor:
        """The likeliest token after a state, (..., N_x) -> (...): what feedback reads next."""
        h = self.hidden(x).to(self.weight_ho)
        return nn.functional.linear(h, self.weight_ho, self.bias_ho).argmax(-1)

    def projections(self, tokens: list[int]) -> tuple[Tensor, Tensor]:
        """Weights and bias that give the mean of all logits, then the logits of `tokens`, from a hidden vector.

        (1 + n, size) and (1 + n,): the mean of W h + b is mean(W) h + mean(b), so no V logits are formed.
        """
        weight = torch.cat([self.weight_ho.mean(0, keepdim=True), self.weight_ho[tokens]])
        return weight, torch.cat([self.bias_ho.mean(0, keepdim=True), self.bias_ho[tokens]])

    @torch.no_grad()
    def input_bound(self) -> float:
        """The largest |u|_inf of an embedding, without dropout: 1 at most where they are clamped."""
        largest = float(self.weight_ho.abs().max())
        return min(largest, 1.0) if self.clamped else largest
