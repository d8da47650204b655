"""Readings of feedback: the loops of words that a language model ends in, where they begin, and by which word.

The medium networks' weights are too large to be committed. What is measured of them anew, `from_smaller`, is committed
(`data/wikitext2/starts.json`); `python -m paperlib.word_loops FOLDER ...` makes the file from the folders of such runs.
"""

import json
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from paperlib import runs
from paperlib.paths import DATA
from paperlib.runs import Run
from paperlib.training.language_measures import feedback_orbits, repeats
from paperlib.training.seeds import start_states
from paperlib.wikitext2 import FEEDBACK, labelled, last_kinds

COMMITTED = DATA / "wikitext2" / "starts.json"
FACTORS = (1.0, 0.1, 0.01)
EOS = 0  # its number in every text here, which all begin with an empty line


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


def eos(run: Run) -> dict[str, np.ndarray]:
    """Two readings of "after <eos>" after the last epoch: whether the word before each loop is <eos>, or its first.

    Loops are counted from where they hold on, so an <eos> that belongs to the loop is its first word, and another one
    stands before it. before: orbits with a loop and something before it; first: orbits with a loop.
    """
    entry, first = run.final.loop_entry.values.ravel(), run.final.loop.values[..., 0].ravel()
    return {"before": entry[entry >= 0] == EOS, "first": first[first >= 0] == EOS}


def begins(run: Run) -> np.ndarray:
    """How many tokens are generated before each loop, (epochs, token, start); NaN where none was found."""
    start = run.attractors.loop_start.values.astype(float)
    return np.where(start < 0, np.nan, start)


def chaotic(run: Run) -> bool:
    """Whether at some probe after the first, or after the last epoch, an orbit is chaotic and repeats no words."""
    while_learning = (labelled(run, FEEDBACK) == "chaotic") & np.isnan(points(run))
    return bool(
        while_learning[1:].any() or ((last_kinds(run, FEEDBACK) == "chaotic") & np.isnan(last_points(run))).any()
    )


@torch.no_grad()
def before_from(run: Run, factor: float, steps: int) -> np.ndarray:
    """Tokens before the loop of the last epoch's network from its starts times a factor, (token, start); NaN for none.

    Of `steps` tokens the last 100 at least must repeat.
    """
    model = run.model()
    tokens = torch.tensor(run.final.token.values).long()
    drawn = factor * start_states(run.seed, run.final.sizes["start"], model.state_size).to(model.weight_ho)
    said = feedback_orbits(model, tokens.repeat_interleave(len(drawn)), drawn.repeat(len(tokens), 1), steps, 1)[2]
    start = np.array([repeats(row, 100)[0] for row in said.T.numpy()], dtype=float).reshape(len(tokens), len(drawn))
    return np.where(start < 0, np.nan, start)


def from_smaller(run: Run) -> dict[str, list[float]]:
    """Least, median and most tokens before the loop from the starts times each of FACTORS; NaN where none repeats.

    The committed numbers where the run's weights are not at hand.
    """
    if not any((run.folder / f"{name}.safetensors").exists() for name in ("model", "weights")):
        return json.loads(COMMITTED.read_text("utf-8")).get(run.id, {})
    steps = int(run.final.attrs["steps"])
    found = {factor: before_from(run, factor, steps).ravel() for factor in FACTORS}
    return {
        str(factor): [float(of(values)) if np.isfinite(values).all() else np.nan for of in (np.min, np.median, np.max)]
        for factor, values in found.items()
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


if __name__ == "__main__":
    measured = [Run(folder, runs.read(folder)) for folder in map(Path, sys.argv[1:])]
    COMMITTED.write_text(json.dumps({run.id: from_smaller(run) for run in measured}, indent=1) + "\n", "utf-8")
