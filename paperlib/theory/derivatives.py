"""Forward derivatives of a simulated system (R, supplement A), its cost, and the two Lipschitz constants of f.

A system is two functions on flat vectors, f(x, u, theta) and g(x, theta): Eq. (1) of R with every parameter in
one vector.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import jacfwd, jacrev

Transition = Callable[[Tensor, Tensor, Tensor], Tensor]
Readout = Callable[[Tensor, Tensor], Tensor]


class Forward(NamedTuple):
    """Along one trajectory of N steps: states x_1..x_N (N, N_x), outputs (N, N_y), and the Jacobians of Eq. (S1):
    A (N, N_x, N_x), B (N, N_x, N_theta) at x_0..x_(N-1); C (N, N_y, N_x), F (N, N_y, N_theta), J at x_1..x_N."""

    states: Tensor
    outputs: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    F: Tensor
    J: Tensor


def simulate(f: Transition, g: Readout, x0: Tensor, theta: Tensor, u: Tensor) -> Tensor:
    """Outputs y_1..y_N of the states after each step, x0 (N_x,), theta (N_theta,), u (N, N_u) -> (N, N_y)."""
    outputs, x = [], x0
    for u_t in u:
        x = f(x, u_t, theta)
        outputs.append(g(x, theta))
    return torch.stack(outputs)


def forward(f: Transition, g: Readout, x0: Tensor, theta: Tensor, u: Tensor) -> Forward:
    """Eq. (S1) of R: D_(t+1) = A_t D_t + B_t from D_0 = 0, J_t = C_t D_t + F_t, derivatives by theta.

    Raises ValueError when x0 or theta is not a vector.
    """
    for name, vector in (("x0", x0), ("theta", theta)):
        if vector.dim() != 1:
            raise ValueError(f"{name} has shape {tuple(vector.shape)}, expected a vector")
    x, D = x0, x0.new_zeros(x0.numel(), theta.numel())
    rows = []
    for u_t in u:
        A, B = jacfwd(f, (0, 2))(x, u_t, theta)
        x, D = f(x, u_t, theta), A @ D + B
        C, F = jacfwd(g, (0, 1))(x, theta)
        rows.append((x, g(x, theta), A, B, C, F, C @ D + F))
    return Forward(*map(torch.stack, zip(*rows, strict=True)))


def jacobian_norms(f: Transition, x: Tensor, u: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Largest singular values of df/dx and of the joint [df/dx, df/dtheta]: x (S, N_x), u and theta one or (S, .).

    The first is what Definition 1 bounds by L_u, the second what Theorem 1 bounds by L_f; both (S,).
    """
    in_dims = (0, 0 if u.dim() == 2 else None, 0 if theta.dim() == 2 else None)
    A, B = torch.vmap(jacrev(f, (0, 2)), in_dims=in_dims)(x, u, theta)
    return largest(A, None), largest(A, B)


def largest(A: Tensor, B: Tensor | None) -> Tensor:
    """Largest singular value of [A, B] through the small matrix A A' + B B', (..., N, N), (..., N, K) -> (...)."""
    gram = A @ A.mT if B is None else A @ A.mT + B @ B.mT
    return torch.linalg.eigvalsh(gram)[..., -1].clamp(min=0).sqrt()
