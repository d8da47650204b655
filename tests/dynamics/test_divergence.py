"""Distances between attractors: zero for equal ones, symmetric where they should be, as published where asked."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlib.dynamics import (
    hellinger_distance,
    kept_share,
    metric_floor,
    power_spectrum,
    state_space_ceiling,
    state_space_divergence,
)


def noise(seed: int, count: int = 5000, size: int = 3) -> torch.Tensor:
    return torch.randn(count, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def waves(omega, count: int = 20_000) -> torch.Tensor:
    t = torch.arange(count, dtype=torch.float64)[:, None]
    return torch.sin(t * torch.tensor(omega, dtype=torch.float64)) + 0.01 * noise(1, count, len(omega))


@pytest.mark.parametrize("around", ["zero", "data"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.integers(1, 4))
def test_no_distance_to_itself_in_any_order(around, seed, size):
    x = noise(seed, 400, size)
    shuffled = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))]
    assert state_space_divergence(x, shuffled, around=around) == pytest.approx(0, abs=1e-12)
    y = noise(seed + 1, 300, size)
    order = list(reversed(range(size)))
    both = state_space_divergence(x, y, around=around)
    assert both >= 0
    assert state_space_divergence(x[:, order], y[:, order], around=around) == pytest.approx(both, abs=1e-9)
    assert state_space_divergence(x.numpy(), y.numpy(), around=around) == both


def published(true, generated, bins):
    """D_stsp with all cells in one dense array."""
    edges = 2 * true.std(0, ddof=1)
    tables = []
    for series in (true, generated):
        place = np.trunc((series + edges) / (2 * edges) * bins).astype(int)
        place = place[((place > 0) & (place < bins)).all(1)]
        table = np.zeros((bins,) * true.shape[1])
        np.add.at(table, tuple(place.T), 1)
        tables.append((table + 1e-5) / (table.sum() + 1e-5 * table.size))
    return float((tables[0] * np.log(tables[0] / tables[1])).sum())


@pytest.mark.parametrize("bins", [5, 10])
def test_as_published(bins):
    x, y = noise(0, 2000).numpy() + 0.3, 0.7 * noise(1, 3000).numpy()
    assert state_space_divergence(x, y, bins=bins) == pytest.approx(published(x, y, bins), rel=1e-9)


def test_the_published_bins_lie_around_zero():
    x, y = noise(0) + 3, noise(1) + 3
    assert kept_share(x) < 0.01  # beyond two deviations in every coordinate
    assert kept_share(x, around="data") == 1
    near = state_space_divergence(x, y, around="data")
    assert state_space_divergence(x - 3, y - 3, around="data") == pytest.approx(near, rel=1e-6)
    assert state_space_divergence(x, noise(2), around="data") > 10 * near


def test_nothing_in_common_is_far_and_a_runaway_is_infinitely_far():
    x = noise(0)
    assert state_space_divergence(x, torch.full_like(x, 0.5)) > 5
    assert state_space_divergence(x, x + 100) == math.inf
    assert math.isfinite(state_space_divergence(x, x + 100, around="data"))
    for bad in (math.nan, math.inf):
        broken = x.clone()
        broken[7, 1] = bad
        assert state_space_divergence(x, broken) == math.inf
        assert hellinger_distance(x, broken) == 1
        with pytest.raises(ValueError, match=r"true of shape \(5000, 3\)"):
            state_space_divergence(broken, x)


def test_floor_falls_with_length_and_five_dimensions_stay_sparse():
    floors = [metric_floor(state_space_divergence, noise(0, count)) for count in (2000, 20_000)]
    assert floors[1] < floors[0] / 2
    assert metric_floor(state_space_divergence, noise(0, 4000, 5), bins=30) > 5


@pytest.mark.parametrize("around", ["zero", "data"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.integers(1, 4))
def test_nothing_is_above_the_ceiling(around, seed, size):
    x = noise(seed, 400, size)
    for other in (noise(seed + 1, 300, size), 0.2 * noise(seed + 1, 300, size) + 1.5, x[:1].expand(300, -1)):
        kept = int(kept_share(x, other, around=around) * 300 + 0.5)
        if kept:
            ceiling = state_space_ceiling(x, kept, around=around)
            assert state_space_divergence(x, other, around=around) <= ceiling + 1e-9


@pytest.mark.parametrize("around", ["zero", "data"])
def test_a_run_that_misses_every_visited_bin_is_at_the_ceiling_and_the_longer_the_higher(around):
    x = torch.cat([noise(0, 2000) * 0.1 - 1, noise(1, 2000) * 0.1 + 1])
    missed = torch.zeros(1, 3, dtype=torch.float64)  # between the two clouds
    ceilings = [state_space_ceiling(x, n, around=around) for n in (1000, 10_000)]
    for n, ceiling in zip((1000, 10_000), ceilings, strict=True):
        assert state_space_divergence(x, missed.expand(n, 3), around=around) == pytest.approx(ceiling, abs=1e-4)
    assert ceilings[1] - ceilings[0] == pytest.approx(math.log(10), abs=1e-4)


@pytest.mark.parametrize(
    ("true", "n", "options", "message"),
    [
        (noise(0), 0, {}, "n is 0, expected a positive integer"),
        (noise(0), 2.5, {}, "n is 2.5"),
        (noise(0), 10, {"bins": 1}, "bins is 1"),
        (1e-3 * noise(0) + 1, 10, {}, "no point of true"),
    ],
)
def test_bad_arguments_of_the_ceiling(true, n, options, message):
    with pytest.raises(ValueError, match=message):
        state_space_ceiling(true, n, **options)


@pytest.mark.parametrize(
    ("true", "generated", "options", "message"),
    [
        (noise(0)[0], noise(0), {}, r"true has shape \(3,\)"),
        (noise(0), noise(0)[..., None], {}, r"generated has shape \(5000, 3, 1\)"),
        (noise(0), noise(0, size=2), {}, r"\(5000, 3\) and \(5000, 2\)"),
        (noise(0), noise(0), {"bins": 1}, "bins is 1"),
        (noise(0), noise(0), {"bins": 10.0}, "bins is 10.0"),
        (noise(0), noise(0), {"around": "mean"}, "around is 'mean', expected one of zero, data"),
        (torch.ones(10, 2), noise(0, size=2), {}, "constant"),
        (noise(0, size=30), noise(0, size=30), {"bins": 100}, "too many"),
        (1e-3 * noise(0) + 1, noise(0), {}, "no point of true"),
    ],
)
def test_bad_arguments(true, generated, options, message):
    with pytest.raises(ValueError, match=message) as error:
        state_space_divergence(true, generated, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("around", ["zero", "data"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_points_that_are_not_finite_are_not_kept(around, bad):
    true, series = noise(0), noise(1)
    series[:2500, 0] = bad
    assert kept_share(true, series, around=around) == kept_share(true, series[2500:], around=around) / 2


def test_power_sums_to_one_and_peaks_at_the_frequency():
    omega = [2 * math.pi / 20, 2 * math.pi / 8]
    frequency, power = power_spectrum(waves(omega))
    assert power.sum(0).tolist() == pytest.approx([1, 1], abs=0.02)
    assert frequency[power.argmax(0)].tolist() == pytest.approx([1 / 20, 1 / 8], abs=2 / 400)


def test_distance_of_spectra():
    slow, fast = waves([0.1, 0.2]), waves([1.0, 1.4])
    assert hellinger_distance(slow, slow, normalisation="unit") == pytest.approx(0, abs=1e-6)
    assert hellinger_distance(slow, fast, normalisation="unit") > 0.9
    assert hellinger_distance(slow, fast) == pytest.approx(hellinger_distance(fast, slow), abs=1e-12)
    assert hellinger_distance(slow, 3 * slow + 1) == pytest.approx(hellinger_distance(slow, slow), abs=1e-9)
    assert hellinger_distance(slow, torch.ones_like(slow)) == 1


def test_published_spectra_leave_a_distance_to_itself():
    white = noise(0, 100_000)  # half its power lies beyond the 500 frequencies that are compared
    assert hellinger_distance(white, white) == pytest.approx(math.sqrt(0.5), abs=0.01)
    assert hellinger_distance(white, white, normalisation="unit") == pytest.approx(0, abs=1e-6)


def coming_to_rest(steps: int, count: int = 20_000) -> torch.Tensor:
    """A wave of full size for so many steps, which then dies away to a point."""
    t = torch.arange(count, dtype=torch.float64)[:, None]
    return torch.where(t < steps, 1.0, torch.exp(-(t - steps) / 20)) * waves([0.1], count)


def test_what_comes_to_rest_has_the_spectrum_of_its_rest():
    true = waves([0.1])  # 50 pieces of 400 steps
    # A piece and the 180 steps until the wave is 1e-4 of what it was: two of the 50 pieces move.
    found = hellinger_distance(true, coming_to_rest(400), normalisation="unit")
    assert found == pytest.approx(math.sqrt(1 - math.sqrt(2 / 50)), abs=0.03)
    later = [hellinger_distance(true, coming_to_rest(steps), normalisation="unit") for steps in (4000, 16_000, 20_000)]
    assert found > later[0] > later[1] > later[2] == pytest.approx(0, abs=1e-6)
    # What moves less than 1e-4 of the data is at rest, what moves more is not: the size itself does not count.
    for size, expected in ((2e-4, 0.0), (5e-5, 1.0)):
        assert hellinger_distance(true, size * true + 1, normalisation="unit") == pytest.approx(expected, abs=1e-6)
    # As published nothing of this: a piece that moves at all has a whole spectrum.
    assert hellinger_distance(true, 5e-5 * true) == pytest.approx(hellinger_distance(true, true), abs=1e-9)


def test_rest_in_one_coordinate_counts_there_alone():
    true, generated = waves([0.1, 0.3]), waves([0.1, 0.3])
    generated[:, 1] = 0.2
    assert hellinger_distance(true, generated, normalisation="unit") == pytest.approx(0.5, abs=1e-6)


def test_series_of_different_length():
    long, short = waves([0.1], 20_000), waves([0.1], 10_000)
    assert hellinger_distance(long, short, normalisation="unit") < 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hellinger_distance(noise(0), noise(1), normalisation="mean"), "normalisation is 'mean'"),
        (lambda: hellinger_distance(noise(0, 100), noise(1)), "100 steps in 50 segments"),
        (lambda: hellinger_distance(noise(0), noise(1, size=2)), "expected the same last axis"),
        (lambda: power_spectrum(noise(0), segments=0), "segments is 0"),
        (lambda: power_spectrum(noise(0), sigma=0), "sigma is 0"),
        (lambda: power_spectrum(noise(0), sigma=math.inf), "sigma is inf"),
        (lambda: power_spectrum(noise(0)[0]), r"series has shape \(3,\)"),
    ],
)
def test_bad_arguments_of_spectra(call, message):
    with pytest.raises(ValueError, match=message):
        call()
