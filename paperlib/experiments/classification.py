"""R, section 5.2: sequences of symbols."""

from typing import Any

from paperlib.experiments.base import Experiment, attractors, take
from paperlib.tasks import Classification
from paperlib.training.landscape import roughness
from paperlib.training.recipe import Recipe

# R, Table 1: accuracy, of the sequences that are not trained on (the caption of Fig. 6 says so, the table's does not).
TABLE = {
    "lstm": {50: 1.00, 100: 1.00, 200: 1.00, 300: 0.25, 500: 0.27},
    "slstm": {50: 1.00, 100: 1.00, 200: 0.27, 300: 0.26, 500: 0.26},
    "ornn": {50: 1.000, 100: 1.000, 200: 0.999, 300: 0.995, 500: 0.970},
}
LENGTHS = tuple(TABLE["lstm"])
# One in four is guessed: of a thousand sequences 0.25 with a standard deviation of 0.014. Five of them more is learned.
BEYOND_CHANCE = 0.32
# Processor seconds on one core of an AMD EPYC, torch 2.13: an epoch of length 50 with its validation (mean of the
# second and third) and with a 16th of what the roughness takes (4.2 and 1.2), and the other probes' share of an epoch
# (one in 5 is fast, one in 25 slow); then, for a whole run, the labels of 17 epochs.
SECONDS = {"lstm": (1.35, 0.10), "ornn": (0.53, 0.03)}
LABELS = 120
RELEASED_SECONDS = {"lstm": 0.19, "ornn": 0.07}  # an epoch with its probes, 50 units, mean of 119 to 136 epochs
MILESTONES = (500, 1000, 2000)  # R, 5.2: where the rate falls


def classification(model: str, scale: str, variant: str, settings: dict[str, Any]) -> Experiment:
    """R, section 5.2. `length` is what Table 1 varies."""
    take(settings, length=int)
    if scale == "paper":
        task = {
            "length": settings.get("length", 200),  # R, Table 1: 50 to 500; released code: 200
            "count": 1000,  # R, 5.2: for training, and as many for validation
            "batch": 100,  # R, 5.2
            "first": (9, 18),  # released code, 0-based
            "second": (39, 48),
        }
        hidden, rate, factor, epochs = 200, 1e-2, 0.1, 15000  # R, 5.2
        if variant == "code":
            hidden, rate, factor, epochs = 50, 1e-3, 0.25, 10000
        milestones = MILESTONES
        probe = {"steps": 800, "keep": 400, "until": 400}  # R, Fig. 6: epochs 0 to 400, first 400 steps dropped
        # Of six inputs, ten starts and four outputs, 6 steps at 81 epochs are 230 kB of the 1 MB a run may take.
        probe |= {"shown": 6, "labels": {"n": 600, "transient": 4000}}
        final = {"n": 4000, "transient": 4000}
    else:
        length = settings.get("length", 20)
        task = {"length": length, "count": 400, "batch": 50, "first": (1, 3), "second": (7, 9)}
        hidden, rate, factor, epochs, milestones = 24, 1e-2, 0.1, 100, (60, 80)
        probe = {"steps": 600, "keep": 200, "every": 2, "slow": 4, "until": 40, "shown": 16}
        final = {"n": 1000, "transient": 1000}
    return Experiment(
        "classification",
        model,
        scale,
        variant,
        settings,
        hidden,
        lambda device="cpu", seed=0: Classification(**task, device=device),
        Recipe(
            epochs=epochs,
            rate=rate,
            clip=0.25,  # released code
            milestones=milestones,
            factor=factor,
            stop=("accuracy", 1.0),  # R, 5.2: until accuracy one
        ),
        attractors(probe | {"chosen": tuple(range(6))}, starts=10, final=final, also=roughness),  # R, Fig. 6
    )


def quick_runs() -> list[dict[str, Any]]:
    """What the chapter reads at quick scale."""
    runs = {
        20: [("lstm", 3), ("slstm", 3), ("slstm-certified", 2), ("ornn", 3), ("ornn-nonexpansive", 3)],
        40: [("lstm", 3), ("slstm", 3), ("slstm-certified", 1), ("ornn", 3), ("ornn-nonexpansive", 3)],
        80: [("lstm", 3), ("slstm", 1), ("ornn", 3)],
    }
    return [
        {"experiment": "classification", "model": model, "length": length, "scale": "quick", "seed": seed}
        for length, models in runs.items()
        for model, seeds in models
        for seed in range(seeds)
    ]


def goal(model: str, length: int) -> str:
    """The validation accuracy at which a run may stop: the printed one, or clearly more than a printed chance."""
    printed = TABLE[{"slstm-certified": "slstm", "ornn-nonexpansive": "ornn"}.get(model, model)][length]
    return f"validation_accuracy={printed if printed > BEYOND_CHANCE else BEYOND_CHANCE:g}"


def paper_runs() -> list[dict[str, Any]]:
    """The sweep at the paper's scale, the most telling first, each with the limits after which it may be left.

    Table 1; the seeds of supplementary Fig. 2; the two networks that the paper has not; more seeds. Every run goes on
    beyond its limits, to accuracy one or R's 15000 epochs, when asked without them.
    """
    cells = [(model, length) for length in LENGTHS for model in ("lstm", "slstm", "ornn")]
    ours = [(model, length) for length in LENGTHS for model in ("slstm-certified", "ornn-nonexpansive")]
    order = [(*cell, 0) for cell in cells]
    order += [("lstm", length, seed) for length in (50, 100) for seed in range(1, 10)]
    order += [(*cell, 0) for cell in ours]
    order += [(*cell, seed) for seed in range(1, 5) for cell in cells]
    return [
        {
            "experiment": "classification",
            "model": model,
            "length": length,
            "scale": "paper",
            "seed": seed,
            "until": goal(model, length),
            "max_epochs": 400,  # R, Figs. 7 and S2 to S4 end there
        }
        for model, length, seed in dict.fromkeys(order)
    ]


def code_runs() -> list[dict[str, Any]]:
    """Table 1 once more with the released settings: fewer units and a smaller rate than the text has.

    Up to the printed accuracy, or where chance is printed to accuracy one; at most to the schedule's last change.
    """
    cells = [(model, length) for length in LENGTHS for model in ("lstm", "slstm", "ornn")]
    return [
        {
            "experiment": "classification",
            "model": model,
            "length": length,
            "scale": "paper",
            "variant": "code",
            "seed": 0,
            "until": goal(model, length) if TABLE[model][length] > BEYOND_CHANCE else "validation_accuracy=1",
            "max_epochs": MILESTONES[-1],
        }
        for model, length in cells
    ]


def minutes(own: dict[str, Any], device: str) -> float | None:
    """Of one core, for 400 epochs at the paper's scale, 2000 with the released settings; None where never measured."""
    if device != "cpu" or own["scale"] != "paper":
        return None
    kind = "ornn" if own["model"].startswith("ornn") else "lstm"
    length = own.get("length", 200)
    if own["variant"] == "code":
        return MILESTONES[-1] * RELEASED_SECONDS[kind] * length / 50 / 60
    epoch, probe = SECONDS[kind]
    return (400 * (epoch * length / 50 + probe) + LABELS) / 60
