"""Readings of stopped and finished cells of Table 1: what each can say, and when it can say nothing."""

import numpy as np
import pytest
import torch

from paperlib import classification, experiments, runs, symbol_memory, table1
from paperlib.dynamics.classify import KINDS
from paperlib.models import LSTM
from paperlib.training import arrays


def run(tmp_path, *, accuracy, validation, epochs, status="stopped", model="lstm", length=50, seed=0):
    own = runs.identity("classification", model, scale="paper", seed=seed, length=length)
    metrics = {"accuracy": accuracy, "validation_accuracy": validation, "epochs": epochs}
    record = {"identity": own, "status": status, "metrics": metrics, "seconds": {"total": 1200.0, "probe": 1.0}}
    return runs.Run(tmp_path / runs.name(own), record)


@pytest.mark.parametrize(
    "cell, said",
    [
        ({"accuracy": 1.0, "validation": 0.98, "epochs": 31, "status": "done"}, "accuracy one at epoch 31"),
        ({"accuracy": 0.99, "validation": 1.0, "epochs": 40}, "past the printed 1 at epoch 40"),
        ({"accuracy": 0.4, "validation": 0.33, "epochs": 9, "length": 300}, "past the printed 0.25 at epoch 9"),
        ({"accuracy": 0.3, "validation": 0.27, "epochs": 9, "length": 300}, "stopped at epoch 9 after 20 minutes"),
        ({"accuracy": 0.3, "validation": 0.27, "epochs": 15000, "status": "done"}, "all 15000 epochs"),
        ({"accuracy": 0.9, "validation": 0.96, "epochs": 9, "model": "ornn-nonexpansive", "length": 500}, "stopped at"),
    ],
)
def test_ending(tmp_path, cell, said):
    assert table1.ending(run(tmp_path, **cell)).startswith(said)


@pytest.mark.parametrize(
    "cell, value",
    [
        ({"validation": 0.985, "length": 200}, 0.985),  # it has what is printed
        ({"validation": 0.6, "length": 200}, None),  # on its way
        ({"validation": 0.25, "length": 200}, None),  # nothing yet says nothing
        ({"validation": 0.25, "length": 200, "status": "done"}, 0.25),  # nothing at the end does
        ({"validation": 0.26, "length": 300}, None),  # chance is printed, after 15000 epochs
        ({"validation": 0.9, "length": 300}, 0.9),  # and left
    ],
)
def test_a_stopped_run_decides_only_what_it_has_learned(tmp_path, cell, value):
    found = run(tmp_path, accuracy=0.5, epochs=400, **cell)
    assert table1.evidence(found, "lstm", cell["length"]) == value


def test_seeds_are_counted_and_what_is_open_stays_open(tmp_path):
    solved = {"accuracy": 1.0, "validation": 0.99, "epochs": 30, "status": "done"}
    heart = {"accuracy": 0.93, "validation": 0.26, "epochs": 200}
    failed = {"accuracy": 0.3, "validation": 0.26, "epochs": 400}
    early = {"accuracy": 0.3, "validation": 0.26, "epochs": 100}
    words = table1.outcomes([run(tmp_path, **cell) for cell in (solved, heart, failed, early)])
    assert words == ["solved", "memorised", "not solved", "unfinished"]
    said = table1.shares(words, 10)
    assert said == "4 of 10 seeds run: 1 converge, 1 memorise, 1 fail, 1 are unfinished, 6 not run"
    assert table1.shares([], 10) == "0 of 10 seeds run: 10 not run"
    assert table1.agree(words, 10, "memorised") is True
    assert table1.agree(["solved"], 10, "memorised") is None
    assert table1.agree(["solved"] * 10, 10, "memorised") is False
    assert table1.agree(["solved"] * 9 + ["unfinished"], 10, "memorised") is None
    assert table1.differ(words, 10) is True
    assert table1.differ(["solved", "unfinished"], 10) is None
    assert table1.differ(["solved"] * 10, 10) is False


def test_labels_come_back_as_they_were_stored(tmp_path):
    found = run(tmp_path, accuracy=1.0, validation=1.0, epochs=30)
    found.folder.mkdir()
    dims = ("label_epoch", "start", "input")
    stored = {
        "label_epoch": (("label_epoch",), torch.tensor([0, 25], dtype=torch.int32)),
        "kind": (dims, torch.tensor([[[1], [1]], [[1], [3]]], dtype=torch.uint8)),
        "attractor": (dims, torch.tensor([[[0], [0]], [[0], [1]]], dtype=torch.int16)),
        "first_exponent": (dims, torch.zeros(2, 2, 1)),
    }
    arrays.save(found.folder / "attractors.safetensors", stored)
    labels = table1.labels(found)
    assert labels.kind[:, :, 0].tolist() == [["fixed point"] * 2, ["fixed point", "quasi-periodic"]]
    assert labels.count.tolist() == [[1], [2]]
    assert labels.fixed_points.tolist() == [[1], [1]]
    assert labels.moving().tolist() == [[0], [0.5]]
    assert KINDS[3] == "quasi-periodic"
    assert table1.changes(labels, 0) == ["1 to 2 named, motion sets in between 0 and 25"]
    arrays.save(found.folder / "attractors.safetensors", {"epoch": (("epoch",), torch.tensor([0]))})
    assert table1.labels(found) is None


def test_chance_is_left_where_guessing_does_not_lead():
    assert table1.left_chance(np.array([0.25, 0.29, 0.31, 0.33])) == 4
    assert table1.left_chance(np.array([0.25, 0.2])) is None


def test_the_sweep_begins_with_the_table_and_every_run_has_its_limits():
    sweep = experiments.paper_runs("classification")
    first = [(run["model"], run["length"], run["seed"]) for run in sweep[:15]]
    assert first == [(model, n, 0) for n in (50, 100, 200, 300, 500) for model in ("lstm", "slstm", "ornn")]
    seeds = [run for run in sweep if run["model"] == "lstm" and run["length"] in (50, 100)]
    assert sorted((run["length"], run["seed"]) for run in seeds) == [(n, k) for n in (50, 100) for k in range(10)]
    assert [run["seed"] for run in sweep[15:33]] == 2 * list(range(1, 10))
    names = [
        runs.name(runs.identity(**{k: v for k, v in run.items() if k not in ("until", "max_epochs")})) for run in sweep
    ]
    assert len(set(names)) == len(names)
    for run in sweep:
        value = float(run["until"].removeprefix("validation_accuracy="))
        assert value >= table1.printed(run["model"], run["length"]) and value >= 0.32 and run["max_epochs"] == 400
        own = runs.identity("classification", run["model"], scale="paper", length=run["length"])
        assert 1 < experiments.minutes(own) < 120
    assert experiments.minutes(own, "cuda") is None


def test_the_rate_is_of_the_distractors_and_the_gap_of_the_sequences(tmp_path):
    found = run(tmp_path, accuracy=1.0, validation=1.0, epochs=30)
    found.folder.mkdir()
    exponents = torch.tensor([[9.0, 0.0], [9.0, 0.0], [-0.1, -1.0], [-0.3, -1.0], [-0.1, -1.0], [-0.3, -1.0]])
    arrays.save(found.folder / "final.safetensors", {"exponents": (("input", "exponent"), exponents)})
    assert symbol_memory.distractor_exponent(found) == pytest.approx(-0.2)
    kept = np.array([[1.0, 1.0], [0.5, 0.5], [0.25, np.nan]])
    assert symbol_memory.gap_of(kept) == 1.5


def test_what_is_drawn_is_counted_by_outputs(tmp_path):
    found = run(tmp_path, accuracy=1.0, validation=1.0, epochs=30)
    found.folder.mkdir()
    sample = torch.zeros(2, 1, 4, 5, 1)  # epoch, input, start, time, output
    sample[1, 0, :2] = 3.0  # two starts rest at 3, one at 0 and one moves
    sample[1, 0, 3, :, 0] = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0])
    dims = ("sample_epoch", "chosen", "start", "time", "output")
    stored = {"sample": (dims, sample), "sample_epoch": (("sample_epoch",), torch.tensor([0, 5]))}
    arrays.save(found.folder / "attractors.safetensors", stored)
    epochs, count, moving = table1.drawn(found)
    assert (epochs.tolist(), count.tolist(), moving.tolist()) == ([0, 5], [[1], [2]], [[0], [0.25]])


def test_a_cell_that_counts_behind_an_output_at_rest(tmp_path, monkeypatch):
    model = LSTM(6, 1, 4).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.bias_ih.fill_(40.0)  # all gates open: c grows by one a step, h = tanh(c) stands still
        model.weight_ho.fill_(1.0)
    found = run(tmp_path, accuracy=1.0, validation=1.0, epochs=30)
    monkeypatch.setattr(classification, "trained", lambda run: model)
    change, growth = table1.drift(found, early=400, late=900)
    assert change.shape == growth.shape == (10, 6)
    assert change.max() < 1e-12 and growth.max() == pytest.approx(1.0)
