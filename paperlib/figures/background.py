"""Figures of the background chapter: repeated maps, products, the 1/gamma condition, Doya's unit, memory."""

import numpy as np
from matplotlib.figure import Figure

from paperlib.figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, SKY, figure, letter

CYCLE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK)
KINDS = {"fixed point": BLUE, "cycle": GREEN, "quasi-periodic": PURPLE, "chaotic": RED}


def powers(t, moduli, cases) -> Figure:
    """|lambda|^t for moduli (k,), and for each case (title, eigenvalues (m,), shares (T, m)) what h(t) is made of."""
    fig, axes = figure(1, 1 + len(cases), size=(7.8, 3.0), width_ratios=(1.2, *[1] * len(cases)))
    for modulus, colour in zip(moduli, CYCLE, strict=False):
        values = modulus**t
        axes[0].semilogy(t, values, color=colour)
        end = np.flatnonzero((values > 1e-5) & (values < 1e5))[-1]
        axes[0].annotate(
            f"{modulus:g}", (t[end], values[end]), xytext=(4, 0), textcoords="offset points", color=colour, va="center"
        )
    axes[0].set(xlabel="t", ylabel="$|\\lambda|^t$", ylim=(1e-5, 1e5), xlim=(-4, 155))
    for ax, (_, eigenvalues, shares) in zip(axes[1:], cases, strict=True):
        for value, share, colour, style in zip(eigenvalues, shares.T, CYCLE, ("-", "--", "-"), strict=False):
            ax.plot(t, share, style, color=colour, label=f"{value:g}")
        ax.set(xlabel="t", ylim=(-0.02, 1.02), ylabel="share of $|h(t)|^2$")
        ax.legend(title="$\\lambda$", fontsize=8, title_fontsize=8)
    letter(axes)
    for ax, (title, *_) in zip(axes[1:], cases, strict=True):
        ax.set_title(title)
    return fig


def products(n, variances, measured, errors, chosen, widths, growth, growth_error, expected) -> Figure:
    """(a) variances (k,), measured and errors (k, n) against v^n; (b) chosen: kind -> (n, value, error) at v*^(1/n)

    as a share of v*; (c) growth of the logarithm a layer against the width, with its error and what is expected.
    """
    fig, axes = figure(1, 3, size=(7.8, 3.0))
    for v, values, error, colour in zip(variances, measured, errors, CYCLE, strict=False):
        axes[0].plot(n, v**n, color=colour, lw=1, label=f"v = {v:g}")
        axes[0].errorbar(n, values, 2 * error, fmt="o", ms=3, lw=1, color=colour)
    axes[0].set(xlabel="factors n", ylabel="variance of the product", yscale="log", ylim=(3e-3, 1e5))
    axes[0].legend(fontsize=8, loc="upper left")
    for (kind, (count, value, error)), colour in zip(chosen.items(), CYCLE, strict=False):
        axes[1].errorbar(count, value, 2 * error, fmt="o-", ms=3, lw=1, color=colour, label=kind)
    axes[1].axhline(1, color=BLACK, lw=0.8)
    axes[1].set(xlabel="factors n", ylabel="variance / $v^*$,  $v = (v^*)^{1/n}$", ylim=(0, 1.6))
    axes[1].legend(title="weights", fontsize=8, title_fontsize=8, loc="lower left")
    axes[2].loglog(widths, [-e for e in expected], color=BLACK, lw=1, label="expected")
    axes[2].errorbar(widths, -growth, 2 * growth_error, fmt="o", ms=4, color=RED, label="measured")
    axes[2].set(xlabel="width of a layer", ylabel="typical loss (nats per layer)")
    axes[2].legend()
    letter(axes)
    return fig


def gamma(panels, special) -> Figure:
    """panels: name -> (gamma sigma_max, gamma rho, growth), (P,) each; special: (norm, growth, label) in the first."""
    fig, axes = figure(1, len(panels), size=(7.6, 3.5), sharey=True)
    for ax, (name, (norms, radii, growth)) in zip(axes, panels.items(), strict=True):
        grid = np.geomspace(norms.min(), norms.max(), 100)
        ax.plot(grid, np.log(grid), color=BLACK, lw=1, label="bound, $\\ln(\\gamma\\,\\sigma_{\\max})$")
        for chosen, colour, label in (
            (radii >= 1, RED, "$\\gamma\\rho \\geq 1$"),
            (radii < 1, BLUE, "$\\gamma\\rho < 1$"),
        ):
            ax.scatter(norms[chosen], growth[chosen], s=5, color=colour, label=label, alpha=0.6, lw=0)
        ax.axvline(1, color=BLACK, lw=0.8, ls=":")
        ax.axhline(0, color=BLACK, lw=0.8)
        ax.set(xscale="log", xlabel="$\\gamma\\,\\sigma_{\\max}(W)$", title=name, ylim=(-2.5, 1.6))
    norm, growth, label = special
    axes[0].plot(norm, growth, "*", color=GREEN, ms=12, label=label)
    axes[0].set_ylabel("growth of the gradient (nats per step)")
    axes[0].legend(fontsize=8, loc="upper left", borderpad=0.1)
    letter(axes)
    return fig


def _branches(ax, x, b, folds, *, boundary: bool = True) -> None:
    """The graph b(x) in its three parts: two attractors in bold, the boundary between their basins dashed."""
    for part, style in (
        (x < folds.x_high, "-"),
        ((x >= folds.x_high) & (x <= folds.x_low), "--"),
        (x > folds.x_low, "-"),
    ):
        if boundary or style == "-":
            ax.plot(b[part], x[part], style, color=BLACK, lw=2.2 if style == "-" else 1.6)


def doya(x, b, folds, arrows) -> Figure:
    """x (K,) with its b (K,), the two folds, and arrows (b (m,), x (m,), motion (m,)): P, Fig. 3."""
    fig, ax = figure(size=(6.8, 4.4))
    at, state, motion = arrows
    ax.quiver(
        at,
        state,
        np.zeros_like(motion),
        np.sign(motion) * np.clip(np.abs(motion), 0.18, 0.5),
        color="#9a9a9a",
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.003,
    )
    ax.axvspan(folds.low, folds.high, color=ORANGE, alpha=0.15, lw=0)
    _branches(ax, x, b, folds)
    ax.plot([folds.low, folds.high], [folds.x_low, folds.x_high], "o", color=RED, ms=6, zorder=5)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    for fold, end, shift in ((folds.low, folds.x_low, (-64, 2)), (folds.high, folds.x_high, (14, -10))):
        ax.annotate(
            f"b = {fold:.4f}", (fold, end), xytext=shift, textcoords="offset points", fontsize=9, color=RED, bbox=box
        )
    ax.text(
        (folds.low + folds.high) / 2, state.max() + 0.3, "two attractors", ha="center", va="top", fontsize=9, bbox=box
    )
    ax.set(
        xlabel="bias b",
        ylabel="state x",
        xlim=(at.min() - 0.1, at.max() + 0.1),
        ylim=(state.min() - 0.4, state.max() + 0.4),
    )
    return fig


def doya_gradient(heat, branches, scans, peaks, walks) -> Figure:
    """What the gradient does in Doya's unit.

    heat (b (B,), x0 (X,), log10 |dx_N/db| (X, B)), branches (x, b, folds); scans: N -> (b, |dL/db|); peaks (N,
    at the fold (N,), on the boundary (N,)); walks: name -> b over the iterations of gradient descent.
    """
    fig, axes = figure(2, 2, size=(7.8, 6.2))
    (a, b_ax), (c, d) = axes
    at, start, values = heat
    image = a.pcolormesh(at, start, values, cmap="magma_r", rasterized=True, vmin=0)
    fig.colorbar(image, ax=a, label="$\\log_{10} |\\partial x_N / \\partial b|$")
    _branches(a, *branches, boundary=False)
    a.set(xlabel="bias b", ylabel="initial state $x_0$", xlim=(at[0], at[-1]), ylim=(start[0], start[-1]))
    a.grid(False)
    folds = branches[-1]
    for (n, (where, size)), colour in zip(scans.items(), CYCLE, strict=False):
        b_ax.semilogy(where, size, color=colour, label=f"N = {n}")
    b_ax.axvline(folds.low, color=BLACK, lw=0.8, ls=":")
    b_ax.set(xlabel="bias b", ylabel="$|\\partial L / \\partial b|$")
    b_ax.legend()
    n, at_fold, on_boundary = peaks
    c.loglog(n, at_fold, "o-", color=RED, ms=4, label="largest near the fold")
    c.loglog(n, at_fold[-1] * (n / n[-1]) ** 3.0, color=BLACK, lw=0.8, ls="--", label="$N^3$")
    c.loglog(n, on_boundary, "s-", color=BLUE, ms=4, label="on the dashed boundary")
    c.set(xlabel="length N", ylabel="$|\\partial x_N / \\partial b|$", ylim=(1, 1e12))
    c.set_xticks(n, [str(k) for k in n])
    c.minorticks_off()
    c.legend(fontsize=8)
    for (name, walk), colour in zip(walks.items(), (RED, GREEN), strict=False):
        d.plot(np.arange(len(walk)), walk, color=colour, label=name)
    d.axhline(folds.low, color=BLACK, lw=0.8, ls=":")
    d.text(len(walk), folds.low, "fold ", ha="right", va="bottom", fontsize=8)
    d.set(xlabel="iteration of gradient descent", ylabel="bias b")
    d.legend(fontsize=8)
    letter(axes.flat)
    return fig


def span(spans, curves) -> Figure:
    """curves: label -> (share (T,), low (T,), high (T,), colour, style): success against the span, Wilson intervals."""
    fig, ax = figure(size=(6.6, 3.8))
    for label, (share, low, high, colour, style) in curves.items():
        ax.errorbar(
            spans, share, (share - low, high - share), fmt=style, color=colour, ms=5, lw=1.2, capsize=3, label=label
        )
    ax.axvspan(10, 20, color=ORANGE, alpha=0.12, lw=0)
    ax.set(xlabel="span of the dependency (steps)", ylabel="share of successful trainings", ylim=(-0.03, 1.03))
    ax.legend(fontsize=8, loc="lower left")
    return fig


def memory(trade, chaotic, distances, trace, pulses) -> Figure:
    """(a) trade (rate, tolerance) of the latch and the chaotic point; (b) distances: label -> log gradient (n,) against

    the distance; (c) the chaotic bit's state under noise, with the steps at which it is written.
    """
    fig, axes = figure(1, 3, size=(7.8, 3.0), width_ratios=(1, 1, 1.2))
    axes[0].plot(*trade, color=BLUE, label="one-unit latch, $w > 1$")
    axes[0].plot(*chaotic, "*", color=RED, ms=12, label="two units, chaotic")
    axes[0].axvline(0, color=BLACK, lw=0.8)
    axes[0].set(xlabel="rate of the gradient (nats per step)", ylabel="noise tolerated for ever", ylim=(0, 0.75))
    axes[0].legend(fontsize=8, loc="upper right")
    for (label, values), colour in zip(distances.items(), (SKY, BLUE, PURPLE, RED), strict=False):
        axes[1].plot(np.arange(1, len(values) + 1), values / np.log(10), color=colour, label=label)
    axes[1].set(xlabel="distance in time d", ylabel="$\\log_{10} |\\partial z_T / \\partial z_{T-d}|$", ylim=(-85, 12))
    axes[1].legend(fontsize=8, loc="lower left")
    axes[2].plot(trace, ".", ms=1.5, color=RED)
    for at in pulses:
        axes[2].axvline(at, color=BLACK, lw=0.8, ls=":")
    axes[2].axhline(0, color=BLACK, lw=0.8)
    axes[2].set(xlabel="step", ylabel="z under noise")
    letter(axes)
    return fig


def jacobians(curves, tangents, slopes) -> Figure:
    """curves: kind -> (log norms (n, S), lambda_max); tangents: kind -> log norms; slopes: kind -> (lambda, slope)."""
    fig, axes = figure(1, 3, size=(7.8, 3.1))
    for kind, (norms, exponent) in curves.items():
        n = np.arange(1, len(norms) + 1)
        axes[0].plot(n, norms / np.log(10), color=KINDS[kind], lw=0.6, alpha=0.5)
        axes[0].plot(n, n * exponent / np.log(10), color=BLACK, lw=0.9, ls="--")
        axes[0].plot([], [], color=KINDS[kind], label=kind)
    axes[0].set(xlabel="distance in time d", ylabel="$\\log_{10} \\|\\partial z_{t+d} / \\partial z_t\\|$")
    axes[0].legend(fontsize=8)
    for kind, norms in tangents.items():
        axes[1].plot(np.arange(1, len(norms) + 1), norms / np.log(10), color=KINDS[kind], lw=0.8)
    axes[1].set(xlabel="steps T", ylabel="$\\log_{10} \\|\\partial z_T / \\partial \\theta\\|$")
    both = np.concatenate([np.concatenate(pair) for pair in slopes.values()])
    axes[2].plot([both.min(), both.max()], [both.min(), both.max()], color=BLACK, lw=0.8)
    for kind, (exponent, slope) in slopes.items():
        axes[2].scatter(exponent, slope, s=12, color=KINDS[kind], label=kind, lw=0)
    axes[2].set(xlabel="$\\lambda_{\\max}$ from two trajectories", ylabel="slope of $\\ln$ norm")
    letter(axes)
    return fig
