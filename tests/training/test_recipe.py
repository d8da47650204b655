"""Rates: torch's own plateau rule, from the history alone."""

import pytest
import torch

from paperlib.training.recipe import Plateau, Recipe

PLATEAU = Plateau("validation_loss", patience=7, floor=1e-7)


def torchs(values, patience=7):
    """The rate before every epoch, by the scheduler that the released code uses."""
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1e-3)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=patience, factor=0.1, min_lr=1e-8)
    rates = []
    for value in values:
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step(value)
    return rates


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("noise", [0.0, 1e-4, 0.02, 0.3])
def test_plateaus_are_torchs(seed, noise):
    generator = torch.Generator().manual_seed(seed)
    values = 5 + 2 * torch.exp(-torch.arange(60) / 5.0) + noise * torch.randn(60, generator=generator)
    history = {"validation_loss": values.tolist()}
    recipe = Recipe(epochs=60, rate=1e-3, plateau=PLATEAU)
    expected = torchs(values.tolist())
    rates = [recipe.rate_at(epoch, {"validation_loss": history["validation_loss"][:epoch]}) for epoch in range(60)]
    assert [max(rate, 1e-8) for rate in rates] == pytest.approx(expected)
    assert rates[-1] < 1e-3
    # The history of later epochs, there when an old rate is asked for, changes nothing.
    assert [recipe.rate_at(epoch, history) for epoch in range(60)] == rates


def test_seven_bad_epochs_are_allowed_and_the_eighth_is_not():
    recipe = Recipe(epochs=99, rate=1.0, plateau=PLATEAU)
    assert [recipe.rate_at(epoch, {"validation_loss": [1.0] * epoch}) for epoch in (0, 8, 9, 16, 17)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01]
    )
    assert recipe.rate_at(9, {"validation_loss": [1.0] * 5 + [0.99995] + [1.0] * 3}) == pytest.approx(0.1)  # no gain
    assert recipe.rate_at(9, {"validation_loss": [1.0] * 5 + [0.99] + [1.0] * 3}) == 1.0


def test_it_ends_below_the_floor_and_not_at_it():
    recipe = Recipe(epochs=99, rate=1e-3, plateau=PLATEAU)
    history = {"validation_loss": [1.0] * 60}
    ends = next(epoch for epoch in range(60) if recipe.ended(epoch, {"validation_loss": [1.0] * epoch}))
    assert recipe.rate_at(ends - 1, history) == pytest.approx(1e-7)
    assert ends == 41  # 1 + 5 x 8 epochs
    assert not recipe.ended(0, {})


def test_milestones_and_goals_are_as_they_were():
    recipe = Recipe(epochs=9, rate=1.0, milestones=(2, 4), stop=("accuracy", 1.0))
    assert [recipe.rate_at(epoch) for epoch in range(5)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert recipe.ended(3, {"accuracy": [0.5, 1.0]}) and not recipe.ended(3, {"accuracy": [1.0, 0.5]})
