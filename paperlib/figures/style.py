"""One look for every figure: colours that survive colour blindness, axes that say their unit."""

import io

import matplotlib
from matplotlib.figure import Figure

# Okabe and Ito's palette: eight colours told apart with any colour vision, each with one meaning in the book.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#222222",
)
MODEL_COLOURS = {
    "lstm": BLUE,
    "slstm": GREEN,
    "slstm-certified": SKY,
    "ornn": RED,
    "ornn-nonexpansive": PURPLE,
    "tanh": ORANGE,
    "plrnn": BLACK,
}
MODEL_NAMES = {
    "lstm": "LSTM",
    "slstm": "sLSTM, released",
    "slstm-certified": "sLSTM, certified",
    "ornn": "oRNN",
    "ornn-nonexpansive": "oRNN, $b \\leq 0$",
    "tanh": "tanh RNN",
    "plrnn": "PLRNN",
}

RC = {
    "figure.dpi": 144,
    "figure.facecolor": "white",  # opaque: the same figure is read on the light and on the dark page
    "axes.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.5,
    "image.cmap": "viridis",
}
# For the whole process: legends and lines look their defaults up when they are drawn, not when the figure is made.
matplotlib.rcParams.update(RC)


class BookFigure(Figure):
    """A figure that a notebook shows once, when it is the last value of a cell, without pyplot's global state."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi="figure", metadata={"Software": None})
        return buffer.getvalue()


def figure(rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (7.2, 4.0), **subplots):
    """A figure in the house style and its axes, as plt.subplots gives them; `subplots` goes to Figure.subplots."""
    fig = BookFigure(figsize=size, layout="constrained")
    axes = fig.subplots(rows, columns, **subplots)
    return fig, axes


def letter(axes, labels: str = "abcdefghijklmnopqrstuvwxyz") -> None:
    """(a), (b), ... at the upper left corner of each panel."""
    for ax, label in zip(axes, labels, strict=False):
        ax.set_title(f"({label})", loc="left", fontweight="bold")
