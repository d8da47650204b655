"""Figures of the chapter on sequence classification: R, Fig. 6, supplementary Fig. 2, and beyond."""

import numpy as np
from matplotlib.figure import Figure

from paperlib.figures.style import BLACK, MODEL_COLOURS, MODEL_NAMES, SKY, figure, letter

ABSENT = "not run"  # what stands in the place of a line that no stored run fills


def history(panels, baseline) -> Figure:
    """panels: {title: [(model, validation accuracy (E,)), ...]}: Fig. 6, every seed a line."""
    fig, axes = figure(1, len(panels), size=(8.4, 3.4), sharey=True, squeeze=False)
    names = {}
    for ax, (title, lines) in zip(axes[0], panels.items(), strict=True):
        for model, accuracy in lines:
            names[MODEL_NAMES[model]] = ax.plot(
                np.arange(1, len(accuracy) + 1), accuracy, color=MODEL_COLOURS[model], lw=0.9, alpha=0.85
            )[0]
        ax.axhline(baseline, color=BLACK, ls="--", lw=0.9)
        ax.set(xlabel="epoch", title=title, ylim=(0, 1.03))
        if not lines:
            absent(ax)
    axes[0, 0].set_ylabel("accuracy, validation")
    letter(axes[0])
    if names:
        fig.legend(names.values(), names.keys(), loc="outside lower center", ncols=len(names))
    return fig


def absent(ax) -> None:
    ax.text(0.5, 0.55, ABSENT, transform=ax.transAxes, ha="center", va="center", color="#777777", fontsize=11)


def broken_history(panels, baseline) -> Figure:
    """panels: {title: [(model, validation accuracy (E,), whether it went to its end), ...]}: Fig. 6 as printed.

    In the first panel the epochs from 250 to 15250 are drawn 40 times denser than those before. A ring at a line's end:
    the training was left there and can go on.
    """
    fig, axes = figure(1, len(panels), size=(8.4, 3.4), sharey=True, squeeze=False)
    names = {}
    for ax, (title, lines) in zip(axes[0], panels.items(), strict=True):
        for k, (model, accuracy, ended) in enumerate(lines):
            at, colour = np.arange(1, len(accuracy) + 1), MODEL_COLOURS[model]
            # The standard LSTM, first of the lines, is drawn over the others.
            names[MODEL_NAMES[model]] = ax.plot(at, accuracy, color=colour, lw=1, zorder=3 - 0.1 * k)[0]
            ax.plot(at[-1], accuracy[-1], "o", ms=4.5, color=colour, mfc=colour if ended else "white", clip_on=False)
        ax.axhline(baseline, color=BLACK, ls="--", lw=0.9)
        ax.set(xlabel="epoch", title=title, ylim=(0, 1.03))
        if not lines:
            absent(ax)
    first = axes[0, 0]
    first.set_xscale(
        "function",
        functions=(
            lambda x: np.where(x < 250, x, 250 + (x - 250) / 40),
            lambda x: np.where(x < 250, x, 250 + (x - 250) * 40),
        ),
    )
    first.set(xlim=(0, 15250), xticks=[0, 100, 250, 5250, 10250, 15250], ylabel="accuracy, validation")
    first.axvline(250, color=BLACK, ls=":", lw=0.9)
    first.tick_params(axis="x", labelsize=8)
    axes[0, 1].set_xlim(0, max(400, axes[0, 1].get_xlim()[1]))
    letter(axes[0])
    if names:
        fig.legend(names.values(), names.keys(), loc="outside lower center", ncols=len(names))
    return fig


def seeds(panels, baseline) -> Figure:
    """panels: {title: [(training (E,), validation (E,)), ...]}: supplementary Fig. 2, a row of two for each title."""
    fig, axes = figure(len(panels), 2, size=(8.0, 2.1 * len(panels) + 0.4), sharex="row", sharey=True, squeeze=False)
    for row, (title, lines) in zip(axes, panels.items(), strict=True):
        for k, (ax, name) in enumerate(zip(row, ("training", "validation"), strict=True)):
            for line in lines:
                at = np.arange(1, len(line[k]) + 1)
                ax.plot(at, line[k], color=MODEL_COLOURS["lstm"], lw=0.8, alpha=0.7)
                ax.plot(at[-1], line[k][-1], "o", ms=2.5, color=MODEL_COLOURS["lstm"], alpha=0.7, clip_on=False)
            if not lines:
                absent(ax)
            ax.axhline(baseline, color=BLACK, ls="--", lw=0.9)
            ax.set(title=f"{title}, {name}", ylim=(0, 1.03))
        row[0].set_ylabel("accuracy")
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    return fig


def certificates(panels, baseline) -> Figure:
    """panels: {model: [(rate (E,), validation accuracy (E,)), ...]}: the proof of contraction, and what is learned."""
    fig, axes = figure(1, 2, size=(7.8, 3.2))
    for model, lines in panels.items():
        for rate, accuracy in lines:
            at = np.arange(1, len(rate) + 1)
            axes[0].plot(at, rate, color=MODEL_COLOURS[model], lw=0.9)
            axes[1].plot(at, accuracy, color=MODEL_COLOURS[model], lw=0.9)
        axes[0].plot([], [], color=MODEL_COLOURS[model], label=MODEL_NAMES[model])
    axes[0].axhline(1, color=BLACK, lw=0.8)
    axes[1].axhline(baseline, color=BLACK, ls="--", lw=0.9)
    axes[0].set(xlabel="epoch", ylabel="certified rate of contraction")
    axes[1].set(xlabel="epoch", ylabel="accuracy, validation", ylim=(0, 1.03))
    axes[0].legend()
    letter(axes)
    return fig


def memory(traces, points, gaps, baseline) -> Figure:
    """traces: {model: (kept (K,), certified rate or None)}; points: [(model, log10 kept, accuracy), ...].

    gaps: [(model, length, log10 of rate^gap, log10 kept, accuracy), ...]
    """
    fig, axes = figure(1, 3, size=(9.6, 3.5))
    for model, (kept, rate) in traces.items():
        steps = np.arange(len(kept))
        axes[0].semilogy(steps, kept, color=MODEL_COLOURS[model], label=MODEL_NAMES[model])
        if rate is not None:
            axes[0].semilogy(steps, rate**steps, color=MODEL_COLOURS[model], ls=":", lw=1.2)
    for model, kept, accuracy in points:
        axes[1].plot(kept, accuracy, "o", ms=5, color=MODEL_COLOURS[model], alpha=0.75, mec="white", mew=0.4)
    axes[1].axhline(baseline, color=BLACK, ls="--", lw=0.9)
    axes[0].set(xlabel="steps since the first symbol", ylabel="share of its trace that is left")
    axes[1].set(xlabel="$\\log_{10}$ of the share left at the end", ylabel="accuracy, validation", ylim=(0, 1.03))
    longest = max((length for _, length, *_ in gaps), default=1)
    for model, length, expected, kept, accuracy in gaps:
        colour = MODEL_COLOURS[model]
        size = 3 + 5 * length / longest
        axes[2].plot(expected, kept, "o", ms=size, color=colour, mfc=colour if accuracy > 0.8 else "none", mew=1)
    low = min([min(expected, kept) for _, _, expected, kept, _ in gaps], default=-1)
    high = max([max(expected, kept) for _, _, expected, kept, _ in gaps], default=1)
    axes[2].plot([low, high], [low, high], color=BLACK, lw=0.8)
    for length in sorted({length for _, length, *_ in gaps}):
        axes[2].plot([], [], "o", ms=3 + 5 * length / longest, color="#777777", mfc="none", label=f"length {length}")
    axes[2].plot([], [], "o", ms=5, color="#777777", label="solved")
    axes[2].legend(fontsize=7)
    axes[2].set(xlabel="$\\log_{10}$ of rate$^{\\,\\mathrm{gap}}$", ylabel="$\\log_{10}$ of the share left at the end")
    axes[0].legend(fontsize=8)
    letter(axes)
    return fig


def landscape(panels, clip) -> Figure:
    """panels: {title: {model: [(gradient norms (E,), epochs (P,), Lipschitz constants (P,)), ...]}}, a row each."""
    fig, axes = figure(len(panels), 2, size=(8.2, 2.5 * len(panels) + 0.6), squeeze=False)
    names = {}
    for row, (title, lines) in zip(axes, panels.items(), strict=True):
        for model, every in lines.items():
            for norms, epochs, constants in every:
                (names[MODEL_NAMES[model]],) = row[0].semilogy(
                    np.arange(1, len(norms) + 1), norms, color=MODEL_COLOURS[model], lw=0.9
                )
                row[1].semilogy(epochs, constants, "o-", ms=3, color=MODEL_COLOURS[model], lw=0.9)
        row[0].axhspan(0, clip, color=SKY, alpha=0.25, lw=0)
        if max((len(norms) for every in lines.values() for norms, *_ in every), default=0) > 150:
            for ax in row:  # most trainings end before 50
                ax.set_xscale("symlog", linthresh=50)
                ax.set_xticks(ticks := [0, 20, 40, 100, 200], ticks)
                ax.minorticks_off()
        row[0].set_ylabel(f"{title}\n\nnorm of the gradient,\nbefore clipping")
        row[1].set_ylabel("local Lipschitz constant\nof the gradient")
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    letter(axes.flat)
    fig.legend(names.values(), names.keys(), loc="outside lower center", ncols=max(len(names), 1))
    return fig
