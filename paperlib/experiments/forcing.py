"""M: chaotic systems learned with sparsely forced training, and with clipped gradients instead."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from paperlib.experiments.base import Experiment, Probe, take
from paperlib.models import Model
from paperlib.tasks import systems
from paperlib.tasks.forcing import Forcing
from paperlib.training.recipe import Recipe

NETWORKS = ("lstm", "tanh", "plrnn")  # M
DIMENSION = {"lorenz": 3, "roessler": 3, "temperature": 5}
TAUS = (5, 30, 50, 60, 70, 100, 200, 500, 1000)  # M, the sweep
DEFAULT = 30  # M, the poster's optimum
CLIPPED = 0  # tau of the rival: no forcing after the first state, gradients clipped
SHORTEST = 100  # M: windows of 100 steps or more, longer than tau
UNFORCED = 1000  # M: windows of the clipped runs


def window_of(tau: int, scale: str = "paper") -> int:
    """The next multiple of 100 steps above tau: the time of an update goes with the window's length."""
    if tau == CLIPPED:
        return UNFORCED if scale == "paper" else 3 * SHORTEST  # that of tau = 200 at quick scale
    return SHORTEST * (tau // SHORTEST + 1)


def forcing(system: str) -> Callable[[str, str, str, dict[str, Any]], Experiment]:
    """The experiment on one system; `tau` is what the sweep varies, 0 the rival: M."""

    def make(model: str, scale: str, variant: str, settings: dict[str, Any]) -> Experiment:
        take(settings, tau=int, window=int, clip=int)
        if model not in NETWORKS:
            raise ValueError(f"model is {model!r}, expected one of {', '.join(NETWORKS)} for {system}")
        tau = settings.get("tau", DEFAULT)
        if tau < 0:
            raise ValueError(f"tau is {tau}, expected a positive number of steps, or 0 for clipped gradients")
        if variant == "code" and tau == CLIPPED:
            raise ValueError(
                "tau is 0, expected a positive number of steps: in variant 'code' the interval grows to tau"
            )
        clip = settings.get("clip", 1 if tau == CLIPPED else None)  # released code: 1, 10, 100, 1000 are tried
        if clip is not None and clip < 1:
            raise ValueError(f"clip is {clip}, expected a positive integer")
        window = settings.get("window", window_of(tau, scale))
        if tau >= window:
            raise ValueError(f"tau is {tau}, expected less than the window of {window} steps")
        if scale == "paper":
            points, batch = systems.POINTS, 32  # M
            epochs, rate, milestones = 3000, 1e-3, ()  # M: the same rate throughout
            free = {"steps": 100_000}  # M: what the measures are taken on
        else:
            # Ours, by trial: LSTMs forced every 30 steps are chaotic on their own in three seeds of three; after 450
            # epochs it hangs on rounding. Small batches: this early more updates help more than smoother ones. At 8e-3
            # tanh and PLRNN rest in a fixed point.
            points, batch = 20_000, 8
            epochs, rate, milestones = 600, 8e-3 if model == "lstm" else 2e-3, (380, 540)
            free = {"steps": 20_000, "n": 500}

        def task(device: str = "cpu", seed: int = 0) -> Forcing:
            return Forcing(
                lambda: data(system, points),
                DIMENSION[system],
                tau=tau,
                window=window,
                batch=batch,
                batches=10,  # M, an epoch
                # The text knows one interval; the released training raises it epoch by epoch, from 1 to tau.
                ramp=epochs if variant == "code" else 0,
                seed=seed,
                device=device,
            )

        return Experiment(
            system,
            model,
            scale,
            variant,
            settings,
            30,  # M: states; of an LSTM as many h and as many c
            task,
            Recipe(epochs=epochs, rate=rate, clip=clip, milestones=milestones, factor=0.3),
            prober(free),
            observed,
        )

    return make


def data(system: str, points: int = systems.POINTS) -> np.ndarray:
    """The series that is learned, standardised by one mean and one deviation: (n, N), float64. M.

    n = points of a system that is integrated; the temperature series has its own length.
    """
    if system == "temperature":
        from paperlib.corpora import temperature

        return systems.standardise(np.asarray(temperature.load()))[0]
    return systems.standardise(systems.trajectory(system, points, keep=True))[0]


def observed(make: Callable[..., Model], task: Forcing, hidden_size: int) -> Model:
    """A network whose observation is linear, x = B z: M."""
    model = make(task.input_size, hidden_size, task.output_size)
    model.register_parameter("bias_ho", None)
    return model


def prober(options: dict[str, int]) -> Callable[..., Probe]:
    def probe(task: Forcing, model: Model, folder: Path, seed: int) -> Probe:
        from paperlib.training.free_run import FreeRun

        return FreeRun(task, **options)

    return probe


def run_of(system: str, model: str, tau: int, scale: str, seed: int) -> dict[str, Any]:
    return {"experiment": system, "model": model, "tau": tau, "scale": scale, "seed": seed}


# Milliseconds an update: what it takes at least, and what every step of the window adds. CPU time on one core of an AMD
# EPYC beside other work (2026), batches of 32, windows of 100 to 1100 steps; alone on the core it is less.
MILLISECONDS = {"lstm": (2.9, 0.041), "tanh": (1.4, 0.0255), "plrnn": (1.5, 0.034)}


def minutes(run: dict[str, Any], device: str = "cpu") -> float | None:
    """Of a run at paper scale on one core: 30,000 updates and the free run."""
    if device != "cpu" or run["scale"] != "paper":
        return None
    least, each = MILLISECONDS[run["model"]]
    window = run.get("window", window_of(run.get("tau", DEFAULT)))
    return 1 + 30_000 * (least + each * window) / 60_000


def quick_runs() -> list[dict[str, Any]]:
    """What the chapter reads at quick scale."""
    cells = [("lorenz", "lstm", tau, 2) for tau in (5, 30, 200, CLIPPED)]
    cells += [("lorenz", "plrnn", 30, 1), ("lorenz", "tanh", 30, 1), ("roessler", "lstm", 30, 1)]
    # Not the temperatures: not every machine has them.
    return [run_of(*cell, "quick", seed) for *cell, seeds in cells for seed in range(seeds)]


def code_runs() -> list[dict[str, Any]]:
    """Lorenz with the released code's growing interval, every tau with a printed value; optimum and failure first."""
    cells = [(tau, 0) for tau in (30, 200, 5, 50, 60, 70, 100)] + [(5, 1), (5, 2)]  # where it makes a difference
    return [run_of("lorenz", "lstm", tau, "paper", seed) | {"variant": "code"} for tau, seed in cells]


def window_runs() -> list[dict[str, Any]]:
    """Ours: the intervals next to tau_pred with the windows of tau = 100; whether it is the window that fails there."""
    cells = [("lorenz", 60), ("lorenz", 70), ("roessler", 70)]
    return [run_of(system, "lstm", tau, "paper", seed) | {"window": 200} for system, tau in cells for seed in range(5)]


def paper_runs() -> list[dict[str, Any]]:
    """The sweep at the paper's scale, the most telling first."""
    first, rest, slow = (30, 5, 200), (60, 100, 50, 70), (CLIPPED, 500, 1000)
    few = (*first, CLIPPED)
    blocks = [("lstm", taus, 0) for taus in (first, rest)]
    blocks += [("plrnn", first, 0), ("tanh", first, 0), ("lstm", slow, 0), ("plrnn", (CLIPPED,), 0)]
    blocks += [("tanh", (CLIPPED,), 0), ("lstm", (*first, *rest), 1), ("lstm", slow, 1)]
    for seed in (2, 3, 4):
        blocks += [("lstm", (*first, *rest, *slow), seed)]
    for seed in (1, 2, 3, 4):
        blocks += [("plrnn", few, seed), ("tanh", few, seed)]
    return [
        run_of(system, model, tau, "paper", seed)
        for model, taus, seed in blocks
        for system in ("lorenz", "roessler", "temperature")
        for tau in taus
    ]
