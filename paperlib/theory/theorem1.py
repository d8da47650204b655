"""The constants of Theorem 1 (R, section 4.2 and supplement B), explicit and in logarithms.

R states the orders of L_V and L'_V in the length N; its proof gives formulas. `joint_bound` evaluates them, and
`state_bound` those of the restated theorem, in which the growth is set by the Lipschitz constant in the state
alone. Everything is a natural logarithm: with L_f = 4 and N = 200, L'_V is of the order 4^600.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


class Loss(NamedTuple):
    """A loss and its constants in Lemma 2: |l(a) - l(b)| <= (k0 + k1 |y| + k2 max(|a|, |b|)) |a - b|,
    l'(a) = psi(a) - k3 y with psi Lipschitz (k4) and |psi(0)| = psi0.

    k0 is not in the paper; it needs none for (a), and for (b) has k1 where k0 belongs (`printed`).
    """

    value: Callable[[Tensor, Tensor], Tensor]  # l(y_hat, y), (..., N_y) -> (...)
    slope: Callable[[Tensor, Tensor], Tensor]  # l'(y_hat, y), (..., N_y) -> (..., N_y)
    k0: float
    k1: float
    k2: float
    k3: float
    k4: float
    psi0: float


SQUARED = Loss(lambda a, y: ((y - a) ** 2).sum(-1), lambda a, y: 2 * (a - y), 0.0, 2.0, 2.0, 2.0, 2.0, 0.0)


def cross_entropy(outputs: int) -> Loss:
    """Loss (b) of Theorem 1, sigmoid and cross entropy over labels 0 and 1, with the constant term it needs."""

    def value(a: Tensor, y: Tensor) -> Tensor:
        return -(y * logsigmoid(a) + (1 - y) * logsigmoid(-a)).sum(-1)

    root = math.sqrt(outputs)
    return Loss(value, lambda a, y: torch.sigmoid(a) - y, root, 0.0, 0.0, 1.0, 0.25, root / 2)


def printed(loss: Loss) -> Loss:
    """The same loss with the constants as the paper uses them: no constant term, psi(0) left out."""
    return loss._replace(k0=0.0, k1=loss.k1 + loss.k0, psi0=0.0)


class System(NamedTuple):
    """What the theorem asks of f, g, the data and the set Omega; all of them upper bounds, norms Euclidean.

    f, g: Lipschitz constants in (x, theta); df, dg: of their Jacobians; f_x: of f in x alone, uniformly over
    theta; f_theta: of f in theta alone. radius: distance in (x0, theta) to the invariant set, rest: |y_hat| on
    it, target: |y_t|, output: |y_hat| on all of Omega (used by the restated bound alone).
    """

    f: float
    df: float
    f_x: float
    f_theta: float
    g: float = 1.0
    dg: float = 0.0
    radius: float = 1.0
    rest: float = 0.0
    target: float = 1.0
    output: float = 1.0


class Bound(NamedTuple):
    """Logarithms of L_V and L'_V for the lengths 1 to n, each (n,)."""

    log_value: np.ndarray
    log_gradient: np.ndarray


def _log(x: float) -> float:
    if not (math.isfinite(x) and x >= 0):
        raise ValueError(f"constant is {x!r}, expected a finite number >= 0")
    return math.log(x) if x > 0 else -math.inf


def _mean(log_terms: np.ndarray) -> np.ndarray:
    """log of (1/N) sum_{t=1}^N exp(terms_t) for every N."""
    return np.logaddexp.accumulate(log_terms) - np.log(np.arange(1, log_terms.size + 1))


def _lengths(n: int) -> np.ndarray:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n is {n!r}, expected an integer >= 1")
    return np.arange(n + 1)


def log_spread(f: float, n: int) -> np.ndarray:
    """log S(t) for t = 0..n, S(t)^2 = sum_{l=0}^t L_f^(2l): R, Eq. (S11)."""
    return 0.5 * np.logaddexp.accumulate(2 * _log(f) * _lengths(n))


def joint_bound(system: System, loss: Loss, n: int, *, as_printed: bool = False) -> Bound:
    """L_V and L'_V as the proof of Theorem 1 gives them, for N = 1..n: R, supplement B.3 and B.4.

    With L_f the constant of f in (x, theta) jointly: S(t) of Eq. (S11), M(t), P(t, l), Q(t, l) and T(t). Repairs
    of constants, not of orders, are on unless `as_printed`: a constant term in Lemma 2, |psi(0)| in T and Q, the
    index of Eq. (S14), and the derivative by x0, which D_0 = 0 in Eq. (S1) leaves out.

    Raises ValueError for a length below 1 or a constant that is not a finite number >= 0.
    """
    loss = printed(loss) if as_printed else loss
    s = log_spread(system.f, n)
    target = _log(system.target)
    first = np.logaddexp(_log(loss.k0), np.logaddexp(_log(loss.k1) + target, _log(loss.k2) + _log_outputs(system, s)))
    value = _mean((_log(system.g) + first + s)[1:])
    jacobian, product = change_bounds(system, loss, n, as_printed=as_printed)
    return Bound(value, _mean(np.logaddexp(_log(loss.k3) + target + jacobian, product)[1:]))


def change_bounds(
    system: System, loss: Loss, n: int, *, as_printed: bool = False, by_start: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """log L_{J,t} and log L_{J y-hat,t} for t = 0..n: of J_t and J_t psi the Lipschitz constants, R, supplement B.4.

    Repaired as `joint_bound` says; by_start=False: of the derivatives by theta alone, as Eq. (S1) has them.
    """
    loss = printed(loss) if as_printed else loss
    s = log_spread(system.f, n)
    log_f, log_g, log_df, log_dg = map(_log, (system.f, system.g, system.df, system.dg))
    paths, bends = _products(log_f, s, from_one=as_printed, by_start=by_start)
    curved = np.logaddexp(log_g + log_df + bends, log_dg + s + paths)  # sum_l P(t, l)
    jacobian = np.logaddexp(curved, log_dg + s)  # L_{J,t}
    psi = np.logaddexp(_log(loss.psi0), _log(loss.k4) + _log_outputs(system, s))
    # sum_l Q(t, l) + T(t) S(t), T(t) S(t) = (|psi| L'_g + K_4 L_g^2) S(t)
    t_term = np.logaddexp(psi + log_dg, _log(loss.k4) + 2 * log_g) + s
    return jacobian, np.logaddexp(psi + log_g + log_df + bends, t_term + np.logaddexp(paths, 0.0))


def _log_outputs(system: System, s: np.ndarray) -> np.ndarray:
    """log M(t), which bounds |y_hat_t|, from log S(t)."""
    return np.logaddexp(_log(system.rest), _log(system.g) + _log(system.radius) + s)


def _products(log_f: float, s: np.ndarray, *, from_one: bool, by_start: bool) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the two sums behind P and Q: of the norms of the products of Jacobians in J_t, and of what
    a change of (x0, theta) does to them, for t = 0..n.

    from_one: as in Eq. (S14), sum_{l=1}^t L_f^(t-l+1) and sum_{l=1}^t L_f^(t-l) sum_{j=l}^t S(j). Else with its
    index put right, factors A_(t-1) .. A_(l+1) B_l for l = 0..t-1, and with by_start the product A_(t-1) .. A_0 for x0.
    """
    n = s.size - 1
    powers, sums = np.full(n + 1, -np.inf), np.full(n + 1, -np.inf)
    for t in range(from_one, n + 1):
        powers[t] = np.logaddexp(log_f + powers[t - 1], 0.0) if t > from_one else 0.0
        sums[t] = np.logaddexp(log_f + sums[t - 1], s[t] + powers[t]) if t > from_one else s[t]
    if from_one:
        return log_f + powers, sums
    if not by_start:
        return np.concatenate([[-np.inf], powers[:-1]]), np.concatenate([[-np.inf], sums[:-1]])
    later = np.arange(1, n + 1)
    paths = np.logaddexp(log_f + powers[:-1], log_f * later)
    bends = np.logaddexp(sums[:-1], log_f * (later - 1) + np.logaddexp.accumulate(s[:-1]))
    return np.concatenate([[0.0], paths]), np.concatenate([[-np.inf], bends])


def state_bound(system: System, loss: Loss, n: int) -> Bound:
    """L_V and L'_V of the restated theorem, for N = 1..n: growth set by L_x alone, outputs bounded on Omega.

    s(t) = L_x^t + L_theta (1 + ... + L_x^(t-1)) bounds the first derivative of x_t, and E(t+1) = L_x E(t) +
    L'_f (1 + s(t))^2 the second; |l'| and |l''| are bounded since the outputs are. O(L_x^N / N), O(N), O(1) and
    O(L_x^2N / N), O(N^3), O(1) for L_x > 1, = 1, < 1.

    Raises ValueError for a length below 1 or a constant that is not a finite number >= 0.
    """
    steps = _lengths(n)
    log_x, log_theta, log_df, log_g, log_dg = map(_log, (system.f_x, system.f_theta, system.df, system.g, system.dg))
    grown = log_x * steps if system.f_x > 0 else np.where(steps == 0, 0.0, -np.inf)
    before = np.concatenate([[-np.inf], np.logaddexp.accumulate(grown)[:-1]])
    moved = np.logaddexp(0.0, np.logaddexp(grown, log_theta + before))  # log (1 + s(t))
    second = np.full(n + 1, -np.inf)
    for t in range(n):
        second[t + 1] = np.logaddexp(log_x + second[t], log_df + 2 * moved[t])
    slope = _log(loss.psi0 + loss.k4 * system.output + loss.k3 * system.target)
    value = slope + log_g + moved
    gradient = np.logaddexp(
        _log(loss.k4) + 2 * (log_g + moved), slope + np.logaddexp(log_g + second, log_dg + 2 * moved)
    )
    return Bound(_mean(value[1:]), _mean(gradient[1:]))


def growth(lengths, log_constant, *, exponential: bool) -> float:
    """Fitted growth of a constant with N: nats a step if exponential, else the power of N.

    Least squares over the lengths given; lengths (K,), log_constant (K,). Raises ValueError for fewer than two.
    """
    lengths, log_constant = np.asarray(lengths, float), np.asarray(log_constant, float)
    if lengths.size < 2 or lengths.shape != log_constant.shape:
        raise ValueError(f"lengths has shape {lengths.shape}, log_constant {log_constant.shape}, expected (K >= 2,)")
    return float(np.polyfit(lengths if exponential else np.log(lengths), log_constant, 1)[0])
