"""Figures of the chapter on smoothness: bounds against measurements, systems that attain the rates, landscapes."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from paperlib.figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, SKY, figure, letter

LENGTH_COLOURS = (SKY, BLUE, GREEN, ORANGE, RED, PURPLE)
E = np.log(10)


def bounds(regimes) -> Figure:
    """One column a regime: dicts with title, lengths (K,), n (N,), and log constants measured, joint, state, each a
    pair (value, gradient): measured (2, K), joint (2, N), state (2, N); exponential: draw N linearly. Powers of ten."""
    fig, axes = figure(2, len(regimes), size=(2.5 * len(regimes), 5.2), sharex="col")
    for column, regime in zip(axes.T, regimes, strict=True):
        for row, ax in enumerate(column):
            ax.plot(regime["n"], regime["joint"][row] / E, color=RED, label="Theorem 1, explicit")
            ax.plot(regime["n"], regime["state"][row] / E, color=GREEN, label="restated")
            ax.plot(regime["lengths"], regime["measured"][row] / E, "o-", color=BLACK, ms=3, label="measured")
            ax.set_xscale("linear" if regime["exponential"] else "log")
            ax.set_ylim(bottom=min(0, regime["measured"][row].min() / E) - 0.1)
        column[0].set_title(regime["title"])
        column[1].set_xlabel("length $N$")
    axes[0, 0].set_ylabel("$\\log_{10} L_V$")
    axes[1, 0].set_ylabel("$\\log_{10} L'_V$")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def state_and_joint(names, state, proved, joint) -> Figure:
    """Constants of one step for every network, (K,) each: in the state, found and proved (inf: none), and joint."""
    fig, ax = figure(size=(7.2, 0.42 * len(names) + 1.3))
    rows = np.arange(len(names))[::-1]
    ax.hlines(rows, state, joint, color="#bbbbbb", lw=2, zorder=1)
    ax.scatter(state, rows, color=BLUE, zorder=3, label="$\\partial f/\\partial x$, found")
    ax.scatter(
        proved, rows, color=GREEN, marker="|", s=160, lw=2.5, zorder=2, label="$\\partial f/\\partial x$, proved"
    )
    label = "$[\\partial f/\\partial x,\\ \\partial f/\\partial\\theta]$, found"
    ax.scatter(joint, rows, color=RED, marker="s", zorder=3, label=label)
    ax.axvline(1, color=BLACK, lw=1)
    ax.set_xscale("log")
    ax.set_xticks([0.5, 1, 2, 5, 10], labels=["0.5", "1", "2", "5", "10"])
    ax.minorticks_off()
    ax.set_yticks(rows, labels=names)
    ax.set_xlabel("largest spectral norm of a Jacobian")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=9)
    return fig


def network_growth(lengths, gradient, curvature, names, colours) -> Figure:
    """|grad V_N| and |Hess V_N| against N, gradient and curvature (M, K) for M networks."""
    fig, axes = figure(1, 2, size=(7.6, 3.6), sharex=True)
    titles = ("$\\|\\nabla V_N\\|$", "$\\|\\nabla^2 V_N\\|$")
    for ax, values, label in zip(axes, (gradient, curvature), titles, strict=True):
        for k, (row, name, colour) in enumerate(zip(values, names, colours, strict=True)):
            # Dashed over solid: networks drawn from the same random numbers start out nearly alike.
            ax.loglog(lengths, row, ("o--", "o-")[k % 2], ms=3, color=colour, label=name)
        ax.set_xlabel("length $N$")
        ax.set_title(label)
    axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    letter(axes)
    return fig


def smooth(theta, costs, lengths, measured, joint) -> Figure:
    """A contractive network: V_N along one parameter, costs (K, P); constants measured (2, K), log joint (2, K)."""
    fig, axes = figure(1, 2, size=(7.6, 3.3))
    for row, n, colour in zip(costs, lengths, LENGTH_COLOURS, strict=False):
        axes[0].plot(theta, row, color=colour, label=f"$N = {n}$")
    axes[0].set_xlabel("$\\theta_1$")
    axes[0].set_ylabel("cost $V_N$")
    axes[0].legend()
    for k, (name, colour) in enumerate((("L_V", BLUE), ("L'_V", PURPLE))):
        axes[1].plot(lengths, joint[k] / E, "s--", color=colour, ms=4, label=f"${name}$, Theorem 1")
        axes[1].plot(lengths, np.log10(measured[k]), "o-", color=colour, ms=4, label=f"${name}$, measured")
    axes[1].set_xscale("log")
    axes[1].set_xlabel("length $N$")
    axes[1].set_ylabel("$\\log_{10}$ of the constant")
    axes[1].legend(fontsize=8)
    letter(axes)
    return fig


def intricate(squaring, lstm) -> Figure:
    """The page's main figure, two columns: V_N of the squaring map and of the chaotic LSTM for growing N.

    Rows are dicts with N, count, x and V (P,), and minima, a pair of (K,) for the dots.
    """
    fig, axes = figure(len(squaring), 2, size=(7.8, 1.3 * len(squaring) + 0.6), sharex="col")
    for column, rows, colour in zip(axes.T, (squaring, lstm), (BLUE, RED), strict=True):
        for ax, row in zip(column, rows, strict=True):
            ax.plot(row["x"], row["V"], color=colour, lw=0.9 if row["count"] < 300 else 0.35)
            ax.plot(*row["minima"], "o", color=BLACK, ms=2.2)
            ax.set_title(f"$N = {row['N']}$: {row['count']} local minima", fontsize=9, loc="right", pad=2)
            ax.set_ylim(bottom=-0.05 * row["V"].max())
    for ax in axes[:, 0]:
        ax.set_ylabel("$V_N$")
    axes[-1, 0].set_xlabel("$(\\theta - \\theta_0)/\\pi$, map $z' = e^{i\\theta} z^2$")
    axes[-1, 1].set_xlabel("$s$, chaotic LSTM")
    return fig


def counts(n, exact, counted, lstm_n, lstm_counts, labels) -> Figure:
    """Local minima against N: the squaring map (formula and count), and the LSTM on grids of several sizes."""
    fig, axes = figure(1, 2, size=(7.6, 3.3))
    axes[0].semilogy(n, np.maximum(exact, 0.5), color=BLUE, label="$2^N - 2$")
    axes[0].semilogy(n, np.maximum(counted, 0.5), "o", color=BLACK, ms=4, label="signs of $V'$")
    axes[0].set_title("squaring map")
    for row, label, colour in zip(lstm_counts, labels, (SKY, ORANGE, RED), strict=True):
        axes[1].semilogy(lstm_n, row, "o-", ms=3, color=colour, label=label)
    axes[1].set_title("chaotic LSTM")
    for ax in axes:
        ax.set_xlabel("length $N$")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend(fontsize=8)
    axes[0].set_ylabel("local minima of $V_N$")
    return fig


def critical(n, curves) -> Figure:
    """Systems with L_x = 1: L'_V / N^p against N; curves = [(label, ratios (N,), limit)]."""
    fig, ax = figure(size=(6.4, 3.4))
    for (label, ratios, limit), colour in zip(curves, (RED, BLUE, GREEN), strict=True):
        ax.loglog(n, ratios, color=colour, label=label)
        ax.axhline(limit, color=colour, lw=0.8, ls="--")
    ax.set_xlabel("length $N$")
    ax.set_ylabel("$|V''|$ divided by its rate")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def exponents_and_growth(s, exponent, value, gradient, chaos) -> Figure:
    """Growth with N of |dV_N/ds| and |d2V_N/ds2|, nats a step, beside the leading exponent, (P,) each."""
    fig, axes = figure(1, 2, size=(7.8, 3.5), width_ratios=(1.6, 1))
    axes[0].plot(s, np.maximum(exponent, 0), color=BLACK, lw=1.2, label="$\\max(\\lambda_1, 0)$")
    axes[0].plot(s, value, ".", color=BLUE, ms=3, label="growth of $|V'|$")
    axes[0].plot(s, gradient, ".", color=PURPLE, ms=3, label="growth of $|V''|$")
    axes[0].set_xlabel("$s$")
    axes[0].set_ylabel("nats per step")
    axes[0].legend(fontsize=8)
    axes[1].plot(exponent[chaos], value[chaos], ".", color=BLUE, ms=4, label="$|V'|$")
    axes[1].plot(exponent[chaos], gradient[chaos], ".", color=PURPLE, ms=4, label="$|V''|$")
    top = np.array([0, exponent.max() * 1.05])
    axes[1].plot(top, top, color=BLUE, lw=0.8)
    axes[1].plot(top, 2 * top, color=PURPLE, lw=0.8)
    axes[1].set_xlabel("$\\lambda_1$, nats per step")
    axes[1].legend(fontsize=8)
    letter(axes)
    return fig


def wall_and_region(e, latch, s, lstm, lengths, shares) -> Figure:
    """Rows wall and region: V of the longest N, |V'| for every N, share of the interval where |V'| exceeds 100.

    latch and lstm (K, 2, P) over e and s (P,), shares (2, K).
    """
    fig, axes = figure(2, 3, size=(8.2, 5.0))
    for row, x, curves, label, bottom in (
        (axes[0], e, latch, "$b - b_{\\mathrm{wall}}$, one unit", 1e-1),
        (axes[1], s, lstm, "$s$, chaotic LSTM", 1e-4),
    ):
        row[0].plot(x, curves[-1, 0], color=BLACK, lw=0.7)
        row[0].set_ylabel(f"$V_N$, $N = {lengths[-1]}$")
        for k, (n, colour) in enumerate(zip(lengths, LENGTH_COLOURS, strict=False)):
            row[1].semilogy(x, np.maximum(curves[k, 1], bottom), color=colour, lw=0.6, label=f"$N = {n}$")
        row[1].set_ylabel("$|V'_N|$")
        row[0].set_xlabel(label)
        row[1].set_xlabel(label)
    axes[0, 1].legend(fontsize=7, loc="upper right")
    for ax, share, colour in zip(axes[:, 2], shares, (BLUE, RED), strict=True):
        ax.plot(lengths, share, "o-", color=colour)
        ax.set_ylim(bottom=0)
        ax.set_xlabel("length $N$")
        ax.set_ylabel("share with $|V'_N| > 100$")
    letter(axes.flat)
    return fig
