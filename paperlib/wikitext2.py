"""Readings of the language models' runs: perplexities, attractors under constant tokens, what a text does to chaos."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paperlib import experiments, runs
from paperlib.runs import Run
from paperlib.training.language_probe import MODES

MODELS = ("lstm", "slstm", "slstm-certified", "ornn")
# R, section 5.3: perplexity on the test text.
PERPLEXITY = {"lstm": 99.2, "slstm": 118.8, "ornn": 185.3}
CONSTANT, FEEDBACK = range(len(MODES))
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


def warnings(found: Iterable[Run]) -> list[str]:
    """What the runs' records say of a text that is not the published one, each once, digests cut to eight digits."""
    said = [warning for run in found for warning in run.record["provenance"].get("text_warnings", [])]
    return [re.sub(r"([0-9a-f]{8})[0-9a-f]{56}", r"\1...", warning) for warning in dict.fromkeys(said)]


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


def labelled(run: Run, mode: int) -> np.ndarray:
    """Kinds of attractor at every probe, (epochs, token, start) of str; empty where none was measured."""
    seen = run.attractors
    kinds = np.full(seen.kind.shape[2:], "", dtype="U16")[None].repeat(seen.sizes["epoch"], 0)
    kinds[np.searchsorted(seen.epoch.values, seen.slow_epoch.values)] = np.array(seen.attrs["kinds"])[
        seen.kind[:, mode]
    ]
    return kinds


def resting(run: Run) -> np.ndarray:
    """Orbits under a constant token that are at rest, (epochs, token, start).

    The output moves by less than REST and repeats after one step, and the orbit's kind, where it was measured, is a
    fixed point. Between those probes a cell that forgets too slowly for the orbit's length passes as one.
    """
    still = (motion(run) < REST) & (run.attractors.period.values[:, CONSTANT] == 1)
    return still & np.isin(labelled(run, CONSTANT), ("", "fixed point"))


def moving(run: Run) -> np.ndarray:
    """Orbits under a constant token that have come to no rest, (epochs, token, start).

    A cycle, or an orbit measured to be quasi-periodic or chaotic; one that is still on its way is none of these.
    """
    kinds, cycle = labelled(run, CONSTANT), run.attractors.period.values[:, CONSTANT] > 1
    return (motion(run) >= REST) & np.where(kinds == "", cycle, np.isin(kinds, ("cycle", "quasi-periodic", "chaotic")))


def apart(run: Run) -> np.ndarray:
    """Whether all starts are at rest under a constant token, but not in one point, (epochs, token)."""
    return resting(run).all(-1) & ~single_point(run)


def mixed(run: Run) -> np.ndarray:
    """Whether at a probe some constant token or start leads to rest and some does not, (epochs,)."""
    return resting(run).any((1, 2)) & moving(run).any((1, 2))


def typical(run: Run) -> int:
    """Of the first two starts the one whose outputs under constant tokens are nearer to the median of all starts."""
    mean = run.attractors["mean"].values[:, CONSTANT, :, :, 0].astype(float)
    return int(np.abs(mean - np.median(mean, -1, keepdims=True)).mean((0, 1))[:2].argmin())


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


def followed(run: Run) -> bool:
    """Whether the run's fixed points were followed from probe to probe, and not sought anew at each."""
    return "followed" in run.attractors


def crossings(run: Run) -> list[Crossing | None]:
    """For each token the first measured interval in which a multiplier leaves the unit circle, None where none does.

    Only where the point was followed: another point's multipliers say nothing of a crossing.
    """
    seen = run.attractors
    epochs, parts = seen.slow_epoch.values, seen.multipliers.values[:, :, 0]
    values = parts[..., 0] + 1j * parts[..., 1]
    same = seen.followed.values > 0 if followed(run) else np.zeros(values.shape, dtype=bool)
    result: list[Crossing | None] = []
    for column, kept in zip(values.T, same.T, strict=True):
        out = np.flatnonzero((np.abs(column[:-1]) < 1) & (np.abs(column[1:]) >= 1) & kept[1:])
        k = out[0] if len(out) else None
        result.append(None if k is None else Crossing(int(epochs[k]), int(epochs[k + 1]), complex(column[k + 1])))
    return result


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
