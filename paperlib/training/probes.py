"""What is watched while a network learns: its attractors under constant inputs, exponents, multipliers."""

import math
from pathlib import Path

import torch
from torch import Tensor

from paperlib.dynamics import lyapunov_spectrum
from paperlib.dynamics.fixed_points import newton as search
from paperlib.models import Model, OrthogonalRNN, StableLSTM, bind
from paperlib.models.bind import BoundStep
from paperlib.models.language import LanguageModel
from paperlib.training import arrays, finish

LEADING = 8  # multipliers kept, by modulus


class AttractorProbe:
    """Attractors under constant inputs, from the same start states at every epoch: R, Figs. 4 to 8.

    Every `every` epochs the outputs of `steps` steps, the last `keep` of them kept, for all inputs (I, N_u) and
    starts (S, N_x); every `slow` epochs also the first k exponents and the fixed point's multipliers at the inputs
    numbered in `chosen`, and the weights; nothing after epoch `until`. One file an epoch in `folder`; of the chosen
    inputs the last `shown` steps go into the run's small file (`finish.attractors`), and, with n and transient of
    `dynamics.classify` as `labels`, what every start leads to. Orbits are float32 through the model's fast path,
    exponents and multipliers float64.
    """

    def __init__(
        self,
        folder: Path,
        inputs: Tensor,
        starts: Tensor,
        *,
        steps: int = 1600,
        keep: int = 400,
        every: int = 5,
        slow: int = 25,
        chosen: tuple[int, ...] = (1,),
        k: int = 4,
        n: int = 250,
        settle: int = 100,
        shown: int = 50,
        until: int | None = None,
        final: dict[str, int] | None = None,
        labels: dict[str, int] | None = None,
    ):
        self.folder, self.inputs, self.starts = folder, inputs, starts
        self.steps, self.keep, self.every, self.slow, self.shown = steps, keep, every, slow, shown
        self.chosen, self.k, self.n, self.settle, self.until = list(chosen), k, n, settle, until
        self.final, self.labels = final or {"n": n, "transient": settle}, labels
        folder.mkdir(parents=True, exist_ok=True)

    def finish(self, model: Model, folder: Path, epoch: int) -> dict[str, float]:
        """Small files of all epochs up to the last: attractors, final measures, weights."""
        finish.attractors(self, model, folder, epoch)
        finish.last_measure(self, model, folder, **self.final)
        return {}

    def __call__(self, model: Model, epoch: int) -> None:
        if epoch % self.every or (self.until is not None and epoch > self.until):
            return
        y, x = self.attractors(model)
        record: arrays.Named = {
            "output": (("time", "input", "start", "output"), y),
            "state": (("input", "start", "unit"), x),
        }
        if epoch % self.slow == 0:
            x = x[self.chosen].double()
            u, guess = self.inputs[self.chosen], self.before(epoch)
            record |= self.measure(model, u, x[:, 0], guess, n=self.n, transient=self.settle)
            record |= {f"weight.{name}": pair for name, pair in arrays.plain(model.state_dict()).items()}
        arrays.save(self.folder / f"epoch-{epoch:06d}.safetensors", record, epoch=epoch)

    def attractors(self, model: Model) -> tuple[Tensor, Tensor]:
        """Outputs (keep, I, S, N_y) after the transient, and the last states (I, S, N_x), all orbits at once.

        In pieces of `keep` steps; an orbit that has come to rest, f(x) = x to the last bit, goes no further.
        """
        weight = next(model.parameters())
        shape = (len(self.inputs), len(self.starts))
        u = self.inputs.to(weight).repeat_interleave(shape[1], 0)
        x = self.starts.to(weight).repeat(shape[0], 1)
        y = x.new_empty(self.keep, len(x), model.readout(x[:1]).shape[-1])
        moving = torch.arange(len(x), device=x.device)
        left = self.steps
        while left > 0 and len(moving):
            piece = left % self.keep or self.keep
            y_piece, x[moving] = model(u[moving].expand(piece, -1, -1).contiguous(), x[moving])
            y[:, moving] = y_piece if piece == self.keep else y_piece[-1:]
            left -= piece
            if left > 0:
                resting = (model(u[None, moving], x[moving])[1] == x[moving]).all(-1)
                y[:, moving[resting]] = y_piece[-1:, resting]
                moving = moving[~resting]
        return y.unflatten(1, shape), x.unflatten(0, shape)

    def measure(self, model: Model, u: Tensor, x: Tensor, guess: Tensor | None, *, n: int, transient: int = 0):
        """Exponents (I, k), fixed point (I, N_x) and its leading multipliers (I, 8, 2) at inputs u, from x."""
        weights = {name: value.detach().double() for name, value in model.weights().items()}
        u = u.to(x)
        step = bind(model, u, **weights)
        k = min(self.k, model.state_size)
        exponents = lyapunov_spectrum(step, x, n, transient=transient, k=k)
        fixed = newton(step, x.new_zeros(x.shape) if guess is None else guess.to(x))
        return {
            "exponents": (("chosen", "exponent"), exponents),
            "fixed_point": (("chosen", "unit"), fixed),
            "multipliers": (("chosen", "multiplier", "part"), multipliers(step, fixed)),
        }

    def before(self, epoch: int) -> Tensor | None:
        """The fixed point of the probe before, from which Newton's method goes on."""
        path = self.folder / f"epoch-{epoch - self.slow:06d}.safetensors"
        if epoch < self.slow or not path.exists():
            return None
        found = arrays.load(path)[0]["fixed_point"][1]
        return torch.where(torch.isfinite(found).all(-1, keepdim=True), found, torch.zeros_like(found))


def newton(step: BoundStep, x: Tensor) -> Tensor:
    """The fixed point near x, for all inputs at once, (I, N) -> (I, N); NaN where the iteration did not arrive."""
    point, arrived = search(step, x, 1)
    return torch.where(arrived[:, None], point, torch.full_like(point, math.nan))


def multipliers(step: BoundStep, fixed: Tensor) -> Tensor:
    """Leading eigenvalues of the Jacobian at fixed points, by modulus: (I, N) -> (I, 8, 2), real and imaginary."""
    count = min(LEADING, fixed.shape[-1])
    result = fixed.new_full((len(fixed), count, 2), math.nan)
    good = torch.isfinite(fixed).all(-1)
    if bool(good.any()):
        eye = torch.eye(fixed.shape[-1], dtype=fixed.dtype, device=fixed.device)
        x = torch.where(good[:, None], fixed, torch.zeros_like(fixed))
        values = torch.linalg.eigvals(step.push(x, eye.expand(*x.shape, -1))[1])
        order = values.abs().argsort(-1, descending=True)[:, :count]
        leading = torch.view_as_real(values.gather(-1, order))
        result[good] = leading[good]
    return result


class Vitals:
    """Numbers of a model after every epoch: what its theory rests on."""

    def __init__(self, u_max: float):
        self.u_max = u_max

    @torch.no_grad()
    def __call__(self, model: Model) -> dict[str, float]:
        """StableLSTM: the certificate's rate, for the task's inputs and for |u| <= 1; OrthogonalRNN: its biases.

        Of a language model its recurrent part, with the largest embedding as the bound on the input.
        """
        u_max, model = (model.input_bound(), model.network) if isinstance(model, LanguageModel) else (self.u_max, model)
        if isinstance(model, StableLSTM):
            return {
                "certificate": model.certificate(u_max).rate,
                "certificate_unit": model.certificate(1.0).rate,
            }
        if isinstance(model, OrthogonalRNN) and model.bias:
            return {
                "positive_biases": float((model.bias_hh > 0).sum()),
                "largest_bias": float(model.bias_hh.max()),
            }
        return {}
