"""Interval arithmetic through a step written in plain torch: an enclosure of its Jacobian over boxes of states.

An `Enclosure` goes through the step in place of the state. It knows the operations that recurrent networks and
textbook maps are made of, all of them continuous; a step that uses another one is not enclosed, and nothing is proved
of it. Moore, Kearfott and Cloud 2009, chapters 5 and 6.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from paperlib.dynamics.check import Step

Interval = tuple[Tensor, Tensor]


class NotEnclosed(TypeError):
    """The step does something that has no enclosure here."""


class Enclosure:
    """Values low..high (B, ...) and their derivatives by the K inputs, slope_low..slope_high (K, B, ...)."""

    __array_priority__ = 1000

    def __init__(self, value: Interval, slope: Interval):
        self.value, self.slope = value, slope

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), keywords=None):
        name = function.__name__
        # `f` or `__f__`; what `f_` writes into its argument would be lost.
        rule = RULES.get(name[2:-2] if name.startswith("__") and name.endswith("__") else name)
        if rule is None:
            raise NotEnclosed(f"{name} has no enclosure")
        return rule(*arguments, **(keywords or {}))

    def __getattr__(self, name: str):
        if name in RULES:
            return lambda *arguments, **keywords: RULES[name](self, *arguments, **keywords)
        raise NotEnclosed(f"{name} has no enclosure")

    def map(self, rearrange: Callable[[Tensor], Tensor]) -> "Enclosure":
        """An operation that only moves entries."""
        return Enclosure(tuple(map(rearrange, self.value)), tuple(map(rearrange, self.slope)))

    def __getitem__(self, index):
        if not (isinstance(index, tuple) and index and index[0] is Ellipsis):
            raise NotEnclosed("only x[..., i] is enclosed")
        return self.map(lambda tensor: tensor[index])

    def __neg__(self):
        return Enclosure(minus(self.value), minus(self.slope))

    def __add__(self, other):
        return add(self, other)

    __radd__ = __add__

    def __sub__(self, other):
        return add(self, -other)

    def __rsub__(self, other):
        return add(-self, other)

    def __mul__(self, other):
        return multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other):
        if isinstance(other, Enclosure):
            raise NotEnclosed("division by a state has no enclosure")
        return multiply(self, 1 / other)

    def __pow__(self, power):
        return power_of(self, power)

    def __matmul__(self, matrix):
        return times_matrix(self, matrix)

    def in_place(self, other):
        # Python would rebind one name, torch changes the state under all its names.
        raise NotEnclosed("an operation in place has no enclosure")

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imatmul__ = in_place


def minus(a: Interval) -> Interval:
    return -a[1], -a[0]


def times(a: Interval, b: Interval) -> Interval:
    products = [a[i] * b[j] for i in (0, 1) for j in (0, 1)]
    low, high = products[0], products[0]
    for product in products[1:]:
        low, high = torch.minimum(low, product), torch.maximum(high, product)
    return low, high


def constant(x, like: Tensor) -> Interval:
    x = torch.as_tensor(x, dtype=like.dtype, device=like.device)
    return x, x


def add(a, b) -> Enclosure:
    if not isinstance(a, Enclosure):
        a, b = b, a
    if isinstance(b, Enclosure):
        return Enclosure(
            tuple(p + q for p, q in zip(a.value, b.value, strict=True)),
            tuple(p + q for p, q in zip(a.slope, b.slope, strict=True)),
        )
    c = constant(b, a.value[0])[0]
    value = tuple(p + c for p in a.value)
    return Enclosure(value, tuple(s.expand(len(s), *value[0].shape) for s in expand(a.slope, value[0].dim())))


def expand(slope: Interval, dimensions: int) -> Interval:
    """Room for the batch axes that a wider operand brings: (K, ...) -> (K, 1, ..., ...)."""
    missing = (1,) * (dimensions + 1 - slope[0].dim())
    return tuple(s.reshape(len(s), *missing, *s.shape[1:]) for s in slope)


def multiply(a, b) -> Enclosure:
    if not isinstance(a, Enclosure):
        a, b = b, a
    if isinstance(b, Enclosure):
        left, right = times(a.slope, b.value), times(a.value, b.slope)
        return Enclosure(times(a.value, b.value), tuple(p + q for p, q in zip(left, right, strict=True)))
    c = constant(b, a.value[0])
    value = times(a.value, c)
    return Enclosure(value, times(expand(a.slope, value[0].dim()), c))


def subtract(a, b) -> Enclosure:
    return add(a, -b)


def times_matrix(a, matrix) -> Enclosure:
    """x @ M with a fixed M: midpoint and radius."""
    if not isinstance(a, Enclosure) or isinstance(matrix, Enclosure) or matrix.dim() != 2:
        raise NotEnclosed("only x @ M with a fixed matrix M is enclosed")

    def product(interval: Interval) -> Interval:
        middle, radius = (interval[0] + interval[1]) / 2, (interval[1] - interval[0]) / 2
        centre, around = middle @ matrix, radius @ matrix.abs()
        return centre - around, centre + around

    return Enclosure(product(a.value), product(a.slope))


def linear(x, weight, bias=None) -> Enclosure:
    y = times_matrix(x, weight.T)
    return y if bias is None else add(y, bias)


def chain(a: Enclosure, value: Interval, rate: Interval) -> Enclosure:
    return Enclosure(value, times(a.slope, rate))


def bell(function: Callable, slope: Callable, top: float) -> Callable:
    """A rising function whose slope falls on both sides of its value `top` at zero."""

    def rule(a: Enclosure) -> Enclosure:
        low, high = a.value
        ends = slope(function(low)), slope(function(high))
        most = torch.where((low <= 0) & (high >= 0), top, torch.maximum(*ends))
        return chain(a, (function(low), function(high)), (torch.minimum(*ends), most))

    return rule


def exp(a: Enclosure) -> Enclosure:
    value = torch.exp(a.value[0]), torch.exp(a.value[1])
    return chain(a, value, value)


def relu(a: Enclosure) -> Enclosure:
    rate = (a.value[0] > 0).to(a.value[0].dtype), (a.value[1] > 0).to(a.value[1].dtype)
    return chain(a, tuple(map(torch.relu, a.value)), rate)


def cosine_range(low: Tensor, high: Tensor) -> Interval:
    """The cosine reaches 1 at 2 pi k and -1 at pi + 2 pi k."""
    ends = torch.cos(low), torch.cos(high)
    turn = 2 * math.pi
    top = torch.floor(high / turn) >= torch.ceil(low / turn)
    bottom = torch.floor((high - math.pi) / turn) >= torch.ceil((low - math.pi) / turn)
    return torch.where(bottom, -1.0, torch.minimum(*ends)), torch.where(top, 1.0, torch.maximum(*ends))


def cos(a: Enclosure) -> Enclosure:
    rate = minus(cosine_range(*(end - math.pi / 2 for end in a.value)))
    return chain(a, cosine_range(*a.value), rate)


def sin(a: Enclosure) -> Enclosure:
    return chain(a, cosine_range(*(end - math.pi / 2 for end in a.value)), cosine_range(*a.value))


def power_of(a: Enclosure, n) -> Enclosure:
    if not isinstance(n, int) or n < 1:
        raise NotEnclosed("only positive integer powers are enclosed")

    def raised(interval: Interval, n: int) -> Interval:
        ends = interval[0] ** n, interval[1] ** n
        low = torch.minimum(*ends)
        if n and n % 2 == 0:
            low = torch.where((interval[0] <= 0) & (interval[1] >= 0), 0.0, low)
        return low, torch.maximum(*ends)

    return chain(a, raised(a.value, n), tuple(n * end for end in raised(a.value, n - 1)))


def last_axis(dim: int) -> int:
    if dim >= 0:
        raise NotEnclosed("only axes counted from the last one are enclosed")
    return dim


def joined(join: Callable) -> Callable:
    def rule(parts, dim: int = 0) -> Enclosure:
        last_axis(dim)
        wide = next(p for p in parts if isinstance(p, Enclosure))
        whole = [p if isinstance(p, Enclosure) else add(multiply(wide, 0.0), p) for p in parts]
        return Enclosure(
            tuple(join([p.value[s] for p in whole], dim) for s in (0, 1)),
            tuple(join([p.slope[s] for p in whole], dim) for s in (0, 1)),
        )

    return rule


def unbind(a: Enclosure, dim: int = 0) -> list[Enclosure]:
    pieces = [t.unbind(last_axis(dim)) for t in (*a.value, *a.slope)]
    return [Enclosure((p[0], p[1]), (p[2], p[3])) for p in zip(*pieces, strict=True)]


def total(a: Enclosure, dim: int, keepdim: bool = False) -> Enclosure:
    return a.map(lambda t: t.sum(last_axis(dim), keepdim=keepdim))


RULES = {
    "add": add,
    "sub": subtract,
    "rsub": lambda a, b: subtract(b, a),
    "subtract": subtract,
    "mul": multiply,
    "multiply": multiply,
    "neg": lambda a: -a,
    "div": lambda a, b: a / b,
    "pow": power_of,
    "square": lambda a: power_of(a, 2),
    "matmul": times_matrix,
    "linear": linear,
    "tanh": bell(torch.tanh, lambda y: 1 - y * y, 1.0),
    "sigmoid": bell(torch.sigmoid, lambda y: y * (1 - y), 0.25),
    "exp": exp,
    "relu": relu,
    "sin": sin,
    "cos": cos,
    "stack": joined(torch.stack),
    "cat": joined(torch.cat),
    "unbind": unbind,
    "sum": total,
    "unsqueeze": lambda a, dim: a.map(lambda t: t.unsqueeze(last_axis(dim))),
}


def enclosed_jacobian(step: Step, low: Tensor, high: Tensor) -> Interval | None:
    """Entries of df/dx over the boxes low <= x <= high, (B, ..., N) -> twice (B, ..., N, N); None if not enclosed."""
    n = low.shape[-1]
    eye = torch.eye(n, dtype=low.dtype, device=low.device)
    slope = eye.reshape(n, *(1,) * (low.dim() - 1), n).expand(n, *low.shape)
    try:
        result = step(Enclosure((low, high), (slope, slope)))
    except Exception:  # whatever a function does with what is no tensor, nothing is proved of it
        return None
    if not isinstance(result, Enclosure) or result.value[0].shape[-1] != n:
        return None
    shape = (n, *result.value[0].shape)
    return tuple(s.expand(shape).movedim(0, -1) for s in result.slope)
