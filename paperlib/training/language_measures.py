"""Orbits and exponents of a language model: constant token, feedback of the likeliest word, and along a text."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from paperlib.dynamics import classify
from paperlib.dynamics.classify import CHAOTIC, CYCLE, FIXED_POINT, NUMBERS, UNDECIDED
from paperlib.dynamics.tangents import orthonormalise, random_frame
from paperlib.models import bind
from paperlib.models.bind import BoundStep
from paperlib.models.language import LanguageModel
from paperlib.training import arrays
from paperlib.training.probes import multipliers, newton, seek

SAME = 1e-5  # of the output's size: what counts as a return of a float32 orbit


def constant_orbits(model: LanguageModel, z: Tensor, x: Tensor, steps: int, keep: int) -> tuple[Tensor, Tensor]:
    """Hidden vectors (keep, M, H) of the last steps under constant tokens z (M,), from x (M, N), and the last state."""
    u = model.embed(z)
    left = steps
    while left > 0:
        piece = left % keep or keep
        h, x = model.network(u.expand(piece, -1, -1).contiguous(), x)
        left -= piece
    return h, x


def feedback_orbits(
    model: LanguageModel, z: Tensor, x: Tensor, steps: int, keep: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The likeliest word fed back: `closed_loop` with the arg max, on the state (x, z), first input z (M,).

    Hidden vectors (keep, M, H) of the last steps, last state (M, N), all tokens generated (steps, M), and a number for
    every state, (steps, M) int64, that is the same for states equal to the last bit.
    """
    weights = model.network.weights()
    draw = torch.Generator().manual_seed(0)
    mix = torch.randint(-(2**62), 2**62, (model.state_size,), generator=draw).to(x.device)
    bits = torch.int32 if x.dtype == torch.float32 else torch.int64
    hidden = x.new_empty(keep, len(x), model.hidden_size)
    tokens, marks = (torch.empty(steps, len(x), dtype=torch.long, device=x.device) for _ in range(2))
    for t in range(steps):
        drive = model.network.drive(weights, model.embed(z).T)
        x = model.network.transition(weights, x.T, drive).T
        z = model.next_token(x)
        tokens[t] = z
        marks[t] = (x.contiguous().view(bits).long() * mix).sum(-1)
        if t >= steps - keep:
            hidden[t - steps + keep] = model.hidden(x)
    return hidden, x, tokens, marks


def driven(
    model: LanguageModel, source: Callable[[int, Tensor], Tensor], x: Tensor, n: int, settle: int, k: int
) -> Tensor:
    """Growth of k tangents of the network along its orbit under tokens source(t, x): (n, M, k), nats a token.

    x (M, N) float64. Tangents are orthonormalised at every step; the first `settle` steps turn them. Means over n are
    the Lyapunov exponents of the driven network (Benettin et al. 1980).
    """
    weights = {name: value.detach().double() for name, value in model.network.weights().items()}
    q = random_frame(x, k)
    logs = x.new_empty(n, len(x), k)
    for t in range(settle + n):
        u = model.embed(source(t, x)).double()
        x, v = model.network.push(weights, x.T, model.network.drive(weights, u.T), q.movedim((-2, -1), (0, 1)))
        x = x.T
        q, growth = orthonormalise(v.movedim((0, 1), (-2, -1)))
        if t >= settle:
            logs[t - settle] = growth.log()
    return logs


def leading(
    model: LanguageModel,
    z: Tensor,
    x: Tensor,
    shape: tuple[int, int],
    steps: int,
    k: int,
    period: Tensor,
    chaotic: Tensor,
    before: Tensor | None = None,
) -> arrays.Named:
    """Kinds of attractor in both modes, (mode, token, start), and the constant tokens' fixed points and multipliers.

    x (M, N) float64 is where the orbits of tokens z (M,) ended; period and chaotic (I, S) are feedback's; before (I, N)
    are the fixed points of the probe before, NaN where there was none. Every orbit counts as a map of its own, so that
    `classify` compares none: that takes scipy.
    """
    weights = {name: value.detach().double() for name, value in model.network.weights().items()}
    u = model.embed(z).double()
    found = classify(bind(model.network, u, **weights), x, n=steps, transient=steps, k=k)
    constant = torch.tensor([NUMBERS[kind] for kind in found.kind.ravel()]).unflatten(0, shape)
    loops = torch.where(period == 1, FIXED_POINT, torch.where(period > 1, CYCLE, UNDECIDED))
    feedback = torch.where(chaotic, CHAOTIC, loops).cpu()
    step = bind(model.network, u[:: shape[1]], **weights)
    point, followed = fixed_point(step, x.unflatten(0, shape), before)
    return {
        "kind": (("mode", "token", "start"), torch.stack([constant, feedback]).to(torch.int8)),
        "fixed_point": (("token", "unit"), point),
        "followed": (("token",), followed.to(torch.int8)),
        "multipliers": (("token", "multiplier", "part"), multipliers(step, point).float()),
    }


def fixed_point(step: BoundStep, ends: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
    """A fixed point under each constant token (I, N), NaN where none is found, and whether it was followed (I,).

    By Newton's method from `before` (I, N), that of the probe before: so it is the same point's multipliers that are
    compared. Where that leads nowhere the point is sought anew, from where most of the orbits ended, ends (I, S, N),
    and then from zero.
    """
    point = torch.full_like(ends[:, 0], torch.nan)
    followed = torch.zeros(len(ends), dtype=torch.bool, device=ends.device)
    if before is not None:
        before = before.to(point)
        known = torch.isfinite(before).all(-1, keepdim=True)
        point = torch.where(known, newton(step, torch.where(known, before, torch.zeros_like(before))), point)
        followed = torch.isfinite(point).all(-1)
    return seek(step, point, usual(ends), torch.zeros_like(point)), followed


def usual(ends: Tensor) -> Tensor:
    """Of the states (I, S, N) the one that is nearest to half of the others, (I, N): where most orbits ended."""
    middle = torch.cdist(ends, ends).median(-1).values
    return ends[torch.arange(len(ends), device=ends.device), middle.argmin(-1)]


def forgetting(model: LanguageModel, text: Tensor, warm: int = 100, n: int = 200) -> tuple[Tensor, Tensor]:
    """Two runs read the same text from unequal states: their distance, and how much it matters to the prediction.

    text (T, S). Stream s of one run has read `warm` tokens of stream s, of the other as many of stream s + 1; then both
    read on in stream s. Distance of the states relative to their size and total variation of the two predictions,
    (n, S) each, n at most what the text has.
    """
    own, other = text[:warm], text[:warm].roll(-1, 1)
    x, y = (model.states(part)[1] for part in (own, other))
    rest = text[warm : warm + n]
    distance, variation = (x.new_empty(len(rest), text.shape[1]) for _ in range(2))
    for t, z in enumerate(rest):
        (h_x, x), (h_y, y) = (model.states(z[None], state) for state in (x, y))
        distance[t] = torch.linalg.vector_norm(x - y, dim=-1) / torch.linalg.vector_norm(x, dim=-1)
        p, q = (torch.softmax(torch.nn.functional.linear(h[0], model.weight_ho, model.bias_ho), -1) for h in (h_x, h_y))
        variation[t] = (p - q).abs().sum(-1) / 2
    return distance, variation


def labels(y: Tensor, tokens: Tensor, marks: Tensor) -> dict[str, Tensor]:
    """What repeats: outputs y (T, M, P) under constant input, generated tokens and states' marks (steps, M).

    period, loop_start, loop_period, state_start, state_period, loop_entry (M,) and loop (M, longest), all int32.
    """
    seen, marked = tokens.T.cpu().numpy(), marks.T.cpu().numpy()
    states, words = [repeats(row) for row in marked], [repeats(row, len(y)) for row in seen]
    loops = [
        row[start : start + period] if period else row[:0] for row, (start, period) in zip(seen, words, strict=True)
    ]
    loop = np.full((len(seen), max(1, max(map(len, loops)))), -1)
    for row, some in zip(loop, loops, strict=True):
        row[: len(some)] = some
    found = {
        "period": output_period(y).cpu(),
        "loop_start": [start for start, _ in words],
        "loop_period": [period for _, period in words],
        "state_start": [start for start, _ in states],
        "state_period": [period for _, period in states],
        "loop_entry": [row[start - 1] if start > 0 else -1 for row, (start, _) in zip(seen, words, strict=True)],
        "loop": loop,
    }
    return {name: torch.as_tensor(np.asarray(value)).to(torch.int32) for name, value in found.items()}


def output_period(y: Tensor) -> Tensor:
    """The least p <= T/2 after which outputs (T, M, P) return to SAME of their size, (M,); 0 for none."""
    size = y.abs().amax((0, 2))
    result = torch.zeros_like(size, dtype=torch.int32)
    for p in range(len(y) // 2, 0, -1):
        back = (y[p:] - y[:-p]).abs().amax((0, 2)) <= SAME * size
        result[back] = p
    return result


def repeats(row: np.ndarray, least: int = 2) -> tuple[int, int]:
    """(start, period) of what a sequence repeats at its end for ever: the least period, from where it holds on.

    Counted only when it was gone round twice, and over at least `least` entries: a word said twice is no loop.
    (-1, 0) where there is none.
    """
    back = row[::-1]
    match = prefixes(back)
    for period in np.flatnonzero(match >= np.arange(len(match))):  # period + match >= 2 periods
        if period > 0 and period + match[period] >= least:
            return int(len(row) - period - match[period]), int(period)
    return -1, 0


def prefixes(row: np.ndarray) -> np.ndarray:
    """For every place the length of what starts there and equals the sequence's beginning (the Z function)."""
    entries, n = row.tolist(), len(row)
    match, left, right = [n] + [0] * (n - 1), 0, 0
    for i in range(1, n):
        length = min(right - i, match[i - left]) if i < right else 0
        while i + length < n and entries[length] == entries[i + length]:
            length += 1
        match[i] = length
        if i + length > right:
            left, right = i, i + length
    return np.array(match)
