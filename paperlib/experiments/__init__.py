"""Every setting of the papers, at every scale, the reason beside each number: one module a task."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from paperlib import CHAPTER_OF, SCALES
from paperlib.experiments import classification, forcing, sine, wikitext2
from paperlib.experiments.base import MODELS, VARIANTS, Experiment

EXPERIMENTS: dict[str, Callable[[str, str, str, dict[str, Any]], Experiment]] = {
    "sine": sine.sine,
    "classification": classification.classification,
    "wikitext2": wikitext2.wikitext2,
    "lorenz": forcing.forcing("lorenz"),
    "roessler": forcing.forcing("roessler"),
    "temperature": forcing.forcing("temperature"),
}
CHAPTERS = {
    "sine": sine,
    "classification": classification,
    "wikitext2": wikitext2,
    "sparse_forcing": forcing,
}  # notebook -> the module that lists its trainings


__all__ = [
    "EXPERIMENTS",
    "MODELS",
    "SCALES",
    "VARIANTS",
    "Experiment",
    "experiment",
    "minutes",
    "paper_runs",
    "quick_runs",
]


def experiment(name: str, model: str, *, scale: str = "quick", variant: str = "paper", **settings: Any) -> Experiment:
    """The settings of one run. Raises ValueError for a name, model, scale, variant or setting that is not known."""
    for what, value, known in (
        ("experiment", name, tuple(EXPERIMENTS)),
        ("model", model, tuple(MODELS)),
        ("scale", scale, SCALES),
        ("variant", variant, VARIANTS),
    ):
        if value not in known:
            raise ValueError(f"{what} is {value!r}, expected one of {', '.join(known)}")
    # Fewer epochs than the paper's, for a trial; a run of its own, like any other setting.
    epochs = settings.pop("epochs", None)
    if epochs is not None and (not isinstance(epochs, int) or epochs < 1):
        raise ValueError(f"epochs is {epochs!r}, expected a positive integer")
    found = EXPERIMENTS[name](model, scale, variant, settings)
    if epochs is not None:
        found = replace(found, recipe=replace(found.recipe, epochs=epochs), settings={**settings, "epochs": epochs})
    return found


def quick_runs(notebook: str) -> list[dict[str, Any]]:
    """The trainings that a notebook reads at quick scale: options of `paperlib train`, and `experiment`."""
    return CHAPTERS[notebook].quick_runs() if notebook in CHAPTERS else []


def paper_runs(notebook: str) -> list[dict[str, Any]]:
    """The sweep at the paper's scale, in the order of use: `snakemake --config scale=paper -- runs`."""
    return CHAPTERS[notebook].paper_runs() if notebook in CHAPTERS else []


def minutes(identity: dict[str, Any], device: str = "cpu") -> float | None:
    """How long a training takes on one core, or on one GPU; None where nobody has measured it."""
    owner = CHAPTER_OF.get(identity["experiment"], identity["experiment"])
    known = getattr(CHAPTERS[owner], "minutes", None)
    return None if known is None else known({**identity, **identity["settings"]}, device)
