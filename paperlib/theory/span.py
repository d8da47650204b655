"""How far back SGD can learn: many small tanh RNNs trained at once on one bit shown at the first step.

The task of Bengio, Simard and Frasconi 1994: the class is told at the beginning, noise follows, the answer is
asked at the end. Each model has its own seed, start and learning rate, and none sees another's data; one batched
matrix product moves them all. A model's recurrent weights stand in one matrix [W, w_in, b] that acts on (h, u, 1),
so that a step is a single product and so is its share of the gradient.
"""

import math

import torch
from torch import Tensor

Weights = tuple[Tensor, Tensor]  # recurrent (S, H, H + 2), readout with its offset (S, H + 1, 1)


def start(count: int, hidden: int, generator: torch.Generator, *, orthogonal: bool = False) -> Weights:
    """Initial weights of `count` models: torch's U(-1, 1)/sqrt(hidden), or W orthogonal instead."""
    bound = 1 / math.sqrt(hidden)
    recurrent = torch.empty(count, hidden, hidden + 2).uniform_(-bound, bound, generator=generator)
    readout = torch.empty(count, hidden + 1, 1).uniform_(-bound, bound, generator=generator)
    if orthogonal:
        square = torch.randn(count, hidden, hidden, generator=generator)
        recurrent[..., :hidden] = torch.linalg.qr(square)[0]
    return recurrent, readout


def draw(count: int, span: int, batch: int, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs (span, S, B) and classes (S, B): +-1 at the first step, N(0, noise^2) at the others."""
    classes = torch.randint(0, 2, (count, batch), generator=generator) * 2.0 - 1
    inputs = noise * torch.randn(span, count, batch, generator=generator)
    inputs[0] = classes
    return inputs, classes


def run(weights: Weights, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """(h, u, 1) before each step and after the last (span + 1, S, H + 2, B), and the final outputs (S, B)."""
    recurrent, readout = weights
    span, count, batch = inputs.shape
    hidden = recurrent.shape[1]
    states = inputs.new_zeros(span + 1, count, hidden + 2, batch)
    states[:span, :, hidden] = inputs
    states[:, :, hidden + 1] = 1
    for t in range(span):
        torch.tanh(recurrent @ states[t], out=states[t + 1, :, :hidden])
    return states, (readout[:, :hidden].mT @ states[-1, :, :hidden])[:, 0] + readout[:, hidden]


def gradient(weights: Weights, inputs: Tensor, classes: Tensor) -> Weights:
    """Gradient of each model's mean logistic loss, written out: autograd's bookkeeping is most of a small step."""
    recurrent, readout = weights
    hidden = recurrent.shape[1]
    states, outputs = run(weights, inputs)
    error = (-classes * torch.sigmoid(-classes * outputs) / classes.shape[-1])[:, None]  # d loss / d output
    slopes = 1 - states[1:, :, :hidden] ** 2
    total = torch.zeros_like(recurrent)
    back = readout[:, :hidden] * error
    for t in range(len(inputs) - 1, -1, -1):
        back = back * slopes[t]
        total.baddbmm_(back, states[t].mT)
        back = recurrent[..., :hidden].mT @ back
    final = torch.cat([states[-1, :, :hidden], torch.ones_like(error)], 1)
    return total, final @ error.mT


@torch.no_grad()
def train(
    weights: Weights,
    rates: Tensor,
    span: int,
    generator: torch.Generator,
    *,
    steps: int,
    batch: int = 10,
    noise: float = 0.2,
    test: int = 500,
    threshold: float = 0.95,
) -> Tensor:
    """Plain SGD on fresh sequences, then which models answer right on at least `threshold` of `test`: bool (S,).

    rates (S,): one learning rate a model. span: steps from the informative input to the answer. The weights are
    trained in place.

    Raises ValueError for a span, a number of steps or rates that cannot be used.
    """
    count = len(weights[0])
    for name, value in (("span", span), ("steps", steps)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}, expected an integer >= 1")
    if rates.shape != (count,) or not bool((rates > 0).all()):
        raise ValueError(f"rates has shape {tuple(rates.shape)}, expected ({count},) with positive entries")
    rates = rates[:, None, None]
    for _ in range(steps):
        for weight, grad in zip(weights, gradient(weights, *draw(count, span, batch, noise, generator)), strict=True):
            weight.addcmul_(rates, grad, value=-1)
    inputs, classes = draw(count, span, test, noise, generator)
    right = (torch.sign(run(weights, inputs)[1]) == classes).float().mean(-1)
    return right >= threshold


def success(
    spans: list[int],
    rates: list[float],
    seeds: int,
    generator: torch.Generator,
    *,
    steps: int,
    hidden: int = 10,
) -> Tensor:
    """Which trainings succeed: bool (spans, 2 starts, rates, seeds); start 0 is torch's, start 1 orthogonal."""
    rows = []
    for span in spans:
        count = len(rates) * seeds
        both = [start(count, hidden, generator, orthogonal=orthogonal) for orthogonal in (False, True)]
        weights = tuple(torch.cat(pair) for pair in zip(*both, strict=True))
        each = torch.tensor(rates).repeat_interleave(seeds).repeat(2)
        rows.append(train(weights, each, span, generator, steps=steps).reshape(2, len(rates), seeds))
    return torch.stack(rows)
