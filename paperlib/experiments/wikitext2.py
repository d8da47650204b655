"""R, section 5.3: a word-level language model.

One network at the paper's scale on one GPU, in pieces of nine minutes; the same command goes on where the last one
stopped (exit 75), and what the finished run leaves is small:

    export PAPERLIB_WIKITEXT2=...   # or once: python -m paperlib data fetch wikitext-2
    python -m paperlib train wikitext2 --model lstm --scale paper --device cuda --max-minutes 9 --checkpoint-minutes 4
    python -m paperlib runs --export wikitext2-lstm-paper-seed0

What TF32, the default there, changes: two epochs of each, `--set epochs=2` and `--set precision=float32`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from paperlib.corpora import Corpus, synthetic
from paperlib.corpora import wikitext2 as release
from paperlib.experiments.base import Experiment, take
from paperlib.models import Model
from paperlib.models.language import LanguageModel
from paperlib.training.recipe import Plateau, Recipe

TEXTS = ("synthetic", "wikitext-2")
TOKENS = 3_000_017  # offset of the drawn tokens among the random streams of a run


def wikitext2(model: str, scale: str, variant: str, settings: dict[str, Any]) -> Experiment:
    """R, section 5.3. `text` is synthetic (quick only) or wikitext-2; `precision` float32, tf32 or bf16 (on a GPU)."""
    take(settings, text=str, precision=str)
    # Quick is the same in every checkout, whether the corpus is at hand or not.
    text = settings.get("text", "synthetic" if scale == "quick" else "wikitext-2")
    known = TEXTS if scale == "quick" else TEXTS[1:]
    if text not in known:
        raise ValueError(f"text is {text!r} at {scale} scale, expected one of {', '.join(known)}")
    if scale == "paper":
        hidden, vocabulary = 800, 33_278  # R, 5.3
        task = {"streams": 100, "steps": 80}  # R, 5.3
        epochs = 150  # R, Figs. 8 and 9
        if variant == "code":
            task["steps"], epochs = 70, 100
        tokens, rate = None, 1e-3  # R, 5.3
        probe = {"steps": 1600, "keep": 100, "every": 1, "slow": 25}  # R, Figs. 8 and supplementary 5 to 7
        final = {"steps": 8000, "n": 2000, "settle": 500, "label": 2000}
    elif scale == "medium":
        # Ours: an epoch of the whole corpus, forwards and backwards, takes 81 s of one core (oRNN: 118), validation 3,
        # probes 1; so each network ends within an hour or so. A quarter of the text is <unk> with so few words.
        hidden, vocabulary = 128, 2_000
        task = {"streams": 100, "steps": 80}
        epochs, tokens, rate = 30, None, 1e-3
        probe = {"steps": 1600, "keep": 100, "every": 1, "slow": 10}
        final = {"steps": 8000, "n": 2000, "settle": 500, "label": 2000}
    else:
        # Ours, by trial: the smallest network whose fixed point under a constant token loses its stability while the
        # perplexity falls to what the text allows; half a minute of one core.
        hidden, vocabulary = 64, 300
        task = {"streams": 10, "steps": 20}
        epochs, tokens, rate = 16, 40_000, 5e-3
        probe = {"steps": 800, "keep": 100, "every": 2, "slow": 4, "n": 200, "settle": 100, "label": 500}
        final = {"steps": 2000, "n": 500, "settle": 200, "label": 1000}

    def make_task(device: str = "cpu", seed: int = 0):
        from paperlib.tasks.language import Language
        from paperlib.training.precision import choose

        precision = choose(settings.get("precision"), device)
        load = source(text, vocabulary, tokens)
        return Language(load, vocabulary, **task, seed=seed, device=device, precision=precision)

    return Experiment(
        "wikitext2",
        model,
        scale,
        variant,
        settings,
        hidden,
        make_task,
        Recipe(
            epochs=epochs,
            rate=rate,
            clip=0.25,  # R, 5.3; on the norm of the gradient of a summed loss
            factor=0.1,  # R, 5.3
            plateau=Plateau("validation_loss", patience=7, floor=1e-7),  # R, 5.3; on which loss: released code
        ),
        probes(probe, final),
        # The certificate wants |u|_inf <= 1; the released stable LSTM reads embeddings of any size.
        lambda make, task, size: LanguageModel(make, task.vocabulary, size, clamped=model == "slstm-certified"),
    )


def source(text: str, vocabulary: int, tokens: int | None) -> Callable[[], Corpus]:
    """What loads the text, with its `vocabulary` commonest words; the first `tokens` to train on, None for all."""

    def load() -> Corpus:
        if text == "synthetic":
            return synthetic.corpus(0, vocabulary, (tokens, tokens // 10, tokens // 10))
        corpus = release.load()
        corpus = corpus if len(corpus.vocabulary) == vocabulary else corpus.reduced(vocabulary)
        return corpus if tokens is None else corpus.part(tokens=tokens)

    return load


def probes(options: dict[str, Any], final: dict[str, int]) -> Callable[..., Any]:
    """Two constant tokens and five start states, drawn once for all epochs: R, Fig. 8.

    As in the released code the two tokens are among the first ids, as many as the embedding has entries; two more,
    from the whole vocabulary, are looked at after the last epoch.
    """

    def prober(task, model: Model, folder: Path, seed: int):
        from paperlib.training.language_probe import WORDS, LanguageProbe
        from paperlib.training.seeds import start_states

        draw = torch.Generator().manual_seed(seed + TOKENS)
        first = torch.randint(min(model.hidden_size, task.vocabulary), (2,), generator=draw)
        more = torch.randint(task.vocabulary, (2,), generator=draw)
        starts = start_states(seed, 5, model.state_size)
        ids = [task.corpus.ids(word) for word in WORDS]
        text = partial(task.part, "valid")
        return LanguageProbe(folder, first, more, starts, ids, text, task.corpus.words, **options, final=final)

    return prober


def quick_runs() -> list[dict[str, Any]]:
    """What the chapter reads at quick scale."""
    runs = [("lstm", 3), ("slstm", 2), ("slstm-certified", 1), ("ornn", 2)]
    return [
        {"experiment": "wikitext2", "model": model, "scale": "quick", "seed": seed}
        for model, seeds in runs
        for seed in range(seeds)
    ]


def paper_runs() -> list[dict[str, Any]]:
    """Medium scale, which stands in for the paper's on a CPU, then the paper's, for a GPU: the most telling first."""
    models = ("lstm", "slstm", "ornn", "slstm-certified")
    sweep = [("medium", 0), *(("paper", seed) for seed in range(3))]
    return [
        {"experiment": "wikitext2", "model": model, "scale": scale, "seed": seed}
        for scale, seed in sweep
        for model in models
    ]


def minutes(run: dict[str, Any], device: str = "cpu") -> float | None:
    """At medium scale, with validation and probes, on one idle core of an AMD EPYC (2026)."""
    if device != "cpu" or run["scale"] != "medium":
        return None
    return 38 if run["model"].startswith("ornn") else 46
