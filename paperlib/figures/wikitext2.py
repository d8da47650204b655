"""Figures of the chapter on language: R, Figs. 8 and 9, supplementary Figs. 5 to 7, loops and what a text does."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paperlib.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    MODEL_COLOURS,
    MODEL_NAMES,
    ORANGE,
    PURPLE,
    RED,
    figure,
    letter,
)


def history(panels) -> Figure:
    """panels: {title: [(model, perplexity (E,)), ...]}: Fig. 9, every seed a line."""
    fig, axes = figure(1, len(panels), size=(3.9 * len(panels) + 1.6, 3.4), squeeze=False)
    names = {}
    for ax, (title, lines) in zip(axes[0], panels.items(), strict=True):
        for model, perplexity in lines:
            at = np.arange(1, len(perplexity) + 1)
            names[MODEL_NAMES[model]] = ax.semilogy(at, perplexity, color=MODEL_COLOURS[model], lw=1, alpha=0.8)[0]
        plain_log(ax, np.concatenate([perplexity for _, perplexity in lines]))
        ax.set(xlabel="epoch", title=title)
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set_ylabel("perplexity, validation")
    fig.legend(names.values(), names.keys(), loc="outside right upper")
    return fig


def plain_log(ax, values) -> None:
    """Whole ticks 10, 15, 20, 30, 50, ... on a logarithmic axis that spans less than a decade."""
    ticks = [
        t for t in np.outer(10.0 ** np.arange(5), (1, 1.5, 2, 3, 5, 7)).ravel() if values.min() <= t <= values.max()
    ]
    ax.set_yticks(ticks, [f"{t:g}" for t in ticks])
    ax.set_yticks([], minor=True)


STILL = 5e-3  # of a logit: smaller differences are float32's rounding, and no axis is made for them
STARTS = (BLUE, ORANGE, GREEN, RED, PURPLE)


def diagrams(panels, columns) -> Figure:
    """panels: [(title, label, model, epochs (E,), output (E, T), whether with its first difference), ...], row by row.

    R, Fig. 8 and supplementary Figs. 5 to 7; label is that of the output's axis. A third axis, for the first
    difference, stands only where something moves. Epoch 0 is left out, and the title says so, where its values are ten
    times larger than all later ones.
    """
    rows = -(-len(panels) // columns)
    height = (2.35 if columns > 3 else 2.7) * rows
    fig, _ = figure(size=(9.6, height))
    fig.clf()
    fig.set_layout_engine(None)  # the constrained one does not see the labels of three-dimensional axes
    fig.subplots_adjust(0.06, 0.5 / height, 0.985, 1 - 0.55 / height, wspace=0.3, hspace=0.58)
    for i, (title, label, model, epochs, y, moves) in enumerate(panels):
        if len(epochs) > 1 and np.abs(y[0]).max() > 10 * np.abs(y[1:]).max():
            title, shown, values = f"{title}\n(without epoch 0)", epochs[1:], y[1:]
        else:
            shown, values = epochs, y
        moves = moves and np.abs(np.diff(values)).max() >= STILL
        ax = fig.add_subplot(rows, columns, i + 1, **({"projection": "3d"} if moves else {}))
        at = np.broadcast_to(shown[:, None], values.shape)
        size, colour = 3.0 if len(epochs) < 40 else 1.5, MODEL_COLOURS[model]
        if moves:
            ax.scatter(at[:, 1:], values[:, 1:], np.diff(values), s=size, lw=0, color=colour)
            ax.view_init(elev=22, azim=-60)
            ax.set_box_aspect((1.5, 1, 1), zoom=1.12 if columns > 3 else 1.3)
            ax.locator_params(nbins=3)
            ax.set_zlabel("first difference", fontsize=7, labelpad=-7)
            ax.tick_params(labelsize=6, pad=-3)
            where = ax.get_position()
            ax.set_position([where.x0 - 0.028, where.y0 - 0.08 / height, where.width, where.height])
            ax.patch.set_visible(False)  # it would cover the neighbour's label
            pad = -8
        else:
            ax.plot(at, values, "o", ms=0.9 * size, mew=0, color=colour)
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.tick_params(labelsize=7)
            pad = 2
        ax.set_xlim(epochs[0] - 0.03 * epochs[-1], 1.03 * epochs[-1])
        ax.set_title(title, fontsize=8, pad=4, y=0.98 if moves else None)
        ax.set_xlabel("epoch", fontsize=7.5, labelpad=pad)
        ax.set_ylabel(label, fontsize=7.5, labelpad=pad)
    return fig


def starts(panels) -> Figure:
    """panels: {title: (epochs (E,), output (S, E, T))}: one realisation a colour, side by side at every epoch."""
    rows = -(-len(panels) // 2)
    fig, axes = figure(rows, 2, size=(9.2, 2.3 * rows + 0.3), squeeze=False)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    dots = {}
    for ax, (title, (epochs, outputs)) in zip(axes.flat, panels.items(), strict=False):
        gap = np.diff(epochs).min() * 0.13
        for k, (y, colour) in enumerate(zip(outputs, STARTS, strict=False)):
            at = np.broadcast_to(epochs[:, None] + gap * (k - 2), y.shape)
            size = 2.6 if len(epochs) < 40 else 1.4
            dots[f"start {k + 1}"] = ax.plot(at.ravel(), y.ravel(), "o", ms=size, mew=0, color=colour)[0]
        ax.set(xlabel="epoch", ylabel="mean logit", title=title)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.title.set_fontsize(9)
    fig.legend(dots.values(), dots.keys(), loc="outside lower center", ncols=len(dots), markerscale=2)
    return fig


def stability(panels) -> Figure:
    """panels: {(title, model): [(epochs (E,), modulus (E, token, multiplier), joined (E, token)), ...]}, one a seed.

    Of the fixed point under a constant token: solid and filled the first token, dashed and open the second. A line
    joins a point to the one before where joined says that it was followed from there.
    """
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    fig, axes = figure(rows, columns, size=(9.2, 2.9 * rows + 0.3), sharey=True, squeeze=False)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    seeds = 0
    for ax, ((title, model), lines) in zip(axes.flat, panels.items(), strict=False):
        seeds = max(seeds, len(lines))
        for k, (epochs, modulus, joined) in enumerate(lines):
            for i, style in enumerate(("-", "--")):
                y, own = modulus[:, i, 0], MODEL_COLOURS[model]
                ax.plot(epochs, y, "os^D"[k % 4], ms=3.5, color=own, mfc=own if i == 0 else "white")
                for e in np.flatnonzero(joined[1:, i]):
                    ax.plot(epochs[e : e + 2], y[e : e + 2], style, lw=0.9, color=own)
        ax.axhline(1, color=BLACK, lw=0.8)
        ax.set(xlabel="epoch", title=title)
        ax.title.set_fontsize(9)
    for row in axes:
        row[0].set_ylabel("leading multiplier,\nmodulus")
    keys = [
        *(
            Line2D([], [], color=BLACK, ls=ls, marker="o", ms=3.5, mfc=mfc, lw=0.9, label=f"{name} token")
            for name, ls, mfc in (("first", "-", BLACK), ("second", "--", "white"))
        ),
        *(Line2D([], [], color=BLACK, ls="", marker="os^D"[k % 4], ms=3.5, label=f"seed {k}") for k in range(seeds)),
    ]
    fig.legend(handles=keys, loc="outside lower center", ncols=len(keys))
    return fig


def exponents(panels) -> Figure:
    """panels: {title: (epochs (E,), {mode: largest exponents (E, M)})}: nats a token, a column each."""
    colours = dict(zip(("constant", "feedback", "text"), (BLUE, ORANGE, GREEN), strict=True))
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    fig, axes = figure(rows, columns, size=(9.2, 2.9 * rows + 0.3), sharey="row", squeeze=False)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for ax, (title, (epochs, modes)) in zip(axes.flat, panels.items(), strict=False):
        for mode, values in modes.items():
            ax.plot(epochs, values, "o-", ms=2.5, lw=0.8, color=colours[mode])
            ax.plot([], [], "o-", ms=3, color=colours[mode], label=mode)
        ax.axhline(0, color=BLACK, lw=0.8)
        ax.set(xlabel="epoch", title=title)
        ax.title.set_fontsize(9)
    for row in axes:
        row[0].set_ylabel("largest exponent (nats a token)")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


FLOOR = 1e-8  # of a float32 distance: smaller ones are zero but for rounding, and not drawn


def forgetting(panels) -> Figure:
    """panels: {title: [(model, distance (n,), variation (n,)), ...]}: two runs that read the same text, a row each."""
    fig, rows = figure(len(panels), 2, size=(8.2, 2.9 * len(panels) + 0.2), squeeze=False, sharex=True)
    names = {}
    for axes, (title, lines) in zip(rows, panels.items(), strict=True):
        for model, distance, variation in lines:
            for ax, values in zip(axes, (distance, variation), strict=True):
                kept = np.where(values > FLOOR, values, np.nan)
                names[MODEL_NAMES[model]] = ax.semilogy(kept, color=MODEL_COLOURS[model], lw=1, alpha=0.8)[0]
        axes[0].set(ylabel="distance of the states", title=title)
        axes[1].set(ylabel="distance of the predictions", title=title)
    for ax in rows[-1]:
        ax.set_xlabel("tokens of the same text read")
    letter(rows.flat)
    fig.legend(names.values(), names.keys(), loc="outside lower center", ncols=len(names))
    return fig


def loops(panels, marks) -> Figure:
    """panels: {title: {model: (tokens before the loop (M,), words in it (M,))}}; marks {token count: label} are dashed.

    Orbits of one network stand on top of each other: each is moved up or down by up to a twentieth.
    """
    fig, axes = figure(1, len(panels), size=(4.2 * len(panels) + 1.6, 3.6), squeeze=False)
    names = {}
    for ax, (title, models) in zip(axes[0], panels.items(), strict=True):
        for model, (before, points) in models.items():
            moved = points * np.linspace(0.95, 1.05, len(points))
            line = ax.loglog(before, moved, "o", ms=4, mew=0, alpha=0.6, color=MODEL_COLOURS[model])[0]
            names[MODEL_NAMES[model]] = line
        every = np.concatenate([points for _, points in models.values()])
        ax.set_ylim(0.85, 1.4 * np.nanmax(every, initial=1))
        plain_log(ax, np.array(ax.get_ylim()))
        ax.set_xlim(0.8, 2000)  # whole decades: their ticks are enough
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
        for mark, label in marks.items():
            ax.axvline(mark, color=BLACK, ls="--", lw=0.8)
            where = {"transform": ax.get_xaxis_transform(), "rotation": 90, "fontsize": 7.5}
            ax.text(1.04 * mark, 0.03, label, ha="left", va="bottom", **where)
        ax.set(xlabel="tokens before the loop", title=title)
    axes[0, 0].set_ylabel("words in the loop")
    fig.legend(names.values(), names.keys(), loc="outside right upper")
    return fig


def loop_history(panels, marks) -> Figure:
    """panels: {title: {model: (epochs (E,), tokens before the loop (E, M), words in it (E, M))}}, a row each.

    Line: median over the orbits that repeat, all seeds; band: least to most. Two marks {token count: label}.
    """
    fig, rows = figure(len(panels), 2, size=(8.6, 2.9 * len(panels) + 0.3), squeeze=False)
    names = {}
    for axes, (title, models) in zip(rows, panels.items(), strict=True):
        for model, (epochs, *both) in models.items():
            for ax, values in zip(axes, both, strict=True):
                some = np.isfinite(values).any(1)
                least, middle, most = (f(values[some], 1) for f in (np.nanmin, np.nanmedian, np.nanmax))
                ax.fill_between(epochs[some], least, most, color=MODEL_COLOURS[model], alpha=0.18, lw=0)
                line = ax.plot(epochs[some], middle, "o-", ms=2.5, lw=1, color=MODEL_COLOURS[model])[0]
                names[MODEL_NAMES[model]] = line
        for ax, label in zip(axes, ("tokens before the loop", "words in the loop"), strict=True):
            ax.set_yscale("log")
            ax.set_ylim(0.8, max(1.3 * ax.get_ylim()[1], 1.5 * max(marks)) if ax is axes[0] else None)
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter("")
            ax.set(xlabel="epoch", ylabel=label, title=title)
            ax.title.set_fontsize(9)
        for (mark, label), style in zip(marks.items(), ("--", ":"), strict=True):
            names[f"{mark} tokens: {label}"] = axes[0].axhline(mark, color=BLACK, ls=style, lw=0.9)
    letter(rows.flat)
    fig.legend(names.values(), names.keys(), loc="outside lower center", ncols=4)
    return fig


def contraction(panels, rest) -> Figure:
    """panels: {title: [(model, rate (E,), rate for |u| <= 1 (E,), epochs (P,), spread (P,)), ...]}.

    rest: the spread below which the outputs count as one point; spreads below FLOOR are triangles there.
    """
    fig, rows = figure(len(panels), 2, size=(8.2, 2.9 * len(panels) + 0.2), squeeze=False)
    for axes, (title, lines) in zip(rows, panels.items(), strict=True):
        seen = set()
        for model, rate, unit, epochs, spread in lines:
            at, colour = np.arange(1, len(rate) + 1), MODEL_COLOURS[model]
            label = None if model in seen else MODEL_NAMES[model]
            seen.add(model)
            axes[0].semilogy(at, rate, color=colour, lw=1.1, label=label)
            if not np.allclose(rate, unit):
                axes[0].semilogy(at, unit, color=colour, lw=0.9, ls=":", label=label and f"{label}, if $|u| \\leq 1$")
            above = spread > FLOOR
            axes[1].semilogy(epochs[above], spread[above], "o", ms=3, color=colour)
            axes[1].semilogy(epochs[~above], np.full((~above).sum(), FLOOR), "v", ms=3.5, color=colour, mfc="white")
        axes[0].axhline(1, color=BLACK, lw=0.8)
        axes[1].axhline(rest, color=BLACK, lw=0.8, ls="--")
        where = {"transform": axes[1].get_yaxis_transform(), "fontsize": 8}
        axes[1].text(0.99, 0.8 * rest, "below: one point", ha="right", va="top", **where)
        axes[0].set(xlabel="epoch", ylabel="certified rate of contraction", title=title)
        axes[1].set(xlabel="epoch", ylabel="spread of the outputs\nunder a constant token", title=title)
        axes[1].set_ylim(FLOOR / 2, 4 * rest)
        for ax in axes:
            ax.xaxis.get_major_locator().set_params(integer=True)
        axes[0].legend(fontsize=8)
    letter(rows.flat)
    return fig
