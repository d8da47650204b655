"""The LSTM: state (h, c) in one vector of 2 H, gates in torch's order i, f, g, o."""

import torch
from torch import Tensor, nn

from paperlib.models.base import Model, add, check_sequence, check_start, matvec

# The kernel on the CPU works in blocks of so many states: 32 take a quarter less time than 30. From LARGEST on the
# additional states cost what the blocks save.
BLOCK, LARGEST = 8, 48


class LSTM(Model):
    """One-layer LSTM with a linear readout, torch's default initialisation.

    State x = (h, c) of size 2 * hidden_size. Parameters weight_ih (4H, N_u), weight_hh (4H, H), bias_ih (4H,),
    bias_hh (4H,), weight_ho (N_y, H), bias_ho (N_y,). R, Eqs. (S17) and (S18), there without bias.
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int | None, *, bias: bool = True):
        super().__init__(input_size, hidden_size, output_size, bias=bias)
        self.state_size = 2 * hidden_size
        self.add_parameter("weight_ih", 4 * hidden_size, input_size)
        self.add_parameter("weight_hh", 4 * hidden_size, hidden_size)
        if bias:
            self.add_parameter("bias_ih", 4 * hidden_size)
            self.add_parameter("bias_hh", 4 * hidden_size)
        self.add_readout()

    def transition(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None) -> Tensor:
        i, f, g, o, c = self._gates(weights, x, drive)
        c = torch.addcmul(f * c, i, g)
        return torch.cat([o * torch.tanh(c), c])

    def _gates(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None):
        n = self.hidden_size
        h, c = x[:n], x[n:]
        z = add(matvec(weights["weight_hh"], h), drive)
        i_f = torch.sigmoid(z[: 2 * n])
        return i_f[:n], i_f[n:], torch.tanh(z[2 * n : 3 * n]), torch.sigmoid(z[3 * n :]), c

    def push(self, weights: dict[str, Tensor], x: Tensor, drive: Tensor | None, v: Tensor) -> tuple[Tensor, Tensor]:
        # The derivative of the full state (h, c). dh'/dh alone is not a Jacobian of the map: it loses what c
        # carries from step to step, and gives exponents of the wrong sign.
        n = self.hidden_size
        i, f, g, o, c = self._gates(weights, x, drive)
        c = torch.addcmul(f * c, i, g)
        tanh_c = torch.tanh(c)
        h = o * tanh_c
        slopes = torch.cat([i * (1 - i) * g, f * (1 - f) * x[n:], i * (1 - g * g), h * (1 - o)])
        dz = matvec(weights["weight_hh"], v[:n]) * slopes.unsqueeze(1)
        dc = dz[:n] + dz[n : 2 * n] + dz[2 * n : 3 * n] + f.unsqueeze(1) * v[n:]
        dh = dz[3 * n :] + (o * (1 - tanh_c * tanh_c)).unsqueeze(1) * dc
        return torch.cat([h, c]), torch.cat([dh, dc])

    def forward(self, u: Tensor, x0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        check_sequence(u, self.input_size)
        check_start(x0, u.shape[1], self.state_size)
        n = self.hidden_size
        x = u.new_zeros(u.shape[1], self.state_size) if x0 is None else x0
        names = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if self.bias else ()))
        own, start = [getattr(self, name) for name in names], [x[:, :n], x[:, n:]]
        extra = -n % BLOCK if u.device.type == "cpu" and n < LARGEST else 0
        if extra:
            own = [pad(w.unflatten(0, (4, n)), rows=extra, columns=extra * (i == 1)) for i, w in enumerate(own)]
            start = [nn.functional.pad(part, (0, extra)) for part in start]
        # nn.LSTM's own kernel on our parameters: fused on the CPU, cuDNN on a GPU.
        h, *last = torch._VF.lstm(
            u,
            [part[None].contiguous() for part in start],
            own,
            self.bias,
            1,
            0.0,
            self.training,
            False,
            False,
        )
        return self.observe(self.weights(), h[..., :n]), torch.cat([part[0, :, :n] for part in last], -1)


def pad(gates: Tensor, rows: int, columns: int) -> Tensor:
    """Zeros for states that stay zero: their g is tanh(0), their c and h with it; (4, H, ...) -> (4 H', ...)."""
    size = (0, columns, 0, rows) if gates.dim() == 3 else (0, rows)
    return nn.functional.pad(gates, size).flatten(0, 1)
