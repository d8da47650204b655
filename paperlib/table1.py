"""How the symbol trainings at the paper's size ended, and what a run that was stopped can still say."""

from collections import Counter

import numpy as np
import torch

from paperlib import classification
from paperlib.dynamics.classify import KINDS
from paperlib.experiments.classification import BEYOND_CHANCE, LENGTHS, TABLE
from paperlib.runs import Run
from paperlib.tasks import Classification

LIMIT = 400  # epochs after which a run may be left: R, Figs. 7 and S2 to S4 end there
REST = 1e-2  # change of an output a step below which it is drawn as a point: half precision has no finer one near 10
APART = 0.1  # outputs at rest further apart than this are two
CLOSE = 0.02  # below a printed accuracy and still agreeing with it; the tables of claims say so
PRINTED = {"slstm-certified": "slstm", "ornn-nonexpansive": "ornn"}  # networks of this book beside those of the paper


def printed(model: str, length: int) -> float:
    """The accuracy of Table 1 for this network, or for the one that it is a version of."""
    return TABLE[PRINTED.get(model, model)][length]


def learned(model: str, length: int) -> bool:
    """Whether Table 1 has the network at this length above chance."""
    return printed(model, length) > BEYOND_CHANCE


def ending(run: Run) -> str:
    """Why a run ended, with the epoch: accuracy one, past the printed value, all its epochs, or stopped on the way.

    Accuracy one is that on the training sequences, R's rule; the printed value is met on those for validation.
    """
    own, epochs = run.record["identity"], run.metrics["epochs"]
    if run.metrics["accuracy"] >= 1:
        return f"accuracy one at epoch {epochs}"
    if run.finished:
        return f"all {epochs} epochs"
    if own["settings"].get("length") in LENGTHS:
        goal = printed(own["model"], own["settings"]["length"])
        if run.metrics["validation_accuracy"] >= (goal if goal > BEYOND_CHANCE else BEYOND_CHANCE):
            return f"past the printed {goal:g} at epoch {epochs}"
    return f"stopped at epoch {epochs} after {run.record['seconds']['total'] / 60:.0f} minutes"


def evidence(run: Run, model: str, length: int) -> float | None:
    """The run's accuracy, where it decides a cell of Table 1; None where the training was stopped too early for that.

    A run that was stopped decides what it has learned: that it reaches a printed accuracy, or leaves a printed chance.
    That it has learned nothing yet decides nothing, R going on to epoch 15000.
    """
    value = run.metrics["validation_accuracy"]
    enough = printed(model, length) - CLOSE if learned(model, length) else BEYOND_CHANCE
    return value if run.finished or value >= enough else None


def outcomes(found: list[Run]) -> list[str]:
    """What became of each seed: `classification.outcome`, or "unfinished" when stopped before epoch 400 unsolved."""
    words = []
    for run in found:
        word = classification.outcome(run.metrics["accuracy"], run.metrics["validation_accuracy"])
        ended = run.finished or word != "not solved" or run.metrics["epochs"] >= LIMIT
        words.append(word if ended else "unfinished")
    return words


def shares(words: list[str], wanted: int) -> str:
    """How many of the wanted seeds became what, and how many are not run: one line for the page."""
    names = {
        "solved": "converge",
        "half learned": "stop half way",
        "memorised": "memorise",
        "not solved": "fail",
        "unfinished": "are unfinished",
    }
    counted = Counter(words)
    said = [f"{counted[word]} {name}" for word, name in names.items() if counted[word]]
    missing = wanted - len(words)
    return f"{len(words)} of {wanted} seeds run: " + ", ".join([*said, *([f"{missing} not run"] if missing else [])])


def agree(words: list[str], wanted: int, word: str) -> bool | None:
    """Whether any seed became `word`; None while none has and some are still to be run or finished."""
    if word in words:
        return True
    return False if len(words) >= wanted and "unfinished" not in words else None


def differ(words: list[str], wanted: int) -> bool | None:
    """Whether one seed solves what another does not; None while they agree and some are to be run or finished."""
    ended = {word == "solved" for word in words if word != "unfinished"}
    if len(ended) == 2:
        return True
    return False if len(words) >= wanted and "unfinished" not in words else None


def labels(run: Run) -> classification.Labels | None:
    """What the start states led to at every 25th epoch, as the run stored it; None where it did not."""
    record = run.attractors
    if "label_epoch" not in record:
        return None
    return classification.Labels(
        record.label_epoch.values, KINDS[record.kind.values], record.attractor.values, record.first_exponent.values
    )


def left_chance(accuracy: np.ndarray) -> int | None:
    """The first epoch, from 1, of a validation accuracy (E,) that chance does not give; None where there is none."""
    return classification.first_epoch(accuracy, BEYOND_CHANCE)


def changes(found: classification.Labels, symbol: int) -> list[str]:
    """Between which labelled epochs the attractors under one symbol change: how many are named, whether starts move.

    An orbit that is undecided names none.
    """
    said = []
    moving = found.moving()[:, symbol] > 0
    for k in range(1, len(found.epochs)):
        before, after = found.count[k - 1, symbol], found.count[k, symbol]
        parts = [f"{before} to {after} named"] if before != after else []
        parts += ["motion sets in" if moving[k] else "motion ends"] if moving[k - 1] != moving[k] else []
        if parts:
            said.append(f"{', '.join(parts)} between {found.epochs[k - 1]} and {found.epochs[k]}")
    return said


def drawn(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the diagrams show: epochs (E,), outputs at rest told apart (E, I), share of the starts that move (E, I).

    From the stored samples, so of the outputs alone: a state behind an output at rest may still be moving.
    """
    record = run.attractors
    y = record["sample"].values.astype(float)  # epoch, input, start, time, output
    resting = np.abs(np.diff(y, axis=3)).max((3, 4)) < REST
    count = np.zeros(resting.shape[:2], dtype=int)
    for e, i in np.ndindex(*count.shape):
        seen: list[np.ndarray] = []
        for point in y[e, i, resting[e, i], -1]:
            if all(np.abs(point - other).max() > APART for other in seen):
                seen.append(point)
        count[e, i] = len(seen)
    return record.sample_epoch.values, count, 1 - resting.mean(2)


@torch.no_grad()
def drift(run: Run, early: int = 800, late: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """How an LSTM's orbits under constant symbols still move after `late` steps: (S, I) twice.

    The largest change of an output in one step, and the growth of the largest |c| per step since `early`.
    """
    model, inputs = classification.trained(run), Classification.constant_inputs()
    step = classification.steps(model, inputs)
    x, size = classification.starts(run, model, len(inputs)), model.hidden_size
    sizes = {}
    for t in range(1, late + 1):
        x = step(x)
        if t in (early, late):
            sizes[t] = x[..., size:].abs().amax(-1)
    change = (model.readout(step(x)) - model.readout(x)).abs().amax(-1)
    return change.numpy(), ((sizes[late] - sizes[early]) / (late - early)).numpy()
