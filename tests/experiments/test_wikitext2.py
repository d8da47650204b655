"""The settings of R, section 5.3, and what is said where they are asked for wrongly."""

import pytest
import torch

from paperlib import experiments
from paperlib.cli import main
from paperlib.models.language import LanguageModel
from paperlib.training.seeds import seeded


def setting(model="lstm", **options):
    return experiments.experiment("wikitext2", model, **options)


def test_paper_scale_is_the_papers():
    found = setting(scale="paper")
    task = found.task()
    assert (found.hidden_size, task.vocabulary, task.streams, task.steps) == (800, 33_278, 100, 80)
    assert (found.recipe.rate, found.recipe.clip, found.recipe.factor, found.recipe.epochs) == (1e-3, 0.25, 0.1, 150)
    assert (found.recipe.plateau.patience, found.recipe.plateau.floor) == (7, 1e-7)
    code = setting(scale="paper", variant="code")
    assert (code.task().steps, code.recipe.epochs) == (70, 100)


def test_a_model_is_built_without_the_corpus():
    found = setting(scale="medium")
    task = found.task()
    model = found.build(task)
    assert isinstance(model, LanguageModel)
    assert model.weight_ho.shape == (task.vocabulary, found.hidden_size)
    assert task._corpus is None


@pytest.mark.parametrize("name", ["lstm", "slstm", "slstm-certified", "ornn"])
def test_only_the_certified_network_has_clamped_embeddings(name):
    found = setting(name)
    model = seeded(0, lambda: found.build(found.task()))
    assert model.clamped == (name == "slstm-certified")
    assert model.dropout == 0.5
    if name == "slstm-certified":
        assert model.network.certificate(model.input_bound()).rate < 1


def test_quick_text_is_the_packages_own_and_says_so():
    task = setting().task()
    assert task.provenance()["synthetic"] is True
    assert "synthetic" in task.provenance()["text"]
    assert setting().task().arrays()[0].equal(task.arrays()[0])


def test_tokens_are_among_the_first_ids_and_the_same_for_every_network(tmp_path):
    seen = []
    for name in ("lstm", "ornn"):
        found = setting(name)
        task = found.task()
        probe = found.prober(task, found.build(task), tmp_path / name, 4)
        seen.append((probe.tokens.tolist(), probe.more.tolist(), probe.words))
        assert int(probe.tokens.max()) < found.hidden_size
        assert probe.starts.shape[0] == 5
        assert [task.corpus.vocabulary[i] for i in probe.words] == ["is", "Valkyria", "<unk>"]
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "words, said",
    [
        (["--set", "text=bible"], "text is 'bible' at quick scale, expected one of synthetic, wikitext-2"),
        (
            ["--scale", "paper", "--set", "text=synthetic"],
            "text is 'synthetic' at paper scale, expected one of wikitext-2",
        ),
        (["--set", "precision=3"], "precision is 3, expected str"),
        (["--set", "precision=tf32"], "precision is 'tf32' on device 'cpu', expected float32"),
        (["--length", "50"], "length is no setting of this experiment, expected one of text, precision"),
    ],
)
def test_wrong_use_is_one_line_and_2(words, said, capsys, tmp_path):
    assert main(["train", "wikitext2", "--model", "lstm", *words, "--runs", str(tmp_path / "none")]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not list(tmp_path.glob("none/*/run.json"))


def test_without_the_corpus_a_larger_scale_says_where_it_would_be(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PAPERLIB_WIKITEXT2", str(tmp_path / "nowhere"))
    assert main(["train", "wikitext2", "--model", "lstm", "--scale", "medium", "--runs", str(tmp_path / "runs")]) == 1
    captured = capsys.readouterr()
    assert "nowhere" in captured.err
    assert captured.err.count("\n") == 1
    assert not list((tmp_path / "runs").glob("*/run.json"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a CPU")
def test_a_short_run_and_what_it_leaves(capsys, tmp_path):
    words = ["train", "wikitext2", "--model", "slstm-certified", "--set", "epochs=1", "--runs", str(tmp_path)]
    assert main(words) == 0
    assert "done, 1 epochs" in capsys.readouterr().out
    from paperlib import runs

    (run,) = runs.find("wikitext2", roots=(tmp_path,))
    assert run.record["provenance"]["synthetic"] is True
    assert run.record["provenance"]["precision"] == "float32"
    assert {"test_perplexity", "validation_perplexity", "best_epoch", "certificate"} <= set(run.metrics)
    assert run.metrics["certificate"] < 1
    assert runs.export(run, tmp_path / "exported").exists()
    assert run.model().weight_ho.shape[0] == setting().task().vocabulary
