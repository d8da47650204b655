"""Forced trainings by the command: resumed as uninterrupted, measured at the end, wrong use named in one line."""

import json

import numpy as np
import pytest
import torch

from paperlib import experiments, runs
from paperlib.cli import main
from paperlib.commands import DONE, FAILED, WRONG_USE
from paperlib.corpora import temperature
from paperlib.experiments import forcing
from paperlib.models import LSTM, PLRNN, TanhRNN, bind
from paperlib.tasks.forcing import onto
from paperlib.training import arrays
from paperlib.training.free_run import FreeRun, free_run, largest
from paperlib.training.loop import Training

SMALL = {"tau": 5, "window": 12}


def wave(system="lorenz", points=400):
    t = np.arange(points) * 0.1
    return np.stack([np.sin(t), np.cos(t), np.sin(2 * t)], -1)


@pytest.fixture
def data(monkeypatch):
    monkeypatch.setattr(forcing, "data", wave)


def network(make, seed=0, size=3):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = make(1, 6, size)
    model.register_parameter("bias_ho", None)
    return model.double()


@pytest.mark.parametrize("make", [LSTM, TanhRNN, PLRNN])
def test_a_free_run_is_the_iterated_step(make):
    model, x0 = network(make), torch.tensor([0.3, -0.2, 0.1])
    y, states = free_run(model, x0, 40, pieces=4)
    step = bind(model, torch.zeros(1, dtype=torch.float64))
    x = onto(model, x0.double()).detach()
    for t in range(40):
        x = step(x)
        torch.testing.assert_close(y[t], model.readout(x).detach())
        if t % 10 == 9:
            torch.testing.assert_close(states[t // 10], x)


def test_a_run_that_leaves_for_infinity_is_said_to():
    model = network(PLRNN)
    with torch.no_grad():
        model.weight_hh.copy_(2 * torch.eye(6))
    y, states = free_run(model, torch.ones(3), 60, pieces=6)
    assert torch.isfinite(y[:10]).all()
    assert torch.isnan(y[-10:]).all() and torch.isnan(states[-1]).all()
    assert bool(torch.isfinite(y).all(1).diff().sum() == 1)  # once gone, gone
    with pytest.raises(ValueError, match="n is 65, expected a multiple of 6"):
        free_run(model, torch.ones(3), 65, pieces=6)


def test_finish_leaves_what_it_says(tmp_path, data):
    task = experiments.experiment("lorenz", "tanh", **SMALL).task()
    model = network(TanhRNN).float()
    found = FreeRun(task, steps=400, shown=50, n=30).finish(model, tmp_path, 1)
    assert next(model.parameters()).dtype == torch.float32  # handed back as it came
    stored, _ = arrays.load(tmp_path / "final.safetensors")
    assert {name: (dims, tuple(v.shape)) for name, (dims, v) in stored.items()} == {
        "orbit": (("time", "variable"), (50, 3)),
        "state": (("start", "unit"), (20, 6)),
        "exponents": (("start", "exponent"), (20, 4)),
    }
    assert found["lambda_max"] == pytest.approx(float(stored["exponents"][1][10:, 0].mean()))
    # An untrained network rests in a fixed point, whose exponents are its multipliers'.
    x = stored["state"][1][-1].double()
    own = network(TanhRNN)
    slope = (1 - x * x)[:, None] * own.weight_hh.detach()
    assert found["lambda_max"] == pytest.approx(float(torch.linalg.eigvals(slope).abs().max().log()), abs=0.02)
    assert found["D_stsp"] > 1 and 0 < found["D_H"] <= 1


def test_the_exponent_is_that_of_where_the_run_ends():
    settling = torch.full((20, 2), -0.02, dtype=torch.float64)
    settling[:7, 0] = 0.011  # chaotic on the way
    assert largest(settling, 2000) == pytest.approx(
        {"lambda_max": -0.02, "lambda_max_error": 0.0, "lambda_max_mixed": 0.0}, abs=1e-12
    )
    settling[:13, 0] = 0.011  # three of the last ten are still on the way
    assert largest(settling, 2000)["lambda_max_mixed"] == pytest.approx(0.3)


def test_an_exponent_of_zero_is_of_no_sign():
    wave = 9e-4 * torch.sin(torch.arange(20, dtype=torch.float64))[:, None]
    assert largest(wave, 2000)["lambda_max_mixed"] == 0 < largest(wave, 20_000)["lambda_max_mixed"]
    gone = torch.full((20, 1), torch.nan, dtype=torch.float64)
    assert np.isnan(largest(gone, 2000)["lambda_max"]) and largest(gone, 2000)["lambda_max_mixed"] == 0


@pytest.mark.parametrize("model", ["lstm", "plrnn"])
def test_a_run_in_pieces_equals_the_run_in_one(tmp_path, data, model):
    def training(folder):
        folder.mkdir(exist_ok=True)
        made = experiments.experiment("lorenz", model, epochs=4, **SMALL)
        task = made.task(seed=2)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return Training(made.build(task), task, made.recipe, folder)

    whole = training(tmp_path / "whole")
    assert whole.run() == "done"
    for count in (3, 14):
        left = [count]

        def stop(left=left):
            left[0] -= 1
            return left[0] <= 0

        assert training(tmp_path / "parts").run(stop=stop) == "stopped"
    last = training(tmp_path / "parts")
    assert last.run() == "done"
    assert last.history == whole.history
    for one, other in zip(whole.model.parameters(), last.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert whole.history["loss"][-1] < whole.history["loss"][0]


def test_the_command_leaves_a_small_run_that_can_be_read(tmp_path, data):
    words = ["train", "lorenz", "--model", "tanh", "--tau", "5", "--set", "epochs=2", "--set", "window=12"]
    assert main([*words, "--runs", str(tmp_path)]) == DONE
    (run,) = runs.find("lorenz", roots=(tmp_path,))
    assert run.finished and run.record["identity"]["settings"] == {"epochs": 2, "tau": 5, "window": 12}
    assert {
        "lambda_max",
        "lambda_max_mixed",
        "D_stsp",
        "D_H",
        "D_stsp_published",
        "D_H_published",
    } <= run.metrics.keys()
    assert run.final["orbit"].dims == ("time", "variable")
    model = run.model().double()
    again = free_run(model, torch.tensor(wave()[0]).float(), 4000)[0]
    np.testing.assert_allclose(again[:200].numpy(), run.final["orbit"][:200], atol=2e-3)  # stored in float16
    assert sum(path.stat().st_size for path in run.folder.iterdir()) < 300_000
    json.loads((run.folder / "run.json").read_text())


def test_the_papers_settings():
    for tau, window in {5: 100, 30: 100, 70: 100, 100: 200, 200: 300, 500: 600, 1000: 1100, 0: 1000}.items():
        made = experiments.experiment("roessler", "lstm", scale="paper", tau=tau)
        task = made.task()
        assert (task.tau, task.window, task.batch_size, task.batches) == (tau, window, 32, 10)
        assert (made.recipe.epochs, made.recipe.rate, made.recipe.milestones) == (3000, 1e-3, ())
        assert made.recipe.clip == (1 if tau == 0 else None)
        model = made.build(task)
        assert model.hidden_size == 30 and model.weight_ho.shape == (3, 30)
        assert "bias_ho" not in dict(model.named_parameters())


def test_the_sweep_is_the_papers_and_every_piece_can_be_asked_for():
    sweep = experiments.paper_runs("sparse_forcing")
    assert len({runs.name(runs.identity(**run)) for run in sweep}) == len(sweep)
    lstm = {(r["experiment"], r["tau"], r["seed"]) for r in sweep if r["model"] == "lstm"}
    assert lstm == {
        (system, tau, seed) for system in forcing.DIMENSION for tau in (*forcing.TAUS, 0) for seed in range(5)
    }
    for run in sweep + experiments.quick_runs("sparse_forcing"):
        made = experiments.experiment(run["experiment"], run["model"], scale=run["scale"], tau=run["tau"])
        assert made.build(made.task()).output_size == forcing.DIMENSION[run["experiment"]]  # without the data
    assert all(0.5 < experiments.minutes(runs.identity(**run)) < 120 for run in sweep)


@pytest.mark.parametrize(
    "words, message",
    [
        (
            ["--model", "lstm", "--tau", "-3"],
            "tau is -3, expected a positive number of steps, or 0 for clipped gradients",
        ),
        (
            ["--model", "lstm", "--tau", "50", "--set", "window=50"],
            "tau is 50, expected less than the window of 50 steps",
        ),
        (["--model", "lstm", "--set", "tau=soon"], "tau is 'soon', expected int"),
        (["--model", "lstm", "--set", "clip=0"], "clip is 0, expected a positive integer"),
        (["--model", "ornn"], "model is 'ornn', expected one of lstm, tanh, plrnn for lorenz"),
        (
            ["--model", "lstm", "--variant", "code", "--tau", "0"],
            "tau is 0, expected a positive number of steps: in variant",
        ),
    ],
)
def test_wrong_use_is_named(tmp_path, capsys, words, message):
    assert main(["train", "lorenz", *words, "--runs", str(tmp_path)]) == WRONG_USE
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_missing_temperatures_are_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(temperature.VARIABLE, str(tmp_path))
    assert main(["train", "temperature", "--model", "lstm", "--runs", str(tmp_path / "runs")]) == FAILED
    said = capsys.readouterr().err
    assert temperature.FILE in said and said.count("\n") == 1
