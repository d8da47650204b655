"""The chaotic LSTM of R, section 4.1 and supplement C: two units, no input, no bias, eight numbers of fame.

Two minus signs were lost in print: W_hi and W_ho differ between the supplement and the released code, which
agrees with Laurent and von Brecht 2017, section 2.1. Both sets stand here.
"""

import torch
from torch import Tensor

from paperlib.models import LSTM, Family

# Rows of the gates i, f, g, o. R, supplement C, as printed.
PRINTED = {
    "i": [[-1, 4], [-3, -2]],
    "f": [[-2, 6], [0, -6]],
    "g": [[-1, -6], [6, -9]],
    "o": [[4, 1], [-9, 7]],
}
# The released code; Laurent and von Brecht 2017, section 2.1.
RELEASED = {**PRINTED, "i": [[-1, -4], [-3, -2]], "o": [[4, 1], [-9, -7]]}

START = 0.5  # every component of h_0 and c_0: R, supplement C
STEPS, TRANSIENT = 200, 100  # "200 samples for which the first 100 were discarded": R, section 4.1
SCALES, SCALE_RANGE = 5000, (0.5, 2.0)  # values of s: the released code; Fig. 1 shows this range
SURFACE, SURFACE_RANGE = (152, 151), ((0.0, 2.0), (-0.5, 0.5))  # s1 and s2: the released code
TRUE = (1.0, 0.0)  # theta_true in the plane


def theta(gates: dict[str, list]) -> Tensor:
    """The weights W_h of the four gates as one matrix (8, 2), float64."""
    return torch.tensor([row for gate in "ifgo" for row in gates[gate]], dtype=torch.float64)


def family(*directions: Tensor) -> Family:
    """The LSTM with weights s_1 d_1 + s_2 d_2 + ...: step(x, s) with s (P,) for one direction, (P, K) for K.

    directions (8, 2) each; the state is (h, c), four numbers. R, sections 4.1 and C: theta(s) = s theta_true.
    """
    model = LSTM(1, 2, None, bias=False).double()
    stacked = torch.stack(directions)

    def weights_of(s: Tensor) -> dict[str, Tensor]:
        s = s.unsqueeze(-1) if s.dim() == 1 else s
        return {"weight_hh": torch.einsum("pk,kgh->pgh", s, stacked)}

    return Family(model, torch.zeros(1, dtype=torch.float64), weights_of)


def start() -> Tensor:
    """h_0 = c_0 = (0.5, 0.5): the state (4,)."""
    return torch.full((4,), START, dtype=torch.float64)


def line(count: int = SCALES) -> Tensor:
    """count values of s on [0.5, 2] with 1 among them, where the data are made."""
    return _through(1.0, *SCALE_RANGE, count)


def grid(shape: tuple[int, int] = SURFACE) -> Tensor:
    """All pairs (s1, s2) of Supplementary Fig. 1 with theta_true among them: (shape[0], shape[1], 2)."""
    axes = [_through(true, *ends, count) for true, ends, count in zip(TRUE, SURFACE_RANGE, shape, strict=True)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)


def _through(value: float, low: float, high: float, count: int) -> Tensor:
    """count even values, the nearest moved onto `value`: the released code appends it, mostly a second time."""
    values = torch.linspace(low, high, count, dtype=torch.float64)
    values[(values - value).abs().argmin()] = value
    return values


def random_direction(seed: int) -> Tensor:
    """theta_random (8, 2), every weight from U[0, 1): the released code; the seed is ours."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(8, 2, dtype=torch.float64, generator=generator)
