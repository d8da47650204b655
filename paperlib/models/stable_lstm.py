"""The LSTM kept contractive: Miller and Hardt (2019), as released with R and as the proof wants it."""

from typing import NamedTuple

import torch
from torch import Tensor

from paperlib.models.lstm import LSTM

RECURRENT = (0.395, 0.155, 0.099, 0.395)  # bounds on W_i, W_f, W_g, W_o: the constants released with R
INPUT_FORGET = 0.25  # and on U_f


class Certificate(NamedTuple):
    """Proof of contraction where rate < 1: the map of (h, c) contracts by `rate` a step in a weighted norm.

    norm is "inf" (rows) or "l1" (columns), whichever gives the smaller rate; forget bounds the forget gate.
    """

    rate: float
    norm: str
    forget: float


class StableLSTM(LSTM):
    """LSTM whose recurrent weights are put back after every optimiser step: the sLSTM of R, section 5.

    projection="column": every column of W_i, W_f, W_g, W_o and U_f is rescaled, up as well as down, to an l1 sum
    of exactly .395, .155, .099, .395, .25, as the released code does; biases and row sums are free, so the
    certificate may be lost in training. projection="row": rows that exceed these sums are shrunk and the forget
    bias is kept <= 0, so the certificate holds for every |u|_inf <= 1.

    Raises ValueError for another projection.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int | None,
        *,
        bias: bool = True,
        projection: str = "column",
    ):
        if projection not in ("row", "column"):
            raise ValueError(f"projection is {projection!r}, expected 'row' or 'column'")
        super().__init__(input_size, hidden_size, output_size, bias=bias)
        self.projection = projection
        self.project_()

    @torch.no_grad()
    def project_(self) -> None:
        n = self.hidden_size
        recurrent = self.weight_hh.view(4, n, n)
        limits = recurrent.new_tensor(RECURRENT)[:, None, None]
        forget = self.weight_ih[n : 2 * n]
        axis = -2 if self.projection == "column" else -1
        for block, limit in ((recurrent, limits), (forget, INPUT_FORGET)):
            sums = block.abs().sum(axis, keepdim=True)
            scale = limit / sums.clamp_min(torch.finfo(sums.dtype).tiny)
            block.mul_(scale if self.projection == "column" else scale.clamp_(max=1))
        if self.projection == "row" and self.bias:
            b_ih, b_hh = self.bias_ih[n : 2 * n], self.bias_hh[n : 2 * n]
            excess = torch.relu(b_ih + b_hh)
            b_ih.sub_(excess / 2)  # the nearest pair whose sum is not positive
            b_hh.sub_(excess / 2)

    @torch.no_grad()
    def certificate(self, u_max: float = 1.0) -> Certificate:
        """Rate of contraction proved for all inputs |u|_inf <= u_max; a proof where rate < 1.

        With phi >= the forget gate, |c| <= 1/(1 - phi), a = |W_f|/(4 (1 - phi)) + |W_i|/4 + |W_g|:
        |dc'| <= phi |dc| + a |dh| and |dh'| <= |dc'| + |W_o|/4 |dh|, in the inf norm (row sums) and in the l1
        norm (column sums) alike, since the gates act elementwise; phi needs row sums in both. The rate is the
        spectral radius of [[phi, a], [phi, a + |W_o|/4]]. Miller and Hardt 2019, and our l1 form of it.

        Raises ValueError when u_max is negative or not finite.
        """
        if not 0 <= u_max < float("inf"):
            raise ValueError(f"u_max is {u_max!r}, expected a finite number >= 0")
        n = self.hidden_size
        w = self.weight_hh.detach().double().view(4, n, n).abs()
        u_f = self.weight_ih.detach().double()[n : 2 * n].abs().sum(-1)
        b_f = (self.bias_ih + self.bias_hh).detach().double()[n : 2 * n] if self.bias else w.new_zeros(n)
        phi = torch.sigmoid(w[1].sum(-1).max() + u_f.max() * u_max + b_f.max())
        found = {}
        for norm, axis in (("inf", -1), ("l1", -2)):
            w_i, w_f, w_g, w_o = w.sum(axis).amax(-1)
            a = w_f / (4 * (1 - phi)) + w_i / 4 + w_g
            found[norm] = largest_root(phi + a + w_o / 4, phi * w_o / 4)
        norm = min(found, key=found.get)
        return Certificate(found[norm], norm, float(phi))


def largest_root(trace: Tensor, determinant: Tensor) -> float:
    """The larger eigenvalue of a non-negative 2 x 2 matrix (both are real)."""
    return float((trace + torch.sqrt((trace * trace - 4 * determinant).clamp_min(0))) / 2)
