"""The plain RNN, x' = tanh(W_ih u + b_ih + W_hh x + b_hh)."""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from paperlib.models.base import Model, add, check_sequence, check_start, matvec


class TanhRNN(Model):
    """Elman network with tanh and a linear readout, torch's default initialisation.

    State h (H,). Parameters weight_ih (H, N_u), weight_hh (H, H), bias_ih (H,), bias_hh (H,), weight_ho (N_y, H),
    bias_ho (N_y,). P, Eq. (2).
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int | None, *, bias: bool = True):
        super().__init__(input_size, hidden_size, output_size, bias=bias)
        self.state_size = hidden_size
        self.add_parameter("weight_ih", hidden_size, input_size)
        self.add_parameter("weight_hh", hidden_size, hidden_size)
        if bias:
            self.add_parameter("bias_ih", hidden_size)
            self.add_parameter("bias_hh", hidden_size)
        self.add_readout()

    def transition(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None) -> Tensor:
        return torch.tanh(add(matvec(weights["weight_hh"], x), drive))

    def push(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None, v: Tensor) -> tuple[Tensor, Tensor]:
        following = self.transition(weights, x, drive)
        return following, matvec(weights["weight_hh"], v) * (1 - following * following).unsqueeze(1)

    def forward(self, u: Tensor, x0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        check_sequence(u, self.input_size)
        check_start(x0, u.shape[1], self.state_size)
        x = u.new_zeros(u.shape[1], self.state_size) if x0 is None else x0
        names = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if self.bias else ()))
        own = [getattr(self, name) for name in names]
        if u.device.type == "cpu":  # torch's kernel records every operation of every step: half as fast
            drive = nn.functional.linear(u, own[0], own[2] + own[3] if self.bias else None)
            h = TanhSequence.apply(drive, own[1], x)
            return self.observe(self.weights(), h), h[-1]
        h, last = torch._VF.rnn_tanh(u, x[None].contiguous(), own, self.bias, 1, 0.0, self.training, False, False)
        return self.observe(self.weights(), h), last[0]


class TanhSequence(torch.autograd.Function):
    """All states of a sequence, drive (T, B, H) -> (T, B, H), with a backward pass written by hand.

    The states are written into one array; the matrix's gradient is one product at the end.
    """

    @staticmethod
    def forward(ctx, drive: Tensor, weight: Tensor, x0: Tensor) -> Tensor:
        states = torch.empty_like(drive)
        by, x = weight.T.contiguous(), x0
        for drive_t, x_next in zip(drive.unbind(0), states.unbind(0), strict=True):
            x = torch.addmm(drive_t, x, by, out=x_next).tanh_()
        ctx.save_for_backward(weight, x0, states)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        weight, x0, states = ctx.saved_tensors
        slope, dz = torch.addcmul(grad.new_ones(()), states, states, value=-1), torch.empty_like(grad)
        following = torch.zeros_like(x0)
        for grad_t, slope_t, dz_t in zip(*(reversed(part.unbind(0)) for part in (grad, slope, dz)), strict=True):
            following = torch.addmm(grad_t, following, weight, out=dz_t).mul_(slope_t)
        before = torch.cat([x0[None], states[:-1]])
        return dz, dz.flatten(0, 1).T @ before.flatten(0, 1), following @ weight
