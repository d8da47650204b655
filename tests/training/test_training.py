"""The loop: killed anywhere it ends as if nothing had happened; damage and divergence are said in one line."""

import json
import math
import multiprocessing
import os
import signal
import sys
import time

import pytest
import torch

from paperlib.cli import main
from paperlib.models import LSTM, OrthogonalRNN
from paperlib.tasks import Sine
from paperlib.training import arrays, checkpoint
from paperlib.training.loop import Diverged, Training
from paperlib.training.probes import Vitals
from paperlib.training.recipe import Recipe
from paperlib.training.seeds import seeded, start_states

TASK = {"sequences": 6, "length": 12, "batch": 3}


def training(folder, model=LSTM, **recipe):
    folder.mkdir(exist_ok=True)
    recipe = {"epochs": 8, "rate": 1e-2, "milestones": (4,)} | recipe
    task = Sine(**TASK)
    network = seeded(0, lambda: model(1, 5, 1))
    return Training(network, task, Recipe(**recipe), folder, watch=Vitals(task.u_max))


def result(run):
    state = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    return state, {name: list(values) for name, values in run.history.items()}


@pytest.mark.parametrize("model", [LSTM, OrthogonalRNN])
@pytest.mark.parametrize("pieces", [(1,), (2, 3), (1, 1, 1, 1), (7, 2)])
def test_a_run_in_pieces_equals_the_run_in_one(tmp_path, model, pieces, after):
    whole = training(tmp_path / "whole", model)
    assert whole.run() == "done"
    for count in pieces:  # batches: in the middle of epochs too
        assert training(tmp_path / "pieces", model).run(stop=after(count)) == "stopped"
    last = training(tmp_path / "pieces", model)
    assert last.run() == "done"
    for one, other in zip(result(whole)[0].values(), result(last)[0].values(), strict=True):
        assert torch.equal(one, other)
    assert result(whole)[1] == result(last)[1]


def test_one_step_is_clipped_adam_on_the_sum(tmp_path):
    run = training(tmp_path, epochs=1)
    rival = seeded(0, lambda: LSTM(1, 5, 1))
    optimizer = torch.optim.Adam(rival.parameters(), lr=1e-2)
    u, target = run.task.batch(0, 0)
    (rival(u)[0] - target).square().sum().backward()
    norm = torch.nn.utils.clip_grad_norm_(rival.parameters(), 0.25)
    assert float(norm) > 0.25  # clipped indeed
    optimizer.step()
    run.update()
    for one, other in zip(run.model.parameters(), rival.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_history_holds_the_mean_loss_and_the_schedule(tmp_path):
    run = training(tmp_path, epochs=6, milestones=(2, 4), rate=1e-9)
    run.run()
    u, target = Sine(**TASK).u, Sine(**TASK).target
    expected = float((run.model(u)[0] - target).square().mean().detach())
    assert run.history["loss"] == pytest.approx([expected] * 6, rel=1e-4)
    assert run.history["rate"] == pytest.approx([1e-9, 1e-9, 1e-10, 1e-10, 1e-11, 1e-11])


def test_a_run_ends_early_when_its_goal_is_reached(tmp_path):
    run = training(tmp_path, epochs=50, stop=("rate", 0.0))
    assert run.run() == "done"
    assert run.epoch == 1


def test_divergence_says_where_and_keeps_the_history(tmp_path, after):
    run = training(tmp_path, OrthogonalRNN)
    run.run(stop=after(5))
    with torch.no_grad():
        run.model.weight_ho.fill_(math.nan)
    with pytest.raises(Diverged, match=r"epoch 2, batch 1 \(step 5\): loss nan"):
        run.update()
    assert len(run.history["loss"]) == 2


def test_probes_are_called_before_every_epoch_and_at_the_end(tmp_path):
    seen = []
    run = training(tmp_path, epochs=3)
    run.probe = lambda model, epoch: seen.append((epoch, model.training, torch.is_grad_enabled()))
    run.run()
    assert seen == [(0, False, False), (1, False, False), (2, False, False), (3, False, False)]


# checkpoints


def test_two_checkpoints_are_kept_and_the_newest_is_read(tmp_path):
    for number in range(5):
        checkpoint.write(tmp_path, number, {"a": torch.full((3,), number)}, {"epoch": number})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"checkpoint-00000000{k}.{kind}" for k in (3, 4) for kind in ("json", "safetensors")]
    tensors, state = checkpoint.read(tmp_path)
    assert state == {"epoch": 4}
    assert torch.equal(tensors["a"], torch.full((3,), 4))


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, flip, empty, os.unlink])
@pytest.mark.parametrize("kind", ["safetensors", "json"])
def test_a_damaged_checkpoint_is_refused_and_the_one_before_is_used(tmp_path, capsys, damage, kind):
    if (damage, kind) in ((flip, "json"), (os.unlink, "json")):
        pytest.skip("a JSON file that is gone is no checkpoint; one with a flipped brace is the cut one")
    for number in (1, 2):
        checkpoint.write(tmp_path, number, {"a": torch.full((3,), number)}, {"epoch": number})
    damage(tmp_path / f"checkpoint-000000002.{kind}")
    assert checkpoint.read(tmp_path)[1] == {"epoch": 1}
    said = capsys.readouterr().err
    assert "checkpoint-000000002.safetensors is damaged and refused" in said
    assert said.count("\n") == 1


def test_where_no_checkpoint_is_whole_training_begins_anew_and_comes_on(tmp_path, capsys, after):
    for number in (98, 99):  # higher than any that follows
        checkpoint.write(tmp_path, number, {"a": torch.ones(3)}, {})
    for path in tmp_path.glob("*.safetensors"):
        cut(path)
    (tmp_path / "checkpoint-000000098.json").write_text("[]")
    assert checkpoint.read(tmp_path) is None
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3 and "no whole checkpoint left, training begins anew" in said[-1]
    assert training(tmp_path).run(stop=after(3)) == "stopped"
    again = training(tmp_path)
    again.restore()
    assert again.updates == 3
    assert capsys.readouterr().err == ""
    assert len(list(tmp_path.glob("*.damaged"))) == 4
    checkpoint.clear(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    checkpoint.write(tmp_path, 1, {"a": torch.ones(3)}, {"epoch": 1})

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(tmp_path, 2, {"a": torch.zeros(3)}, {"epoch": 2})
    assert checkpoint.read(tmp_path)[1] == {"epoch": 1}


def test_no_pickle_anywhere(tmp_path, after):
    training(tmp_path).run(stop=after(3))
    kinds = {path.suffix for path in tmp_path.iterdir()}
    assert kinds == {".json", ".safetensors"}


# arrays


@pytest.mark.parametrize("name", ["a.safetensors", "a.safetensors.gz"])
def test_arrays_keep_their_axes(tmp_path, name):
    value = torch.arange(6.0).reshape(2, 3)
    arrays.save(tmp_path / name, {"y": (("time", "unit"), value), "none": (("start",), torch.zeros(0))}, epoch=3)
    found, attributes = arrays.load(tmp_path / "a.safetensors")  # plain or packed
    assert found["y"][0] == ("time", "unit")
    assert torch.equal(found["y"][1], value)
    assert found["none"][1].shape == (0,)
    assert attributes == {"epoch": 3}
    with pytest.raises(ValueError, match=r"y has shape \(2, 3\), expected one axis for each of"):
        arrays.save(tmp_path / f"b-{name}", {"y": (("time",), value)})
    whole = (tmp_path / name).read_bytes()
    for wrong in (b"not this", b"", whole[:-1], whole[: len(whole) // 2]):
        (tmp_path / name).write_bytes(wrong)
        with pytest.raises(ValueError, match=rf"{name} is damaged"):
            arrays.load(tmp_path / "a.safetensors")


def test_the_plain_file_goes_before_the_packed_one(tmp_path):
    for name, value in (("a.safetensors.gz", 1.0), ("a.safetensors", 2.0)):
        arrays.save(tmp_path / name, {"y": (("unit",), torch.tensor([value]))})
    assert arrays.load(tmp_path / "a.safetensors")[0]["y"][1].item() == 2
    assert arrays.load(tmp_path / "a.safetensors.gz")[0]["y"][1].item() == 1
    with pytest.raises(FileNotFoundError):
        arrays.load(tmp_path / "b.safetensors")


@pytest.mark.parametrize("kind", ["", ".gz"])
def test_files_are_the_same_bytes_every_time(tmp_path, kind):
    for name in (f"a{kind}", f"b{kind}"):
        many = {f"array{k}": (("unit",), torch.full((3,), float(k))) for k in range(20)}
        arrays.save(tmp_path / name, many, epoch=1, n=2)
    assert (tmp_path / f"a{kind}").read_bytes() == (tmp_path / f"b{kind}").read_bytes()


# random numbers


def test_seeds_leave_the_global_state_alone():
    before = torch.random.get_rng_state()
    one, other, third = (seeded(seed, lambda: torch.rand(4)) for seed in (1, 1, 2))
    starts = start_states(0, 1000, 20)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one, other)
    assert not torch.equal(one, third)
    assert torch.equal(starts, start_states(0, 1000, 20))
    assert float(starts.std()) == pytest.approx(100, rel=0.02)


# the whole command, killed


def command(folder, log):
    """`paperlib train` in a process of its own (forked: torch is loaded already); its words go into a file."""

    def child():
        sys.stdout = sys.stderr = open(log, "w", buffering=1)  # noqa: SIM115
        words = ["train", "sine", "--model", "tanh", "--set", "epochs=30", "--checkpoint-minutes", "0.001"]
        os._exit(main([*words, "--runs", str(folder)]))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    return process


def ended(process):
    process.join(300)
    return process.exitcode


def only(folder):
    (run,) = folder.iterdir()
    return run


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_stopped_and_asked_for_twice(tmp_path):
    log = tmp_path / "log"
    assert ended(command(tmp_path / "whole", log)) == 0, log.read_text()
    parts = tmp_path / "parts"
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        seen = set(parts.glob("*/checkpoint-*.json"))
        process = command(parts, log)
        while not (set(parts.glob("*/checkpoint-*.json")) - seen) and process.is_alive():
            time.sleep(0.005)
        assert process.is_alive(), log.read_text()
        if number == signal.SIGTERM:
            assert ended(command(parts, tmp_path / "second")) == 75
            assert "is being trained by another process" in (tmp_path / "second").read_text()
        os.kill(process.pid, number)
        assert ended(process) == (-signal.SIGKILL if number == signal.SIGKILL else 75), log.read_text()
    assert ended(command(parts, log)) == 0, log.read_text()
    one, other = only(tmp_path / "whole"), only(parts)
    for name in ("history", "model", "attractors", "final"):
        assert (one / f"{name}.safetensors").read_bytes() == (other / f"{name}.safetensors").read_bytes()
    assert json.loads((other / "run.json").read_text())["status"] == "done"
    assert not list(other.glob("checkpoint-*"))
    assert ended(command(parts, log)) == 0
    assert "done already" in log.read_text()
