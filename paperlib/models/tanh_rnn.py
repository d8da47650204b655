"""The plain RNN, x' = tanh(W_ih u + b_ih + W_hh x + b_hh)."""

import torch
from torch import Tensor

from paperlib.models.base import Model, add, check_sequence, matvec


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
        x = u.new_zeros(u.shape[1], self.state_size) if x0 is None else x0
        names = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if self.bias else ()))
        own = [getattr(self, name) for name in names]
        # nn.RNN's own kernel on our parameters: fused on the CPU, cuDNN on a GPU.
        h, last = torch._VF.rnn_tanh(u, x[None].contiguous(), own, self.bias, 1, 0.0, self.training, False, False)
        return self.observe(self.weights(), h), last[0]
