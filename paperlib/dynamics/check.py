"""What every tool asks of its arguments before it starts, and of its result before it hands it on."""

from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[[Tensor], Tensor]


def positive(name: str, value: int, *, least: int = 1) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}, expected an integer >= {least}")


def states(name: str, x: Tensor) -> Tensor:
    """A finite floating tensor (..., N) with at least one entry."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} is a {type(x).__name__}, expected a torch.Tensor")
    if x.dim() == 0 or x.numel() == 0:
        raise ValueError(f"{name} has shape {tuple(x.shape)}, expected (..., N) with at least one entry")
    if not x.is_floating_point():
        raise ValueError(f"{name} has dtype {x.dtype}, expected a floating one")
    bad = int((~torch.isfinite(x)).sum())
    if bad:
        raise ValueError(f"{name} of shape {tuple(x.shape)} has {bad} entries that are not finite")
    return x


def first_step(step: Step, x: Tensor) -> Tensor:
    """One trial step: its shape may add the step's own batch axes in front of N, and nothing else."""
    following = step(x)
    if not isinstance(following, Tensor):
        raise TypeError(f"step returned a {type(following).__name__}, expected a torch.Tensor")
    try:
        shape = torch.broadcast_shapes(following.shape, x.shape)
    except RuntimeError:
        shape = None
    if shape != following.shape or following.shape[-1:] != x.shape[-1:]:
        raise ValueError(
            f"step turned shape {tuple(x.shape)} into {tuple(following.shape)}, expected (..., {x.shape[-1]})"
        )
    if following.dtype != x.dtype:
        raise ValueError(f"step turned dtype {x.dtype} into {following.dtype}, expected the same")
    return following


def finite(what: str, result: Tensor) -> Tensor:
    # The sum is not finite when an entry is not, and reads the array once without a copy.
    if not bool(torch.isfinite(result.sum())) and not bool(torch.isfinite(result).all()):
        bad = ~torch.isfinite(result)
        raise FloatingPointError(
            f"{what} of shape {tuple(result.shape)} has {int(bad.sum())} entries that are not finite: "
            "the orbit leaves every bounded set (classify labels such orbits)"
        )
    return result
