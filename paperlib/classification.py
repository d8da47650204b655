"""Readings of the symbol trainings: who solves which length, which attractors there are, how rough the cost is."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from paperlib import dynamics, experiments
from paperlib.models import LSTM, Model, bind
from paperlib.models.bind import BoundStep
from paperlib.runs import Run
from paperlib.tasks import Classification
from paperlib.training.seeds import seeded, start_states

CHANCE = 0.25  # four classes
SOLVED = 0.8  # accuracy above which sequences are called learned
ROUNDING = 1e-12  # growth of a distance, in shares of its first size, that float64 may make by itself
BY_HEART = 0.9  # R, supplementary Fig. 2: "above 90%" on the training sequences, guessing on the others


def task_of(run: Run) -> Classification:
    """The sequences that a run was trained and validated on."""
    own = run.record["identity"]
    return experiments.experiment(
        own["experiment"], own["model"], scale=own["scale"], variant=own["variant"], **own["settings"]
    ).task()


def by_length(found: list[Run]) -> dict[int, list[Run]]:
    """Runs by the length of their sequences, in order; of one seed that with the most epochs allowed."""
    cells: dict[int, dict[int, Run]] = {}
    for run in sorted(found, key=lambda run: run.record["metrics"]["epochs"]):
        cells.setdefault(len(task_of(run).train[0]), {})[run.seed] = run
    return {length: [runs[seed] for seed in sorted(runs)] for length, runs in sorted(cells.items())}


def outcome(accuracy: float, validation: float) -> str:
    """What became of a training, by its accuracies on the sequences for training and for validation.

    "solved"; "memorised": the training sequences alone, the others near chance; "half learned": the training sequences,
    and of the others more than chance; else "not solved". Raises ValueError for an accuracy outside [0, 1]. R,
    supplementary Fig. 2.
    """
    for name, value in (("accuracy", accuracy), ("validation", validation)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value!r}, expected a share from 0 to 1")
    if validation > SOLVED:
        return "solved"
    if accuracy <= BY_HEART:
        return "not solved"
    return "memorised" if validation < CHANCE + 0.1 else "half learned"


def first_epoch(accuracy: np.ndarray, above: float = SOLVED) -> int | None:
    """The first epoch, from 1, whose accuracy (E,) exceeds `above`; None where none does."""
    passed = np.flatnonzero(accuracy > above)
    return int(passed[0]) + 1 if len(passed) else None


def unsteadiness(accuracy: np.ndarray) -> float:
    """Standard deviation of the accuracy's change from epoch to epoch, (E,); 0 for fewer than two epochs."""
    return float(np.diff(accuracy).std()) if len(accuracy) > 1 else 0.0


def trained(run: Run, epoch: int | None = None) -> Model:
    """The network after the last epoch, or at a stored one, in float64."""
    return run.model(epoch).double()


def steps(model: Model, inputs: Tensor, **changed: Tensor):
    """The trained map under constant inputs (I, 6), all at once; weights may be changed by name."""
    own = {name: value.detach() for name, value in model.weights().items()}
    return bind(model, inputs, **{**own, **changed})


def starts(run: Run, model: Model, inputs: int, count: int = 10) -> Tensor:
    """The run's start states N(0, 100^2) for every input: (count, I, N)."""
    drawn = start_states(run.seed, count, model.state_size).double()
    return drawn[:, None].expand(-1, inputs, -1).clone()


def snapshots(run: Run) -> list[int]:
    """Epochs of which the weights are at hand: those of the slow probes, in the checkout that trained the run."""
    if not (run.folder / "probes").is_dir():
        return []
    return [int(epoch) for epoch in run.attractors.slow_epoch.values]


@dataclass(frozen=True)
class Labels:
    """Attractors over training, (E, S, I) each: kind, which one (-1: none is named), largest exponent."""

    epochs: np.ndarray
    kind: np.ndarray
    attractor: np.ndarray
    exponent: np.ndarray

    @property
    def count(self) -> np.ndarray:
        """How many different attractors the starts are named to end on, (E, I); undecided orbits name none."""
        return self.number(self.attractor >= 0)

    @property
    def fixed_points(self) -> np.ndarray:
        """How many of these are fixed points, (E, I)."""
        return self.number((self.attractor >= 0) & (self.kind == "fixed point"))

    def number(self, which: np.ndarray) -> np.ndarray:
        """Different attractors among the orbits asked for, (E, S, I) bool -> (E, I)."""
        ids = np.where(which, self.attractor, -1)
        return np.array([[len(set(column.tolist()) - {-1}) for column in at.T] for at in ids])

    def share(self, kind: str) -> np.ndarray:
        """Share of the orbits of a kind, (E, I)."""
        return (self.kind == kind).mean(1)

    def moving(self) -> np.ndarray:
        """Share of the orbits on an attractor that is no fixed point, (E, I)."""
        return sum(self.share(kind) for kind in ("cycle", "quasi-periodic", "chaotic"))


def labels(run: Run, epochs: list[int | None], *, n: int = 1000, transient: int = 1000, count: int = 10) -> Labels:
    """The kinds and the number of attractors at the given epochs (None: after the last): R, Fig. 7.

    For every symbol held for ever, from `count` start states; n and transient as for `dynamics.classify`.
    """
    inputs = Classification.constant_inputs()
    found = []
    for epoch in epochs:
        model = trained(run, epoch)
        x = starts(run, model, len(inputs), count)
        found.append(dynamics.classify(steps(model, inputs), x, n=n, transient=transient, k=1))
    last = run.record["metrics"]["epochs"]
    return Labels(
        np.array([last if epoch is None else epoch for epoch in epochs]),
        np.stack([one.kind for one in found]),
        np.stack([np.asarray(one.attractor) for one in found]),
        np.stack([one.exponents[..., 0].numpy() for one in found]),
    )


def along(models: list[Model], epochs: list[int], u: Tensor, pieces: int) -> tuple[list[float], list[BoundStep]]:
    """Epochs and maps under input u (N_u,) from each model to the next: weights in straight lines, in `pieces`."""
    weights = [{name: value.detach() for name, value in model.weights().items()} for model in models]
    at, path = [], []
    for (early, late), (one, two) in zip(itertools.pairwise(epochs), itertools.pairwise(weights), strict=True):
        for piece in range(pieces):
            at.append(early + piece * (late - early) / pieces)
            path.append(bind(models[0], u, **{k: torch.lerp(one[k], two[k], piece / pieces) for k in one}))
    return [*at, float(epochs[-1])], [*path, bind(models[0], u, **weights[-1])]


def bifurcations(run: Run, epochs: list[int], symbol: int, between: int = 8) -> list[tuple[str, float]]:
    """What happens to the fixed points under one symbol, and at which epoch, to an epoch's fraction.

    The weights go in straight lines from one stored epoch to the next, in `between` pieces. Points are those found from
    zero and from three of the run's start states.
    """
    models = [trained(run, epoch) for epoch in epochs]
    at, path = along(models, epochs, Classification.constant_inputs()[symbol], between)
    start = start_states(run.seed, 3, models[0].state_size).double()
    start = torch.cat([torch.zeros_like(start[:1]), start])
    found = dynamics.sampled_bifurcations(path, start)
    return [(change.kind, at[change.between[0]]) for change in found]


@torch.no_grad()
def cloud(step: Callable[[Tensor], Tensor], x: Tensor, times: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """How a cloud of states (S, I, N) moves: its diameter and its largest step after `times` steps, both (T, I)."""
    diameters, moves, at = [], [], 0
    for time in times:
        for _ in range(time - at):
            x = step(x)
        at = time
        diameters.append(torch.cdist(x.movedim(0, 1), x.movedim(0, 1)).amax((1, 2)))
        moves.append((step(x) - x).norm(dim=-1).amax(0))
    return torch.stack(diameters).numpy(), torch.stack(moves).numpy()


@torch.no_grad()
def convexity(step: Callable[[Tensor], Tensor], points: Tensor) -> float:
    """Largest |f(z) - z| over the middles z of all pairs of fixed points (M, N), as a share of the pair's distance.

    Zero, to rounding, for every convex set of fixed points; 0 where there are fewer than two. Raises ValueError for
    a point that is not fixed.
    """
    size = points.abs().max().clamp(min=1)
    if len(points) and float((step(points) - points).norm(dim=-1).max()) > 1e-6 * float(size):
        raise ValueError("points holds one that is not fixed, expected |f(x) - x| below 1e-6 of their size")
    first, second = torch.triu_indices(len(points), len(points), 1)
    distance = (points[first] - points[second]).norm(dim=-1)
    apart = distance > 1e-6 * size
    if not bool(apart.any()):
        return 0.0
    middle = (points[first] + points[second])[apart] / 2
    return float(((step(middle) - middle).norm(dim=-1) / distance[apart]).max())


def single_output(hidden_size: int = 8) -> dict[int, float]:
    """Norm of the loss' gradient for a readout of one and of four logits: cross entropy over one class is zero."""
    task = Classification(length=20, count=20, first=(1, 3), second=(7, 9))
    result = {}
    for size in (1, 4):
        model = seeded(0, lambda size=size: LSTM(task.input_size, hidden_size, size))
        u, target = task.batch(0, 0)
        loss = task.loss(model(u)[0], target if size == 4 else torch.zeros_like(target))[0]
        loss.backward()
        result[size] = float(parameters_to_vector([p.grad for p in model.parameters()]).norm())
    return result
