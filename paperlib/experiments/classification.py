"""R, section 5.2: sequences of symbols."""

from typing import Any

from paperlib.experiments.base import Experiment, attractors, take
from paperlib.tasks import Classification
from paperlib.training.recipe import Recipe


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
        milestones = (500, 1000, 2000)  # R, 5.2
        probe = {"steps": 800, "keep": 400, "until": 400}  # R, Fig. 6: epochs 0 to 400, first 400 steps dropped
        # Of six inputs, ten starts and four outputs, 8 steps at 81 epochs are 300 kB of the 1 MB a run may take.
        probe |= {"shown": 8, "labels": {"n": 600, "transient": 4000}}
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
        attractors(probe | {"chosen": tuple(range(6))}, starts=10, final=final),  # R, Fig. 6
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


def paper_runs() -> list[dict[str, Any]]:
    """The sweep at the paper's scale: network x length x seed."""
    return [
        {"experiment": "classification", "model": model, "length": length, "scale": "paper", "seed": seed}
        for seed in range(3)
        for length in (50, 100, 200, 300, 500)  # R, Table 1
        for model in ("lstm", "slstm", "ornn", "ornn-nonexpansive", "slstm-certified")
    ]
