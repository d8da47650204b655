"""Branches of fixed points followed through a parameter by arclength, around their folds."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

CORRECTIONS = 12


@dataclass(frozen=True)
class Node:
    """A point of a branch: z = (x, p), the branch's direction there, and the Jacobian [df/dx - 1, df/dp]."""

    z: Tensor
    direction: Tensor
    system: Tensor

    @property
    def jacobian(self) -> Tensor:
        n = len(self.z) - 1
        return self.system[:, :n] + torch.eye(n, dtype=self.z.dtype)


class Branches:
    """Branches of fixed points of F(x, p) between two parameters and within |x| <= reach, from given points."""

    def __init__(
        self, function: Callable[[Tensor, Tensor], Tensor], low: float, high: float, stride: float, reach: float
    ):
        self.function, self.low, self.high, self.stride, self.reach = function, low, high, stride, reach

    def system(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Residual (N,) and its Jacobian (N, N + 1) at z = (x, p)."""

        def residual(z: Tensor) -> Tensor:
            return self.function(z[:-1], z[-1]) - z[:-1]

        return residual(z).detach(), torch.autograd.functional.jacobian(residual, z)

    def node(self, z: Tensor, towards: Tensor) -> Node:
        system = self.system(z)[1]
        direction = torch.linalg.svd(system)[2][-1]
        return Node(z, direction if float(direction @ towards) >= 0 else -direction, system)

    def correct(self, guess: Tensor, normal: Tensor) -> Tensor | None:
        """Newton onto the branch in the plane through the guess; None where it does not converge nearby."""
        z = guess
        for _ in range(CORRECTIONS):
            residual, system = self.system(z)
            move, info = torch.linalg.solve_ex(
                torch.cat([system, normal[None]]), -torch.cat([residual, (normal @ (z - guess))[None]])
            )
            if int(info) or not bool(torch.isfinite(move).all()):
                return None
            z = z + move
            if float(move.abs().max()) < 1e-13 * max(1.0, float(z.abs().max())):
                return z
        return z if float(move.abs().max()) < 1e-9 * max(1.0, float(z.abs().max())) else None

    def ahead(self, node: Node, reach: float) -> Node | None:
        z = self.correct(node.z + reach * node.direction, node.direction)
        return None if z is None else self.node(z, node.direction)

    def follow(self, start: Tensor, side: float) -> list[Node]:
        """Nodes from the start until the branch leaves [low, high] or is lost."""
        towards = torch.zeros_like(start)
        towards[-1] = side
        node = self.node(start, towards)
        nodes, reach = [node], self.stride
        for _ in range(4000):
            following = self.ahead(node, reach)
            sharp = following is None or float(following.direction @ node.direction) < 0.95
            if sharp and reach > 1e-6 * self.stride:
                reach /= 2
                continue
            if following is None or (float((following.z - nodes[0].z).norm()) < 0.5 * reach and len(nodes) > 4):
                break
            nodes.append(following)
            node, reach = following, min(1.5 * reach, self.stride * max(1.0, float(following.z.abs().max())))
            if not self.low <= float(node.z[-1]) <= self.high or float(node.z[:-1].abs().max()) > self.reach:
                break
        return nodes

    def branch(self, start: Tensor) -> list[Node]:
        """The whole branch through a point, from one end to the other."""
        back, on = self.follow(start, -1.0), self.follow(start, 1.0)
        turned = [Node(node.z, -node.direction, node.system) for node in reversed(back)]
        return turned[:-1] + on

    def passes(self, branch: list[Node], point: Tensor) -> bool:
        """Is the point on the branch: the nearest node's plane through the point meets it there."""
        near = min(branch, key=lambda node: float((node.z - point).norm()))
        if float((near.z - point).norm()) > 3 * self.stride * max(1.0, float(near.z.abs().max())):
            return False
        onto = near.z + near.direction * (near.direction @ (point - near.z))
        z = self.correct(onto, near.direction)
        return z is not None and float((z - point).abs().max()) < 1e-6
