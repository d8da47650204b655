"""The orthogonal RNN: h' = modReLU(W_in u + B h + b), B the exponential of a skew matrix."""

import math

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils import parametrize

from paperlib.models.base import Model, add, check_sequence, check_start, matvec


class OrthogonalRNN(Model):
    """expRNN (Lezcano-Casado and Martínez-Rubio 2019) with modReLU, the oRNN of R, section 5.

    h' = sign(v) relu(|v| + b), v = W_ih u + W_hh h; state h. Weights weight_ih (H, N_u), Kaiming normal and
    without a bias; weight_hh (H, H) = exp(S - S'), S the strict lower triangle of the trained parameter,
    initialised in 2 x 2 blocks with angles U(-pi, pi) (Henaff et al. 2016); bias_hh (H,), the b of modReLU,
    U(-.01, .01); weight_ho, bias_ho. A positive b makes f jump by 2b where v changes sign: f is then not
    Lipschitz. `nonexpansive=True` keeps b <= 0, and |f(x) - f(y)| <= |x - y| for every input.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int | None,
        *,
        bias: bool = True,
        nonexpansive: bool = False,
    ):
        super().__init__(input_size, hidden_size, output_size, bias=bias)
        self.state_size, self.nonexpansive = hidden_size, nonexpansive
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        nn.init.kaiming_normal_(self.weight_ih)
        self.weight_hh = nn.Parameter(henaff(hidden_size))
        if bias:
            self.add_parameter("bias_hh", hidden_size, bound=0.01)
        self.add_readout()
        parametrize.register_parametrization(self, "weight_hh", SkewExponential())
        self.project_()

    def weights(self) -> dict[str, Tensor]:
        """The weights by name; weight_hh is the orthogonal matrix, not the parameter behind it."""
        names = ["weight_ih", "weight_hh", "bias_hh", "weight_ho", "bias_ho"]
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def drive(self, weights: dict[str, Tensor], u: Tensor) -> Tensor:
        return matvec(weights["weight_ih"], u)

    def transition(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None) -> Tensor:
        v = add(matvec(weights["weight_hh"], x), drive)
        return torch.sign(v) * torch.relu(add(v.abs(), weights.get("bias_hh")))

    def push(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None, v: Tensor) -> tuple[Tensor, Tensor]:
        # Piecewise an isometry with some units off: the derivative is B's rows of the active units.
        following = self.transition(weights, x, drive)
        active = (following != 0).to(x.dtype)
        return following, matvec(weights["weight_hh"], v) * active.unsqueeze(1)

    def forward(self, u: Tensor, x0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        check_sequence(u, self.input_size)
        check_start(x0, u.shape[1], self.state_size)
        weights = self.weights()
        h0 = u.new_zeros(u.shape[1], self.hidden_size) if x0 is None else x0
        drive = u @ weights["weight_ih"].T
        bias = weights.get("bias_hh")
        bias = drive.new_zeros(self.hidden_size) if bias is None else bias
        h = ModReLUSequence.apply(drive, weights["weight_hh"], bias, h0)
        y = h if self.output_size is None else nn.functional.linear(h, weights["weight_ho"], weights.get("bias_ho"))
        return y, h[-1]

    @torch.no_grad()
    def project_(self) -> None:
        """b <= 0 for the non-expansive network; the exponential is orthogonal by itself."""
        if self.nonexpansive and self.bias:
            self.bias_hh.clamp_(max=0)


class ModReLUSequence(torch.autograd.Function):
    """All states of a sequence, drive (T, B, H) -> (T, B, H), with a backward pass written by hand.

    Autograd would record six operations a step and add to the gradient of the matrix at every one. Here the
    states are written into one array, signs and active units are read off it, and the matrix's gradient is one
    product at the end: 8 times faster at batch 10.
    """

    @staticmethod
    def forward(ctx, drive: Tensor, weight: Tensor, bias: Tensor, h0: Tensor) -> Tensor:
        states = drive.new_empty(len(drive) + 1, *drive.shape[1:])  # the start is the first
        states[0] = h0
        transposed = weight.T.contiguous()
        h, v, size = h0, torch.empty_like(drive[0]), torch.empty_like(drive[0])
        for drive_t, h_next in zip(drive.unbind(0), states[1:].unbind(0), strict=True):
            torch.addmm(drive_t, h, transposed, out=v)
            torch.abs(v, out=size).add_(bias).relu_()
            torch.mul(v.sign_(), size, out=h_next)
            h = h_next
        ctx.save_for_backward(weight, states)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        weight, states = ctx.saved_tensors
        sign = torch.sign(states[1:])
        active = sign.abs()
        dv = torch.empty_like(sign)
        following = None
        for grad_t, active_t, dv_t in zip(
            reversed(grad.unbind(0)), reversed(active.unbind(0)), reversed(dv.unbind(0)), strict=True
        ):
            if following is None:
                torch.mul(grad_t, active_t, out=dv_t)
            else:
                torch.addmm(grad_t, following, weight, out=dv_t).mul_(active_t)
            following = dv_t
        flat = dv.flatten(0, 1)
        d_bias = sign.flatten(0, 1).mul_(flat).sum(0)
        return dv, flat.T @ states[:-1].flatten(0, 1), d_bias, following @ weight


class SkewExponential(nn.Module):
    """S -> exp(S - S') of the strict lower triangle: the rotations, expRNN's static trivialisation.

    The map of `torch.nn.utils.parametrizations.orthogonal(..., "matrix_exp", use_trivialization=False)`. Torch
    differentiates its exponential through a matrix of twice the size, which would take most of a training step.
    """

    def forward(self, lower: Tensor) -> Tensor:
        lower = lower.tril(-1)
        return exponential(lower - lower.T)


def exponential(a: Tensor) -> Tensor:
    """exp(A) by scaling, a Taylor polynomial and squaring, (N, N) -> (N, N); 6 products and the squarings.

    Truncation below rounding: |A/2^s| <= r gives r^(n+1)/(n+1)! <= eps (n = 12 in float32, 18 in float64).
    """
    degree, radius = (12, 1.58) if a.dtype == torch.float32 else (18, 1.09)
    norm = float(torch.linalg.matrix_norm(a.detach(), 1))
    squarings = max(0, math.ceil(math.log2(norm / radius))) if norm > 0 else 0
    a = a / 2**squarings
    powers = [torch.eye(len(a), dtype=a.dtype, device=a.device), a, a @ a]
    cube = powers[2] @ a
    result = powers[0] / math.factorial(degree)
    for k in range(degree - 3, -1, -3):  # Horner's rule in A^3 (Paterson and Stockmeyer)
        result = cube @ result
        for j, power in enumerate(powers):
            result = torch.add(result, power, alpha=1 / math.factorial(k + j))
    for _ in range(squarings):
        result = result @ result
    return result


def henaff(size: int) -> Tensor:
    """The lower triangle of a skew matrix of 2 x 2 blocks, angles U(-pi, pi): (N, N). Henaff et al. 2016."""
    lower = torch.zeros(size, size)
    k = torch.arange(size // 2)
    lower[2 * k + 1, 2 * k] = torch.empty(size // 2).uniform_(-math.pi, math.pi)
    return lower
