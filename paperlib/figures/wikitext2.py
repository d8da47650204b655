"""Figures of the chapter on language: R, Figs. 8 and 9, supplementary Figs. 5 to 7, loops and what a text does."""

import numpy as np
from matplotlib.figure import Figure

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


def diagrams(panels, columns) -> Figure:
    """panels: [(title, model, epochs (E,), output (E, T), whether with its first difference), ...], row by row.

    R, Fig. 8 and supplementary Figs. 5 to 7. Limits leave out epoch 0 where that is ten times larger than the rest.
    """
    rows = -(-len(panels) // columns)
    fig, _ = figure(size=(9.2, (2.5 if columns > 3 else 2.9) * rows))
    fig.clf()
    for i, (title, model, epochs, y, moves) in enumerate(panels):
        later = y[epochs > 0] if (epochs > 0).any() else y
        shown = later if np.abs(y).max() > 10 * np.abs(later).max() else y
        low, high, size = shown.min(), shown.max(), 4.0 if len(epochs) < 40 else 2.0
        pad = 0.06 * (high - low) + 1e-3
        kind = {"projection": "3d"} if moves else {}
        ax = fig.add_subplot(rows, columns, i + 1, **kind)
        at = np.broadcast_to(epochs[:, None], y.shape)
        if moves:
            ax.scatter(at[:, 1:], y[:, 1:], np.diff(y), s=size, lw=0, color=MODEL_COLOURS[model])
            if np.abs(np.diff(y)).max() < STILL:
                ax.set_zlim(-STILL, STILL)
            ax.view_init(elev=22, azim=-60)
            ax.set_box_aspect((1.6, 1, 1), zoom=0.95)
            ax.locator_params(nbins=4)
        else:
            inside = (y >= low - pad) & (y <= high + pad)
            ax.plot(at[inside], y[inside], "o", ms=0.75 * size, mew=0, color=MODEL_COLOURS[model])
        ax.set_xlim(epochs[0] - 0.03 * epochs[-1], 1.03 * epochs[-1])
        ax.set_ylim(low - pad, high + pad)
        ax.set_title(title, fontsize=8.5)
        ax.set_xlabel("epoch", fontsize=8)
        ax.tick_params(labelsize=7)
    return fig


def starts(panels) -> Figure:
    """panels: {title: (epochs (E,), output (S, E, T))}: one realisation a colour, side by side at every epoch."""
    rows = -(-len(panels) // 2)
    fig, axes = figure(rows, 2, size=(9.2, 2.3 * rows), squeeze=False)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for ax, (title, (epochs, outputs)) in zip(axes.flat, panels.items(), strict=False):
        gap = np.diff(epochs).min() * 0.13
        for k, (y, colour) in enumerate(zip(outputs, (BLUE, ORANGE, GREEN, RED, PURPLE), strict=False)):
            at = np.broadcast_to(epochs[:, None] + gap * (k - 2), y.shape)
            ax.plot(at.ravel(), y.ravel(), "o", ms=2.6 if len(epochs) < 40 else 1.4, mew=0, color=colour)
        ax.set(xlabel="epoch", title=title)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.title.set_fontsize(9)
    return fig


def stability(panels) -> Figure:
    """panels: {(title, model): [(epochs (E,), modulus (E, token, multiplier)), ...]}, one entry a seed.

    Of the fixed point under a constant token: solid the first token, dashed the second.
    """
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    fig, axes = figure(rows, columns, size=(9.2, 2.9 * rows), sharey=True, squeeze=False)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for ax, ((title, model), lines) in zip(axes.flat, panels.items(), strict=False):
        for k, (epochs, modulus) in enumerate(lines):
            for token, style in zip(modulus.swapaxes(0, 1), ("-", "--"), strict=False):
                ax.plot(epochs, token[:, 0], style, marker="os^D"[k % 4], ms=3, lw=0.9, color=MODEL_COLOURS[model])
        ax.axhline(1, color=BLACK, lw=0.8)
        ax.set(xlabel="epoch", title=title)
        ax.title.set_fontsize(9)
    for row in axes:
        row[0].set_ylabel("leading multiplier,\nmodulus")
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


def forgetting(panels) -> Figure:
    """panels: {title: [(model, distance (n,), variation (n,)), ...]}: two runs that read the same text, a row each."""
    fig, rows = figure(len(panels), 2, size=(8.2, 2.9 * len(panels) + 0.2), squeeze=False, sharex=True)
    names = {}
    for axes, (title, lines) in zip(rows, panels.items(), strict=True):
        for model, distance, variation in lines:
            for ax, values in zip(axes, (distance, variation), strict=True):
                floored = np.maximum(values, 1e-8)
                names[MODEL_NAMES[model]] = ax.semilogy(floored, color=MODEL_COLOURS[model], lw=1, alpha=0.8)[0]
        axes[0].set(ylabel="distance of the states", title=title)
        axes[1].set(ylabel="distance of the predictions", title=title)
    for ax in rows[-1]:
        ax.set_xlabel("tokens of the same text read")
    letter(rows.flat)
    fig.legend(names.values(), names.keys(), loc="outside lower center", ncols=len(names))
    return fig


def loops(panels, marks) -> Figure:
    """panels: {title: {model: (tokens before the loop (M,), words in it (M,))}}; marks (token counts) are dashed."""
    fig, axes = figure(1, len(panels), size=(4.2 * len(panels) + 1.6, 3.4), squeeze=False)
    names = {}
    for ax, (title, models) in zip(axes[0], panels.items(), strict=True):
        for model, (before, points) in models.items():
            line = ax.loglog(np.maximum(before, 1), points, "o", ms=4, alpha=0.5, color=MODEL_COLOURS[model])[0]
            names[MODEL_NAMES[model]] = line
        every = np.concatenate([points for _, points in models.values()])
        ax.set_ylim(0.85, 1.3 * np.nanmax(every, initial=1))
        plain_log(ax, np.array(ax.get_ylim()))
        ax.set_xlim(0.8, 2000)  # whole decades: their ticks are enough
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
        for mark in marks:
            ax.axvline(mark, color=BLACK, ls="--", lw=0.8)
        ax.set(xlabel="tokens before the loop", title=title)
    axes[0, 0].set_ylabel("words in the loop")
    fig.legend(names.values(), names.keys(), loc="outside right upper")
    return fig


def contraction(panels) -> Figure:
    """panels: {title: [(model, rate (E,), rate for |u| <= 1 (E,), epochs (P,), spread (P,)), ...]}."""
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
            axes[1].semilogy(epochs, np.maximum(spread, 1e-8), "o-", ms=2.5, lw=0.9, color=colour)
        axes[0].axhline(1, color=BLACK, lw=0.8)
        axes[0].set(xlabel="epoch", ylabel="certified rate of contraction", title=title)
        axes[0].xaxis.get_major_locator().set_params(integer=True)
        axes[1].set(xlabel="epoch", ylabel="spread of the outputs\nunder a constant token", ylim=(5e-9, 1e1))
        axes[0].legend(fontsize=8)
    letter(rows.flat)
    return fig
