"""The piecewise-linear RNN, z' = A z + W relu(z) + h + C u."""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from paperlib.models.base import Model, add, check_sequence, check_start, matvec


class PLRNN(Model):
    """Durstewitz 2017, as in M: A diagonal, W without a diagonal, linear readout.

    State z (H,). Parameters weight_ih (H, N_u); weight_hh (H, H), which holds A on its diagonal and W off it;
    bias_hh (H,); weight_ho (N_y, H), bias_ho (N_y,); all U(-1/sqrt(H), 1/sqrt(H)).
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int | None, *, bias: bool = True):
        super().__init__(input_size, hidden_size, output_size, bias=bias)
        self.state_size = hidden_size
        self.add_parameter("weight_ih", hidden_size, input_size)
        self.add_parameter("weight_hh", hidden_size, hidden_size)
        if bias:
            self.add_parameter("bias_hh", hidden_size)
        self.add_readout()

    def transition(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None) -> Tensor:
        return add(self._linear(weights["weight_hh"], torch.relu(x), x), drive)

    def push(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None, v: Tensor) -> tuple[Tensor, Tensor]:
        active = (x > 0).to(x.dtype).unsqueeze(1)
        return self.transition(weights, x, drive), self._linear(weights["weight_hh"], v * active, v)

    @staticmethod
    def _linear(weight: Tensor, active: Tensor, x: Tensor) -> Tensor:
        """W active + A x, with W and A in one matrix: the whole of it on `active`, its diagonal on the rest."""
        diagonal = weight.diagonal().movedim(-1, 0)
        rest = x - active
        extra = rest.dim() - diagonal.dim()  # starts or tangents in front of the models' axes
        if extra > 0:
            diagonal = diagonal.reshape(len(diagonal), *(1,) * extra, *diagonal.shape[1:])
        return matvec(weight, active) + diagonal * rest

    def forward(self, u: Tensor, x0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        check_sequence(u, self.input_size)
        check_start(x0, u.shape[1], self.state_size)
        drive = nn.functional.linear(u, self.weight_ih, self.bias_hh if self.bias else None)
        x = u.new_zeros(u.shape[1], self.state_size) if x0 is None else x0
        states = PiecewiseLinearSequence.apply(drive, self.weight_hh, x)
        return self.observe(self.weights(), states), states[-1]


class PiecewiseLinearSequence(torch.autograd.Function):
    """All states of a sequence, drive (T, B, H) -> (T, B, H), with a backward pass written by hand.

    The states are written into one array; the matrix's gradient is one product at the end.
    """

    @staticmethod
    def forward(ctx, drive: Tensor, weight: Tensor, x0: Tensor) -> Tensor:
        states = torch.empty_like(drive)
        diagonal = weight.diagonal()
        off = (weight - torch.diag(diagonal)).T.contiguous()
        x = x0
        for drive_t, x_next in zip(drive.unbind(0), states.unbind(0), strict=True):
            torch.addmm(drive_t, torch.relu(x), off, out=x_next).addcmul_(x, diagonal)
            x = x_next
        ctx.save_for_backward(weight, x0, states)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        weight, x0, states = ctx.saved_tensors
        diagonal = weight.diagonal()
        off = weight - torch.diag(diagonal)
        before = torch.cat([x0[None], states[:-1]])
        active = (before > 0).to(grad.dtype)
        dz = grad.clone()
        following = back = None
        steps = zip(reversed(dz.unbind(0)), reversed(active.unbind(0)), strict=True)
        for dz_t, active_t in steps:
            if following is not None:
                dz_t.add_(back)
            following = dz_t
            back = (dz_t @ off).mul_(active_t).addcmul_(dz_t, diagonal)
        flat, before = dz.flatten(0, 1), before.flatten(0, 1)
        d_weight = flat.T @ torch.relu(before)
        d_weight.diagonal().copy_((flat * before).sum(0))
        return dz, d_weight, back
