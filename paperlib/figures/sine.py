"""Figures of the chapter on sine waves: R, Figs. 4 and 5, and what the orthogonal network does instead."""

import numpy as np
from matplotlib.figure import Figure

from paperlib.figures.style import BLACK, MODEL_COLOURS, MODEL_NAMES, ORANGE, RED, figure, letter

SHOWN = 1500  # R, Fig. 4 ends there


def history(panels, baseline) -> Figure:
    """panels: {title: [(model, loss (E,)), ...]}: the mean squared error an epoch, every seed a line."""
    fig, axes = figure(1, len(panels), size=(8.2, 3.4), sharey=True, squeeze=False)
    for ax, (title, lines) in zip(axes[0], panels.items(), strict=True):
        seen = set()
        for model, loss in lines:
            label = MODEL_NAMES[model] if model not in seen else None
            ax.semilogy(np.arange(1, len(loss) + 1), loss, color=MODEL_COLOURS[model], lw=0.8, alpha=0.8, label=label)
            seen.add(model)
        ax.axhline(baseline, color=BLACK, ls="--", lw=0.9)
        ax.set(xlabel="epoch", title=title)
    axes[0, 0].set_ylabel("mean squared error")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper")
    return fig


def diagrams(panels) -> Figure:
    """panels: {scale: {model: (epochs (E,), output (E, S, T))}}: output and its first difference against the epoch."""
    columns = max(len(models) for models in panels.values())
    fig, _ = figure(size=(8.6, 3.4 * len(panels)))
    fig.clf()
    for row, (scale, models) in enumerate(panels.items()):
        for i, (model, (epochs, y)) in enumerate(models.items()):
            ax = fig.add_subplot(len(panels), columns, row * columns + i + 1, projection="3d")
            steps = np.diff(y, axis=-1)
            inside = (np.abs(y[..., 1:]) < 1.5) & (np.abs(steps) < 0.5)
            at = np.broadcast_to(epochs[:, None, None], steps.shape)
            ax.scatter(at[inside], y[..., 1:][inside], steps[inside], s=0.4, lw=0, color=MODEL_COLOURS[model])
            ax.set(xlabel="epoch", ylabel="$y_t$", xlim=(epochs[0], epochs[-1]), ylim=(-1.5, 1.5), zlim=(-0.5, 0.5))
            ax.set(yticks=(-1, 0, 1), zticks=(-0.4, 0, 0.4), xticks=np.linspace(epochs[0], epochs[-1], 4).round())
            ax.set_title(f"{MODEL_NAMES[model]}, {scale} scale\nheight: $y_t - y_{{t-1}}$", fontsize=9)
            ax.tick_params(labelsize=7)
            ax.view_init(elev=22, azim=-60)
            ax.set_box_aspect((1.7, 1, 1), zoom=1.0)
    return fig


def amplitudes(panels, omega) -> Figure:
    """panels: {scale: {model: (epochs (E,), deviation (E, I, S))}}: every input a colour, every start a line."""
    import matplotlib

    columns = max(len(models) for models in panels.values())
    fig, axes = figure(len(panels), columns, size=(8.4, 2.7 * len(panels)), sharey=True, squeeze=False)
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.92, len(omega)))
    for row, (scale, models) in zip(axes, panels.items(), strict=True):
        for ax in row[len(models) :]:
            ax.set_axis_off()
        for ax, (model, (epochs, deviation)) in zip(row, models.items(), strict=False):
            for i, colour in enumerate(colours):
                ax.plot(epochs, np.minimum(deviation[:, i], 2), color=colour, lw=0.6)
            ax.axhline(0.5**0.5, color=BLACK, ls=":", lw=0.9)
            ax.set(xlabel="epoch", title=f"{MODEL_NAMES[model]}, {scale} scale", ylim=(-0.05, 1.5))
        row[0].set_ylabel("deviation of the output\non its attractor")
    norm = matplotlib.colors.Normalize(omega[0], omega[-1])
    fig.colorbar(matplotlib.cm.ScalarMappable(norm, "viridis"), ax=axes[:, -1].tolist(), label="input $\\omega$")
    return fig


def neimark_sacker(panels) -> Figure:
    """panels: {scale: [(epochs (E,), multipliers (E, M, 2), followed (E,), Crossings), ...]}, one entry a run.

    Lines join what was followed; epochs beyond `SHOWN` have no place on the right.
    """
    fig, rows = figure(len(panels), 2, size=(7.8, 3.7 * len(panels)), width_ratios=(1, 1.3), squeeze=False)
    angle = np.linspace(0, 2 * np.pi, 400)
    for axes, (scale, seeds) in zip(rows, panels.items(), strict=True):
        axes[0].plot(np.cos(angle), np.sin(angle), color=BLACK, lw=0.8)
        for k, (epochs, multipliers, followed, found) in enumerate(seeds):
            modulus = np.hypot(multipliers[:, 0, 0], multipliers[:, 0, 1])
            marker = "os^Dv"[k % 5]
            if k == 0:
                real, imaginary = multipliers[:, 0, 0], np.abs(multipliers[:, 0, 1])
                points = axes[0].scatter(real, imaginary, c=epochs, s=18, cmap="viridis")
                axes[0].scatter(real, -imaginary, c=epochs, s=18, cmap="viridis")
            (dots,) = axes[1].plot(epochs, modulus, marker, ms=3, label=f"{scale} scale, seed {k}")
            ends = np.stack([[epochs[:-1], epochs[1:]], [modulus[:-1], modulus[1:]]])[..., followed[1:] > 0]
            axes[1].plot(*ends, "-", color=dots.get_color(), lw=0.9)
            for crossing in found:
                axes[1].axvline(crossing.epoch, color=RED, lw=0.7, ls="--")
        axes[1].axhline(1, color=BLACK, lw=0.8)
        axes[0].set(xlabel="real part", ylabel="imaginary part", xlim=(0.2, 1.3), ylim=(-0.7, 0.7), aspect="equal")
        axes[1].set(xlabel="epoch", ylabel="modulus of the leading multiplier")
        end = min(1.03 * max(epochs[-1] for epochs, *_ in seeds), SHOWN)
        axes[1].set_xlim(-0.03 * end, end)
        axes[1].legend()
        fig.colorbar(points, ax=axes[0], label="epoch", location="top", shrink=0.8)
    letter(rows.flat)
    return fig


def frequencies(omega, panels) -> Figure:
    """panels: {scale: {model: (frequency (S, I), exponents (I, k))}} after the last epoch."""
    fig, rows = figure(len(panels), 2, size=(7.8, 3.4 * len(panels)), squeeze=False)
    for axes, (scale, models) in zip(rows, panels.items(), strict=True):
        axes[0].plot(omega, omega, color=BLACK, lw=0.8)
        for model, (frequency, exponents) in models.items():
            colour = MODEL_COLOURS[model]
            axes[0].plot(omega, frequency.T, "o", color=colour, ms=4, alpha=0.6)
            axes[0].plot([], [], "o", color=colour, label=MODEL_NAMES[model])
            axes[1].plot(omega, exponents[:, :3], "o-", color=colour, ms=3, lw=0.8)
        axes[1].axhline(0, color=BLACK, lw=0.8)
        axes[0].set(xlabel="input $\\omega$ (rad per step)", ylabel="frequency of the attractor")
        axes[0].set_title(f"{scale} scale")
        axes[1].set(xlabel="input $\\omega$ (rad per step)", ylabel="first three exponents\n(nats per step)")
        axes[0].legend()
    letter(rows.flat)
    return fig


def contraction(panels) -> Figure:
    """panels: {scale: {model: [(rate (E,), epochs (P,), spread (P,)), ...]}}: certificate, distance of end states."""
    fig, rows = figure(len(panels), 2, size=(7.8, 3.0 * len(panels)), squeeze=False)
    for axes, (scale, models) in zip(rows, panels.items(), strict=True):
        for model, lines in models.items():
            for rate, epochs, spread in lines:
                axes[0].plot(np.arange(1, len(rate) + 1), rate, color=MODEL_COLOURS[model], lw=0.9)
                axes[1].semilogy(epochs, np.maximum(spread, 1e-8), color=MODEL_COLOURS[model], lw=0.9)
            axes[0].plot([], [], color=MODEL_COLOURS[model], label=MODEL_NAMES[model])
        axes[0].axhline(1, color=BLACK, lw=0.8)
        axes[0].set(xlabel="epoch", ylabel="certified rate of contraction", title=f"{scale} scale")
        axes[1].set(xlabel="epoch", ylabel="spread of the outputs\nover starts and steps")
        axes[0].legend()
    letter(rows.flat)
    return fig


def jump(panels, omega) -> Figure:
    """panels: {scale: (biases, cut)}: biases [(positive (E,), largest (E,)), ...] and cut {label: deviation (S, I)},
    with and without positive biases.
    """
    fig, rows = figure(len(panels), 2, size=(7.8, 3.1 * len(panels)), squeeze=False)
    for axes, (scale, (biases, cut)) in zip(rows, panels.items(), strict=True):
        for positive, _ in biases:
            axes[0].plot(np.arange(1, len(positive) + 1), positive, color=MODEL_COLOURS["ornn"], lw=0.9)
        for (label, deviation), colour, marker in zip(cut.items(), (MODEL_COLOURS["ornn"], BLACK), "os", strict=True):
            axes[1].semilogy(omega, np.maximum(deviation.T, 1e-17), marker, color=colour, ms=4, alpha=0.7)
            axes[1].plot([], [], marker, color=colour, label=label)
        axes[0].set(xlabel="epoch", ylabel="biases above zero", title=f"{scale} scale")
        axes[1].set(xlabel="input $\\omega$ (rad per step)", ylabel="deviation of the output")
        axes[1].legend()
    letter(rows.flat)
    return fig


def dying(windows, panels) -> Figure:
    """windows (W,) in lengths of the training sequence; panels: {scale: {model: [deviation (W, I), ...]}}."""
    fig, axes = figure(1, len(panels), size=(4.2 * len(panels) + 0.6, 3.6), sharey=True, squeeze=False)
    for ax, (scale, models) in zip(axes[0], panels.items(), strict=True):
        for model, seeds in models.items():
            for deviation in seeds:
                middle = np.maximum(np.median(deviation, 1), 1e-12)
                ax.semilogy(windows, middle, "o-", ms=3, lw=0.9, color=MODEL_COLOURS[model])
            ax.plot([], [], "o-", ms=3, color=MODEL_COLOURS[model], label=MODEL_NAMES[model])
        ax.axvspan(0, 1, color=ORANGE, alpha=0.15, lw=0, label="trained on")
        ax.set(xlabel="steps, in lengths of a training sequence", title=f"{scale} scale")
    axes[0, 0].set_ylabel("deviation of the output\n(median over inputs)")
    axes[0, 0].legend()
    return fig


def losses_and_bifurcations(panels) -> Figure:
    """panels: {(scale, model): (loss (E,), jumps (J,), probe epochs (P,), changed (P - 1,))} of one seed each."""
    fig, axes = figure(len(panels), 1, size=(7.8, 2.0 * len(panels)), squeeze=False)
    for ax, ((scale, model), (loss, jumped, epochs, changed)) in zip(axes[:, 0], panels.items(), strict=True):
        for i in np.flatnonzero(changed):
            ax.axvspan(epochs[i], epochs[i + 1], color=ORANGE, alpha=0.5, lw=0)
        ax.semilogy(np.arange(1, len(loss) + 1), loss, color=MODEL_COLOURS[model], lw=0.7)
        ax.plot(jumped + 1, loss[jumped], ".", color=RED, ms=3)
        ax.set(ylabel="error", title=f"{MODEL_NAMES[model]}, {scale} scale")
    axes[-1, 0].set_xlabel("epoch")
    return fig
