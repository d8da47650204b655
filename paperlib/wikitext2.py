"""Readings of the language models' runs: perplexities, what repeats, which words, what a text does to chaos."""

from collections.abc import Iterable

import numpy as np

from paperlib import experiments, runs
from paperlib.corpora import Corpus
from paperlib.runs import Run
from paperlib.training.language_probe import MODES

# R, section 5.3: perplexity on the test text.
PERPLEXITY = {"lstm": 99.2, "slstm": 118.8, "ornn": 185.3}
CONSTANT, FEEDBACK = range(len(MODES))


def found(scale: str, models: Iterable[str] = ("lstm", "slstm", "slstm-certified", "ornn")) -> dict[str, list[Run]]:
    """Finished runs of each network at a scale, by seed; networks without one are left out."""
    result = {}
    for model in models:
        some = [run for run in runs.find("wikitext2", model, scale=scale, variant="paper") if run.finished]
        if some:
            result[model] = sorted(some, key=lambda run: run.record["identity"]["seed"])
    return result


def synthetic(run: Run) -> bool:
    """Whether the run has read the package's own text."""
    return bool(run.record["provenance"]["synthetic"])


def corpus_of(run: Run) -> Corpus:
    """The text that a run has read. Raises what `corpora.wikitext2.load` raises where it is not at hand."""
    own = run.record["identity"]
    return experiments.experiment("wikitext2", own["model"], scale=own["scale"], **own["settings"]).task().corpus


def perplexity(run: Run, part: str = "validation") -> np.ndarray:
    """Perplexity after every epoch, (epochs,): validation, train (with dropout), or test, NaN but at best validations.

    Raises ValueError for another part.
    """
    columns = {"validation": "validation_loss", "train": "loss", "test": "test_loss"}
    if part not in columns:
        raise ValueError(f"part is {part!r}, expected one of {', '.join(columns)}")
    return np.exp(run.history[columns[part]].values.astype(float))


def projected(run: Run, mode: int, token: int = 0, start: int = 0) -> np.ndarray:
    """The mean of the logits on the attractor, (epochs, time): R, Fig. 8."""
    seen = run.attractors
    mean = seen["mean"].values[:, mode, token, start, 0]
    return mean[:, None] + seen["sample"].values[:, mode, token, start].astype(np.float32)


def projected_words(run: Run, mode: int, start: int = 0) -> np.ndarray:
    """Logits of "is", "Valkyria" and "<unk>" under the first token, (epochs, time, 3): supplementary Figs. 5 to 7."""
    seen = run.attractors
    mean = seen["mean"].values[:, mode, 0, start, 1:]
    return mean[:, None] + seen["sample_word"].values[:, mode, start].astype(np.float32)


def kinds(run: Run, mode: int) -> tuple[np.ndarray, np.ndarray]:
    """Epochs of the slow probe and the kinds of attractor there, (E,) and (E, token, start) of str."""
    seen = run.attractors
    return seen.slow_epoch.values, np.array(seen.attrs["kinds"])[seen.kind.values[:, mode]]


def last_kinds(run: Run, mode: int) -> np.ndarray:
    """Kinds of attractor after the last epoch, over long orbits, (token, start) of str; half of the tokens drawn from
    all words."""
    last = run.final
    return np.array(last.attrs["kinds"])[last.kind.values[mode]]


def loops(run: Run) -> list[list[list[int]]]:
    """The loops of words that feedback ends in after the last epoch, by token and start: ids, empty where none."""
    return [[[int(i) for i in loop if i >= 0] for loop in starts] for starts in run.final.loop.values]


def before_loops(run: Run) -> np.ndarray:
    """How many tokens are generated before the loop, (token, start); NaN where none was found."""
    start = run.final.loop_start.values.astype(float)
    return np.where(start < 0, np.nan, start)


def exponents(run: Run) -> dict[str, np.ndarray]:
    """The largest exponent after the last epoch, nats a token: constant and feedback (token, start), text (stream,)."""
    return {mode: run.final[f"exponents_{mode}"].values[..., 0].astype(float) for mode in (*MODES, "text")}
