"""Readings of the sine-wave trainings: where the fixed point bifurcates, what a free run does, what jumps.

The weights of a training's probes are too large to be committed. What is measured of them anew, `origin`, is
(`data/sine/origins.json`); `python -m paperlib.sine FOLDER EPOCH ...` makes the file from the folder of such a run.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from paperlib import runs
from paperlib.classification import along
from paperlib.dynamics import lyapunov_spectrum, orbit, sampled_bifurcations
from paperlib.models import Model, bind
from paperlib.paths import DATA
from paperlib.runs import Run
from paperlib.tasks import Sine
from paperlib.training.finish import frequency
from paperlib.training.seeds import start_states

COMMITTED = DATA / "sine" / "origins.json"
OSCILLATES = 0.02  # standard deviation of an output of amplitude 1 above which it is called an oscillation


@dataclass(frozen=True)
class Crossing:
    """A complex pair of multipliers leaves the unit circle: between which epochs, where, at which angle."""

    before: int
    after: int
    epoch: float
    angle: float  # rad a step: the frequency that is born


def crossings(epochs: np.ndarray, multipliers: np.ndarray, followed: np.ndarray) -> list[Crossing]:
    """Every epoch at which a complex pair crosses the unit circle outwards, by linear interpolation.

    epochs (E,), multipliers (E, M, 2) as real and imaginary parts, by modulus; followed (E,): whether the fixed point
    is the one of the probe before, as another point's multipliers say nothing of a crossing. R, section 5.1.
    """
    values = multipliers[:, 0, 0] + 1j * multipliers[:, 0, 1]
    modulus = np.abs(values)
    found = []
    for i in range(len(epochs) - 1):
        if modulus[i] < 1 <= modulus[i + 1] and abs(values[i + 1].imag) > 1e-6 and followed[i + 1]:
            share = (1 - modulus[i]) / (modulus[i + 1] - modulus[i])
            epoch = epochs[i] + share * (epochs[i + 1] - epochs[i])
            angle = float(abs(np.angle(values[i + 1])))
            found.append(Crossing(int(epochs[i]), int(epochs[i + 1]), float(epoch), angle))
    return found


def origin(models: list[Model], epochs: list[int], omega: Tensor, pieces: int = 25) -> list[dict]:
    """What the fixed point inside the circle at epochs[0] meets on the way back to epochs[-1], the latest first.

    omega (1,). Of each bifurcation its kind, between which epochs (weights in straight lines from one of the models to
    the next, in `pieces`), and modulus and angle of the leading complex pair at the later of the two; points that are
    born together are told as one. R, section 5.1.
    """
    at, path = along(models, epochs, omega, pieces)
    middle = orbit(path[0], torch.zeros(models[0].state_size, dtype=torch.float64), 400, transient=4000).mean(0)
    found = []
    for change in sampled_bifurcations(path, middle):
        pairs = change.multipliers[change.multipliers.imag.abs() > 1e-6]
        leading = pairs[pairs.abs().argmax()] if len(pairs) else torch.tensor(torch.nan + 0j)
        i, j = change.between
        event = {
            "kind": change.kind,
            "between": [at[j], at[i]],
            "modulus": float(leading.abs()),
            "angle": float(leading.angle().abs()),
        }
        if not any((event["kind"], event["between"]) == (other["kind"], other["between"]) for other in found):
            found.append(event)
    return found


def trained(run: Run) -> Model:
    """The network after the last epoch, in float64: what exponents and cycles are measured on."""
    return run.model().double()


def steps(model: Model, omega: Tensor, **changed: Tensor):
    """The trained map under constant inputs omega (I,), all at once; weights may be changed by name."""
    own = {name: value.detach() for name, value in model.weights().items()}
    return bind(model, omega[:, None], **{**own, **changed})


def starts(run: Run, model: Model, inputs: int, count: int = 3) -> Tensor:
    """Zero and `count` of the run's start states N(0, 100^2) for every input: (1 + count, I, N)."""
    drawn = start_states(run.seed, count, model.state_size).double()
    return torch.cat([drawn.new_zeros(1, model.state_size), drawn])[:, None].expand(-1, inputs, -1).clone()


def from_zero(
    model: Model, omega: Tensor, *, n: int = 4000, transient: int = 4000, k: int = 2
) -> tuple[Tensor, Tensor]:
    """Exponents (I, k), nats a step, and output frequency (I,), rad a step, on the attractors that zero leads to.

    omega (I,). Zero is the state that training starts from. As `training.finish.last_measure` does from a drawn start,
    with the frequency over the same n steps; NaN where nothing oscillates.
    """
    u = omega.reshape(1, -1, 1)
    with torch.no_grad():
        x = model(u.expand(transient, -1, -1).contiguous())[1]
        y = model(u.expand(n, -1, -1).contiguous(), x)[0]
    aligned = 300  # steps in which the tangents turn along the flow: without them the zero exponent is off by 1 / n
    exponents = lyapunov_spectrum(steps(model, omega), x, n, transient=aligned, k=k)
    return exponents, frequency(y[..., 0])


@torch.no_grad()
def free_run(model: Model, omega: Tensor, windows: int, length: int) -> Tensor:
    """The output's standard deviation in windows of `length` steps from the zero state: (I,) -> (windows, I)."""
    u = omega.reshape(1, -1, 1).expand(length, -1, -1).contiguous()
    x, result = None, []
    for _ in range(windows):
        y, x = model(u, x)
        result.append(y[..., 0].std(0))
    return torch.stack(result)


def jumps(loss: np.ndarray, factor: float = 2.0) -> np.ndarray:
    """Epochs at which the loss is more than `factor` times that of the epoch before."""
    return 1 + np.flatnonzero(loss[1:] > factor * loss[:-1])


def changes(epochs: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Intervals between probes, (E - 1,), in which some orbit begins or ceases to oscillate.

    deviation (E, ...) is the output's standard deviation on the attractor, for every input and start.
    """
    oscillates = (deviation > OSCILLATES).reshape(len(epochs), -1)
    return (oscillates[1:] != oscillates[:-1]).any(1)


def coincidence(jumped: np.ndarray, changed: np.ndarray, seed: int = 0, draws: int = 2000) -> dict[str, float]:
    """How many jumps fall into intervals with a bifurcation, against what chance would give.

    jumped: number of jumps (E - 1,) and changed: bool (E - 1,) by interval. Chance shifts the one against the other
    in a circle, which keeps the clustering of both. p is the share of shifts with at least as many coincidences.
    """
    generator = np.random.default_rng(seed)
    seen = int(jumped[changed].sum())
    shifts = generator.integers(1, len(jumped), draws)
    chance = np.array([jumped[np.roll(changed, shift)].sum() for shift in shifts])
    return {
        "jumps": int(jumped.sum()),
        "together": seen,
        "chance": float(chance.mean()),
        "p": float((chance >= seen).mean()),
    }


if __name__ == "__main__":
    folder, epochs = Path(sys.argv[1]), [int(word) for word in sys.argv[2:]]
    run = Run(folder, runs.read(folder))
    measured = origin([run.model(epoch).double() for epoch in epochs], epochs, Sine.constant_inputs()[1])
    COMMITTED.parent.mkdir(exist_ok=True)
    COMMITTED.write_text(json.dumps({run.id: {"from": epochs[0], "met": measured}}, indent=1) + "\n", "utf-8")
