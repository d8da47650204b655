"""Figures of the chapter on sequence classification: R, Figs. 6 and 7, supplementary Figs. 2 to 4, and beyond."""

import numpy as np
from matplotlib.figure import Figure

from paperlib.figures.style import BLACK, MODEL_COLOURS, MODEL_NAMES, SKY, figure, letter

ABSENT = "not run"  # what stands in the place of a line that no stored run fills
SYMBOL_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


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
        for model, accuracy, ended in lines:
            at, colour = np.arange(1, len(accuracy) + 1), MODEL_COLOURS[model]
            names[MODEL_NAMES[model]] = ax.plot(at, accuracy, color=colour, lw=1)[0]
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


def limits(y) -> tuple[float, float]:
    """Heights to draw of outputs (E, ...): all but a hundredth at either end, the first epoch left out.

    Before the first update an orthogonal network still shows its start states, a hundred times larger than the rest.
    """
    low, high = np.percentile(y[1:] if len(y) > 1 else y, [1, 99])
    margin = 0.15 * max(high - low, 1e-3)
    return low - margin, high + margin


def diagrams(panels) -> Figure:
    """panels: [(title, model, epochs (E,), output (E, S, T)), ...]: Fig. 7, output and first difference by epoch.

    Within `limits`. Epochs and output are None where no run is stored.
    """
    fig, _ = figure(size=(8.6, 3.5))
    fig.clf()
    for i, (title, model, epochs, y) in enumerate(panels):
        if y is None:
            ax = fig.add_subplot(1, len(panels), i + 1)
            ax.set(title=f"{MODEL_NAMES[model]}, {title}", xticks=[], yticks=[])
            absent(ax)
            continue
        ax = fig.add_subplot(1, len(panels), i + 1, projection="3d")
        moves = np.diff(y, axis=-1)
        at = np.broadcast_to(epochs[:, None, None], moves.shape)
        low, high = limits(y)
        change = max(0.1, *np.abs(limits(moves)))
        inside = (y[..., 1:] > low) & (y[..., 1:] < high) & (np.abs(moves) < change)  # nothing is cut off in 3-D
        ax.scatter(at[inside], y[..., 1:][inside], moves[inside], s=2, lw=0, color=MODEL_COLOURS[model])
        ax.set(xlabel="epoch", ylabel="$y_t$", ylim=(low, high), zlim=(-change, change))
        ax.set_title(f"{MODEL_NAMES[model]}, {title}\nheight: $y_t - y_{{t-1}}$", fontsize=9)
        ax.tick_params(labelsize=7)
        ax.view_init(elev=22, azim=-60)
        ax.set_box_aspect((1.7, 1, 1))
    return fig


def all_panels(model, epochs, y, inputs, classes) -> Figure:
    """epochs (E,), y (E, I, S, T, O): supplementary Figs. 3 and 4, six inputs by four outputs.

    Height is the output on the attractor, within `limits`, colour the size of its first difference. y is None where no
    run is stored.
    """
    import matplotlib

    if y is None:
        fig, ax = figure(size=(8.4, 1.2))
        ax.set(xticks=[], yticks=[], title=MODEL_NAMES[model])
        absent(ax)
        return fig
    fig, axes = figure(len(inputs), len(classes), size=(8.4, 9.6), sharex=True, sharey="col")
    norm = matplotlib.colors.LogNorm(1e-4, 1, clip=True)
    for i, name in enumerate(inputs):
        for j, label in enumerate(classes):
            ax = axes[i, j]
            out = y[:, i, :, :, j]
            at = np.broadcast_to(epochs[:, None, None], out[..., 1:].shape)
            points = ax.scatter(
                at, out[..., 1:], c=np.abs(np.diff(out, axis=-1)) + 1e-12, s=1.5, lw=0, cmap="viridis", norm=norm
            )
            ax.tick_params(labelsize=7)
            ax.set_ylim(limits(y[..., j]))
            if i == 0:
                ax.set_title(f"output {label}", fontsize=9)
            if j == 0:
                ax.set_ylabel(f"input {name}", fontsize=9)
            if i == len(inputs) - 1:
                ax.set_xlabel("epoch", fontsize=9)
    fig.colorbar(points, ax=axes, label="$|y_t - y_{t-1}|$", shrink=0.5, aspect=40)
    fig.suptitle(MODEL_NAMES[model], fontsize=10)
    return fig


def counts(
    panels,
    inputs,
    names=("attractors that ten\nstarts lead to", "share of the starts\nnot at a fixed point"),
) -> Figure:
    """panels: {title: (epochs (E,), number (E, I), share (E, I)) or None}: attractors by epoch; names of the axes."""
    fig, axes = figure(2, len(panels), size=(8.4, 4.6), sharex="col", sharey="row", squeeze=False)
    for (top, bottom), (title, found) in zip(axes.T, panels.items(), strict=True):
        top.set_title(title)
        bottom.set(xlabel="epoch", ylim=(-0.05, 1.05))
        if found is None:
            absent(top)
            absent(bottom)
            continue
        epochs, number, moving = found
        for i, (name, colour) in enumerate(zip(inputs, SYMBOL_COLOURS, strict=True)):
            shift = 0.06 * (i - 2.5)  # lines that agree stay visible
            top.plot(epochs, number[:, i] + shift, "o-", ms=2.5, lw=0.9, color=colour, label=name)
            bottom.plot(epochs, moving[:, i] + shift / 10, "o-", ms=2.5, lw=0.9, color=colour)
    for ax, name in zip(axes[:, 0], names, strict=True):
        ax.set_ylabel(name)
    lines = {label: line for ax in axes[0] for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    if lines:
        fig.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=6, title="input for ever")
    return fig


def clouds(times, panels) -> Figure:
    """panels: {title: [diameter (T, I), ...]}: how far ten starts are apart after so many steps, inputs as lines."""
    fig, axes = figure(1, len(panels), size=(8.2, 3.2), sharey=True)
    for ax, (title, found) in zip(axes, panels.items(), strict=True):
        for diameter in found:
            for i, colour in enumerate(SYMBOL_COLOURS):
                ax.loglog(times, np.maximum(diameter[:, i], 1e-13), color=colour, lw=0.8, alpha=0.8)
        ax.axvline(400, color=BLACK, ls=":", lw=0.9)
        ax.set(xlabel="steps", title=title)
    axes[0].set_ylabel("diameter of the cloud\nof ten starts")
    return fig


def certificates(panels) -> Figure:
    """panels: {model: [(rate (E,), validation accuracy (E,)), ...]}: the proof of contraction, and what is learned."""
    fig, axes = figure(1, 2, size=(7.8, 3.2))
    for model, lines in panels.items():
        for rate, accuracy in lines:
            at = np.arange(1, len(rate) + 1)
            axes[0].plot(at, rate, color=MODEL_COLOURS[model], lw=0.9)
            axes[1].plot(at, accuracy, color=MODEL_COLOURS[model], lw=0.9)
        axes[0].plot([], [], color=MODEL_COLOURS[model], label=MODEL_NAMES[model])
    axes[0].axhline(1, color=BLACK, lw=0.8)
    axes[1].axhline(0.25, color=BLACK, ls="--", lw=0.9)
    axes[0].set(xlabel="epoch", ylabel="certified rate of contraction")
    axes[1].set(xlabel="epoch", ylabel="accuracy, validation", ylim=(0, 1.03))
    axes[0].legend()
    letter(axes)
    return fig


def memory(traces, points, gaps) -> Figure:
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
    axes[1].axhline(0.25, color=BLACK, ls="--", lw=0.9)
    axes[0].set(xlabel="steps since the first symbol", ylabel="share of its trace that is left")
    axes[1].set(xlabel="$\\log_{10}$ of the share left at the end", ylabel="accuracy, validation", ylim=(0, 1.03))
    for model, length, expected, kept, accuracy in gaps:
        colour = MODEL_COLOURS[model]
        size = 3 + length / 20
        axes[2].plot(expected, kept, "o", ms=size, color=colour, mfc=colour if accuracy > 0.8 else "none", mew=1)
    low = min([min(expected, kept) for _, _, expected, kept, _ in gaps], default=-1)
    high = max([max(expected, kept) for _, _, expected, kept, _ in gaps], default=1)
    axes[2].plot([low, high], [low, high], color=BLACK, lw=0.8)
    axes[2].set(xlabel="$\\log_{10}$ of rate$^{\\,\\mathrm{gap}}$", ylabel="$\\log_{10}$ of the share left at the end")
    axes[0].legend(fontsize=8)
    letter(axes)
    return fig


def landscape(panels, clip) -> Figure:
    """panels: {model: [(gradient norms (E,), epochs (P,), local Lipschitz constants (P,)), ...]}."""
    fig, axes = figure(1, 2, size=(8.2, 3.3))
    for model, lines in panels.items():
        for norms, epochs, constants in lines:
            axes[0].semilogy(np.arange(1, len(norms) + 1), norms, color=MODEL_COLOURS[model], lw=0.9)
            axes[1].semilogy(epochs, constants, "o-", ms=3, color=MODEL_COLOURS[model], lw=0.9)
        axes[0].plot([], [], color=MODEL_COLOURS[model], label=MODEL_NAMES[model])
    axes[0].axhspan(0, clip, color=SKY, alpha=0.25, lw=0)
    axes[0].set(xlabel="epoch", ylabel="norm of the gradient,\nbefore clipping")
    axes[1].set(xlabel="epoch", ylabel="local Lipschitz constant\nof the gradient")
    axes[0].legend()
    letter(axes)
    return fig
