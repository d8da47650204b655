"""Figures of the chapter on the chaotic LSTM: R, Fig. 1 and Supplementary Fig. 1."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure

from paperlib.figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, SKY, figure, letter

DENSITY = LinearSegmentedColormap.from_list("density", ["#7fb6dc", BLUE, "#03223f"])
EXPONENT_FLOOR = -6.0  # exponents of minus infinity (a Jacobian without full rank) are drawn at the axis' end


def _shade(ax, chaos) -> None:
    ax.axvspan(*chaos, color=ORANGE, alpha=0.12, lw=0, zorder=0)


def _diagram(ax, s, visited) -> None:
    """A diagram as a density: what 5000 columns of points look like, without hiding one behind another."""
    n = visited.shape[0]
    low, high = visited.min() - 0.02, visited.max() + 0.02
    counts, xs, ys = np.histogram2d(
        np.tile(s, n), visited.reshape(-1), bins=(800, 260), range=((s[0], s[-1]), (low, high))
    )
    ax.pcolormesh(xs, ys, np.ma.masked_equal(counts.T, 0), norm=LogNorm(1, n), cmap=DENSITY, rasterized=True)


def _exponents(ax, s, exponents) -> None:
    for k, colour in zip(range(exponents.shape[1]), (BLUE, GREEN, PURPLE, SKY), strict=False):
        ax.plot(s, np.maximum(exponents[:, k], EXPONENT_FLOOR), color=colour, lw=0.7, label=f"$\\lambda_{k + 1}$")
    ax.axhline(0, color=BLACK, lw=0.8)
    ax.set_ylabel("exponents\n(nats per step)")
    ax.legend(ncols=4, loc="lower left", fontsize=8)


def diagram_and_cost(s, visited, exponents, cost, slope, chaos) -> Figure:
    """s (P,), visited (n, P), exponents (P, k), cost (P,), |dV/ds| (P,), chaos (low, high) on one axis of s."""
    fig, axes = figure(4, 1, size=(7.2, 8.6), sharex=True, height_ratios=(1.5, 1.1, 1, 1))
    _diagram(axes[0], s, visited)
    axes[0].set_ylabel("visited $h_1$")
    _exponents(axes[1], s, exponents)
    axes[1].set_ylim(EXPONENT_FLOOR, 0.6)
    axes[2].plot(s, cost, color=BLACK, lw=0.5)
    axes[2].set_ylabel("cost $V(s)$")
    axes[3].semilogy(s, slope, color=RED, lw=0.4)
    axes[3].set_ylabel("$|dV/ds|$")
    axes[3].set_xlabel("$s$, where $\\theta(s) = s\\,\\theta_{\\mathrm{true}}$")
    for ax in axes:
        _shade(ax, chaos)
    letter(axes)
    return fig


def both_weight_sets(s, visited, exponents, costs, names) -> Figure:
    """Two columns: diagrams visited[i] (n, P), leading exponents exponents[i] (P,), costs[i] (P,)."""
    fig, axes = figure(3, 2, size=(7.6, 6.2), sharex=True, sharey="row", height_ratios=(1.5, 1, 1))
    for i, name in enumerate(names):
        _diagram(axes[0, i], s, visited[i])
        axes[0, i].set_title(name)
        axes[1, i].plot(s, exponents[i], color=BLUE, lw=0.6)
        axes[1, i].axhline(0, color=BLACK, lw=0.8)
        axes[1, i].set_ylim(-1, 0.4)
        axes[2, i].plot(s, costs[i], color=BLACK, lw=0.5)
        axes[2, i].set_xlabel("$s$")
        for ax in axes[:, i]:
            ax.axvline(1, color=RED, lw=0.8, ls="--")
    axes[0, 0].set_ylabel("visited $h_1$")
    axes[1, 0].set_ylabel("$\\lambda_1$ (nats per step)")
    axes[2, 0].set_ylabel("cost $V(s)$")
    return fig


def attractor(points) -> Figure:
    """points (n, 4): the attractor at s = 1 in (h_1, h_2) and in (c_1, c_2)."""
    fig, axes = figure(1, 2, size=(7.6, 3.7))
    for ax, (i, j), name in zip(axes, ((0, 1), (2, 3)), "hc", strict=True):
        counts, xs, ys = np.histogram2d(points[:, i], points[:, j], bins=420)
        ax.pcolormesh(xs, ys, np.ma.masked_equal(counts.T, 0), norm=LogNorm(), cmap="viridis", rasterized=True)
        ax.set(xlabel=f"${name}_1$", ylabel=f"${name}_2$")
        ax.grid(False)
    letter(axes)
    return fig


def zoom(panels) -> Figure:
    """panels: a list of (s, cost), each a closer look at the middle of the one before."""
    fig, axes = figure(1, len(panels), size=(7.6, 2.8), sharey=True)
    for ax, (s, cost) in zip(axes, panels, strict=True):
        half = s[-1] - 1
        ax.plot(s - 1, cost, color=BLACK, lw=0.4)
        ax.axvline(0, color=RED, lw=0.8, ls="--")
        ax.set_xlabel("$s - 1$")
        ax.set_xticks([-half, 0, half], [f"{-half:.2g}", "0", f"{half:.2g}"])
    axes[0].set_ylabel("cost $V(s)$")
    letter(axes)
    return fig


def growth(lengths, minima, slopes, rate, counts, resolution) -> Figure:
    """minima, slopes: {region: (len(lengths),)}; rate: line of e^(rate N); resolution: {region: (len(counts),)}."""
    colours = {"inside": RED, "outside": BLUE}
    fig, axes = figure(1, 3, size=(7.8, 3.0))
    for region, colour in colours.items():
        axes[0].plot(lengths, minima[region], "o-", color=colour, label=region)
        axes[1].semilogy(lengths, slopes[region], "o-", color=colour)
        axes[2].loglog(counts, np.maximum(resolution[region], 0.5), "o-", color=colour)
    late = np.asarray(lengths) >= lengths[-1] / 4
    line = slopes["inside"][-1] * np.exp(rate * (np.asarray(lengths) - lengths[-1]))
    axes[1].semilogy(np.asarray(lengths)[late], line[late], color=BLACK, ls=":", label="$e^{\\bar\\lambda N}$")
    axes[0].set(xlabel="simulated steps $N$", ylabel="local minima of $V$")
    axes[1].set(xlabel="simulated steps $N$", ylabel="median of $|dV/ds|$")
    axes[2].set(xlabel="values of $s$", ylabel="local minima of $V$")
    axes[2].set_xticks(counts, [f"{count:,}" for count in counts], rotation=45)
    axes[2].minorticks_off()
    axes[0].legend()
    axes[1].legend()
    letter(axes)
    return fig


def surface(s1, s2, cost) -> Figure:
    """s1 (P,), s2 (Q,), cost (P, Q) as a surface and as a contour map, the data's parameters marked."""
    fig, _ = figure(size=(7.6, 3.8))
    fig.clf()
    left = fig.add_subplot(1, 2, 1, projection="3d")
    left.plot_surface(
        *np.meshgrid(s1, s2, indexing="ij"), cost, cmap="viridis", rstride=1, cstride=1, lw=0, antialiased=False
    )
    left.set(xlabel="$s_1$", ylabel="$s_2$")
    left.set_title("cost $V$", fontsize=9)
    left.view_init(elev=40, azim=-120)
    left.set_box_aspect((1.2, 1, 0.7), zoom=1.05)
    right = fig.add_subplot(1, 2, 2)
    filled = right.contourf(s1, s2, cost.T, levels=30, cmap="viridis")
    right.plot(1, 0, marker="*", color=RED, ms=12, mec="white", ls="none", label="$\\theta_{\\mathrm{true}}$")
    right.set(xlabel="$s_1$", ylabel="$s_2$")
    right.grid(False)
    right.legend(loc="upper left", labelcolor="white")
    fig.colorbar(filled, ax=right, label="cost $V(s_1, s_2)$")
    letter((left, right))
    return fig
