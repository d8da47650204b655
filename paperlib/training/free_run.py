"""What a network trained on a trajectory does by itself: one free run, its exponents, its distance to the data."""

from pathlib import Path

import torch
from torch import Tensor

from paperlib import dynamics
from paperlib.models import Model, bind
from paperlib.tasks.forcing import onto
from paperlib.training import arrays

FAR = 1e6  # in standard deviations of the data: a run that gets there has left for infinity


@torch.no_grad()
def free_run(model: Model, x0: Tensor, n: int, pieces: int = 20) -> tuple[Tensor, Tensor]:
    """n outputs of a network left to itself from the observation x0 (N,): (n, N), and states (pieces, N_x).

    float64; the states are those at the ends of equal pieces of the run. From where the run leaves for infinity, all
    is NaN.

    Raises ValueError when n is not a multiple of pieces.
    """
    if n < pieces or n % pieces:
        raise ValueError(f"n is {n}, expected a multiple of {pieces}")
    x = onto(model, x0[None].to(model.weight_ho))
    y = x.new_full((n, len(x0)), torch.nan)
    states = x.new_full((pieces, model.state_size), torch.nan)
    u = x.new_zeros(n // pieces, 1, model.input_size)
    for piece, part in enumerate(y.unflatten(0, (pieces, -1))):
        found, x = model(u, x)
        if not bool((found.abs() < FAR).all() & torch.isfinite(x).all()):
            break
        part.copy_(found[:, 0])
        states[piece] = x[0]
    return y, states


def distances(true: Tensor, generated: Tensor) -> dict[str, float]:
    """M's measures of a free run (S, N) against the data (T, N), corrected and as published."""
    divergence, hellinger = dynamics.state_space_divergence, dynamics.hellinger_distance
    return {
        "D_stsp": divergence(true, generated, around="data"),
        "D_stsp_published": divergence(true, generated, around="zero"),
        "D_H": hellinger(true, generated, normalisation="unit"),
        "D_H_published": hellinger(true, generated, normalisation="published"),
    }


def largest(exponents: Tensor, n: int) -> dict[str, float]:
    """lambda_max of a network from exponents (S, k) over n steps from S states in the order of its run.

    Mean and standard error over the last half of the states: what came before may be the way to the attractor, and
    a mean over the two is the exponent of neither. lambda_max_mixed is the share of those states whose exponent is
    of the rarer sign, beyond the 2/n that an exponent of zero shows after n steps: above 0 the run has not settled,
    and its mean says little.
    """
    late = exponents[len(exponents) // 2 :, 0]
    signs = [float((sign * late > 2 / n).double().mean()) for sign in (1, -1)]
    error = float(late.std() / len(late) ** 0.5)
    return {"lambda_max": float(late.mean()), "lambda_max_error": error, "lambda_max_mixed": min(signs)}


class FreeRun:
    """The probe of a forced training: nothing on the way, everything after the last epoch.

    finish() leaves model.safetensors, the weights, from which all the rest can be computed again, and
    final.safetensors: `orbit` (time, variable), the first `shown` outputs of the free run of `steps` steps from the
    first data point, float16; `state` (start, unit) and `exponents` (start, exponent), the first k in nats a step
    over n steps from each of 20 states along the run, float64. NaN where the run left for infinity.
    """

    def __init__(self, task, *, steps: int = 100_000, shown: int = 4000, n: int = 2000, k: int = 4):
        self.task, self.steps, self.shown, self.n, self.k = task, steps, shown, n, k

    def __call__(self, model: Model, epoch: int) -> None:
        """Nothing: a network is measured when it is trained."""

    def finish(self, model: Model, folder: Path, epoch: int) -> dict[str, float]:
        """Small files, and numbers for the record: lambda_max as `largest`, nats a step; D_stsp and D_H.

        The distances are as they should be (around the data; spectra of integral 1) and as published. M.
        """
        arrays.save(folder / "model.safetensors", arrays.plain(model.state_dict()))
        kind = next(model.parameters()).dtype
        model = model.double().eval()
        y, states = free_run(model, self.task.data[0], self.steps)
        exponents = self.exponents(model, states)
        record = {
            "orbit": (("time", "variable"), y[: self.shown].half()),
            "state": (("start", "unit"), states.float()),
            "exponents": (("start", "exponent"), exponents),
        }
        arrays.save(folder / "final.safetensors", record, steps=self.steps, n=self.n)
        model.to(kind)
        return {**largest(exponents, self.n), **distances(self.task.data, y)}

    def exponents(self, model: Model, states: Tensor) -> Tensor:
        """The first k exponents over n steps from each state: (S, N_x) -> (S, k), NaN where there is none."""
        k = min(self.k, model.state_size)
        good = torch.isfinite(states).all(-1)
        found = states.new_full((len(states), k), torch.nan)
        if bool(good.any()):
            weights = {name: value.detach() for name, value in model.weights().items()}
            step = bind(model, states.new_zeros(model.input_size), **weights)
            found[good] = dynamics.lyapunov_spectrum(step, states[good], self.n, transient=200, k=k)
        return found
