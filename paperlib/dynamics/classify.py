"""What an orbit settles on: fixed point, cycle, invariant circle or torus, chaos, or not decided."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paperlib.dynamics import check
from paperlib.dynamics.check import Step
from paperlib.dynamics.ensemble import Ensemble
from paperlib.dynamics.labels import label_cycles, label_sets
from paperlib.dynamics.recurrence import NEUTRAL, Returns, around, buckets, cycle, tolerance
from paperlib.dynamics.verdict import growth, judge

KINDS = np.array(["undecided", "fixed point", "cycle", "quasi-periodic", "chaotic", "unbounded"])
NUMBERS = {str(kind): number for number, kind in enumerate(KINDS)}
UNDECIDED, FIXED_POINT, CYCLE, QUASI_PERIODIC, CHAOTIC, UNBOUNDED = range(6)
BEYOND = 1e8  # times the start's size (at least 1): an orbit out there is called unbounded


@dataclass(frozen=True)
class Classification:
    """What `classify` found, every field in x0's batch shape.

    kind: numpy array of str, one of `KINDS`. period: 1 for a fixed point, the least period of a cycle, else 0.
    exponents (..., k): nats per step, descending; of a cycle from its multipliers, NaN where unbounded.
    attractor: starts of the same map with the same label are on the same attractor; -1 where none was found.
    state (..., N): where the orbit was after the transient; of one that had left by then its start.
    """

    kind: np.ndarray
    period: Tensor
    exponents: Tensor
    attractor: Tensor
    state: Tensor


@torch.no_grad()
def classify(step: Step, x0: Tensor, *, n: int = 1000, transient: int = 1000, k: int | None = None) -> Classification:
    """The kind of attractor that each orbit has reached after the transient, judged over n more steps.

    An orbit that returns is a fixed point or a cycle if Newton's step to the closed cycle is below 1e-6 of the
    orbit's size (1e-3 in float32) and all multipliers lie inside the unit circle; periods up to n are found. Only
    orbits that do not return get a Lyapunov spectrum over n further steps: chaotic is a largest exponent that is
    positive by four standard errors on a stationary orbit; quasi-periodic a zero one where averages of the orbit
    converge as fast as only a smooth quasi-periodic motion lets them (Das, Saiki, Sander, Yorke 2017). All else is
    undecided: slow transients, passages past a vanished fixed point, a map at a bifurcation, an orbit that
    symmetry or rounding holds on an unstable cycle. More steps decide more.

    x0 (..., N); a step may hold a batch of parameters on the last batch axes (see `models.bind`), starts in front.
    k exponents: all N up to N = 10, else 4, by default. Raises ValueError for a bad argument. R, Definition 2.
    """
    check.positive("n", n)
    check.positive("transient", transient, least=0)
    ensemble = Ensemble(step, x0)
    k = (ensemble.size if ensemble.size <= 10 else 4) if k is None else k
    check.positive("k", k)
    if k > ensemble.size:
        raise ValueError(f"k is {k}, expected 1 to the state's size {ensemble.size}")
    work = Work(ensemble, k)
    work.settle(transient)
    work.watch(n)
    work.follow(n)
    return work.result()


class Work:
    """The running state of a classification, flat over all members."""

    def __init__(self, ensemble: Ensemble, k: int):
        self.ensemble, x = ensemble, ensemble.x
        count = len(x)
        self.x, self.scale = x, x.abs().amax(-1).clamp(max=1)
        self.limit = BEYOND * x.abs().amax(-1).clamp(min=1)
        self.kind = torch.zeros(count, dtype=torch.long, device=x.device)
        self.period, self.label = torch.zeros_like(self.kind), torch.full_like(self.kind, -1)
        self.exponents = x.new_full((count, k), torch.nan)

    @property
    def k(self) -> int:
        return self.exponents.shape[-1]

    def open(self) -> Tensor:
        return torch.nonzero(self.kind == UNDECIDED)[:, 0]

    def bounded(self, x: Tensor) -> Tensor:
        return torch.isfinite(x).all(-1) & (x.abs().amax(-1) <= self.limit)

    def escape(self, x: Tensor) -> Tensor:
        """Mark who has left; these stand at their start from now on, so that no NaN travels."""
        inside = self.bounded(x)
        self.kind[~inside] = UNBOUNDED
        return torch.where(inside[:, None], x, self.ensemble.x)

    def settle(self, transient: int) -> None:
        step = self.ensemble.part(torch.arange(len(self.x), device=self.x.device))
        x = self.x
        for t in range(transient):
            x = step(x)
            if t % 100 == 99:
                x = self.escape(x)
        self.x, self.age = self.escape(x), transient
        self.settled = self.x.clone()

    def watch(self, n: int) -> None:
        """n steps of everybody, looking for returns."""
        members = self.open()
        if not len(members):
            return
        step, x = self.ensemble.part(members), self.x[members]
        returns = Returns(x, self.scale[members])
        for _ in range(n):
            x = step(x)
            returns.see(x)
        self.x[members] = x
        self.age += n
        self.x = self.escape(self.x)
        self.still = torch.zeros_like(self.kind, dtype=torch.bool)
        self.still[members] = returns.exact()
        self.prove(members, returns)

    def prove(self, members: Tensor, returns: Returns) -> None:
        """Accept the candidates whose cycle is closed and stable; one proof for all starts on the same cycle."""
        chosen = returns.candidates() & (self.kind[members] == UNDECIDED)
        who, period, size = members[chosen], returns.period[chosen], returns.size[chosen]
        if not len(who):
            return
        point, shorter = self.x[who].clone(), period.clone()
        for at in buckets(period):
            part = self.ensemble.part(who[at])
            point[at], shorter[at] = around(part, self.x[who[at]], period[at], size[at])
        near = 4 * tolerance(point) * size
        group = self.ensemble.group[who]
        leader = label_cycles(point, period, group, near)
        leads = leader == torch.arange(len(who), device=who.device)
        stable = torch.zeros_like(leads)
        for trial in (shorter, period.clone()):
            first = torch.nonzero(leads & ~stable & (trial < period if trial is shorter else trial > 0))[:, 0]
            for at in buckets(trial[first]):
                some = first[at]
                exponents, radius, distance = cycle(self.ensemble.part(who[some]), point[some], trial[some], self.k)
                self.exponents[who[some]] = exponents
                good = some[(radius < 1 - NEUTRAL) & (distance <= tolerance(point) * size[some])]
                stable[good], period[good] = True, trial[good]
        self.exponents[who] = self.exponents[who[leader]]
        stable, period = stable[leader], period[leader]
        self.period[who[stable]] = period[stable]
        self.kind[who[stable]] = torch.where(period[stable] == 1, FIXED_POINT, CYCLE)
        # Once more, with the periods that were proved: two starts may have returned after different multiples.
        at = torch.nonzero(stable)[:, 0]
        if len(at):
            self.label[who[at]] = who[at[label_cycles(point[at], period[at], group[at], near[at])]]

    def follow(self, n: int) -> None:
        """The spectrum of whoever is left, over n further steps, and the verdict on it."""
        members = self.open()
        if not len(members):
            return
        returns = Returns(self.x[members], self.scale[members])
        x, exponents, logs, shadow = growth(self.ensemble.part(members), self.x[members], n, self.k, returns)
        self.x[members] = x
        inside = self.bounded(self.x)[members]
        self.kind[members[~inside]] = UNBOUNDED
        self.x = self.escape(self.x)
        self.prove(members, returns)
        left = self.kind[members] == UNDECIDED
        resting = self.still[members] | returns.exact()
        fresh = left & ~(resting & torch.isfinite(self.exponents[members, 0]))
        self.exponents[members[fresh]] = exponents[fresh]
        quasi, chaos = judge(logs, shadow, self.age)
        for found, kind in ((quasi, QUASI_PERIODIC), (chaos, CHAOTIC)):
            self.kind[members[left & ~resting & found]] = kind
        named = torch.nonzero(left & (self.kind[members] >= QUASI_PERIODIC) & (self.kind[members] < UNBOUNDED))[:, 0]
        leader = label_sets(shadow[:, named], self.kind[members[named]], self.ensemble.group[members[named]])
        self.label[members[named]] = members[named[leader]]

    def result(self) -> Classification:
        self.exponents[self.kind == UNBOUNDED] = torch.nan
        shape = self.ensemble.shape
        return Classification(
            KINDS[self.kind.cpu().numpy()].reshape(shape),
            self.period.reshape(shape),
            self.exponents.reshape(*shape, self.k),
            count_within(self.label, self.ensemble.group).reshape(shape),
            self.settled.reshape(*shape, self.ensemble.size),
        )


def count_within(label: Tensor, group: Tensor) -> Tensor:
    """Labels 0, 1, ... within each group, in the order of the members; -1 stays."""
    out, label, group = np.full(len(label), -1), label.cpu().numpy(), group.cpu().numpy()
    found = np.flatnonzero(label >= 0)
    _, first, inverse = np.unique(label[found], return_index=True, return_inverse=True)
    # One leader belongs to one group: its rank among the leaders of that group is its number.
    order = np.lexsort((first, group[found][first]))
    groups = group[found][first][order]
    rank = np.arange(len(order)) - np.searchsorted(groups, groups)
    number = np.empty(len(order), dtype=int)
    number[order] = rank
    out[found] = number[inverse]
    return torch.from_numpy(out)
