"""Figures of the chapter on sparsely forced training (M): gradients and Jacobian products, free and forced."""

import numpy as np
from matplotlib.figure import Figure

from paperlib.figures.style import BLUE, GREEN, MODEL_COLOURS, MODEL_NAMES, ORANGE, RED, figure


def gradients(cycles, chaotic) -> Figure:
    """cycles, chaotic: {label: (steps (L,), log norms (L, S), slope or None)}: gradient of the loss after T steps."""
    fig, axes = figure(1, 2, size=(8.0, 3.6))
    known = {name: MODEL_COLOURS[model] for model, name in MODEL_NAMES.items()}
    for ax, panel, title in zip(axes, (cycles, chaotic), ("on a stable cycle", "on a chaotic attractor"), strict=True):
        low, high = np.inf, -np.inf
        for label, (steps, logs, rate) in panel.items():
            colour = known.get(label.split(",")[0], GREEN)
            base10 = np.asarray(logs) / np.log(10)
            low, high = min(low, base10.min()), max(high, base10.max())
            ax.plot(steps, base10, "-", color=colour, lw=0.5, alpha=0.45)
            ax.plot(steps, base10.mean(1), "o-", color=colour, ms=3, lw=1.2, label=label)
            if rate is not None:
                line = base10.mean() + rate * (np.asarray(steps) - np.mean(steps)) / np.log(10)
                ax.plot(steps, line, "--", color=RED, lw=1.1)
        if high - low < 4:  # a few decades at least: saturation is not to look like growth
            middle = (high + low) / 2
            ax.set_ylim(middle - 2, middle + 2)
        ax.set(xlabel="steps $T$", title=title)
    axes[1].plot([], [], "--", color=RED, label="slope $\\lambda_{max}$")
    for ax, columns in zip(axes, (3, 2), strict=True):
        ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=columns, frameon=False)
    axes[0].set_ylabel("$\\log_{10}$ of the gradient's norm")
    return fig


def jacobian_products(free, forced, rates) -> Figure:
    """free (T, S), forced {tau: (T,)}: logs of Jacobian products along an orbit; rates {label: lambda_max}."""
    fig, ax = figure(size=(7.2, 3.8))
    steps = np.arange(1, len(free) + 1)
    ax.plot(steps, np.asarray(free) / np.log(10), color="#999999", lw=0.5)
    ax.plot([], [], color="#999999", lw=0.8, label="without forcing")
    for (tau, logs), colour in zip(forced.items(), (ORANGE, BLUE), strict=False):
        ax.plot(
            np.arange(1, len(logs) + 1), np.asarray(logs) / np.log(10), color=colour, lw=0.9, label=f"$\\tau$ = {tau}"
        )
    start = np.asarray(free)[: len(free) // 10].mean() / np.log(10)
    for (label, rate), style in zip(rates.items(), ("--", ":"), strict=False):
        ax.plot(steps, start + rate * steps / np.log(10), color=RED, ls=style, lw=1.4, label=label)
    ax.set(xlabel="steps along the orbit", ylabel="$\\log_{10}$ of the norm of $\\partial z_t / \\partial z_s$")
    ax.legend(ncols=2)
    return fig


def forced_gradients(curves) -> Figure:
    """curves: {label: (steps (L,), log norms (L, S))}: gradient of the mean squared error of a window of T steps."""
    fig, ax = figure(size=(6.4, 3.5))
    for (label, (steps, logs)), colour in zip(curves.items(), (RED, BLUE, ORANGE), strict=False):
        base10 = np.asarray(logs) / np.log(10)
        ax.plot(steps, base10, "-", color=colour, lw=0.5, alpha=0.45)
        ax.plot(steps, base10.mean(1), "o-", color=colour, ms=3, lw=1.2, label=label)
    ax.set(xlabel="length $T$ of the window (steps)", ylabel="$\\log_{10}$ of the gradient's norm")
    ax.legend()
    return fig
