"""Figures of the language models: what rests is drawn at rest."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from paperlib.figures import wikitext2


def drawn(y, moves=True):
    fig = wikitext2.diagrams([("a", "mean logit", "lstm", np.arange(len(y)), y, moves)], 1)
    plt.close(fig)
    return fig.axes[0]


@pytest.mark.parametrize(("noise", "name"), [(1e-6, "rectilinear"), (0.4, "3d")])
def test_rounding_gets_no_axis_of_its_own(noise, name):
    ax = drawn(np.tile([0.0, noise], (3, 5)))
    assert ax.name == name
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "mean logit")
    assert name != "3d" or ax.get_zlabel() == "first difference"


def test_an_epoch_that_dwarfs_the_others_is_left_out_whole_and_said():
    y = np.tile(np.linspace(0, 1, 6), (4, 1))
    y[0] = [-40, 0, 0.5, 1, 20, 40]
    left, kept = drawn(y, False), drawn(np.clip(y, -5, 5), False)
    assert "without epoch 0" in left.get_title() and "without" not in kept.get_title()
    assert [min(line.get_xdata().min() for line in ax.lines) for ax in (left, kept)] == [1, 0]


def test_points_are_joined_only_where_they_were_followed():
    joined = np.array([[False, False], [True, False], [True, True]])
    fig = wikitext2.stability({("a", "lstm"): [(np.array([0, 4, 8]), np.ones((3, 2, 1)), joined)]})
    plt.close(fig)
    lines = [line for line in fig.axes[0].lines if len(line.get_xdata()) == 2 and line.get_xdata()[1] in (4, 8)]
    assert [tuple(line.get_xdata()) for line in lines] == [(0, 4), (4, 8), (4, 8)]


def test_what_is_zero_but_for_rounding_is_not_drawn_as_a_value():
    fig = wikitext2.forgetting({"a": [("lstm", np.array([1, 1e-3, 0]), np.array([1, 1e-9, 1e-12]))]})
    plt.close(fig)
    assert [np.isfinite(ax.lines[0].get_ydata()).sum() for ax in fig.axes] == [2, 1]
    rate = np.full(3, 0.9)
    fig = wikitext2.contraction({"a": [("slstm", rate, rate, np.arange(3), np.array([0, 1e-7, 0]))]}, 5e-3)
    plt.close(fig)
    seen, floored = fig.axes[1].lines[:2]
    assert list(seen.get_xdata()) == [1] and list(floored.get_xdata()) == [0, 2] and floored.get_marker() == "v"


def test_epochs_without_loops_are_left_out_and_the_band_spans_the_orbits():
    values = np.array([[np.nan, np.nan], [3, 9], [5, np.nan]])
    fig = wikitext2.loop_history({"a": {"ornn": (np.array([0, 1, 2]), values, values)}}, {100: "x", 600: "y"})
    plt.close(fig)
    ax = fig.axes[0]
    assert list(ax.lines[0].get_xdata()) == [1, 2] and list(ax.lines[0].get_ydata()) == [6, 5]
    assert ax.collections[0].get_paths()[0].vertices[:, 1].max() == 9 and ax.get_ylim()[1] > 600
