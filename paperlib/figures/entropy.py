"""Figures of the chapter on entropy: R, section 3."""

import numpy as np
from matplotlib.figure import Figure

from paperlib.figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, SKY, figure, letter

COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK)


def linear_bound(size, change, bound) -> Figure:
    """Each system a point: its change of entropy against N log L; printed and corrected region."""
    fig, ax = figure(size=(5.6, 4.6))
    low, high = min(change.min(), bound.min()) - 1, max(change.max(), bound.max()) + 1
    line = np.array([low, high])
    ax.fill_between(line, line, high, color=RED, alpha=0.08, lw=0, label="allowed as printed")
    ax.fill_between(line, low, line, color=GREEN, alpha=0.10, lw=0, label="allowed by the proof")
    ax.plot(line, line, color=BLACK, lw=1)
    for n, colour in zip(np.unique(size), COLOURS, strict=False):
        here = size == n
        ax.plot(bound[here], change[here], ".", ms=4, color=colour, label=f"$N_x = {n}$")
    ax.set(xlim=(bound.min() - 1, bound.max() + 1), ylim=(low, high))
    ax.set_xlabel("$N_x \\log L_f$ (nats)")
    ax.set_ylabel("$H_{t+1} - H_t$ (nats)")
    ax.legend(loc="lower right", fontsize=8)
    return fig


def regions(panels) -> Figure:
    """Fig. 3 of the paper: panels of (title, slope of the line, [(name, H (T,)), ...]), H relative to H_0."""
    fig, axes = figure(1, len(panels), size=(7.6, 4.2))
    for ax, (title, slope, curves) in zip(axes, panels, strict=True):
        steps = max(len(h) for _, h in curves) - 1
        t = np.arange(steps + 1)
        # The line may rise far above what happens: the axis follows the curves.
        lowest = min(0.0, slope * steps, *(h.min() for _, h in curves))
        highest = max(0.0, slope * steps, *(h.max() for _, h in curves))
        room = 0.12 * (highest - lowest) + 0.5
        low, high = lowest - room, highest + room
        ax.fill_between(t, low, slope * t, color=GREEN, alpha=0.13, lw=0)
        ax.fill_between(t, slope * t, high, facecolor="none", hatch="///", edgecolor=RED, alpha=0.3, lw=0)
        ax.plot(t, slope * t, color=BLACK, lw=1.2)
        for (name, h), colour in zip(curves, COLOURS, strict=False):
            ax.plot(np.arange(len(h)), h, ".-", color=colour, label=name)
        ax.set(title=title, xlabel="$t$", ylim=(low, high), xlim=(0, steps))
        ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.17))
    axes[0].set_ylabel("$H_t - H_0$ (nats)")
    return fig


def collapse(t, radius, slope, measured, derived, bound) -> Figure:
    """A contraction: radius of the cloud (T,) against rate^t; entropy by both measurements against the bound."""
    fig, axes = figure(1, 2, size=(7.2, 3.3))
    axes[0].semilogy(t, radius, ".-", color=BLUE, label="measured")
    axes[0].semilogy(t, radius[0] * np.exp(slope * t), color=BLACK, lw=1, label="$L^t$")
    axes[0].set(xlabel="$t$", ylabel="greatest distance from the fixed point")
    axes[1].plot(t, bound, color=BLACK, lw=1, label="$H_0 + t\\,N_x \\log L$")
    axes[1].plot(t, derived, color=GREEN, label="from $\\log|\\det J|$")
    axes[1].plot(t, measured, ".", color=BLUE, label="nearest neighbours")
    axes[1].set(xlabel="$t$", ylabel="$H_t$ (nats)")
    for ax in axes:
        ax.legend(fontsize=8)
    letter(axes)
    return fig


def basins(x, y, labels, attractors, orbits) -> Figure:
    """Basins (X, Y) of a plane, the attractors' points, and orbits (T, 2) after a push: back, or over the border."""
    fig, ax = figure(size=(5.4, 4.6))
    shades = np.array([(0.80, 0.89, 0.96), (0.98, 0.90, 0.74), (0.80, 0.93, 0.88), (0.95, 0.85, 0.91)])
    ax.imshow(
        shades[labels.T % len(shades)], origin="lower", extent=(x[0], x[-1], y[0], y[-1]), aspect="auto", zorder=0
    )
    for (name, path), colour in zip(orbits, (BLUE, RED), strict=False):
        ax.plot(path[:, 0], path[:, 1], ".-", ms=5, lw=0.9, color=colour, label=name)
    for points in attractors:
        ax.plot(points[:, 0], points[:, 1], "*", ms=13, color=BLACK)
    ax.grid(False)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    ax.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return fig


def products(t, alternating, powers, largest_eigenvalue) -> Figure:
    """Norms of products of Jacobians whose eigenvalues are all .5: one matrix's powers, and two in turn."""
    fig, ax = figure(size=(5.6, 3.4))
    ax.semilogy(t, alternating, ".-", color=RED, label="$\\|\\cdots A A^T A A^T\\|$")
    ax.semilogy(t, powers, ".-", color=BLUE, label="$\\|A^t\\|$")
    ax.semilogy(t, largest_eigenvalue**t, color=BLACK, lw=1, label="largest eigenvalue$^t$")
    ax.set(xlabel="$t$", ylabel="norm of the product", xticks=t[::5])
    ax.legend()
    return fig


def word_entropies(curves) -> Figure:
    """Entropy gained per symbol, H_m - H_(m-1), against word length: curves of (name, gains (m,), limit)."""
    fig, axes = figure(1, len(curves), size=(7.2, 3.2))
    for ax, (name, gains, limit, what) in zip(axes, curves, strict=True):
        ax.plot(np.arange(1, len(gains) + 1), gains, ".-", color=BLUE, label="$H_m - H_{m-1}$")
        ax.axhline(limit, color=BLACK, lw=1, label=what)
        ax.set(title=name, xlabel="length $m$ of the words", ylabel="nats per step")
        ax.set_ylim(0, 1.15 * max(gains))
        ax.legend(fontsize=8, loc="center right")
    return fig


def driven(t, varying, constant) -> Figure:
    """A contraction under varying and under constant input: one coordinate of many starts (T, S)."""
    fig, axes = figure(1, 2, size=(7.2, 3.0), sharey=True)
    for ax, paths, title in zip(axes, (varying, constant), ("input varies", "input constant"), strict=True):
        ax.plot(t, paths, lw=0.8, color=BLUE, alpha=0.5)
        ax.set(title=title, xlabel="$t$")
    axes[0].set_ylabel("$x_1$")
    return fig


def two_modes(t, forced, free, states) -> Figure:
    """Fig. 2 of the paper on one network: output fed with data and with itself (T,), and the free run's states."""
    fig, axes = figure(1, 2, size=(7.2, 3.2), width_ratios=(1.7, 1))
    axes[0].plot(t, forced, color=BLUE, label="input given from outside: dies out")
    axes[0].plot(t, free, color=RED, lw=0.9, label="own output as input: oscillates")
    axes[0].set(xlabel="$t$", ylabel="output $y_t$", ylim=(-1.4, 2.1))
    axes[0].legend(fontsize=8, loc="upper right")
    axes[1].plot(states[:, 0], states[:, 1], ".", ms=2, color=RED)
    axes[1].plot(0, 0, "o", color=BLUE)
    axes[1].set(xlabel="$x_1$", ylabel="$x_2$", title="attractors")
    letter(axes)
    return fig
