"""A language model's run in pieces, killed in the middle of an epoch too, ends as the run in one."""

import multiprocessing
import os
import signal
import time

import pytest
import torch

from paperlib.corpora import synthetic
from paperlib.models import LSTM, OrthogonalRNN, StableLSTM
from paperlib.models.language import LanguageModel
from paperlib.tasks.language import Language
from paperlib.training.loop import Training
from paperlib.training.precision import choose, products
from paperlib.training.recipe import Plateau, Recipe
from paperlib.training.seeds import seeded

WORDS = 100


def row(*sizes):
    return StableLSTM(*sizes, projection="row")


def training(folder, make=LSTM, epochs=5):
    folder.mkdir(exist_ok=True)
    task = Language(lambda: synthetic.corpus(0, WORDS, (600, 200, 200)), WORDS, streams=8, steps=10, seed=3)
    model = seeded(0, lambda: LanguageModel(make, WORDS, 6, clamped=make is row))
    # No gain is large enough, so that the rate falls after every second epoch.
    plateau = Plateau("validation_loss", patience=1, floor=1e-7, threshold=0.5)
    return Training(model, task, Recipe(epochs=epochs, rate=1e-2, plateau=plateau), folder)


def same(one, other):
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name]), name
    assert {k: torch.tensor(v).nan_to_num(-1).tolist() for k, v in one.history.items()} == {
        k: torch.tensor(v).nan_to_num(-1).tolist() for k, v in other.history.items()
    }


@pytest.mark.parametrize("make", [LSTM, row, OrthogonalRNN])
def test_a_run_in_pieces_equals_the_run_in_one(tmp_path, make, after):
    whole = training(tmp_path / "whole", make)
    assert whole.run() == "done"
    assert whole.task.batches >= 6
    for count in (3, 1, 8, 5):  # batches: in the middle of epochs, where the carried state matters
        assert training(tmp_path / "pieces", make).run(stop=after(count)) == "stopped"
    last = training(tmp_path / "pieces", make)
    assert last.run() == "done"
    same(whole, last)
    if make is LSTM:
        assert whole.history["rate"] == pytest.approx([1e-2, 1e-2, 1e-2, 1e-3, 1e-3])


def test_without_the_carried_state_it_would_not(tmp_path, after):
    whole = training(tmp_path / "whole")
    whole.run()
    training(tmp_path / "pieces").run(stop=after(3))
    forgetful = training(tmp_path / "pieces")
    forgetful.task.restore = lambda tensors: None
    forgetful.run()
    assert not torch.equal(whole.model.weight_ho, forgetful.model.weight_ho)


def child(folder):
    training(folder, epochs=200).run(checkpoint_seconds=0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_it_goes_on_as_if_nothing_had_been(tmp_path):
    folder = tmp_path / "killed"
    for _ in range(2):
        seen = set(folder.glob("checkpoint-*.json"))
        process = multiprocessing.get_context("fork").Process(target=child, args=(folder,))
        process.start()
        while len(set(folder.glob("checkpoint-*.json")) - seen) < 2 and process.is_alive():
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    reached = training(folder)
    reached.restore()
    assert 0 < reached.updates < 200 * reached.task.batches
    end = reached.epoch + 2
    killed, whole = training(folder, epochs=end), training(tmp_path / "whole", epochs=end)
    assert killed.run() == whole.run() == "done"
    same(whole, killed)


def test_it_ends_when_the_rate_is_too_small(tmp_path):
    run = training(tmp_path, epochs=60)
    assert run.run() == "done"
    assert run.history["rate"][-1] == pytest.approx(1e-7)
    assert run.epoch < 60


def test_it_learns(tmp_path):
    run = training(tmp_path, epochs=12)
    run.run()
    losses = run.history["validation_loss"]
    assert min(losses) < 0.95 * losses[0]
    assert run.history["loss"][-1] < run.history["loss"][0]


def test_precision_is_the_devices():
    assert choose(None, "cpu") == "float32"
    assert choose(None, "cuda:1") == "tf32"
    assert choose("bf16", "cuda") == "bf16"
    with pytest.raises(ValueError, match="precision is 'tf32' on device 'cpu', expected float32 or a CUDA device"):
        choose("tf32", "cpu")
    with pytest.raises(ValueError, match="precision is 'half', expected one of float32, tf32, bf16"):
        choose("half", "cuda")


def test_products_are_put_back():
    matmul, rnn = torch.backends.cuda.matmul, torch.backends.cudnn.rnn
    before = matmul.fp32_precision, rnn.fp32_precision
    with products("tf32"):
        assert (matmul.fp32_precision, rnn.fp32_precision) == ("tf32", "tf32")
        with products("float32"):
            assert (matmul.fp32_precision, rnn.fp32_precision) == ("ieee", "ieee")
        with products(None):
            assert (matmul.fp32_precision, rnn.fp32_precision) == ("tf32", "tf32")
    assert (matmul.fp32_precision, rnn.fp32_precision) == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision, near", [("float32", 1e-4), ("tf32", 1e-2), ("bf16", 0.1)])
def test_a_gpu_computes_the_same_loss(precision, near):
    def gradient(device, precision):
        corpus = synthetic.corpus(0, WORDS, (600, 200, 200))
        task = Language(lambda: corpus, WORDS, streams=8, steps=10, device=device, precision=precision)
        model = seeded(0, lambda: LanguageModel(LSTM, WORDS, 32, dropout=0.0)).to(device)
        with products(precision):
            loss, _ = task.objective(model, 0, 0)
            loss.backward()
        return float(loss.detach()), model.network.weight_hh.grad.cpu()

    (loss, grad), (other, theirs) = gradient("cpu", "float32"), gradient("cuda", precision)
    assert other == pytest.approx(loss, rel=near)
    assert float((theirs - grad).norm() / grad.norm()) < 10 * near
