"""Readings of forced trainings: partial sweeps, runs that ran away, floors and exponents."""

import json
import math
from functools import partial

import numpy as np
import pytest
import torch

from paperlib import dynamics, figures, forced_systems, paths, runs, sparse_forcing
from paperlib.runs import Run, identity, name


def stored(root, system, model, tau, seed, published, corrected=None, **settings):
    own = identity(system, model, scale="paper", seed=seed, tau=tau, **settings)
    metrics = {"D_stsp_published": published, "D_stsp": published if corrected is None else corrected}
    metrics |= {"D_H": 0.2, "D_H_published": 0.3, "lambda_max": 0.0, "lambda_max_error": 0.0, "lambda_max_mixed": 0.0}
    record = {"identity": own, "status": "done", "metrics": metrics}
    folder = root / name(own)
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(record))
    return Run(folder, record)


@pytest.fixture
def root(tmp_path):
    for tau, values in {5: (4, 5), 30: (0.1, 0.3), 60: (0.2, 0.25), 200: (9, math.inf), 0: (12,)}.items():
        for seed, value in enumerate(values):
            stored(tmp_path, "lorenz", "lstm", tau, seed, value)
    stored(tmp_path, "lorenz", "lstm", 30, 2, 1e-3, window=200)  # another experiment
    stored(tmp_path, "roessler", "plrnn", 30, 0, 1.0)
    return tmp_path


def test_a_partial_sweep_is_read_as_it_stands(root):
    sweep = sparse_forcing.sweep("paper", roots=(root,))
    assert list(sweep) == ["lorenz", "roessler"] and list(sweep["roessler"]) == ["plrnn"]
    cells = sweep["lorenz"]["lstm"]
    assert list(cells) == [0, 5, 30, 60, 200]
    assert [run.seed for run in cells[30]] == [0, 1]
    assert sparse_forcing.medians(cells, "D_stsp")[30] == pytest.approx(0.2)
    assert sparse_forcing.best(cells) == 30  # equal medians would take the first
    assert sparse_forcing.missing(cells) == [50, 70, 100, 500, 1000]
    assert sparse_forcing.sweep("quick", roots=(root,)) == {}


def test_other_windows_are_a_sweep_of_their_own(root):
    found = sparse_forcing.sweep("paper", roots=(root,), window=200)
    assert [run.metrics["D_stsp"] for run in found["lorenz"]["lstm"][30]] == [1e-3] and list(found) == ["lorenz"]
    assert sparse_forcing.sweep("paper", roots=(root,), window=300) == {}


def test_growing_intervals_are_a_sweep_of_their_own(root):
    found = stored(root, "lorenz", "lstm", 30, 0, 7.0, variant="code")
    assert "code" in found.id
    assert sparse_forcing.medians(sparse_forcing.sweep("paper", roots=(root,))["lorenz"]["lstm"], "D_stsp")[30] < 1
    own = sparse_forcing.sweep("paper", roots=(root,), variant="code")
    assert [run.id for run in own["lorenz"]["lstm"][30]] == [found.id] and list(own) == ["lorenz"]


def test_diverged_trainings_are_a_sweep_of_their_own(root):
    run = stored(root, "lorenz", "tanh", 200, 0, 1.0)
    record = {key: value for key, value in run.record.items() if key != "metrics"}
    (run.folder / "run.json").write_text(json.dumps({**record, "status": "diverged"}))
    assert "tanh" not in sparse_forcing.sweep("paper", roots=(root,))["lorenz"]
    found = sparse_forcing.sweep("paper", roots=(root,), status="diverged")
    assert [run.id for run in found["lorenz"]["tanh"][200]] == [run.id] and list(found) == ["lorenz"]


def test_diverged_trainings_count_as_far_as_can_be(root):
    for seed in (2, 3):
        run = stored(root, "lorenz", "lstm", 60, seed, 0.0)
        record = {key: value for key, value in run.record.items() if key != "metrics"}
        (run.folder / "run.json").write_text(json.dumps({**record, "status": "diverged"}))
    parts = [sparse_forcing.sweep("paper", roots=(root,), status=status) for status in ("done", "diverged")]
    both = sparse_forcing.joined(*parts)
    assert [run.seed for run in both["lorenz"]["lstm"][60]] == [0, 1, 2, 3]
    assert list(both["lorenz"]["lstm"]) == [0, 5, 30, 60, 200] and list(both["roessler"]) == ["plrnn"]
    assert sparse_forcing.values(both["lorenz"]["lstm"], "D_H")[60] == [0.2, 0.2, 1.0, 1.0]
    assert sparse_forcing.medians(parts[0]["lorenz"]["lstm"], "D_stsp")[60] == pytest.approx(0.225)
    assert sparse_forcing.medians(both["lorenz"]["lstm"], "D_stsp")[60] == math.inf
    assert sparse_forcing.fails("lorenz", both["lorenz"]["lstm"], 60) == {"as published": True, "around the data": True}


def test_spread():
    assert sparse_forcing.spread([0.589, 0.0661, 0.265]) == "0.27 (0.066 to 0.59)"
    assert sparse_forcing.spread([math.inf, 15.4, math.inf]) == "inf (15 to inf)"
    assert sparse_forcing.spread([3.0]) == "3" and sparse_forcing.spread([]) == ""
    assert (
        sparse_forcing.spread([16.81, 16.84]) == "17" and sparse_forcing.spread([1.234, 1.2], 3) == "1.22 (1.2 to 1.23)"
    )


def test_what_is_further_and_how_surely():
    far, middle, near = [math.inf, math.inf, 7, 8, 9], [1, 2, 3, 4, 5], [0.1, 0.2, 0.3, 0.4, 1.5]
    # The ways to deal ten values out to two are 252: the two furthest have p = 2 / 252.
    assert sparse_forcing.further(far, near) == (25, 25, pytest.approx(2 / 252))
    won, pairs, p = sparse_forcing.further(middle, near)
    assert (won, pairs) == (24, 25) and p == pytest.approx(4 / 252)
    assert sparse_forcing.further(near, middle) == (1, 25, p)
    assert sparse_forcing.further(far, far)[0] == 12.5
    assert sparse_forcing.further(middle, near, 10.0)[0] == 12.5  # all below the floor
    won, pairs, p = sparse_forcing.further([2.5], near)
    assert (won, pairs) == (5, 5) and math.isnan(p)


def test_records_without_distances_are_left_out(root):
    run = stored(root, "temperature", "lstm", 30, 0, 1.0)
    assert "temperature" in sparse_forcing.sweep("paper", roots=(root,))
    for gone in sparse_forcing.NEEDED:
        metrics = {key: value for key, value in run.metrics.items() if key != gone}
        (run.folder / "run.json").write_text(json.dumps({**run.record, "metrics": metrics}))
        assert "temperature" not in sparse_forcing.sweep("paper", roots=(root,))


def test_committed_runs_are_measured_by_the_definitions_of_today():
    committed = [
        run for system in sparse_forcing.SYSTEMS for run in runs.find(system, roots=(paths.STORED_RUNS,), status="done")
    ]
    assert committed and [run.id for run in committed if not run.metrics.keys() >= sparse_forcing.NEEDED] == []


def test_what_fails_is_nearer_to_the_printed_ratio_than_to_none(root):
    cells = sparse_forcing.sweep("paper", roots=(root,))["lorenz"]["lstm"]
    assert sparse_forcing.threshold("lorenz", 5) == pytest.approx(math.sqrt(4.36 / 0.062))
    assert sparse_forcing.threshold("temperature", 200) == 2
    assert sparse_forcing.ratio(cells, 5, "D_stsp") == pytest.approx(4.5 / 0.2)
    assert sparse_forcing.ratio(cells, 200, "D_stsp") == math.inf
    for tau in (5, 200, 0):
        assert sparse_forcing.fails("lorenz", cells, tau) == {"as published": True, "around the data": True}
    assert not any(sparse_forcing.fails("lorenz", cells, 30).values())
    assert sparse_forcing.fails("lorenz", cells, 70) == {} == sparse_forcing.fails("lorenz", {5: cells[5]}, 5)


@pytest.mark.parametrize(("seeds", "failed"), [(3, True), (4, False), (5, False)])
def test_an_interval_whose_seeds_do_not_tell_it_apart_does_not_fail(tmp_path, seeds, failed):
    for seed in range(seeds):
        stored(tmp_path, "roessler", "lstm", 200, seed, (9.0, 9.0, 0.1, 9.0, 0.1)[seed])
        stored(tmp_path, "roessler", "lstm", 30, seed, (1.0, 1.0, 1.0, 0.2, 20.0)[seed])
    cells = sparse_forcing.sweep("paper", roots=(tmp_path,))["roessler"]["lstm"]
    assert sparse_forcing.ratio(cells, 200, "D_stsp") > sparse_forcing.threshold("roessler", 200)
    assert sparse_forcing.fails("roessler", cells, 200) == {"as published": failed, "around the data": failed}


def test_an_interval_whose_seeds_are_all_further_fails(tmp_path):
    for seed in range(4):
        stored(tmp_path, "roessler", "lstm", 200, seed, 3.0 + seed)
        stored(tmp_path, "roessler", "lstm", 30, seed, 1.0 + 0.1 * seed)
    cells = sparse_forcing.sweep("paper", roots=(tmp_path,))["roessler"]["lstm"]
    assert all(sparse_forcing.fails("roessler", cells, 200).values())
    assert not any(sparse_forcing.fails("roessler", cells, 200, {"D_stsp": 9, "D_stsp_published": 9}).values())


def test_beside_an_interval_near_the_ceiling_nothing_can_fail(tmp_path):
    stored(tmp_path, "temperature", "lstm", 30, 0, 10.0)
    stored(tmp_path, "temperature", "lstm", 200, 0, 17.0)
    cells = sparse_forcing.sweep("paper", roots=(tmp_path,))["temperature"]["lstm"]
    fails = partial(sparse_forcing.fails, "temperature", cells, 200)
    assert fails() == {"as published": False, "around the data": False}
    assert fails(ceiling={"D_stsp_published": 17.0, "D_stsp": 21.0}) == {"around the data": False}
    assert fails(ceiling=dict.fromkeys(("D_stsp_published", "D_stsp"), 17.0)) == {}


def test_what_is_below_the_floor_fails_by_nothing(root):
    cells = sparse_forcing.sweep("paper", roots=(root,))["lorenz"]["lstm"]
    assert sparse_forcing.ratio(cells, 5, "D_stsp", 1.0) == pytest.approx(4.5)
    assert sparse_forcing.ratio(cells, 5, "D_stsp", 10.0) == 1
    failed = sparse_forcing.fails("lorenz", cells, 5, {"D_stsp": 1.0})
    assert failed == {"as published": True, "around the data": False}
    only = {tau: cells[tau] for tau in (0, 200)}
    assert sparse_forcing.fails("lorenz", only, 0) == {}  # nothing finite to compare with


def test_optimum_has_two_parts(root):
    cells = sparse_forcing.sweep("paper", roots=(root,))["lorenz"]["lstm"]
    parts = {"the best is near": True, "the nearest is good": True}
    assert sparse_forcing.nearest(63.0) == 60 and sparse_forcing.nearest(79.7) == 70
    assert sparse_forcing.optimum(cells, 63.0, "D_stsp") == parts
    assert sparse_forcing.optimum(cells, 31.0, "D_stsp") == parts
    assert sparse_forcing.optimum(cells, 6.0, "D_stsp") == dict.fromkeys(parts, False)
    assert sparse_forcing.optimum(cells, 250.0, "D_stsp") == dict.fromkeys(parts, False)  # 200 is nearest: inf
    stored(root, "lorenz", "lstm", 60, 2, 50.0)
    stored(root, "lorenz", "lstm", 60, 3, 50.0)
    cells = sparse_forcing.sweep("paper", roots=(root,))["lorenz"]["lstm"]
    assert sparse_forcing.optimum(cells, 63.0, "D_stsp") == {"the best is near": True, "the nearest is good": False}
    assert sparse_forcing.optimum(cells, 75.0, "D_stsp") == {}  # 70 has not been run
    assert sparse_forcing.optimum({60: cells[60]}, 63.0, "D_stsp") == {}
    assert sparse_forcing.optimum({200: cells[200], 60: cells[200]}, 63.0, "D_stsp") == {}


def test_order_of_the_shown_intervals(root):
    cells = sparse_forcing.sweep("paper", roots=(root,))["lorenz"]["lstm"]
    assert sparse_forcing.order(cells, "D_stsp") == "30 < 5 < 200"
    assert sparse_forcing.order(cells, "D_stsp", 5.0) == "30 ~ 5 < 200"
    assert sparse_forcing.order({30: cells[30]}, "D_stsp") == "30" and sparse_forcing.order({}, "D_stsp") == ""
    assert sparse_forcing.order(cells, "D_H") == "5 = 30 = 200"


def test_alike():
    assert sparse_forcing.alike(1.0, 2.0) and not sparse_forcing.alike(1.0, 2.1) and not sparse_forcing.alike(2.1, 1.0)
    assert sparse_forcing.alike(0.01, 0.05, 0.05) and not sparse_forcing.alike(0.01, 0.06, 0.05)
    assert not sparse_forcing.alike(math.inf, math.inf) and not sparse_forcing.alike(1.0, math.inf, math.inf)


def test_measures_may_disagree(tmp_path):
    stored(tmp_path, "lorenz", "lstm", 5, 0, 30.0, corrected=1.0)
    stored(tmp_path, "lorenz", "lstm", 30, 0, 2.0, corrected=2.0)
    cells = sparse_forcing.sweep("paper", roots=(tmp_path,))["lorenz"]["lstm"]
    assert list(sparse_forcing.fails("lorenz", cells, 5).values()) == [True, False]
    assert sparse_forcing.best(cells) == 30 and sparse_forcing.best(cells, "D_stsp") == 5
    assert sparse_forcing.best({}) is None


@pytest.mark.parametrize(("tau", "expected"), [(25, False), (30, True), (63, True), (157, True), (158, False)])
def test_near(tau, expected):
    assert sparse_forcing.near(tau, 63.0) is expected


def test_exponent_of_lorenz_and_its_time():
    pieces = forced_systems.series("lorenz", 64, 2, transient=1000)
    found = forced_systems.exponent("lorenz", pieces[:, -1], 500, settle=300)
    value, error = found.per_time
    assert error < 0.05 and abs(value - 1.105) < 4 * error
    assert found.predictability == pytest.approx(math.log(2) / found.value)


def test_two_samples_come_closer_with_the_length_of_the_series():
    pieces = forced_systems.series("lorenz", 40, 200, seed=1, transient=1000)
    short, long = (forced_systems.floors(pieces, count) for count in (5, 20))
    keys = {*sparse_forcing.MEASURES, "itself"}
    assert {key: len(v) for key, v in short.items()} == dict.fromkeys(keys, 8)
    assert {key: len(v) for key, v in long.items()} == dict.fromkeys(keys, 2)
    assert float(long["D_stsp"].median()) < float(short["D_stsp"].median())
    assert long["D_H"][0] == pytest.approx(float(long["D_H"][1]))  # each against the other: D_H has no direction


def test_halves_are_the_stored_ones_without_the_series():
    walk = np.random.default_rng(0).standard_normal((5900, 5)).cumsum(0)
    own = forced_systems.halves("temperature", walk)
    for system in sparse_forcing.SYSTEMS:
        found = forced_systems.halves(system, None)
        assert found.keys() == own.keys() and all(0 <= value < 20 for value in found.values())
        assert found["D_stsp_published"] <= found["ceiling"]
    assert forced_systems.halves("temperature", None)["D_stsp_published"] == pytest.approx(13.7, abs=0.1)
    for system in sparse_forcing.SYSTEMS:
        stored = forced_systems.ceilings(system, None)
        assert stored.keys() == forced_systems.ceilings("temperature", walk).keys() == set(sparse_forcing.STSP)
        assert all(15 < value < 20 for value in stored.values())
        tenth = forced_systems.ceilings(system, None, 10_000)
        assert all(stored[key] - tenth[key] == pytest.approx(math.log(10)) for key in stored)
    low, high = forced_systems.box("temperature")
    assert (low < high).all() and low.shape == (3,)


def test_what_rests_is_seen_to():
    t = torch.arange(200, dtype=torch.float64)[:, None]
    assert sparse_forcing.at_rest(torch.exp(-t / 5) * torch.ones(1, 3))
    assert not sparse_forcing.at_rest(torch.exp(-t / 50) * torch.ones(1, 3))
    assert not sparse_forcing.at_rest(torch.sin(t) * torch.tensor([1.0, 0, 0]))
    assert not sparse_forcing.at_rest(torch.full((10, 3), torch.nan))


def test_figures_draw_what_there_is(root):
    sweep = sparse_forcing.sweep("paper", roots=(root,))
    panel = {}
    for system in sparse_forcing.SYSTEMS:
        models = {model: sparse_forcing.values(cells, "D_stsp") for model, cells in sweep.get(system, {}).items()}
        distances = {"quick": (models, 0.1, 15.0), "paper": ({}, 0.01, None)}
        panel[system] = {"predicted": None, "published": {}, "divergence": distances, "hellinger": distances}
    drawn = figures.sparse_forcing.against_tau(panel)
    assert len(drawn.axes) == 6
    drawn.savefig(root / "sweep.png")


def test_the_median_is_taken_before_the_cut():
    panel = {"predicted": None, "published": {}}
    for kind in ("divergence", "hellinger"):
        panel[kind] = {"quick": ({"lstm": {200: [7.0, math.inf], 0: [12.0, 40.0]}}, 0.1, None)}
    axis = figures.sparse_forcing.against_tau({"lorenz": panel}, cut=20.0).axes[0]
    drawn = [list(line.get_ydata()) for line in axis.lines[:4]]  # median, seeds, the clipped median of 26, its seeds
    assert drawn == [[20.0], [7.0, 20.0], [20.0, 20.0], [12.0, 20.0]]


def test_marks_of_gradients_say_scale_and_chaos():
    networks = [
        ("lstm", "paper", 0.1, 0.02, True),
        ("tanh", "quick", 1.0, 12.0, False),
        ("lstm", "paper", 2.0, math.inf, False),
    ]
    axis = figures.sparse_forcing.gradients({"lorenz": networks}).axes[0]
    marks = [(line.get_marker(), line.get_mfc() == "none", *line.get_xydata()[0]) for line in axis.lines[:3]]
    assert marks == [("o", False, 0.1, 0.02), ("s", True, 1.0, 12.0), ("s", False, 2.0, math.inf)]


def test_steps_until_an_orbit_rests():
    t = np.arange(4000)[:, None]
    assert sparse_forcing.moving(np.exp(-t / 100) * np.ones((1, 3))) == 461  # e^-4.61 = 0.01
    assert sparse_forcing.moving(np.ones((10, 3))) == 0 and sparse_forcing.moving(np.full((10, 3), np.nan)) == 10
    assert sparse_forcing.moving(np.sin(t * np.ones((1, 2)))) >= 3990


@pytest.mark.parametrize("size", [math.nan, 0.0, 1e4])
def test_orbits_that_fail_are_drawn_without_the_data(tmp_path, size):
    good = np.random.default_rng(0).standard_normal((10, 3))
    bad = np.full((10, 3), size)
    box = {"lorenz": np.array([[-3.0] * 3, [3.0] * 3])}
    for boxes in ({}, box):
        for orbits in ((bad, good), (good, bad), (bad, bad)):
            row = [("data", "not here"), *(("a", orbit) for orbit in orbits)]
            drawn = figures.sparse_forcing.reconstructions({"lorenz": row}, boxes)
            drawn.savefig(tmp_path / "orbits.png")
            assert all(math.isfinite(v) and np.ptp(drawn.axes[-1].get_xlim()) > 0.4 for v in drawn.axes[-1].get_xlim())


def test_an_interval_keeps_its_colour_whichever_was_run():
    found = (np.linspace(0, 0.5, 60), np.ones((60,)))
    drawn = figures.sparse_forcing.spectra({"lorenz": {200: found, 5: "at rest"}, "roessler": {30: found}})
    colours = figures.sparse_forcing.COLOURS
    assert [axis.lines[0].get_color() for axis in drawn.axes] == [colours[200], colours[30]]
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["$\\tau$ = 30", "$\\tau$ = 200"]
    assert "at rest" in drawn.axes[0].texts[0].get_text()


def test_published_bins_drop_what_the_chapter_says():
    pieces = forced_systems.series("lorenz", 20, 500)
    flat = ((pieces - pieces.mean()) / pieces.std()).flatten(0, 1)
    assert 1 - dynamics.kept_share(flat) == pytest.approx(0.68, abs=0.05)
    assert torch.isfinite(flat).all()


def test_surely_further_asks_for_seeds_and_for_the_direction():
    near, far = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]
    assert sparse_forcing.surely_further(far, near) is True
    assert sparse_forcing.surely_further(near, far) is False  # told apart, the other way round
    assert sparse_forcing.surely_further([1.5, 2.5, 3.5, 4.5], near) is False
    assert sparse_forcing.surely_further(far, near, floor=9.0) is False  # both below the distance of two samples
    assert sparse_forcing.surely_further(far[:3], near) is None
