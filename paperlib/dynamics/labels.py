"""Which starts ended on the same attractor."""

import numpy as np
import torch
from torch import Tensor

POINTS = 400  # of each half of an orbit, for the comparison of two invariant sets
ALIKE = 4.0  # times the set's own spacing
QUASI_PERIODIC = 3  # its number among `classify.KINDS`


def label_cycles(point: Tensor, period: Tensor, group: Tensor, near: Tensor) -> Tensor:
    """For each cycle (a point that does not depend on its phase) the index of the first equal one in its group."""
    leader = torch.full_like(period, -1)
    left = torch.arange(len(period), device=period.device)
    place = torch.zeros(int(group.max()) + 1, dtype=torch.long, device=period.device)
    while len(left):
        # The first of each group leads; written backwards, so that the first is what remains.
        place[group[left].flip(0)] = left.flip(0)
        first = place[group[left]]
        same = (period[left] == period[first]) & ((point[left] - point[first]).abs().amax(-1) <= near[first])
        leader[left[same]] = first[same]
        left = left[~same]
    return leader


def label_sets(shadow: Tensor, kind: Tensor, group: Tensor) -> Tensor:
    """For each orbit (n, M, d) the index of the first one of its kind and group that fills the same set."""
    count = shadow.shape[1]
    leader = np.arange(count)
    kind, group = kind.cpu().numpy(), group.cpu().numpy()
    if len(np.unique(group)) == count:
        return torch.from_numpy(leader).to(shadow.device)
    points = shadow.cpu().numpy()
    leaders: dict[tuple[int, int], list[tuple[int, Halves]]] = {}
    for i in range(count):
        known = leaders.setdefault((group[i], kind[i]), [])
        halves = Halves(points[:, i], dotted=kind[i] == QUASI_PERIODIC)
        match = next((j for j, other in known if halves.same(other)), None)
        if match is None:
            known.append((i, halves))
        else:
            leader[i] = match
    return torch.from_numpy(leader).to(shadow.device)


class Halves:
    """Both halves of an orbit and their spacing: how far the second half's points lie from the first's.

    Near a resonance a quasi-periodic orbit is a row of dots that creep: its halves lie close together and leave gaps
    that another start's dots fill. Its spacing is then the widest gap that a tree through the first half must bridge.
    """

    def __init__(self, points: np.ndarray, dotted: bool):
        from scipy.spatial import cKDTree  # a training machine has no scipy and compares no chaotic sets

        half = len(points) // 2
        stride = max(1, half // POINTS)
        self.first, self.second = points[:half:stride], points[half::stride]
        self.tree = cKDTree(self.first)
        self.spacing = np.quantile(self.tree.query(self.second)[0], [0.5, 0.9])
        if dotted:
            from scipy.sparse.csgraph import minimum_spanning_tree
            from scipy.spatial.distance import cdist

            bridges = minimum_spanning_tree(cdist(self.first, self.first)).data
            self.spacing = np.maximum(self.spacing, bridges.max(initial=0.0) / ALIKE)

    def same(self, other: "Halves") -> bool:
        """Points of either lie as near to the other as their own set's halves lie to each other."""
        there = np.quantile(other.tree.query(self.second)[0], [0.5, 0.9])
        back = np.quantile(self.tree.query(other.second)[0], [0.5, 0.9])
        own = np.maximum(self.spacing, other.spacing)
        return bool((there <= ALIKE * own).all() and (back <= ALIKE * own).all())
