"""The language task: every word predicted once, the state carried and put back, the best validation remembered."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from paperlib.corpora import synthetic
from paperlib.models import LSTM, OrthogonalRNN
from paperlib.models.language import LanguageModel
from paperlib.tasks.language import Language
from paperlib.training.seeds import seeded

WORDS = 100


@pytest.fixture(scope="module")
def corpus():
    return synthetic.corpus(0, WORDS, (900, 300, 300))


def task(corpus, **options):
    return Language(lambda: corpus, WORDS, **({"streams": 6, "steps": 10} | options))


def network(make=LSTM, dropout=0.5):
    return seeded(1, lambda: LanguageModel(make, WORDS, 5, dropout=dropout))


def test_every_word_of_every_stream_is_predicted_once(corpus):
    found = task(corpus)
    length = len(corpus.train) // 6
    windows = [found.window("train", k) for k in range(found.batches)]
    text = corpus.train[: length * 6].view(6, length).T
    assert torch.equal(torch.cat([tokens for tokens, _ in windows]), text[:-1])
    assert torch.equal(torch.cat([target for _, target in windows]), text[1:])
    assert all(len(tokens) == 10 for tokens, _ in windows[:-1])
    assert 1 <= len(windows[-1][0]) <= 10


@pytest.mark.parametrize("length, batches", [(10, 1), (11, 1), (12, 2), (21, 2), (22, 3)])  # no empty last batch
def test_batches_of_an_epoch(corpus, length, batches):
    found = task(replace(corpus, train=corpus.train[: 6 * length + 5]))
    assert found.batches == batches
    assert sum(len(found.window("train", k)[0]) for k in range(batches)) == length - 1


@pytest.mark.parametrize("make", [LSTM, OrthogonalRNN])
def test_state_is_carried_detached_and_reset(corpus, make):
    found, model = task(corpus), network(make, dropout=0.0)
    losses = [found.objective(model, 0, k) for k in range(found.batches)]
    assert not found.x.requires_grad
    text = found.part("train")
    h, _ = model.states(text[:-1])  # in one go
    whole = F.cross_entropy(
        F.linear(h, model.weight_ho, model.bias_ho).flatten(0, 1), text[1:].flatten(), reduction="sum"
    )
    total = sum(float(loss.detach()) for loss, _ in losses)
    assert total == pytest.approx(float(whole.detach()), rel=1e-5)
    assert sum(sums["terms"] for _, sums in losses) == text[1:].numel()
    assert float(found.objective(model, 1, 0)[0].detach()) == float(losses[0][0].detach())


def test_masks_are_a_function_of_seed_epoch_and_batch(corpus):
    model = network()
    values = {}
    for seed, epoch, index in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]:
        found = task(corpus, seed=seed)
        first = [float(found.objective(model, epoch, index)[0].detach()) for _ in range(2)] if index == 0 else []
        found.x = None
        values[seed, epoch, index] = float(found.objective(model, epoch, index)[0].detach())
        assert all(value == values[seed, epoch, index] for value in first)
    assert len(set(values.values())) == 4


def test_test_loss_is_read_at_the_best_validation_only(corpus, monkeypatch):
    found, model = task(corpus), network()
    losses = iter([5.0, 4.0, 4.5, 4.0, 3.0])
    tests = []

    def evaluate(model, name):
        if name == "valid":
            return next(losses)
        tests.append(1)
        return 10.0 + len(tests)

    monkeypatch.setattr(found, "evaluate", evaluate)
    seen = [found.validate(model)["test_loss"] for _ in range(5)]
    assert seen[:2] + seen[4:] == [11.0, 12.0, 13.0]
    assert math.isnan(seen[2]) and math.isnan(seen[3])


def test_evaluation_is_the_mean_cross_entropy_without_dropout(corpus):
    found, model = task(corpus), network()
    text = found.part("valid")
    with torch.no_grad():
        h, _ = model.states(text[:-1])
        logits = F.linear(h, model.weight_ho, model.bias_ho)
        expected = float(F.cross_entropy(logits.flatten(0, 1), text[1:].flatten()))
    assert found.evaluate(model, "valid") == pytest.approx(expected, rel=1e-6)


def test_state_goes_through_a_checkpoint(corpus):
    found, model = task(corpus), network()
    found.objective(model, 0, 0)
    found.validate(model)
    again = task(corpus)
    again.restore({name: value.clone() for name, value in found.state().items()})
    assert torch.equal(again.x, found.x)
    assert again.best == found.best < math.inf
    expected, resumed = (float(one.objective(model, 0, 1)[0].detach()) for one in (found, again))
    assert resumed == expected
    fresh = task(corpus)
    fresh.restore({})
    assert fresh.x is None and fresh.best == math.inf


def test_the_text_is_loaded_when_it_is_needed(corpus):
    calls = []

    def load():
        calls.append(1)
        return corpus

    found = Language(load, WORDS, streams=6, steps=10)
    assert not calls
    assert found.batches > 0
    assert found.provenance()["synthetic"] is True
    assert set(found.provenance()["text_sha256"]) == {"train", "valid", "test"}
    assert len(calls) == 1


@pytest.mark.parametrize(
    "options, said",
    [
        ({"streams": 0}, "streams is 0, expected a positive integer"),
        ({"steps": 2.0}, r"steps is 2\.0, expected a positive integer"),
        ({"streams": 200}, r"valid has \d+ tokens, expected 2 or more for each of 200 streams"),
    ],
)
def test_wrong_use_is_named(corpus, options, said):
    with pytest.raises(ValueError, match=said):
        task(corpus, **options).part("train")
    with pytest.raises(ValueError, match="corpus has 100 words, expected 99"):
        Language(lambda: corpus, 99, streams=6).part("train")
