"""Figures of the attractors of the symbol trainings: R, Fig. 7, supplementary Figs. 3 and 4, and their counts."""

import numpy as np
from matplotlib.figure import Figure

from paperlib.figures.classification import absent
from paperlib.figures.style import BLACK, MODEL_COLOURS, MODEL_NAMES, figure

SEED_COLOURS = ("#0072B2", "#D55E00", "#009E73")


def limits(y) -> tuple[float, float]:
    """Heights to draw of outputs (E, ...): all but a hundredth at either end."""
    low, high = np.percentile(y, [1, 99])
    margin = 0.15 * max(high - low, 1e-3)
    return low - margin, high + margin


def diagrams(panels) -> Figure:
    """panels: [(title, model, epochs (E,), output (E, S, T)), ...]: Fig. 7, output and first difference by epoch.

    Within `limits`. Epochs and output are None where no run is stored.
    """
    import matplotlib

    fig, _ = figure(size=(9.6, 3.3))
    fig.clf()
    for i, (title, model, epochs, y) in enumerate(panels):
        if y is None:
            ax = fig.add_subplot(1, len(panels), i + 1)
            ax.set(title=f"{MODEL_NAMES[model]}, {title}", xticks=[], yticks=[])
            absent(ax)
            continue
        ax = fig.add_subplot(1, len(panels), i + 1, projection="3d")
        later = epochs > 0  # at epoch 0 an orthogonal network still shows its start states, a hundred times larger
        epochs, y = epochs[later], y[later]
        moves = np.diff(y, axis=-1)
        at = np.broadcast_to(epochs[:, None, None], moves.shape)
        low, high = limits(y)
        change = max(0.1, *np.abs(limits(moves)))
        inside = (y[..., 1:] > low) & (y[..., 1:] < high) & (np.abs(moves) < change)  # nothing is cut off in 3-D
        ax.scatter(at[inside], y[..., 1:][inside], moves[inside], s=2, lw=0, color=MODEL_COLOURS[model])
        ax.set(xlabel="epoch", ylabel="$y_t$", ylim=(low, high), zlim=(-change, change))
        ax.set_title(f"{MODEL_NAMES[model]}, {title}\nheight: $y_t - y_{{t-1}}$", fontsize=9)
        ax.tick_params(labelsize=7, pad=-1)
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
            axis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
        ax.view_init(elev=22, azim=-60)
        ax.set_box_aspect((1.5, 1.1, 1), zoom=0.95)
    return fig


def all_panels(model, epochs, y, inputs, classes) -> Figure:
    """epochs (E,), y (E, I, S, T, O): supplementary Figs. 3 and 4, six inputs by four outputs.

    Height is the output on the attractor, within `limits`, colour the size of its first difference. Epoch 0, where the
    start states are still seen, is left out. y is None where no run is stored.
    """
    import matplotlib

    if y is None:
        fig, ax = figure(size=(8.4, 1.2))
        ax.set(xticks=[], yticks=[], title=MODEL_NAMES[model])
        absent(ax)
        return fig
    fig, axes = figure(len(inputs), len(classes), size=(8.4, 9.6), sharex=True, sharey="col")
    later = epochs > 0
    epochs, y = epochs[later], y[later]
    fastest = float(np.percentile(np.abs(np.diff(y, axis=3)), 99)) if len(y) else 1.0
    norm = matplotlib.colors.LogNorm(min(1e-4, fastest / 10), fastest, clip=True)
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
    """panels: {title: (epochs (E,), number (E, I), share (E, I)) or None}: attractors by epoch, an input a row."""
    import matplotlib

    fig, axes = figure(2, len(panels), size=(9.2, 4.4), sharex="col", sharey=True, squeeze=False)
    most = max([int(found[1].max()) for found in panels.values() if found is not None], default=1)
    limits_of, colours = ((-0.5, most + 0.5), (0, 1)), ("viridis", "magma")
    for k, (row, name) in enumerate(zip(axes, names, strict=True)):
        shown = None
        for ax, (title, found) in zip(row, panels.items(), strict=True):
            if k == 0:
                ax.set_title(title, fontsize=10)
            if found is None:
                absent(ax)
                continue
            epochs, values = found[0], found[1 + k]
            low, high = limits_of[k]
            cmap = matplotlib.colormaps[colours[k]].resampled(256 if k else most + 1)
            shown = ax.pcolormesh(_edges(epochs), np.arange(7) - 0.5, values.T, cmap=cmap, vmin=low, vmax=high)
            ax.set(yticks=range(6), yticklabels=inputs, ylim=(5.5, -0.5))
        row[0].set_ylabel("input for ever")
        if shown is not None:
            bar = fig.colorbar(shown, ax=row, label=name, pad=0.01)
            if k == 0:
                bar.set_ticks(range(most + 1))
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    return fig


def _edges(epochs) -> np.ndarray:
    """Half way between the epochs (E,), and as far beyond the first and the last: (E + 1,)."""
    if len(epochs) == 1:
        return epochs[0] + np.array([-0.5, 0.5])
    middle = (epochs[1:] + epochs[:-1]) / 2
    return np.concatenate([[2 * epochs[0] - middle[0]], middle, [2 * epochs[-1] - middle[-1]]])


def clouds(times, panels) -> Figure:
    """panels: {title: [diameter (T, I), ...]}: how far ten starts are apart after so many steps.

    A colour a seed: the median over the inputs, and shaded from the least to the largest of them.
    """
    fig, axes = figure(1, len(panels), size=(8.6, 3.3), sharey=True)
    for ax, (title, found) in zip(axes, panels.items(), strict=True):
        for seed, (diameter, colour) in enumerate(zip(found, SEED_COLOURS, strict=False)):
            diameter = np.maximum(diameter, 1e-13)
            ax.fill_between(times, diameter.min(1), diameter.max(1), color=colour, alpha=0.2, lw=0)
            ax.loglog(times, np.median(diameter, 1), color=colour, lw=1.2, label=f"seed {seed}")
        ax.axvline(400, color=BLACK, ls=":", lw=0.9)
        ax.set(xlabel="steps", title=title)
    axes[0].set_ylabel("diameter of the cloud\nof ten starts")
    axes[0].legend(fontsize=8)
    return fig
