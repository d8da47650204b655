"""Figures of runs that nobody has made say so, and draw what there is beside it."""

import numpy as np
import pytest

from paperlib import figures


def said(fig):
    return [text.get_text() for ax in fig.axes for text in ax.texts]


def test_a_panel_without_a_run_says_so():
    line = np.linspace(0, 1, 300)
    fig = figures.classification.broken_history({"a": [("lstm", line, True)], "b": []}, 0.25)
    assert said(fig) == ["not run"]
    assert len(fig.axes[0].lines) == 4  # the line and its end, chance, the break
    fig = figures.classification.seeds({"50": [(line, line)], "100": []}, 0.25)
    assert said(fig) == ["not run"] * 2
    assert said(figures.symbol_attractors.all_panels("lstm", None, None, "pq", "1234")) == ["not run"]
    cloud = np.random.default_rng(0).normal(size=(3, 10, 6))
    fig = figures.symbol_attractors.diagrams([("p", "lstm", np.arange(3), cloud), ("b", "lstm", None, None)])
    assert said(fig) == ["not run"] and fig.axes[0].name == "3d"
    number = np.arange(18).reshape(3, 6) % 4
    fig = figures.symbol_attractors.counts(
        {"a": None, "b": (np.array([0, 25, 34]), number, np.zeros((3, 6)))}, "pqabcd"
    )
    assert said(fig) == ["not run"] * 2
    drawn = fig.axes[1].collections[0]
    assert (drawn.get_array() == number.T).all()
    np.testing.assert_allclose(drawn.get_coordinates()[0, :, 0], [-12.5, 12.5, 29.5, 38.5])
    assert said(figures.symbol_attractors.counts({"a": None, "b": None}, "pqabcd")) == ["not run"] * 4


def test_the_axis_is_broken_at_250_by_a_factor_of_40():
    fig = figures.classification.broken_history({"a": [("lstm", np.zeros(9), False)], "b": []}, 0.25)
    scale = fig.axes[0].transScale.transform
    place = [scale((x, 0))[0] for x in (0, 125, 250, 250 + 40 * 125, 15250)]
    assert np.diff(place)[:3] == pytest.approx([place[1]] * 3)
    assert scale((15250, 0))[0] == pytest.approx(625)
    back = fig.axes[0].transScale.inverted().transform
    assert back((place[3], 0))[0] == pytest.approx(5250)
