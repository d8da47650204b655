"""Figures of the chapter on sparsely forced training (M): reconstructions, distances against tau, spectra."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paperlib.figures.style import BLACK, BLUE, GREEN, MODEL_COLOURS, MODEL_NAMES, ORANGE, RED, figure, letter

SYSTEM_NAMES = {"lorenz": "Lorenz", "roessler": "Roessler", "temperature": "Temperature"}
CLIPPED_AT = 3.0  # where on the axis of tau the clipped runs are drawn
COLOURS = {"data": BLACK, 5: ORANGE, 30: BLUE, 200: RED}  # the shown intervals, whichever of them have been run
FULL = "paper"  # the scale that is drawn filled; others hollow, alone too
BESIDE = {"lstm": 1.0, "tanh": 0.88, "plrnn": 1.14}  # factors that keep networks of one tau apart


def reconstructions(rows, boxes) -> Figure:
    """rows: {system: [(title, orbit (T, 3) or a sentence), ...]}, the data first; boxes: {system: corners (2, 3)}.

    What lies outside a system's box is not drawn. A system without one has that of its finite orbits.
    """
    columns = max(len(row) for row in rows.values())
    fig, _ = figure(size=(8.6, 1.75 * len(rows)))
    fig.clf()
    fig.set_layout_engine("none")  # it would keep room for the labels of three axes, which have none
    wide, high = 1 / columns, 1 / len(rows)
    for i, (system, row) in enumerate(rows.items()):
        finite = [orbit[np.isfinite(orbit).all(1)] for _, orbit in row if not isinstance(orbit, str)]
        finite = [orbit for orbit in finite if len(orbit)]
        limits = boxes.get(system)
        if limits is None and finite:
            limits = bounds(np.concatenate(finite))
        for j, (title, orbit) in enumerate(row):
            ax = fig.add_axes((j * wide, 1 - (i + 1) * high, wide, 0.92 * high), projection="3d")
            if not isinstance(orbit, str):
                inside = np.isfinite(orbit).all(1)
                if limits is not None:
                    inside &= ((orbit >= limits[0]) & (orbit <= limits[1])).all(1)
            if isinstance(orbit, str) or not inside.any():
                said = orbit if isinstance(orbit, str) else "outside the box"
                ax.text2D(0.5, 0.5, said, transform=ax.transAxes, ha="center", va="center", fontsize=9)
                ax.set_axis_off()
            else:
                ax.set(xlim=limits[:, 0], ylim=limits[:, 1], zlim=limits[:, 2])
                shown = np.where(inside[:, None], orbit, np.nan)
                ax.plot(*shown.T, color=BLUE if j == 0 else ORANGE, lw=0.35)
                ax.plot(
                    *orbit[inside][-1:].T, ".", color=BLUE if j == 0 else ORANGE, ms=2.5
                )  # a run at rest has no line
                ax.set(xticklabels=[], yticklabels=[], zticklabels=[])
                ax.tick_params(length=0)
                ax.set_box_aspect((1, 1, 0.9), zoom=1.08)
            ax.set_title(f"{SYSTEM_NAMES[system]}: {title}" if j == 0 else title, fontsize=9, y=0.97)
            ax.view_init(elev=18, azim=-60)
    return fig


def bounds(orbit, margin=0.2, least=0.5):
    """Corners (2, 3) of a box around finite points, a little wider, at least `least` wide in every direction."""
    low, high = orbit.min(0), orbit.max(0)
    wider = np.maximum(margin * (high - low), (least - (high - low)) / 2)
    return np.stack([low - wider, high + wider])


def against_tau(panels, cut=20.0) -> Figure:
    """Both distances against tau: every seed a dot, medians joined, clipping dashed, tau_pred, floors and ceilings.

    panels: {system: {"divergence": ..., "hellinger": ..., "predicted": tau or None, "published": ...}}; each distance
    {scale: (models {model: {tau: [values]}}, floor, ceiling or None)} with tau 0 for clipping; published {kind: {tau:
    value}}. Paper scale is filled, any other hollow. Values, and medians, above `cut` are drawn there.
    """
    fig, axes = figure(2, len(panels), size=(2.9 * len(panels) + 0.4, 5.4), sharex=True, squeeze=False)
    for column, (system, panel) in enumerate(panels.items()):
        for row, (kind, label) in enumerate((("divergence", "$D_{stsp}$"), ("hellinger", "$D_H$"))):
            ax = axes[row, column]
            for scale, (models, *limits) in panel[kind].items():
                for model, cells in models.items():
                    one_sweep(ax, cells, model, scale == FULL, cut)
                for limit, style in zip(limits, (":", "-."), strict=True):
                    if limit is not None:
                        ax.axhline(limit, color=BLACK, ls=style, lw=0.9, alpha=1 if scale == FULL else 0.35)
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
    every = {model for panel in panels.values() for models, *_ in panel["divergence"].values() for model in models}
    handles = marks(sorted(every), published=any(panel["published"] for panel in panels.values()))
    fig.legend(handles=handles, loc="outside lower center", ncols=4)
    return fig


def one_sweep(ax, cells, model, full, cut) -> None:
    """One network's values by tau, hollow when they are not of the paper's scale."""
    colour, alpha = MODEL_COLOURS[model], 0.85 if full else 0.6
    style = {"color": colour, "ms": 3.5, "alpha": alpha, "mfc": colour if full else "none", "mew": 0.8}
    middle = {tau: min(float(np.median(found)), cut) for tau, found in cells.items()}
    forced = [tau for tau in cells if tau > 0]
    at = [tau * BESIDE[model] for tau in forced]
    ax.plot(at, [middle[tau] for tau in forced], "-", color=colour, lw=1.1 if full else 0.7, alpha=alpha)
    for place, tau in zip(at, forced, strict=True):
        ax.plot([place] * len(cells[tau]), np.minimum(cells[tau], cut), "o", **style)
    if 0 in cells:
        ax.axhline(middle[0], color=colour, ls="--", lw=1.1 if full else 0.7, alpha=alpha)
        ax.plot([CLIPPED_AT * BESIDE[model]] * len(cells[0]), np.minimum(cells[0], cut), "x", **style)


def marks(models, published=False):
    """What the lines and marks of `against_tau` mean."""
    squares = Line2D([], [], color=BLACK, ls="", marker="s", mfc="none", ms=5, label="published, LSTM")
    return [
        *(Line2D([], [], color=MODEL_COLOURS[m], marker="o", ms=3.5, label=MODEL_NAMES[m]) for m in models),
        Line2D([], [], color=BLACK, ls="", marker="o", ms=3.5, mfc="none", mew=0.8, label="quick scale"),
        Line2D([], [], color=BLACK, ls="--", marker="x", ms=4, label="clipped instead"),
        Line2D([], [], color=BLACK, ls=":", label="two samples of the data"),
        Line2D([], [], color=BLACK, ls="-.", label="nothing in common"),
        Line2D([], [], color=GREEN, label="$\\tau_{pred}$"),
        *([squares] if published else []),
    ]


def gradients(panels, border=1.0) -> Figure:
    """panels: {system: [(model, scale, norm of the gradient, distance, chaotic or not), ...]}, a mark a network.

    Circles are chaotic, squares are not; paper scale is filled, any other hollow. Nothing infinite is drawn.
    """
    fig, axes = figure(1, len(panels), size=(2.9 * len(panels) + 0.4, 3.1), squeeze=False, sharex=True, sharey=True)
    for ax, (system, networks) in zip(axes[0], panels.items(), strict=True):
        for model, scale, norm, distance, chaotic in networks:
            colour = MODEL_COLOURS[model]
            filled = colour if scale == FULL else "none"
            ax.plot(norm, distance, "o" if chaotic else "s", color=colour, mfc=filled, ms=4.5, mew=0.9, alpha=0.85)
        ax.axhline(border, color=BLACK, ls=":", lw=0.9)
        ax.set(xscale="log", yscale="log", title=SYSTEM_NAMES[system], xlabel="gradient's norm at the end")
        ax.minorticks_off()
    axes[0, 0].set_ylabel("corrected $D_{stsp}$")
    style = {"color": "#888888", "ls": "", "ms": 4.5}  # no network's colour
    seen = sorted({model for networks in panels.values() for model, *_ in networks})
    names = [Line2D([], [], color=MODEL_COLOURS[m], ls="", marker="o", ms=4.5, label=MODEL_NAMES[m]) for m in seen]
    names += [Line2D([], [], marker=m, label=said, **style) for m, said in (("o", "chaotic"), ("s", "not chaotic"))]
    names.append(Line2D([], [], marker="o", mfc="none", label="quick scale", **style))
    fig.legend(handles=names, loc="outside lower center", ncols=6)
    return fig


def exponents_against_tau(panels, low=-0.05) -> Figure:
    """panels: {system: ({scale: {model: {tau: [(value, error), ...]}}}, expected)}: lambda_max of the networks.

    Paper scale is filled, any other hollow; what lies below `low` is drawn there as a triangle.
    """
    fig, axes = figure(1, len(panels), size=(2.9 * len(panels) + 0.4, 2.9), squeeze=False, sharey=True)
    seen = set()
    for ax, (system, (scales, expected)) in zip(axes[0], panels.items(), strict=True):
        for scale, models in scales.items():
            for model, cells in models.items():
                seen.add(model)
                colour = MODEL_COLOURS[model]
                style = {"color": colour, "ms": 3.5, "lw": 0.9, "mew": 0.8, "mfc": colour if scale == FULL else "none"}
                for tau, found in cells.items():
                    for value, error in found:
                        at, mark = (CLIPPED_AT, "x") if tau == 0 else (tau, "o")
                        below = value < low
                        where = (low, 0.0) if below else (value, error)
                        ax.errorbar(at * BESIDE[model], *where, fmt="v" if below else mark, **style)
        if expected is not None:
            ax.axhline(expected, color=GREEN, lw=1.2)
        ax.axhline(0, color=BLACK, lw=0.7)
        ax.set(ylim=(1.06 * low, 0.02))
        ax.set(xscale="log", xlim=(2.4, 1300), title=SYSTEM_NAMES[system], xlabel="forcing interval $\\tau$ (steps)")
        ax.set_xticks([5, 30, 60, 200, 1000], ["5", "30", "60", "200", "1000"])
        ax.minorticks_off()
    axes[0, 0].set_ylabel("$\\lambda_{max}$ of the network\n(nats per step)")
    names = marks(sorted(seen))
    fig.legend(handles=names[: len(seen) + 1], loc="outside lower center", ncols=4)
    return fig


def spectra(rows, trim=10) -> Figure:
    """rows: {system: {"data" or tau: (frequency (F,), power (F,)) or a word}}: smoothed power spectra of one variable.

    The lowest and highest `trim` frequencies are left out: the smoothing runs over the ends there.
    """
    fig, axes = figure(1, len(rows), size=(2.9 * len(rows) + 0.4, 3.3), squeeze=False)
    drawn = set()
    for ax, (system, lines) in zip(axes[0], rows.items(), strict=True):
        words = []
        for key, found in lines.items():
            if isinstance(found, str):
                words.append((f"$\\tau$ = {key}: {found}", COLOURS[key]))
                continue
            frequency, power = (part[trim:-trim] for part in found)
            keep = power > 0
            ax.loglog(frequency[keep], power[keep], color=COLOURS[key], lw=1.6 if key == "data" else 0.9)
            drawn.add(key)
        for k, (said, colour) in enumerate(words):
            ax.text(0.05, 0.05 + 0.08 * k, said, transform=ax.transAxes, color=colour, fontsize=9)
        ax.set(title=SYSTEM_NAMES[system], xlabel="frequency (cycles per step)")
        if not ax.lines:
            if not words:
                ax.text(0.5, 0.5, "neither data\nnor a run here", transform=ax.transAxes, ha="center", va="center")
            ax.set(xticks=[], yticks=[])
            ax.minorticks_off()
    axes[0, 0].set_ylabel("power")
    for key in (key for key in COLOURS if key in drawn):
        axes[0, 0].plot([], [], color=COLOURS[key], label=key if key == "data" else f"$\\tau$ = {key}")
    if drawn:
        fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
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
