"""Readings of the sine-wave trainings, on records and maps whose answer is known."""

import json
import math

import numpy as np
import pytest
import torch

from paperlib import runs, sine
from paperlib.models import TanhRNN


def rotation(angle: float, gain: float) -> TanhRNN:
    """A network of two units, turned by `angle` and stretched by `gain`: its circle is smooth where gain > 1."""
    model = TanhRNN(1, 2, 1, bias=False).double()
    turn = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    with torch.no_grad():
        model.weight_hh.copy_(gain * torch.tensor(turn))
        model.weight_ih.fill_(0.01)  # zero is left by the input
        model.weight_ho.fill_(0.5)  # a drawn readout may hardly see the circle
    return model


def pairs(modulus, angle=0.3):
    """One complex pair a probe, (E, 1, 2)."""
    return np.stack([np.multiply(modulus, math.cos(angle)), np.multiply(modulus, math.sin(angle))], -1)[:, None]


def test_crossings_are_interpolated_between_two_probes():
    followed = np.array([0, 1, 1, 1, 1, 1])
    found = sine.crossings(np.arange(0, 150, 25), pairs([0.8, 0.9, 1.1, 0.9, 1.3, 1.2]), followed)
    assert [(one.before, one.after) for one in found] == [(25, 50), (75, 100)]
    assert [one.epoch for one in found] == pytest.approx([37.5, 81.25])
    assert [one.angle for one in found] == pytest.approx([0.3, 0.3])


def test_no_crossing_without_a_pair_of_one_point_that_leaves_outwards():
    epochs, same = np.array([0, 25]), np.array([0, 1])
    assert sine.crossings(epochs, pairs([0.9, 1.1]), same)
    assert not sine.crossings(epochs, pairs([0.9, 1.1]), np.array([1, 0]))  # another point
    assert not sine.crossings(epochs, pairs([1.1, 0.9]), same)
    assert not sine.crossings(epochs, pairs([0.9, 1.1], angle=0.0), same)  # a real one
    assert not sine.crossings(epochs, pairs([math.nan, 1.1]), same)


def test_origin_names_what_the_point_met_on_the_way_back():
    omega = torch.tensor([0.2], dtype=torch.float64)
    models = [rotation(0.3, gain) for gain in (1.2, 1.1, 0.9)]  # the pair crosses halfway between epochs 10 and 0
    (event,) = sine.origin(models, [20, 10, 0], omega, pieces=5)
    assert event["kind"] == "Neimark-Sacker"
    assert event["between"][0] <= 5 <= event["between"][1] and event["between"][1] - event["between"][0] == 2
    assert 1 < event["modulus"] < 1.05 and event["angle"] == pytest.approx(0.3, abs=0.02)
    assert not sine.origin(models[:2], [20, 10], omega, pieces=5)


def test_origin_finds_a_fold_with_the_pair_outside_already():
    omega = torch.tensor([1.0], dtype=torch.float64)

    def folding(epoch):
        """A unit tanh(2 x + b) loses its lower fixed point at b = sqrt(2) - atanh(sqrt(1/2)); beside it, a pair."""
        model = TanhRNN(1, 3, 1, bias=False).double()
        with torch.no_grad():
            model.weight_hh.zero_()
            model.weight_hh[:2, :2] = rotation(0.3, 1.1).weight_hh
            model.weight_hh[2, 2] = 2
            model.weight_ih[:, 0] = torch.tensor([0.01, 0.01, 0.7 - 0.1 * epoch])
        return model

    epochs = [10, 5, 0]
    (event,) = sine.origin([folding(epoch) for epoch in epochs], epochs, omega, pieces=200)
    fold = (0.7 - (math.sqrt(2) - math.atanh(math.sqrt(0.5)))) / 0.1
    assert event["kind"] == "fold" and event["between"][0] <= fold <= event["between"][1]
    assert event["modulus"] > 1


def test_the_committed_origin_is_of_a_committed_run():
    ((name, found),) = json.loads(sine.COMMITTED.read_text("utf-8")).items()
    run = runs.Run(runs.STORED_RUNS / name, runs.read(runs.STORED_RUNS / name))
    epochs, followed = run.attractors.slow_epoch.values, run.attractors.followed.values[:, 0]
    last = max(epochs[followed == 0])  # of the later probes each has the point of the one before
    assert last <= found["from"] in epochs
    (born,) = [event for event in found["met"] if event["kind"] == "fold"]
    assert last - 25 <= born["between"][0] < born["between"][1] <= last


def test_from_zero_measures_the_circle_that_zero_leads_to():
    omega = torch.tensor([0.2, 0.4], dtype=torch.float64)
    exponents, frequency = sine.from_zero(rotation(0.5, 1.05), omega, n=4000, transient=2000)
    assert exponents.shape == (2, 2)
    assert float(exponents[:, 0].abs().max()) < 1e-3 and float(exponents[:, 1].max()) < -0.03
    assert torch.allclose(frequency, torch.full((2,), 0.5, dtype=torch.float64), atol=0.01)


def test_from_zero_of_a_contraction_has_no_frequency():
    exponents, frequency = sine.from_zero(rotation(0.5, 0.9), torch.tensor([0.2], dtype=torch.float64), n=500)
    assert abs(float(exponents[0, 0]) - math.log(0.9)) < 0.01 and bool(frequency.isnan().all())


def test_free_run_windows_follow_each_other():
    grows, dies = rotation(0.5, 1.05), rotation(0.5, 0.9)
    omega = torch.tensor([0.2], dtype=torch.float64)
    assert sine.free_run(grows, omega, 3, 400)[-1, 0] > sine.OSCILLATES
    windows = sine.free_run(dies, omega, 2, 400)
    assert windows.shape == (2, 1) and windows[1, 0] < 1e-12 < windows[0, 0]


def test_jumps_are_the_epochs_after_the_rise():
    assert sine.jumps(np.array([1.0, 2.1, 2.0, 4.0, 1.0, 3.0])).tolist() == [1, 5]


def test_changes_count_beginnings_and_ends():
    deviation = np.array([[0.0, 0.5], [0.0, 0.5], [0.3, 0.5], [0.0, 0.5]])
    assert sine.changes(np.arange(4), deviation).tolist() == [False, True, True]


def test_coincidence_sees_what_always_happens_together():
    changed = np.zeros(200, bool)
    changed[[20, 77, 130]] = True
    together = sine.coincidence(3 * changed, changed)
    assert together["jumps"] == together["together"] == 9 and together["p"] < 0.02
    apart = sine.coincidence(3 * np.roll(changed, 5), changed)
    assert apart["together"] == 0 and apart["p"] == 1.0
