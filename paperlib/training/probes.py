"""What is watched while a network learns: its attractors under constant inputs, exponents, multipliers."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from paperlib.dynamics import lyapunov_spectrum, orbit
from paperlib.dynamics.fixed_points import newton as search
from paperlib.models import Model, OrthogonalRNN, StableLSTM, bind
from paperlib.models.bind import BoundStep
from paperlib.models.language import LanguageModel
from paperlib.training import arrays, finish

LEADING = 8  # multipliers kept, by modulus
EARLY = 50  # epochs in which a network changes most: short trainings end there
SAME = 1e-6  # two fixed points this close, in units of their size, are one


class AttractorProbe:
    """Attractors under constant inputs, from the same start states at every epoch: R, Figs. 4 to 8.

    Every `every` epochs the outputs of `steps` steps, the last `keep` of them kept, for all inputs (I, N_u) and
    starts (S, N_x); every `slow` epochs also the first k exponents and the fixed point's multipliers at the inputs
    numbered in `chosen`, and the weights; what `also` measures of the model at every probe of the first 50 epochs
    and at the slow ones; nothing after epoch `until`. One file an epoch in `folder`; of the chosen inputs the last
    `shown` steps go into the run's small file (`finish.attractors`), and, with n and transient of
    `dynamics.classify` as `labels`, what every start leads to. Orbits are float32 through the model's fast path,
    exponents and multipliers float64.

    The fixed point is the one that Newton's method finds from the point of the probe before, or from zero; `inside`:
    from the mean of the orbit that zero leads to, so that it is the attractor itself or what the attractor encloses.
    Then `followed` says whether the point of the probe before leads to the same one.
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
        inside: bool = False,
        final: dict[str, int] | None = None,
        labels: dict[str, int] | None = None,
        also: Callable[[Model], arrays.Named] | None = None,
    ):
        self.folder, self.inputs, self.starts = folder, inputs, starts
        self.steps, self.keep, self.every, self.slow, self.shown = steps, keep, every, slow, shown
        self.chosen, self.k, self.n, self.settle, self.until = list(chosen), k, n, settle, until
        self.inside, self.also = inside, also
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
            u, x = self.inputs[self.chosen], x[self.chosen, 0].double()
            before = self.before(epoch, x)
            known = torch.isfinite(before).all(-1, keepdim=True)
            record |= self.measure(model, u, x, n=self.n, transient=self.settle)
            record |= self.fixed(model, u, torch.where(known, before, 0.0), before=before)
            record |= {f"weight.{name}": pair for name, pair in arrays.plain(model.state_dict()).items()}
        if self.also is not None and (epoch <= EARLY or epoch % self.slow == 0):
            record |= self.also(model)
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

    def measure(self, model: Model, u: Tensor, x: Tensor, *, n: int, transient: int = 0) -> arrays.Named:
        """Exponents (I, k) on the attractors that x (I, N_x) leads to under the inputs u (I, N_u)."""
        k = min(self.k, model.state_size)
        exponents = lyapunov_spectrum(bound(model, u), x, n, transient=transient, k=k)
        return {"exponents": (("chosen", "exponent"), exponents)}

    @torch.no_grad()
    def fixed(self, model: Model, u: Tensor, *guesses: Tensor, before: Tensor | None = None) -> arrays.Named:
        """Fixed points (I, N_x) under the inputs u (I, N_u) and their leading multipliers (I, 8, 2), NaN where none.

        guesses (I, N_x) are tried one after the other; `inside`: after the mean of the orbit from zero. With `inside`
        and the points before, NaN where there is none: whether they lead to the same ones (I,).
        """
        step = bound(model, u)
        inside = [self.middle(model, u)] if self.inside else []
        point = seek(step, torch.full_like(guesses[0], math.nan), *inside, *guesses)
        result: arrays.Named = {
            "fixed_point": (("chosen", "unit"), point),
            "multipliers": (("chosen", "multiplier", "part"), multipliers(step, point)),
        }
        if self.inside and before is not None:
            far = (newton(step, before) - point).abs().amax(-1) / point.abs().amax(-1).clamp(min=1)
            result["followed"] = (("chosen",), (far < SAME).to(torch.int8))  # NaN is not
        return result

    def middle(self, model: Model, u: Tensor) -> Tensor:
        """Mean of the last `keep` of `steps` states from zero under the inputs u (I, N_u): (I, N_x), float64."""
        weight = next(model.parameters())
        drive = u.to(weight).expand(max(self.steps - self.keep, 1), -1, -1).contiguous()
        x = model(drive)[1].double()
        return orbit(bound(model, u), x, self.keep).mean(0)

    def before(self, epoch: int, x: Tensor) -> Tensor:
        """The fixed points of the probe before, from which Newton's method goes on: like x, NaN where there is none."""
        path = self.folder / f"epoch-{epoch - self.slow:06d}.safetensors"
        if epoch < self.slow or not path.exists():
            return torch.full_like(x, math.nan)
        return arrays.load(path)[0]["fixed_point"][1].to(x)


def bound(model: Model, u: Tensor) -> BoundStep:
    """The model's step in float64 under constant inputs u (I, N_u)."""
    return bind(model, u.double(), **{name: value.detach().double() for name, value in model.weights().items()})


def newton(step: BoundStep, x: Tensor) -> Tensor:
    """The fixed point near x, for all inputs at once, (I, N) -> (I, N); NaN where the iteration did not arrive."""
    point, arrived = search(step, x, 1)
    return torch.where(arrived[:, None], point, torch.full_like(point, math.nan))


def seek(step: BoundStep, point: Tensor, *starts: Tensor) -> Tensor:
    """The points (I, N), where they are NaN those that the first of the starts leads to which leads to one."""
    for start in starts:
        lost = ~torch.isfinite(point).all(-1, keepdim=True)
        if bool(lost.any()):
            point = torch.where(lost, newton(step, start), point)
    return point


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
