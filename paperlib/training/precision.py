"""Which arithmetic a GPU multiplies float32 matrices in: float32 itself, TF32 (10 bits of mantissa), bfloat16 (7)."""

import contextlib
from collections.abc import Iterator

import torch

PRECISIONS = ("float32", "tf32", "bf16")


def choose(asked: str | None, device: str) -> str:
    """The precision of a training: TF32 on a GPU and float32 on a CPU, if nothing is asked for.

    Raises ValueError for another word, and for anything but float32 on a CPU.
    """
    cuda = device.startswith("cuda")
    if asked is None:
        return "tf32" if cuda else "float32"
    if asked not in PRECISIONS:
        raise ValueError(f"precision is {asked!r}, expected one of {', '.join(PRECISIONS)}")
    if asked != "float32" and not cuda:
        raise ValueError(f"precision is {asked!r} on device {device!r}, expected float32 or a CUDA device")
    return asked


@contextlib.contextmanager
def products(precision: str | None) -> Iterator[None]:
    """Within it, products of float32 matrices on a GPU, and cuDNN's layers, are computed so; None changes nothing.

    bf16 is the softmax's alone; all else is then multiplied in TF32.
    """
    if precision is None:
        yield
        return
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn.rnn)
    before = [backend.fp32_precision for backend in backends]
    for backend in backends:
        backend.fp32_precision = "ieee" if precision == "float32" else "tf32"
    try:
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.fp32_precision = value
