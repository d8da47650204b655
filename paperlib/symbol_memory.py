"""How long a network that reads symbols keeps the first of them, beside how fast it contracts."""

import numpy as np
import torch

from paperlib.models import Model
from paperlib.runs import Run
from paperlib.tasks import Classification


@torch.no_grad()
def memory(model: Model, task: Classification, count: int = 100) -> np.ndarray:
    """What becomes of the first symbol: distance of the states with p and with q there, as a share of the first.

    Row k, of (K, B), is k steps after the symbol was read, NaN beyond the end of the sequence. Everything else in
    the `count` validation sequences is the same.
    """
    symbols = task.validation[0][:, :count]
    place = (symbols < 2).int().argmax(0)
    other = symbols.clone()
    column = torch.arange(symbols.shape[1])
    other[place, column] = 1 - symbols[place, column]
    both = torch.nn.functional.one_hot(torch.cat([symbols, other], 1), model.input_size).to(next(model.parameters()))
    step_of = model.weights()
    x = both.new_zeros(both.shape[1], model.state_size)
    distances = []
    for u in both:
        x = model.transition(step_of, x.movedim(-1, 0), model.drive(step_of, u.movedim(-1, 0))).movedim(0, -1)
        distances.append((x[: len(column)] - x[len(column) :]).norm(dim=-1))
    distance = torch.stack(distances)
    after = torch.arange(len(symbols))[:, None] + place
    kept = distance.gather(0, after.clamp(max=len(symbols) - 1)) / distance[place, column]
    return torch.where(after < len(symbols), kept, torch.nan).numpy()


def gradient_share(model: Model, task: Classification, count: int = 100) -> float:
    """Size of the loss's gradient by the input where the first symbol stands, over that at the last step.

    Median over `count` training sequences; 0 where it is below the smallest number. What of a gradient has come back
    from the answer to what decides it.
    """
    symbols, classes = (tensor[..., :count] for tensor in task.train)
    place = (symbols < 2).int().argmax(0)
    u = torch.nn.functional.one_hot(symbols, model.input_size).to(next(model.parameters())).requires_grad_()
    (by_input,) = torch.autograd.grad(task.loss(model(u)[0], classes)[0], u)
    size = by_input.norm(dim=-1)
    return float((size[place, torch.arange(len(place))] / size[-1]).median())


@torch.no_grad()
def symbols_right(model: Model, task: Classification) -> tuple[float, float]:
    """Share of the validation sequences whose first symbol, and whose second, the answer has right."""
    symbols, classes = task.validation
    u = torch.nn.functional.one_hot(symbols, model.input_size).to(next(model.parameters()))
    answer = model(u)[0][-1].argmax(-1)
    first, second = answer // 2 == classes // 2, answer % 2 == classes % 2
    return float(first.double().mean()), float(second.double().mean())


def at_end(kept: np.ndarray) -> np.ndarray:
    """What is left of the first symbol's trace when the network answers, kept (K, B) -> (B,)."""
    return kept[(~np.isnan(kept)).sum(0) - 1, np.arange(kept.shape[1])]


def gap_of(kept: np.ndarray) -> float:
    """Steps from the first symbol to the answer, kept (K, B): median over sequences."""
    return float(np.median((~np.isnan(kept)).sum(0) - 1))


def distractor_exponent(run: Run) -> float:
    """Largest Lyapunov exponent after training, mean over the four distractors held for ever: nats per step."""
    return float(run.final.exponents.values[2:, 0].mean())


def rate_of(kept: np.ndarray) -> float:
    """Mean factor a step by which the first symbol's trace shrinks or grows, kept (K, B): median over sequences."""
    steps_since = (~np.isnan(kept)).sum(0) - 1
    return float(np.exp(np.median(np.log(np.maximum(at_end(kept), 1e-300)) / steps_since)))
