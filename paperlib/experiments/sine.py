"""R, section 5.1: sine waves."""

from typing import Any

from paperlib.experiments.base import Experiment, attractors, take
from paperlib.tasks import Sine
from paperlib.training.recipe import Recipe


def sine(model: str, scale: str, variant: str, settings: dict[str, Any]) -> Experiment:
    """R, section 5.1. What the paper leaves open can be set: `batch`, and `schedule` ("step" or "none")."""
    take(settings, batch=int, schedule=str)
    schedule = settings.get("schedule", "step")
    if schedule not in ("step", "none"):
        raise ValueError(f"schedule is {schedule!r}, expected one of step, none")
    if scale == "paper":
        task = {
            "sequences": 100,  # R, 5.1
            "length": 400,  # R, 5.1
            "batch": settings.get("batch", 10),  # released code; the text does not say
        }
        hidden = 200  # R, 5.1
        rate = 1e-3  # R, 5.1
        # The text gives the schedule to the stable model alone; the released code gives it to every model, and only
        # so are the published errors met.
        milestones = (500, 1000, 2000)
        epochs = 4000  # R, 5.1
        if variant == "code":
            milestones, epochs = (*milestones, 8000, 15000, 25000), 10000
        probe = {"steps": 1600, "keep": 400, "every": 5, "slow": 25}  # R, Fig. 4: first 1200 dropped
        final = {"n": 4000, "transient": 4000}
    else:
        # Ours, by trial: the smallest network and the fewest epochs at which the LSTM's fixed point has lost its
        # stability, the errors are apart and the rate has fallen twice. Medium is the same: paper size is an hour.
        task = {"sequences": 20, "length": 100, "batch": settings.get("batch", 10)}
        hidden, rate = 32, 5e-3
        epochs, milestones = 600, (300, 500)
        # An orthogonal network forgets start states of size 100 slowly: by its dead zone, a little every step.
        probe = {"steps": 2400 if model.startswith("ornn") else 600, "keep": 200, "every": 5, "slow": 25}
        final = {"n": 2000, "transient": 2000}
    return Experiment(
        "sine",
        model,
        scale,
        variant,
        settings,
        hidden,
        lambda device="cpu", seed=0: Sine(**task, device=device),
        Recipe(
            epochs=epochs,
            rate=rate,
            clip=0.25,  # released code; on the norm of the gradient of a summed loss
            milestones=milestones if schedule == "step" else (),
            factor=0.1,  # R, 5.1
        ),
        attractors({**probe, "inside": True}, starts=4, final=final),  # R, Fig. 4
    )


def quick_runs() -> list[dict[str, Any]]:
    """What the chapter reads at quick scale."""
    runs = [("lstm", 3), ("slstm", 3), ("slstm-certified", 3), ("ornn", 3), ("ornn-nonexpansive", 5)]
    return [
        {"experiment": "sine", "model": model, "scale": "quick", "seed": seed}
        for model, seeds in runs
        for seed in range(seeds)
    ] + [
        {"experiment": "sine", "model": "lstm", "scale": "quick", "seed": 0, "set": setting}
        for setting in ("schedule=none", "batch=20")
    ]


def code_runs() -> list[dict[str, Any]]:
    """The three networks of R with the released settings."""
    runs = [{"experiment": "sine", "model": model, "scale": "paper"} for model in ("lstm", "slstm", "ornn")]
    return [run | {"variant": "code", "seed": 0} for run in runs]


def paper_runs() -> list[dict[str, Any]]:
    """The sweep at the paper's scale: network x seed."""
    return [
        {"experiment": "sine", "model": model, "scale": "paper", "seed": seed}
        for seed in range(3)
        for model in ("lstm", "ornn", "slstm", "ornn-nonexpansive", "slstm-certified")  # the most telling first
    ]


def minutes(run: dict[str, Any], device: str = "cpu") -> float | None:
    """At paper scale, with the probes, on one core of an AMD EPYC (2026); 4000 epochs, or 10,000 as released."""
    if device != "cpu" or run["scale"] != "paper":
        return None
    epochs = 10_000 if run["variant"] == "code" else 4000
    return epochs / (100 if run["model"].startswith("ornn") else 78)  # epochs a minute, measured
