"""Readings of the language models' runs: perplexities, what repeats, which words, what a text does to chaos."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from paperlib import experiments, runs
from paperlib.runs import Run
from paperlib.training.language_probe import MODES
from paperlib.training.seeds import start_states

MODELS = ("lstm", "slstm", "slstm-certified", "ornn")
# R, section 5.3: perplexity on the test text.
PERPLEXITY = {"lstm": 99.2, "slstm": 118.8, "ornn": 185.3}
CONSTANT, FEEDBACK = range(len(MODES))
EOS = 0  # its number in every text here, which all begin with an empty line
REST = 5e-3  # of a logit: differences below it are the rounding of float32 orbits, not another point
AGREE = 1e-3  # total variation below which two predictions of the next word are one


def found(scale: str, models: Iterable[str] = MODELS) -> dict[str, list[Run]]:
    """Runs of each network at a scale, by seed; networks without one are left out.

    Finished ones; above quick scale also those that were wrapped up where they stopped, which the record says.
    """
    result = {}
    for model in models:
        some: dict[str, Run] = {}
        for status in ("done",) if scale == "quick" else ("stopped", "done"):
            seen = runs.find("wikitext2", model, scale=scale, variant="paper", status=status)
            some |= {run.id: run for run in seen if not run.record["identity"]["settings"]}
        if some:
            result[model] = sorted(some.values(), key=lambda run: run.seed)
    return result


def left(run: Run) -> str | None:
    """Where a run that was wrapped up before its end was left; None for a finished one."""
    own = run.record["identity"]
    whole = experiments.experiment("wikitext2", own["model"], scale=own["scale"]).recipe.epochs
    return None if run.finished else f"left after epoch {run.metrics['epochs']} of {whole}"


def synthetic(run: Run) -> bool:
    """Whether the run has read the package's own text."""
    return bool(run.record["provenance"]["synthetic"])


def perplexity(run: Run, part: str = "validation") -> np.ndarray:
    """Perplexity after every epoch, (epochs,): validation, train (with dropout), or test, NaN but at best validations.

    Raises ValueError for another part.
    """
    columns = {"validation": "validation_loss", "train": "loss", "test": "test_loss"}
    if part not in columns:
        raise ValueError(f"part is {part!r}, expected one of {', '.join(columns)}")
    return np.exp(run.history[columns[part]].values.astype(float))


def largest_rise(perplexities: np.ndarray) -> float:
    """The largest rise from one epoch to the next, (E,), as a share; negative where each is below the last."""
    return float((perplexities[1:] / perplexities[:-1] - 1).max(initial=-1))


def projected(run: Run, mode: int, which: int = 0, *, token: int = 0, start: int = 0) -> np.ndarray:
    """A projection of the logits on the attractor, (epochs, time): R, Fig. 8 and supplementary Figs. 5 to 7.

    which: 0 the mean of all logits; 1, 2, 3 "is", "Valkyria", "<unk>", stored for the first token and two starts.
    """
    seen = run.attractors
    mean = seen["mean"].values[:, mode, token, start, which]
    if which == 0:
        around = seen["sample"].values[:, mode, token, start]
    else:
        around = seen["sample_word"].values[:, mode, start, :, which - 1]
    return mean[:, None] + around.astype(np.float32)


def last_kinds(run: Run, mode: int) -> np.ndarray:
    """Kinds of attractor after the last epoch, over long orbits, (token, start) of str.

    Half of the tokens are drawn from all words.
    """
    last = run.final
    return np.array(last.attrs["kinds"])[last.kind.values[mode]]


def motion(run: Run) -> np.ndarray:
    """How far the output moves on the attractor under a constant token, (epochs, token, start), as a mean of logits."""
    return run.attractors.deviation.values[:, CONSTANT, :, :, 0].astype(float)


def spread(run: Run) -> np.ndarray:
    """How far from a single point the outputs under a constant token are, (epochs, token), as a mean of logits.

    The larger of what they move on the attractor and of the distance between starts.
    """
    mean = run.attractors["mean"].values[:, CONSTANT, :, :, 0].astype(float)
    return np.maximum(mean.max(-1) - mean.min(-1), motion(run).max(-1))


def single_point(run: Run) -> np.ndarray:
    """Whether all starts end in one point under each constant token, (epochs, token)."""
    return spread(run) < REST


def apart(run: Run) -> np.ndarray:
    """Whether all starts come to rest under a constant token, but not in one point, (epochs, token)."""
    return (motion(run) < REST).all(-1) & ~single_point(run)


def mixed(run: Run) -> np.ndarray:
    """Whether at a probe some constant token or start leads to rest and some does not, (epochs,).

    By how far the output moves: an orbit that is still slowly on its way to a point does not count as motion.
    """
    rests = (motion(run) < REST).reshape(run.attractors.sizes["epoch"], -1)
    return rests.any(1) & ~rests.all(1)


@dataclass(frozen=True)
class Crossing:
    """A fixed point under a constant token loses its stability: between which epochs, by which multiplier."""

    before: int
    after: int
    multiplier: complex

    @property
    def kind(self) -> str:
        if abs(self.multiplier.imag) > 1e-6:
            return "Neimark-Sacker"
        return "period doubling" if self.multiplier.real < 0 else "fold or pitchfork"


def crossings(run: Run) -> list[Crossing | None]:
    """For each token the first measured interval in which a multiplier leaves the unit circle, None where none does."""
    seen = run.attractors
    epochs, parts = seen.slow_epoch.values, seen.multipliers.values[:, :, 0]
    values = parts[..., 0] + 1j * parts[..., 1]
    result: list[Crossing | None] = []
    for column in values.T:
        out = np.flatnonzero((np.abs(column[:-1]) < 1) & (np.abs(column[1:]) >= 1))
        k = out[0] if len(out) else None
        result.append(None if k is None else Crossing(int(epochs[k]), int(epochs[k + 1]), complex(column[k + 1])))
    return result


def loops(run: Run) -> list[list[list[int]]]:
    """The loops of words that feedback ends in after the last epoch, by token and start: ids, empty where none."""
    return [[[int(i) for i in loop if i >= 0] for loop in starts] for starts in run.final.loop.values]


def least_rotation(loop: list) -> list:
    """A loop from a place that does not depend on where it was entered: the least of its rotations."""
    return min((loop[i:] + loop[:i] for i in range(len(loop))), default=[])


def sentence(run: Run, token: int, start: int) -> str:
    """A loop in words, in the least of its rotations, or its beginning where it is longer than what the run has kept.

    A word that is said n times is followed by (x n). Empty where there is no loop.
    """
    loop, words = loops(run)[token][start], run.final.attrs["words"]
    whole = len(loop) >= run.final.period.values[FEEDBACK, token, start]
    said = [(words[str(i)], len(list(same))) for i, same in groupby(least_rotation(loop) if whole else loop)]
    return " ".join(word if n == 1 else f"{word} (x {n})" for word, n in said) + ("" if whole else " ...")


def points(run: Run) -> np.ndarray:
    """How many words each loop under feedback has, (epochs, token, start); NaN where none was found."""
    period = run.attractors.period.values[:, FEEDBACK].astype(float)
    return np.where(period == 0, np.nan, period)


def before_loops(run: Run) -> np.ndarray:
    """How many tokens are generated before the loop, (token, start); NaN where none was found."""
    start = run.final.loop_start.values.astype(float)
    return np.where(start < 0, np.nan, start)


def last_points(run: Run) -> np.ndarray:
    """How many words the loops have after the last epoch, (token, start); NaN where none was found."""
    period = run.final.period.values[FEEDBACK].astype(float)
    return np.where(period == 0, np.nan, period)


def middle(found: list[Run], what: str) -> float:
    """Over the runs of a network: median of the tokens `before` the loop, or mean of the `points` it has.

    After the last epoch the one, over the second half of training the other. NaN where nothing repeats.
    """
    if what == "before":
        values = np.concatenate([before_loops(run).ravel() for run in found])
        return float(np.nanmedian(values))
    halves = [points(run) for run in found]
    return float(np.nanmean(np.concatenate([half[len(half) // 2 :].ravel() for half in halves])))


def after_eos(run: Run) -> np.ndarray:
    """Whether the last word before each loop is <eos>, (orbits that have a loop with something before it,)."""
    entry = run.final.loop_entry.values.ravel()
    return entry[entry >= 0] == EOS


def exponents(run: Run) -> dict[str, np.ndarray]:
    """The largest exponent after the last epoch, nats a token: constant and feedback (token, start), text (stream,)."""
    return {mode: run.final[f"exponents_{mode}"].values[..., 0].astype(float) for mode in (*MODES, "text")}


def text_forgets(run: Run, after: int = 100) -> dict[str, bool]:
    """Whether a text makes the network forget its state: by exponents, and by two runs that read on together.

    The exponents along the text are below zero by four standard errors in every stream; `after` tokens on, the
    predictions of two runs that began unequal differ by less than AGREE.
    """
    last = run.final
    along = last.exponents_text.values[:, 0] + 4 * last.error_text.values
    return {
        "exponents along the text are negative": bool((along < 0).all()),
        "two runs predict the same": bool((last.text_variation.values[after:] < AGREE).all()),
    }


@torch.no_grad()
def margins(run: Run, steps: int) -> Tensor:
    """How far the likeliest word is above the second, on feedback's loops of the last epoch: (token, start), logits.

    The least over the second half of `steps` steps, in float64, from the same tokens and starts. What a network that
    contracts needs to repeat itself: away from ties the words recur.
    """
    model = run.model().double()
    tokens = torch.tensor(run.final.token.values).long()
    drawn = start_states(run.seed, run.final.sizes["start"], model.state_size).double()
    z = tokens.repeat_interleave(len(drawn))
    x = drawn.repeat(len(tokens), 1)
    least = torch.full((len(z),), torch.inf, dtype=x.dtype)
    for t in range(steps):
        x = model.step(x, model.embed(z))
        largest, place = model.readout(x).topk(2, -1)
        z = place[:, 0]
        if t >= steps // 2:
            least = torch.minimum(least, largest[:, 0] - largest[:, 1])
    return least.unflatten(0, (len(tokens), len(drawn)))


@torch.no_grad()
def averages(run: Run, tokens: Tensor) -> dict[str, float]:
    """What the drawn average is, along a text (T, B): all logits' mean by the projection, and beside the state's.

    off: largest difference of the projection from the mean over all logits; hidden, state: correlation of that mean
    with the mean of h, and of the whole state.
    """
    model = run.model().double()
    weight, bias = model.projections([])
    x = torch.zeros(tokens.shape[1], model.state_size, dtype=torch.float64)
    shown, every, hidden, state = ([] for _ in range(4))
    for z in tokens:
        x = model.step(x, model.embed(z))
        h = model.hidden(x)
        shown.append(h @ weight[0] + bias[0])
        every.append(model.readout(x).mean(-1))
        hidden.append(h.mean(-1))
        state.append(x.mean(-1))
    shown, every, hidden, state = (torch.cat(values) for values in (shown, every, hidden, state))

    def with_logits(other: Tensor) -> float:
        return float(torch.corrcoef(torch.stack([every, other]))[0, 1])

    return {"off": float((shown - every).abs().max()), "hidden": with_logits(hidden), "state": with_logits(state)}
