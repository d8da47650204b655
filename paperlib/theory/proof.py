"""The proof of Theorem 1 (R, supplement B) step by step: left side over right side, at most 1 where it holds."""

import torch
from torch import Tensor

from paperlib.theory.derivatives import Forward, Readout, Transition, forward
from paperlib.theory.theorem1 import Loss, System, change_bounds, log_spread


def gradient(run: Forward, loss: Loss, y: Tensor) -> Tensor:
    """grad V of Eq. (S2), with the transpose that it wants: (1/N) sum_t J_t' l'(y_hat_t, y_t), (N_theta,)."""
    return torch.einsum("tyk,ty->k", run.J, loss.slope(run.outputs, y)) / len(y)


def unrolled(run: Forward, t: int, *, as_printed: bool) -> Tensor:
    """J_t from products of Jacobians, Eq. (S14): printed, or with its index put right. (N_y, N_theta)

    Right: C_t sum_{l=0}^{t-1} A_(t-1) .. A_(l+1) B_l + F_t. The print has A_t .. A_(l+1) B_l for l = 1..t, one step
    late, and loses l = 0. Time is that of R: A_l and B_l at x_l, so rows 0..N-1 of `run`.
    """
    first, last = (1, t) if as_printed else (0, t - 1)
    total = torch.zeros_like(run.B[0])
    for start in range(first, last + 1):
        term = run.B[start]
        for k in range(start + 1, last + 1):
            term = run.A[k] @ term
        total = total + term
    return run.C[t - 1] @ total + run.F[t - 1]


def lemma1(generator: torch.Generator, *, factors: int, size: int = 3, points: int = 2000) -> tuple[float, float]:
    """Measured Lipschitz constant over the bound of Lemma 1, for a sum and for a product of matrix functions.

    The factors are Q diag(sin(W p)), Q orthogonal: bounded by M = 1, with L the largest row of W.
    """

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    Q = torch.linalg.qr(normal(factors, size, size))[0]
    W = normal(factors, size, size)
    bound = float(torch.linalg.vector_norm(W, dim=-1).amax(-1).sum())  # sum of the L_i, all M_i being 1
    p = normal(points, size)
    q = p + 1e-4 * normal(points, size)
    distance = torch.linalg.vector_norm(p - q, dim=-1)

    def values(p: Tensor) -> Tensor:
        return Q * torch.sin(torch.einsum("fij,pj->pfi", W, p))[:, :, None, :]

    def product(v: Tensor) -> Tensor:
        out = v[:, 0]
        for k in range(1, factors):
            out = out @ v[:, k]
        return out

    def rate(a: Tensor, b: Tensor) -> float:
        return float((torch.linalg.matrix_norm(a - b, 2) / distance).max() / bound)

    return rate(values(p).sum(1), values(q).sum(1)), rate(product(values(p)), product(values(q)))


def lemma2(loss: Loss, a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    """|l(a) - l(b)| over the right side of property 1 of Lemma 2, (..., N_y) -> (...)."""
    norm = torch.linalg.vector_norm
    largest = torch.maximum(norm(a, dim=-1), norm(b, dim=-1))
    right = (loss.k0 + loss.k1 * norm(y, dim=-1) + loss.k2 * largest) * norm(a - b, dim=-1)
    return (loss.value(a, y) - loss.value(b, y)).abs() / right


def inequalities(
    f: Transition, g: Readout, loss: Loss, system: System, starts: Tensor, thetas: Tensor, u: Tensor, y: Tensor
) -> dict[str, float]:
    """The largest left side over right side of each step of the proof, over pairs of trajectories.

    starts (2, S, N_x) and thetas (2, S, N_theta): S pairs inside Omega; u (N, N_u), y (N, N_y). `system` holds the
    constants of f, g and Omega. Derivatives are by theta alone, as D_0 = 0 in Eq. (S1) says.
    """
    run = torch.vmap(torch.vmap(lambda x0, theta: forward(f, g, x0, theta, u)))(starts, thetas)
    distance = torch.linalg.vector_norm(torch.cat([starts[0] - starts[1], thetas[0] - thetas[1]], -1), dim=-1)
    n = len(u)
    S = torch.from_numpy(log_spread(system.f, n)).exp()  # S(0) .. S(n)
    L_J, L_J_psi = (torch.from_numpy(bound[1:]).exp() for bound in change_bounds(system, loss, n, by_start=False))

    def norm(x: Tensor) -> Tensor:
        return torch.linalg.matrix_norm(x, 2)

    def gap(x: Tensor) -> Tensor:
        return norm(x[0] - x[1]) / distance[:, None]

    out_gap = torch.linalg.vector_norm(run.outputs[0] - run.outputs[1], dim=-1)
    M = system.rest + system.g * system.radius * S[1:]
    size = torch.linalg.vector_norm(run.outputs, dim=-1)
    weight = loss.k0 + loss.k1 * system.target + loss.k2 * M
    V = loss.value(run.outputs, y).mean(-1)
    psi = loss.slope(run.outputs, y) + loss.k3 * y
    J_psi = torch.einsum("ipnyk,ipny->ipnk", run.J, psi)
    grad = torch.einsum("ipnyk,ipny->ipk", run.J, loss.slope(run.outputs, y)) / n
    vector = torch.linalg.vector_norm
    right = (loss.k3 * system.target * norm(run.J[0] - run.J[1]) + vector(J_psi[0] - J_psi[1], dim=-1)).mean(-1)
    ratios = {
        "S10": out_gap / (system.g * S[1:] * distance[:, None]),
        "M(t)": size / M,
        "S12": (V[0] - V[1]).abs() / (weight * out_gap).mean(-1),
        "S13": vector(grad[0] - grad[1], dim=-1) / right,
        "S16, A": gap(run.A) / (system.df * S[:-1]),
        "S16, B": gap(run.B) / (system.df * S[:-1]),
        "L_J": gap(run.J) / L_J,
        "L_Jy": vector(J_psi[0] - J_psi[1], dim=-1) / (L_J_psi * distance[:, None]),
        "|[A, B]|": norm(torch.cat([run.A, run.B], -1)) / system.f,
        "|C|": norm(run.C) / system.g,
    }
    return {name: float(value.max()) for name, value in ratios.items()}
