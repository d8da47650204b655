"""Readings of forced trainings: partial sweeps, runs that ran away, floors and exponents."""

import json
import math

import numpy as np
import pytest
import torch

from paperlib import dynamics, figures, sparse_forcing
from paperlib.runs import Run, identity, name


def stored(root, system, model, tau, seed, published, corrected=None, **settings):
    own = identity(system, model, scale="paper", seed=seed, tau=tau, **settings)
    metrics = {"D_stsp_published": published, "D_stsp": published if corrected is None else corrected}
    record = {"identity": own, "status": "done", "metrics": {**metrics, "D_H": 0.2, "D_H_published": 0.3}}
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


def test_growing_intervals_are_a_sweep_of_their_own(root):
    found = stored(root, "lorenz", "lstm", 30, 0, 7.0, variant="code")
    assert "code" in found.id
    assert sparse_forcing.medians(sparse_forcing.sweep("paper", roots=(root,))["lorenz"]["lstm"], "D_stsp")[30] < 1
    own = sparse_forcing.sweep("paper", roots=(root,), variant="code")
    assert [run.id for run in own["lorenz"]["lstm"][30]] == [found.id] and list(own) == ["lorenz"]


def test_records_without_distances_are_left_out(root):
    run = stored(root, "temperature", "lstm", 30, 0, 1.0)
    record = {**run.record, "metrics": {"loss": 1.0}}
    (run.folder / "run.json").write_text(json.dumps(record))
    assert "temperature" not in sparse_forcing.sweep("paper", roots=(root,))


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


def test_optimum(root):
    cells = sparse_forcing.sweep("paper", roots=(root,))["lorenz"]["lstm"]
    assert sparse_forcing.optimal(cells, 63.0, "D_stsp") == 1
    assert sparse_forcing.optimal(cells, 10.0, "D_stsp") == pytest.approx(4.5 / 0.2)
    assert math.isnan(sparse_forcing.optimal(cells, 1.0, "D_stsp"))


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
    pieces = sparse_forcing.series("lorenz", 64, 2, transient=1000)
    found = sparse_forcing.exponent("lorenz", pieces[:, -1], 500, settle=300)
    value, error = found.per_time
    assert error < 0.05 and abs(value - 1.105) < 4 * error
    assert found.predictability == pytest.approx(math.log(2) / found.value)


def test_floors_fall_with_the_length_of_the_series():
    pieces = sparse_forcing.series("lorenz", 40, 200, seed=1, transient=1000)
    short, long = (sparse_forcing.floors(pieces, halves) for halves in (10, 40))
    assert {key: len(values) for key, values in short.items()} == dict.fromkeys((*sparse_forcing.MEASURES, "itself"), 4)
    assert float(long["D_stsp"].median()) < float(short["D_stsp"].median())


def test_temperature_floors_are_the_stored_ones_without_the_series():
    found = sparse_forcing.temperature_floors(None)
    walk = np.random.default_rng(0).standard_normal((5900, 5)).cumsum(0)
    assert found.keys() == sparse_forcing.temperature_floors(walk).keys()
    assert found["D_stsp_published"] == pytest.approx(13.7, abs=0.1)


def test_figures_draw_what_there_is(root):
    sweep = sparse_forcing.sweep("paper", roots=(root,))
    panel = {}
    for system in sparse_forcing.SYSTEMS:
        models = {model: sparse_forcing.values(cells, "D_stsp") for model, cells in sweep.get(system, {}).items()}
        distances = {"quick": (models, 0.1), "paper": ({}, 0.01)}
        panel[system] = {"predicted": None, "published": {}, "divergence": distances, "hellinger": distances}
    drawn = figures.sparse_forcing.against_tau(panel)
    assert len(drawn.axes) == 6
    drawn.savefig(root / "sweep.png")
    data = np.random.default_rng(0).standard_normal((10, 3))
    away = np.full((10, 3), np.nan)
    drawn = figures.sparse_forcing.reconstructions({"lorenz": [data, "not run", away]}, ["data", "a", "b"])
    drawn.savefig(root / "orbits.png")


def test_published_bins_drop_what_the_chapter_says():
    pieces = sparse_forcing.series("lorenz", 20, 500)
    flat = ((pieces - pieces.mean()) / pieces.std()).flatten(0, 1)
    assert 1 - dynamics.kept_share(flat) == pytest.approx(0.68, abs=0.05)
    assert torch.isfinite(flat).all()
