"""The store and the command: identities, wrong use in one line, what a finished run leaves."""

import gzip
import json
import os
import subprocess
import sys

import pytest
import torch

from paperlib import experiments, runs
from paperlib.cli import main
from paperlib.paths import ROOT

WORDS = ["train", "sine", "--model", "ornn", "--set", "epochs=6", "--seed", "3"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    assert main([*WORDS, "--runs", str(folder)]) == 0
    return folder


def test_a_finished_run_can_be_read_back(store):
    (run,) = runs.find("sine", "ornn", seed=3, roots=(store,))
    assert run.finished
    assert run.id == "sine-ornn-epochs6-quick-seed3"
    assert run.record["identity"]["settings"] == {"epochs": 6}
    assert run.history.loss.dims == ("epoch",)
    assert len(run.history.loss) == 6
    assert float(run.history.loss[-1]) == pytest.approx(run.metrics["loss"], rel=1e-6)
    assert list(run.attractors.epoch.values) == [0, 5]
    assert run.attractors["sample"].dims == ("sample_epoch", "chosen", "start", "time", "output")
    assert run.attractors.frequency.dims == ("epoch", "input", "start", "output")
    assert run.final.exponents.shape == (10, 4)
    model = run.model()
    hh = model.weight_hh.detach()
    torch.testing.assert_close(hh.T @ hh, torch.eye(len(hh)), rtol=0, atol=1e-5)
    assert not torch.equal(run.model(epoch=0).weight_hh, model.weight_hh)
    with pytest.raises(ValueError, match=r"epoch-000005\.safetensors of .* holds no weights"):
        run.model(epoch=5)


def test_provenance_is_complete(store):
    (run,) = runs.find(roots=(store,))
    found = run.record["provenance"]
    assert {"commit", "changed", "python", "torch", "numpy", "processor", "device", "data"} <= set(found)
    assert len(found["data"]) == 64
    assert run.record["seconds"]["total"] > run.record["seconds"]["probe"] > 0
    assert "history.safetensors" in [path.name for path in run.folder.iterdir()]


def test_find_matches_settings_and_prefers_finished_runs(store, tmp_path):
    assert not runs.find("sine", "lstm", roots=(store,))
    assert len(runs.find(epochs=6, roots=(store,))) == 1
    assert not runs.find(epochs=7, roots=(store,))
    (run,) = runs.find(roots=(store,))
    half = tmp_path / run.id
    half.mkdir()
    runs.write(half, run.record | {"status": "running"})
    (found,) = runs.find(roots=(tmp_path, store))
    assert found.finished


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "null", '{"status": "done", "identity": {"settings": {}}}'])
def test_a_damaged_record_is_named_and_left_out(store, tmp_path, capsys, text):
    (run,) = runs.find(roots=(store,))
    folder = tmp_path / run.id
    folder.mkdir()
    (folder / "run.json").write_text(text)
    assert [one.folder for one in runs.find(roots=(tmp_path, store))] == [run.folder]
    assert len(runs.find(roots=(tmp_path, store))) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"{folder / 'run.json'} is damaged" in said and "remove it" in said
    assert main([*WORDS, "--runs", str(tmp_path)]) == 1  # what is there may be worth more than what would be trained
    assert "run.json is damaged" in capsys.readouterr().err
    assert (folder / "run.json").read_text() == text


def test_the_list_of_runs_is_json_and_a_folder_that_is_not_there_is_named(store, tmp_path, capsys):
    (run,) = runs.find(roots=(store,))
    (tmp_path / run.id).mkdir()
    runs.write(tmp_path / run.id, run.record | {"metrics": {"loss": float("nan"), "all": [float("inf"), 1.5]}})
    assert main(["runs", "--json", "--runs", str(tmp_path)]) == 0
    (found,) = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["metrics"] == {"loss": None, "all": [None, 1.5]}
    assert main(["runs", "--runs", str(tmp_path / "none")]) == 2
    assert f"--runs is '{tmp_path / 'none'}', no such folder" in capsys.readouterr().err


def test_export_copies_small_files_of_finished_runs_only(store, tmp_path, monkeypatch):
    (run,) = runs.find(roots=(store,))
    (tmp_path / run.id).mkdir()
    (tmp_path / run.id / "final.safetensors").write_bytes(b"of an earlier export")
    target = runs.export(run, tmp_path)
    assert {path.name for path in target.iterdir()} == set(runs.EXPORTED)
    (kept,) = runs.find(roots=(tmp_path,))
    assert kept.metrics == run.metrics
    for part in ("history", "attractors", "final"):
        assert kept.dataset(part).identical(run.dataset(part))
        packed = (target / f"{part}.safetensors.gz").read_bytes()
        assert gzip.decompress(packed) == (run.folder / f"{part}.safetensors").read_bytes()
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    assert runs.export(kept, tmp_path) == target  # what is committed already can be exported again
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    with pytest.raises(ValueError, match="is running, expected one that is done"):
        runs.export(runs.Run(run.folder, run.record | {"status": "running"}), tmp_path)
    whole = (target / "model.safetensors").stat().st_size
    monkeypatch.setattr(runs, "HALVED", 1000)
    (small,) = runs.find(roots=(runs.export(run, tmp_path / "half").parent,))
    assert small.record["half_precision"] == ["model"]
    assert (small.folder / "model.safetensors").stat().st_size < 0.6 * whole
    assert small.history.identical(run.history)
    for one, other in zip(small.model().parameters(), run.model().parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=5e-4, atol=1e-7)
    assert "half_precision" not in run.record  # the run itself keeps what it has
    monkeypatch.setattr(runs, "LARGEST", 1000)
    with pytest.raises(ValueError, match=r"bytes in its small files, expected at most 1000"):
        runs.export(run, tmp_path)


def test_again_forgets(store, capsys):
    (run,) = runs.find(roots=(store,))
    before = (run.folder / "model.safetensors").read_bytes()
    assert main([*WORDS, "--runs", str(store)]) == 0
    assert "done already" in capsys.readouterr().out
    (run.folder / "stray").write_text("")
    assert main([*WORDS, "--runs", str(store), "--again"]) == 0
    assert not (run.folder / "stray").exists()
    assert (run.folder / "model.safetensors").read_bytes() == before


def test_again_forgets_nothing_before_all_is_checked(store, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "wikitext2-lstm-precisionbf16-quick-seed0"
    folder.mkdir()
    (folder / "kept").write_text("")
    words = ["train", "wikitext2", "--model", "lstm", "--set", "precision=bf16", "--again", "--runs", str(tmp_path)]
    assert main(words) == 2 and (folder / "kept").exists()
    (run,) = runs.find(roots=(store,))
    kept = {path.name for path in run.folder.iterdir()}
    assert main([*WORDS, "--runs", str(store), "--again", "--wrap-up"]) == 2
    assert "expected one of the two" in capsys.readouterr().err
    monkeypatch.setattr("paperlib.tasks.Sine.arrays", lambda task: 1 / 0)  # data that cannot be had
    assert main([*WORDS, "--runs", str(store), "--again"]) == 1
    assert {path.name for path in run.folder.iterdir()} == kept


def test_what_is_refused_leaves_the_record_as_it_was(tmp_path, capsys):
    words = ["train", "sine", "--model", "tanh", "--set", "epochs=3", "--runs", str(tmp_path)]
    assert main([*words, "--wrap-up"]) == 2
    assert "has not finished an epoch" in capsys.readouterr().err
    assert main([*words, "--until", "accuracy=1"]) == 2
    assert not list(tmp_path.glob("*/run.json"))
    assert main([*words, "--max-epochs", "1"]) == 75
    assert main([*words, "--wrap-up"]) == 0
    (path,) = tmp_path.glob("*/run.json")
    before = json.loads(path.read_text())
    assert "batches_of_next_epoch" not in before["metrics"]
    assert main([*words, "--until", "accuracy=1"]) == 2
    assert json.loads(path.read_text()) == before
    for file in path.parent.glob("checkpoint-*"):
        file.unlink()
    assert main([*words, "--wrap-up"]) == 2
    assert json.loads(path.read_text()) == before


def test_a_run_left_within_an_epoch_says_how_far(tmp_path, capsys, monkeypatch):
    from paperlib.training.loop import Training

    words = ["train", "sine", "--model", "tanh", "--set", "epochs=3", "--set", "batch=4", "--runs", str(tmp_path)]
    assert main([*words, "--max-epochs", "1"]) == 75
    run = Training.run
    monkeypatch.setattr(Training, "run", lambda training, **options: run(training, stop=lambda: training.index == 2))
    assert main(words) == 75
    assert main([*words, "--wrap-up"]) == 0
    assert "stopped, 1 epochs and 2 of 5 batches of the next" in capsys.readouterr().out
    (found,) = runs.find(roots=(tmp_path,))
    assert (found.metrics["epochs"], found.metrics["batches_of_next_epoch"]) == (1, 2)


def test_stopped_on_time_ends_with_75(tmp_path, capsys):
    words = ["train", "sine", "--model", "tanh", "--set", "epochs=400", "--runs", str(tmp_path)]
    assert main([*words, "--max-minutes", "0.01"]) == 75
    assert "the same command goes on" in capsys.readouterr().out
    assert list(tmp_path.glob("*/checkpoint-*.json"))
    assert main(["runs", "--runs", str(tmp_path), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["id"], record["status"]) == ("sine-tanh-epochs400-quick-seed0", "running")
    assert main([*words, "--max-epochs", "3"]) == 75  # 0.6 s are not an epoch on every machine
    before = sorted(tmp_path.glob("*/checkpoint-*"))
    assert main([*words, "--wrap-up"]) == 0
    (run,) = runs.find(status="stopped", roots=(tmp_path,))
    assert not run.finished
    assert run.metrics["epochs"] == len(run.history.loss) < 400
    assert runs.export(run, tmp_path / "exported").exists()
    assert sorted(tmp_path.glob("*/checkpoint-*")) == before  # and it can still be trained on
    assert main([*words, "--max-minutes", "0.01"]) == 75


@pytest.mark.parametrize(
    "words, said",
    [
        (["cosine", "--model", "lstm"], "experiment is 'cosine', expected one of sine"),
        (["sine", "--model", "gru"], "model is 'gru', expected one of lstm"),
        (["sine", "--model", "lstm", "--scale", "huge"], "scale is 'huge', expected one of quick"),
        (["sine", "--model", "lstm", "--variant", "text"], "variant is 'text', expected one of paper, code"),
        (["sine", "--model", "lstm", "--length", "50"], "length is no setting of this experiment"),
        (["sine", "--model", "lstm", "--set", "batch=ten"], "batch is 'ten', expected int"),
        (["sine", "--model", "lstm", "--set", "batch"], "--set is 'batch', expected KEY=VALUE"),
        (["sine", "--model", "lstm", "--set", "schedule=cosine"], "schedule is 'cosine', expected one of step, none"),
        (["sine", "--model", "lstm", "--set", "epochs=0"], "epochs is 0, expected a positive integer"),
        (["sine", "--model", "lstm", "--device", "tpu"], "device is 'tpu', expected cpu or cuda"),
        (["sine", "--model", "lstm", "--max-minutes", "0"], "--max-minutes is 0, expected a positive number"),
        (["sine", "--model", "lstm", "--max-epochs", "0"], "--max-epochs is 0, expected a positive number"),
        (["sine", "--model", "lstm", "--until", "loss"], "--until is 'loss', expected COLUMN=VALUE with a number"),
        (["sine", "--model", "lstm", "--until", "loss=nan"], "--until is 'loss=nan', expected COLUMN=VALUE"),
        (["sine", "--model", "lstm", "--until", "=1"], "--until is '=1', expected COLUMN=VALUE"),
        (["sine", "--model", "lstm", "--set", "scale=paper"], "expected a setting of the experiment, not its scale"),
        (["sine", "--model", "lstm", "--set", "name=x"], "expected a setting of the experiment, not its name"),
        (["sine", "--model", "lstm", "--set", "batch=²"], "batch is '²', expected int"),
        (["sine", "--model", "lstm", "--set", "batch=--5"], "batch is '--5', expected int"),
        (["sine", "--model", "lstm", "--set", "batch=" + "9" * 5000], "9', expected int"),
        (["sine", "--model", "lstm", "--set", "batch=0"], "batch is 0, expected a positive integer"),
        (["sine", "--model", "lstm", "--set", "batch=5", "--set", "batch=6"], "but batch is 5 already"),
        (["lorenz", "--model", "lstm", "--tau", "30", "--set", "tau=50"], "--set is 'tau=50', but tau is 30 already"),
        (["wikitext2", "--model", "lstm", "--set", "precision=../../x"], "expected a value without / and"),
        (["wikitext2", "--model", "lstm", "--set", "precision=half"], "precision is 'half', expected one of float32"),
        (["sine", "--model", "lstm", "--seed", str(10**23)], f"--seed is {10**23}, expected a whole number from 0 to"),
        (["sine", "--model", "lstm", "--seed", "-1"], "--seed is -1, expected a whole number from 0 to"),
        (["sine", "--model", "lstm", "--device", "cpu:foo"], "device is 'cpu:foo', expected cpu or cuda"),
        (["sine", "--model", "lstm", "--checkpoint-minutes", "nan"], "--checkpoint-minutes is nan, expected a number"),
        (["sine", "--model", "lstm", "--checkpoint-minutes", "-3"], "--checkpoint-minutes is -3, expected a number"),
    ],
)
def test_wrong_use_is_one_line_and_2(words, said, capsys, tmp_path):
    assert main(["train", *words, "--runs", str(tmp_path / "none")]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_a_device_is_wrong_use(capsys, tmp_path):
    assert main(["train", "sine", "--model", "lstm", "--device", "cuda", "--runs", str(tmp_path)]) == 2
    assert "no CUDA device" in capsys.readouterr().err


def test_a_diverged_run_says_so_and_keeps_its_history(tmp_path, monkeypatch, capsys):
    before = experiments.experiment

    def reckless(*arguments, **settings):
        found = before(*arguments, **settings)
        return experiments.replace(found, recipe=experiments.replace(found.recipe, rate=1e30, clip=None))

    monkeypatch.setattr(experiments, "experiment", reckless)
    words = ["train", "sine", "--model", "plrnn", "--set", "epochs=9", "--runs", str(tmp_path)]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "diverged at epoch 0, batch" in said
    assert said.count("\n") == 1
    (run,) = runs.find(roots=(tmp_path,))
    assert run.record["status"] == "diverged"
    kept = runs.export(run, tmp_path / "kept")
    assert {path.name for path in kept.iterdir()} >= {"run.json", "history.safetensors.gz"}
    assert (run.folder / "history.safetensors").exists()
    assert main(words) == 1  # it is not trained on


def test_training_loads_nothing_but_torch_numpy_and_safetensors(tmp_path):
    words = ["train", "sine", "--model", "tanh", "--set", "epochs=1", "--runs", str(tmp_path)]
    code = (
        f"import sys\nfrom paperlib.cli import main\nassert main({words}) == 0\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(eval(done.stdout.splitlines()[-1]))
    assert {"torch", "numpy", "safetensors"} <= loaded
    assert not loaded & {"scipy", "xarray", "pandas", "matplotlib", "papermill", "rich", "yaml", "pooch", "IPython"}


def test_quick_trainings_are_the_same_with_and_without_wider_vectors(tmp_path):
    def trained(name, **more):
        words = ["train", "sine", "--model", "lstm", "--set", "epochs=2", "--runs", str(tmp_path / name)]
        own = {key: value for key, value in os.environ.items() if key != "ONEDNN_MAX_CPU_ISA"}
        subprocess.run([sys.executable, "-m", "paperlib", *words], check=True, cwd=ROOT, env=own | more)
        return runs.find(roots=(tmp_path / name,))[0]

    free, held = trained("free"), trained("held", ONEDNN_MAX_CPU_ISA="AVX2")
    assert free.record["provenance"]["instructions"] == "AVX2"
    assert (free.folder / "model.safetensors").read_bytes() == (held.folder / "model.safetensors").read_bytes()


def test_every_run_of_the_sweeps_is_a_setting_that_exists():
    for notebook in ("sine", "classification", "wikitext2", "sparse_forcing", "background"):
        for run in (*experiments.quick_runs(notebook), *experiments.paper_runs(notebook)):
            settings = dict(word.split("=") for word in [run["set"]]) if "set" in run else {}
            own = {key: int(value) if value.isdigit() else value for key, value in settings.items()}
            for key in ("length", "tau"):
                own |= {key: run[key]} if key in run else {}
            experiments.experiment(run["experiment"], run["model"], scale=run["scale"], **own)
    seeds = [run["seed"] for run in experiments.quick_runs("sine") if run["model"] == "ornn-nonexpansive"]
    assert len(set(seeds)) >= 5


def test_limits_stop_between_epochs_and_leave_the_run_what_it_is(tmp_path, capsys):
    words = ["train", "sine", "--model", "tanh", "--set", "epochs=9", "--runs", str(tmp_path / "parts")]
    assert main([*words, "--max-epochs", "2"]) == 75
    assert "stopped in epoch 2 of 9; 2 epochs; without that limit it goes on" in capsys.readouterr().out
    assert main([*words, "--max-epochs", "2"]) == 75  # nothing to do, and nothing done
    assert main([*words, "--until", "rate=1e-9", "--max-epochs", "7"]) == 75
    assert "rate has reached" in capsys.readouterr().out
    assert main([*words, "--until", "rate=1", "--max-epochs", "7"]) == 75
    (before,) = runs.find(roots=(tmp_path / "parts",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "provenance", lambda device: {"commit": "another"})
        assert main([*words, "--wrap-up"]) == 0
    (run,) = runs.find(roots=(tmp_path / "parts",))
    assert run.record["provenance"] == before.record["provenance"]  # of who has trained it
    assert (run.record["status"], run.metrics["epochs"], len(run.history.loss)) == ("stopped", 7, 7)
    assert main(words) == 0  # what was wrapped up can be continued, to the same end
    assert main([*words[:-1], str(tmp_path / "whole")]) == 0
    (one,), (other,) = (runs.find(roots=(tmp_path / part,)) for part in ("parts", "whole"))
    assert one.id == other.id and one.finished
    for name in ("history", "model", "final"):
        assert (one.folder / f"{name}.safetensors").read_bytes() == (other.folder / f"{name}.safetensors").read_bytes()


def test_a_limit_on_an_unknown_column_is_wrong_use(tmp_path, capsys):
    words = ["train", "sine", "--model", "tanh", "--set", "epochs=2", "--runs", str(tmp_path)]
    assert main([*words, "--until", "accuracy=1"]) == 2
    said = capsys.readouterr().err
    assert "--until names 'accuracy', expected one of loss" in said and said.count("\n") == 1
