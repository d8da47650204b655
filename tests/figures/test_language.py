"""Figures of the language models: what rests is drawn at rest."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from paperlib.figures import wikitext2


@pytest.mark.parametrize(("noise", "limits"), [(1e-6, (-5e-3, 5e-3)), (0.4, None)])
def test_rounding_gets_no_axis_of_its_own(noise, limits):
    y = np.tile([0.0, noise], (3, 5))
    fig = wikitext2.diagrams([("a", "lstm", np.arange(3), y, True)], 1)
    low, high = fig.axes[0].get_zlim()
    plt.close(fig)
    assert (low, high) == pytest.approx(limits) if limits else high > 0.4
