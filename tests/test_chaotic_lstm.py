"""The chaotic LSTM: its spectrum, its range of chaos, and Fig. 1 against stored data."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from paperlib import chaotic_lstm, dynamics
from paperlib.models import Model

REFERENCE = Path(__file__).parent / "reference" / "chaotic_lstm.safetensors"
ONE = torch.ones(1, dtype=torch.float64)


def starts(count):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 1, 4, dtype=torch.float64, generator=generator) * 2 - 1


def test_spectrum_of_the_released_weights():
    # Reference: 16 starts of 60,000 steps. Both errors enter the comparison: ours from the spread over starts.
    expected = torch.tensor([0.1701, -0.3853, -1.6770, -4.6222], dtype=torch.float64)
    error = torch.tensor([0.0003, 0.0004, 0.0008, 0.0013], dtype=torch.float64)
    step = chaotic_lstm.family(chaotic_lstm.theta(chaotic_lstm.RELEASED)).at(ONE)
    values = dynamics.lyapunov_spectrum(step, starts(512), 2000, transient=500)[:, 0]
    ours = values.std(0) / 512**0.5
    assert (ours < 2 * error).all()  # else the comparison would be empty
    assert ((values.mean(0) - expected).abs() < 4 * (error**2 + ours**2).sqrt()).all()
    two = dynamics.max_lyapunov(step, starts(512), 2000, transient=500)
    assert abs(two.mean() - values[:, 0].mean()) < 4 * ours[0]


def test_not_chaotic_as_printed():
    step = chaotic_lstm.family(chaotic_lstm.theta(chaotic_lstm.PRINTED)).at(ONE)
    values = dynamics.lyapunov_spectrum(step, starts(64), 2000, transient=1000)[:, 0, 0]
    assert (values < 0).all() and (values > -0.01).all()


def test_analytic_and_automatic_jacobians_agree():
    step = chaotic_lstm.family(chaotic_lstm.theta(chaotic_lstm.RELEASED)).at(ONE)
    x = starts(32)
    analytic = dynamics.lyapunov_spectrum(step, x, 200, transient=20)
    automatic = dynamics.lyapunov_spectrum(lambda x: step(x), x, 200, transient=20)
    given = dynamics.lyapunov_spectrum(
        lambda x: step(x), x, 200, transient=20, jacobian=lambda x: dynamics.jacobian(step, x)
    )
    torch.testing.assert_close(automatic, analytic, rtol=0, atol=1e-9)
    torch.testing.assert_close(given, analytic, rtol=0, atol=1e-9)


def test_the_two_sets_differ_in_two_signs():
    difference = chaotic_lstm.theta(chaotic_lstm.RELEASED) - chaotic_lstm.theta(chaotic_lstm.PRINTED)
    assert difference.nonzero().tolist() == [[0, 1], [7, 1]]


def test_grids_are_those_of_the_paper():
    s = chaotic_lstm.line()
    assert len(s) == 5000 and (s == 1).sum() == 1 and s[0] == 0.5 and s[-1] == 2 and (s.diff() > 0).all()
    grid = chaotic_lstm.grid()
    assert grid.shape == (152, 151, 2) and grid[-1, -1].tolist() == [2.0, 0.5]
    assert (grid == torch.tensor(chaotic_lstm.TRUE)).all(-1).sum() == 1
    direction = chaotic_lstm.random_direction(3)
    assert torch.equal(direction, chaotic_lstm.random_direction(3)) and 0 <= direction.min() <= direction.max() < 1


def test_family_of_one_equals_torch_lstm():
    """Supplement C through torch's own cell: nothing of ours in the reference."""
    cell = torch.nn.LSTMCell(1, 2, bias=False, dtype=torch.float64)
    cell.weight_hh.data = chaotic_lstm.theta(chaotic_lstm.RELEASED)
    h = c = torch.full((1, 2), 0.5, dtype=torch.float64)
    states = dynamics.orbit(chaotic_lstm.family(cell.weight_hh.data).at(ONE), chaotic_lstm.start()[None], 20)
    for t in range(20):
        h, c = cell(torch.zeros(1, 1, dtype=torch.float64), (h, c))
        torch.testing.assert_close(states[t], torch.cat([h, c], -1).detach(), rtol=0, atol=1e-13)


def figure_data() -> dict[str, torch.Tensor]:
    """Fig. 1 in numbers: points where the orbit is regular, statistics where it is chaotic."""
    s = torch.linspace(0.5, 2, 31, dtype=torch.float64)
    family = chaotic_lstm.family(chaotic_lstm.theta(chaotic_lstm.RELEASED))
    visited = dynamics.orbit_diagram(family, s, chaotic_lstm.start(), 2000, transient=2000)[..., 0]
    exponents = dynamics.lyapunov_spectrum(family.at(s), chaotic_lstm.start(), 4000, transient=2000)[:, :2]
    return {
        "s": s,
        "low": visited.amin(0),
        "high": visited.amax(0),
        "mean": visited.mean(0),
        "deviation": visited.std(0),
        "exponents": exponents,
    }


@pytest.mark.parametrize("regular", [True, False])
def test_figure_1_equals_the_stored_data(regular):
    stored, now = load_file(REFERENCE), figure_data()
    where = (stored["exponents"][:, 0] < -0.01) == regular
    assert where.sum() > 8
    if regular:
        for key in ("s", "low", "high", "mean", "exponents"):
            torch.testing.assert_close(now[key][where], stored[key][where], rtol=0, atol=1e-6)
    else:
        # 2000 correlated points: an effective tenth of them bounds the error of the mean.
        error = stored["deviation"][where] / 200**0.5
        assert ((now["mean"] - stored["mean"])[where].abs() < 4 * error).all()
        assert ((now["exponents"] - stored["exponents"])[where].abs() < 0.05).all()


def test_a_family_is_a_model_like_any_other():
    assert isinstance(chaotic_lstm.family(chaotic_lstm.theta(chaotic_lstm.RELEASED)).model, Model)


if __name__ == "__main__":  # python tests/test_chaotic_lstm.py writes the stored data anew
    from safetensors.torch import save_file

    save_file({key: value.contiguous() for key, value in figure_data().items()}, REFERENCE)
