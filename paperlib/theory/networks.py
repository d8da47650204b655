"""The networks of the companion under Theorem 1: constant in the state, joint constant, growth of derivatives."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev
from torch.nn.utils import parametrize

from paperlib.models import Model
from paperlib.theory.derivatives import Readout, Transition, largest
from paperlib.theory.measure import maximise


class Step(nn.Module):
    """One step of a model (without an input its readout) as a module: parameters can be replaced by name."""

    def __init__(self, model: Model):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, u: Tensor | None) -> Tensor:
        return self.model.readout(x) if u is None else self.model.step(x, u)


def flat(model: Model) -> tuple[Transition, Readout, Tensor]:
    """f(x, u, theta), g(x, theta) and the model's own theta: all trained parameters in one vector (N_theta,)."""
    step = Step(model)
    own = {name: p.detach() for name, p in step.named_parameters()}

    def named(theta: Tensor) -> dict[str, Tensor]:
        parts = theta.split([p.numel() for p in own.values()])
        return {name: part.view_as(p) for (name, p), part in zip(own.items(), parts, strict=True)}

    return (
        lambda x, u, theta: functional_call(step, named(theta), (x, u)),
        lambda x, theta: functional_call(step, named(theta), (x, None)),
        torch.cat([p.flatten() for p in own.values()]),
    )


def joint_constant(
    model: Model, high: Tensor, generator: torch.Generator, *, start: Tensor | None = None, **search
) -> float:
    """L_f of a model at its weights and zero input: the largest norm of [df/dx, df/dtheta] found, a lower bound.

    Over states |x_i| <= high_i, high (N_x,), and all trained parameters of f, by `measure.maximise` from `start`
    (N_x,) and samples; `search` goes there. A step that jumps has no such constant, whatever its Jacobians say.
    """
    step = Step(model)
    own = {name: p.detach() for name, p in step.named_parameters()}
    trained = {name: p for name, p in own.items() if not name.endswith(("weight_ho", "bias_ho"))}
    u = high.new_zeros(model.input_size)

    def norms(points: Tensor) -> Tensor:
        found = []
        for x in points:
            by_theta, A = jacrev(lambda p, x: functional_call(step, {**own, **p}, (x, u)), (0, 1))(trained, x)
            found.append(largest(A, torch.cat([b.flatten(1) for b in by_theta.values()], -1)))
        return torch.stack(found)

    return maximise(norms, -high, high, generator, start=start, **search)[0]


def growth(
    model: Model, u: Tensor, y: Tensor, x0: Tensor, lengths: list[int], *, rounds: int = 8
) -> Iterator[tuple[float, float]]:
    """|grad V_N| and |Hess V_N| by all trained parameters at the model's weights, for each length N.

    V is the squared error averaged over N steps, u (T, N_u), y (T, N_y), x0 (N_x,). The Hessian's norm is that of
    `rounds` steps of power iteration on Hessian-vector products, so a lower bound.
    """
    parameters = list(model.parameters())
    generator = torch.Generator().manual_seed(0)
    for n in lengths:
        with parametrize.cached():  # the orthogonal matrix is one exponential, not one a step
            # The plain loop: fused kernels and hand-written passes have no second derivative.
            outputs, _ = Model.forward(model, u[:n, None], x0[None])
            value = ((outputs[:, 0] - y[:n]) ** 2).sum(-1).mean()
            gradient = torch.autograd.grad(value, parameters, create_graph=True, allow_unused=True)
        pairs = [(p, g) for p, g in zip(parameters, gradient, strict=True) if g is not None and g.requires_grad]
        v = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p, _ in pairs]
        size = 0.0
        for _ in range(rounds):
            scale = _norm(v)
            v = [d / scale for d in v]
            v = torch.autograd.grad(
                [g for _, g in pairs], [p for p, _ in pairs], v, retain_graph=True, allow_unused=True
            )
            v = [torch.zeros_like(p) if d is None else d for (p, _), d in zip(pairs, v, strict=True)]
            size = float(_norm(v))
            if size == 0:
                break
        yield float(_norm([g.detach() for _, g in pairs])), size


def _norm(tensors) -> Tensor:
    return torch.stack([t.square().sum() for t in tensors]).sum().sqrt()
