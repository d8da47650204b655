"""Figures of the chapter on sparsely forced training (M): reconstructions, distances against tau, Jacobians."""

import numpy as np
from matplotlib.figure import Figure

from paperlib.figures.style import BLACK, BLUE, GREEN, MODEL_COLOURS, MODEL_NAMES, ORANGE, RED, SKY, figure, letter

SYSTEM_NAMES = {"lorenz": "Lorenz", "roessler": "Roessler", "temperature": "Temperature"}
CLIPPED_AT = 3.0  # where on the axis of tau the clipped runs are drawn
TAU_COLOURS = (ORANGE, BLUE, RED)  # too small, right, too large


def reconstructions(rows, columns) -> Figure:
    """rows: {system: [orbit (T, 3) or a sentence, ...]}, the data first; columns: their titles."""
    fig, _ = figure(size=(8.6, 1.75 * len(rows)))
    fig.clf()
    for i, (system, orbits) in enumerate(rows.items()):
        limits = next((bounds(x) for x in orbits if not isinstance(x, str)), None)
        for j, orbit in enumerate(orbits):
            ax = fig.add_subplot(len(rows), len(columns), i * len(columns) + j + 1, projection="3d")
            if isinstance(orbit, str):
                ax.text2D(0.5, 0.5, orbit, transform=ax.transAxes, ha="center", va="center", fontsize=9)
                ax.set_axis_off()
            else:
                inside = np.isfinite(orbit).all(1)
                if limits is not None:
                    inside &= ((orbit >= limits[0]) & (orbit <= limits[1])).all(1)
                    ax.set(xlim=limits[:, 0], ylim=limits[:, 1], zlim=limits[:, 2])
                shown = np.where(inside[:, None], orbit, np.nan)
                ax.plot(*shown.T, color=BLUE if j == 0 else ORANGE, lw=0.35)
                ax.set(xticklabels=[], yticklabels=[], zticklabels=[])
                ax.tick_params(length=0)
                ax.set_box_aspect((1, 1, 0.9), zoom=1.35)
            ax.set_title(f"{SYSTEM_NAMES[system]}: data" if j == 0 else columns[j], fontsize=9, y=0.98)
            ax.view_init(elev=18, azim=-60)
    return fig


def bounds(orbit, margin=0.2):
    """Corners (2, 3) of a box around the data, a little wider."""
    low, high = orbit.min(0), orbit.max(0)
    return np.stack([low - margin * (high - low), high + margin * (high - low)])


def against_tau(panels, cut=20.0) -> Figure:
    """Both distances against tau: every seed a dot, medians joined, clipping dashed, tau_pred and floors marked.

    panels: {system: {"divergence": ..., "hellinger": ..., "predicted": tau or None, "published": ...}}; each distance
    {scale: (models {model: {tau: [values]}}, floor)} with tau 0 for clipping, the scale drawn in full the last;
    published {kind: {tau: value}}.
    """
    fig, axes = figure(2, len(panels), size=(2.9 * len(panels) + 0.4, 5.4), sharex=True, squeeze=False)
    for column, (system, panel) in enumerate(panels.items()):
        for row, (kind, label) in enumerate((("divergence", "$D_{stsp}$"), ("hellinger", "$D_H$"))):
            ax = axes[row, column]
            scales = list(panel[kind].values())
            for models, floor in scales:
                full = models is scales[-1][0]
                for model, cells in models.items():
                    one_sweep(ax, {tau: np.minimum(found, cut) for tau, found in cells.items()}, model, full)
                ax.axhline(floor, color=BLACK, ls=":", lw=0.9, alpha=1 if full else 0.35)
            if panel["published"].get(kind):
                ax.plot(
                    *zip(*panel["published"][kind].items(), strict=True), "s", mfc="none", color=BLACK, ms=5, mew=0.8
                )
            if panel["predicted"] is not None:
                ax.axvline(panel["predicted"], color=GREEN, lw=1.2)
            ax.set(xscale="log", ylabel=label if column == 0 else None)
            if row == 0:
                ax.set(yscale="log", ylim=(1e-3, 30), title=SYSTEM_NAMES[system])
            else:
                ax.set(ylim=(-0.03, 1.05), xlabel="forcing interval $\\tau$ (steps)")
            ax.set_xlim(2.4, 1300)
            ax.set_xticks([5, 30, 60, 200, 1000], ["5", "30", "60", "200", "1000"])
            ax.minorticks_off()
    every = {model for panel in panels.values() for models, _ in panel["divergence"].values() for model in models}
    fig.legend(handles=marks(sorted(every)), loc="outside lower center", ncols=4)
    return fig


def one_sweep(ax, cells, model, full) -> None:
    """One network's values by tau, pale when they are not of the scale that is drawn in full."""
    colour, size, alpha = MODEL_COLOURS[model], 3.5 if full else 2.5, 0.8 if full else 0.35
    forced = {tau: found for tau, found in cells.items() if tau > 0}
    ax.plot(list(forced), [np.median(found) for found in forced.values()], "-", color=colour, lw=1.1, alpha=alpha)
    for tau, found in forced.items():
        ax.plot([tau] * len(found), found, "o", color=colour, ms=size, alpha=alpha)
    if 0 in cells:
        ax.axhline(np.median(cells[0]), color=colour, ls="--", lw=1.1, alpha=alpha)
        ax.plot([CLIPPED_AT] * len(cells[0]), cells[0], "x", color=colour, ms=size + 0.5, alpha=alpha)


def marks(models):
    """What the lines and marks of `against_tau` mean."""
    from matplotlib.lines import Line2D

    return [
        *(Line2D([], [], color=MODEL_COLOURS[m], marker="o", ms=3.5, label=MODEL_NAMES[m]) for m in models),
        Line2D([], [], color=BLACK, ls="--", marker="x", ms=4, label="clipped instead"),
        Line2D([], [], color=BLACK, ls=":", label="floor: half against half"),
        Line2D([], [], color=GREEN, label="$\\tau_{pred}$"),
        Line2D([], [], color=BLACK, ls="", marker="s", mfc="none", ms=5, label="published, LSTM"),
    ]


def exponents_against_tau(panels) -> Figure:
    """panels: {system: ({scale: {model: {tau: [(value, error), ...]}}}, expected)}: lambda_max of the networks.

    The last scale is drawn in full, others pale.
    """
    fig, axes = figure(1, len(panels), size=(2.9 * len(panels) + 0.4, 2.9), squeeze=False)
    seen = {}
    for ax, (system, (scales, expected)) in zip(axes[0], panels.items(), strict=True):
        for k, models in enumerate(scales.values()):
            alpha = 0.9 if k == len(scales) - 1 else 0.35
            for model, cells in models.items():
                for tau, found in cells.items():
                    for value, error in found:
                        at, mark = (CLIPPED_AT, "x") if tau == 0 else (tau, "o")
                        colour = MODEL_COLOURS[model]
                        ax.errorbar(at, value, error, fmt=mark, color=colour, ms=3.5, lw=0.9, alpha=alpha)
                if model not in seen:
                    seen[model] = ax.plot([], [], "o", color=MODEL_COLOURS[model], label=MODEL_NAMES[model])[0]
        if expected is not None:
            ax.axhline(expected, color=GREEN, lw=1.2)
        ax.axhline(0, color=BLACK, lw=0.7)
        ax.set_yscale("symlog", linthresh=0.02, linscale=2)
        ax.set(ylim=(-1, 0.1), yticks=(-1, -0.1, -0.02, -0.01, 0, 0.01, 0.02, 0.1))
        ax.set_yticklabels([f"{v:g}" for v in ax.get_yticks()])
        ax.set(xscale="log", xlim=(2.4, 1300), title=SYSTEM_NAMES[system], xlabel="forcing interval $\\tau$ (steps)")
        ax.set_xticks([5, 30, 60, 200, 1000], ["5", "30", "60", "200", "1000"])
        ax.minorticks_off()
    axes[0, 0].set_ylabel("$\\lambda_{max}$ of the network\n(nats per step)")
    fig.legend(handles=list(seen.values()), loc="outside lower center", ncols=4)
    return fig


def spectra(rows) -> Figure:
    """rows: {system: {label: (frequency (F,), power (F,))}}, the data first: smoothed power spectra of one variable."""
    fig, axes = figure(1, len(rows), size=(2.9 * len(rows) + 0.4, 3.3), squeeze=False)
    colours = {}
    for ax, (system, lines) in zip(axes[0], rows.items(), strict=True):
        for label, (frequency, power) in lines.items():
            if label not in colours:
                colours[label] = (BLACK, *TAU_COLOURS)[len(colours)]
            colour = colours[label]
            keep = (power > 0) & (frequency > 0)
            width = 1.6 if colour == BLACK else 0.9
            ax.loglog(frequency[keep], power[keep], color=colour, lw=width, label=label)
        ax.set(title=SYSTEM_NAMES[system], xlabel="frequency (cycles per step)")
        if not any((power > 0).any() for _, power in lines.values()):
            ax.text(0.5, 0.5, "neither data\nnor a run here", transform=ax.transAxes, ha="center", va="center")
            ax.set(xticks=[], yticks=[])
            ax.minorticks_off()
    axes[0, 0].set_ylabel("power")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4)
    return fig


def binning(points, half_width, kept) -> Figure:
    """points (T, 3), half_width (3,) of the published bins around zero, kept (T,): which points they count."""
    fig, axes = figure(1, 2, size=(7.6, 3.3))
    mean = points.mean(0)
    for ax, (i, j) in zip(axes, ((0, 2), (0, 1)), strict=True):
        ax.plot(*points[~kept][:, (i, j)].T, ".", color="#bbbbbb", ms=1, label="dropped")
        ax.plot(*points[kept][:, (i, j)].T, ".", color=BLUE, ms=1, label="counted")
        for centre, colour, style, label in (
            (0 * mean, RED, "-", "around zero"),
            (mean, GREEN, "--", "around the mean"),
        ):
            corner = centre - half_width
            x = [corner[i], corner[i] + 2 * half_width[i]]
            y = [corner[j], corner[j] + 2 * half_width[j]]
            box = [x[0], x[1], x[1], x[0], x[0]], [y[0], y[0], y[1], y[1], y[0]]
            ax.plot(*box, color=colour, ls=style, lw=1.2, label=label)
        ax.set(xlabel=f"$x_{i + 1}$ (standardised)", ylabel=f"$x_{j + 1}$")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, markerscale=6)
    letter(axes)
    return fig


def gradients(cycles, chaotic) -> Figure:
    """cycles, chaotic: {label: (steps (L,), log norms (L, S), slope or None)}: gradient of the loss after T steps."""
    fig, axes = figure(1, 2, size=(8.0, 3.6))
    for ax, panel, title in zip(axes, (cycles, chaotic), ("on a stable cycle", "on a chaotic attractor"), strict=True):
        for (label, (steps, logs, rate)), colour in zip(panel.items(), (BLUE, ORANGE, BLACK, GREEN, SKY), strict=False):
            base10 = np.asarray(logs) / np.log(10)
            ax.plot(steps, base10, "-", color=colour, lw=0.5, alpha=0.45)
            ax.plot(steps, base10.mean(1), "o-", color=colour, ms=3, lw=1.2, label=label)
            if rate is not None:
                line = base10.mean() + rate * (np.asarray(steps) - np.mean(steps)) / np.log(10)
                ax.plot(steps, line, "--", color=RED, lw=1.1)
        ax.set(xlabel="steps $T$", title=title)
        ax.legend(fontsize=8)
    axes[1].plot([], [], "--", color=RED, label="slope $\\lambda_{max}$")
    axes[1].legend(fontsize=8)
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
