"""The probe of the language model: orbits of the plain map, exponents known elsewhere, loops found where they begin."""

import math

import numpy as np
import pytest
import torch

from paperlib import runs
from paperlib.corpora import synthetic
from paperlib.dynamics import lyapunov_spectrum
from paperlib.experiments import experiment
from paperlib.models import LSTM, OrthogonalRNN, StableLSTM, bind, closed_loop
from paperlib.models.language import LanguageModel
from paperlib.tasks.language import Language
from paperlib.training import arrays, finish
from paperlib.training.language_measures import (
    constant_orbits,
    driven,
    feedback_orbits,
    fixed_point,
    forgetting,
    output_period,
    prefixes,
    repeats,
    usual,
)
from paperlib.training.language_probe import LanguageProbe, gather, perplexities
from paperlib.training.loop import Training
from paperlib.training.probes import Vitals
from paperlib.training.recipe import Plateau, Recipe
from paperlib.training.seeds import seeded, start_states

WORDS, SIZE = 100, 8
F64 = torch.float64


def row(*sizes):
    return StableLSTM(*sizes, projection="row")


def language(make=LSTM, **options):
    return seeded(0, lambda: LanguageModel(make, WORDS, SIZE, **options)).double().eval()


def setting(model, tokens=3, starts=2):
    z = torch.arange(tokens).repeat_interleave(starts)
    return z, start_states(0, starts, model.state_size, scale=3.0).repeat(tokens, 1)


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


@pytest.mark.parametrize("make", [LSTM, row, OrthogonalRNN])
def test_constant_orbits_are_the_bound_maps(make):
    model = language(make)
    z, x = setting(model)
    h, last = constant_orbits(model, z, x, 55, 20)
    step = bind(model, model.embed(z))
    for t in range(55):
        x = step(x)
        if t >= 35:
            torch.testing.assert_close(h[t - 35], model.hidden(x), rtol=0, atol=1e-9)
    torch.testing.assert_close(last, x, rtol=0, atol=1e-9)


@pytest.mark.parametrize("make", [LSTM, row, OrthogonalRNN])
def test_feedback_is_the_closed_loop_of_the_arg_max(make):
    model = language(make)
    z, x = setting(model)
    h, last, tokens, marks = feedback_orbits(model, z, x, 40, 10)
    loop = closed_loop(model, lambda y: model.embed(y.argmax(-1)))
    state = loop.state(bind(model, model.embed(z))(x))  # the first step reads the token that is given
    for t in range(40):
        assert torch.equal(state[:, model.state_size :].argmax(-1), tokens[t])
        if t >= 30:
            torch.testing.assert_close(model.hidden(state), h[t - 30], rtol=0, atol=1e-12)
        if t < 39:
            state = loop.step(state)
    torch.testing.assert_close(last, state[:, : model.state_size], rtol=0, atol=1e-12)
    assert marks.unique().numel() == marks.numel()


def test_marks_are_equal_exactly_where_states_are():
    model = language(row, clamped=True)
    z, x = setting(model)
    _, _, tokens, marks = feedback_orbits(model, z, torch.cat([x[:1], x[:1], x[1:5]]), 800, 10)
    assert torch.equal(marks[:, 0], marks[:, 1])  # the same token and start twice
    start, period = repeats(marks[:, 0].numpy())
    _, before, *_ = feedback_orbits(model, z[:1], x[:1], start + 1, 1)
    _, after, *_ = feedback_orbits(model, z[:1], x[:1], start + 1 + period, 1)
    assert torch.equal(before, after)
    assert start == 0 or not torch.equal(*(feedback_orbits(model, z[:1], x[:1], start + k, 1)[1] for k in (0, period)))
    assert repeats(tokens[:, 0].numpy())[0] <= start


@pytest.mark.parametrize("make", [LSTM, OrthogonalRNN])
def test_driven_exponents_are_the_spectrum_where_the_token_is_constant(make):
    model = language(make)
    z, x = setting(model)
    ours = driven(model, lambda t, x: z, x, 300, 50, 3).mean(0).sort(-1, descending=True).values
    theirs = lyapunov_spectrum(bind(model, model.embed(z)), x, 300, transient=50, k=3)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


def test_driven_exponents_along_a_text_are_the_growth_of_a_distance():
    model = language()
    text = torch.randint(WORDS, (400, 2), generator=torch.Generator().manual_seed(0))
    x = torch.zeros(2, model.state_size, dtype=F64)
    ours = driven(model, lambda t, x: text[t], x, 300, 100, 1).mean(0)[:, 0]
    for z in text[:100]:
        x = model.step(x, model.embed(z))
    gap = torch.full_like(x, 1e-9) * torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=F64)
    total, size = 0.0, gap.norm(dim=-1)
    for z in text[100:]:
        u = model.embed(z)
        following, other = model.step(x, u), model.step(x + gap, u)
        grown = (other - following).norm(dim=-1)
        total += (grown / gap.norm(dim=-1)).log() / 300
        x, gap = following, (other - following) * (size / grown)[:, None]
    # The distance starts in another direction than the tangent, which costs a few nats in all.
    torch.testing.assert_close(ours, total, rtol=0, atol=0.05)
    assert bool((ours < 0).all())


@pytest.mark.parametrize(
    "sequence, expected",
    [
        ([1, 2, 3, 4, 5], (-1, 0)),
        ([7, 7, 7, 7], (0, 1)),
        ([9, 8, 7, 1, 2, 1, 2, 1, 2], (3, 2)),
        ([9, 8, 7, 1, 2, 1, 2, 1], (3, 2)),
        ([5, 1, 2, 3, 1, 2, 3, 1], (1, 3)),
        ([1, 2, 3, 1, 2], (-1, 0)),  # not twice round
        ([4, 1, 1, 2, 1, 1, 2], (1, 3)),  # not the 2 alone
        ([3, 1, 2, 2], (2, 1)),
    ],
)
def test_loops_are_found_where_they_begin(sequence, expected):
    assert repeats(np.array(sequence)) == expected


def test_a_word_said_twice_is_no_loop_when_more_is_asked_for():
    assert repeats(np.array([3, 1, 2, 2]), least=3) == (-1, 0)
    assert repeats(np.array([3] * 5 + [1, 2] * 10), least=20) == (5, 2)


@pytest.mark.parametrize("seed", range(5))
def test_prefixes_are_their_definition(seed):
    values = np.random.default_rng(seed).integers(0, 2, 40)
    for i, found in enumerate(prefixes(values)):
        length = 0
        while i + length < 40 and values[length] == values[i + length]:
            length += 1
        assert found == length


def test_periods_of_outputs():
    t = torch.arange(100.0)
    y = torch.stack([0 * t, t % 2, torch.cos(2 * math.pi * t / 7), torch.cos(t), 5 + 1e-7 * t], 1)[..., None]
    assert output_period(y).tolist() == [1, 2, 7, 0, 1]


def test_a_contractive_network_forgets_where_it_came_from():
    model = language(row, clamped=True)
    text = torch.randint(WORDS, (150, 3), generator=torch.Generator().manual_seed(0))
    distance, variation = forgetting(model, text, warm=20, n=100)
    assert distance.shape == variation.shape == (100, 3)
    assert bool((distance[0] > 1e-4).all()) and float(distance[-1].max()) < 1e-9
    assert bool((variation >= 0).all() & (variation <= 1).all())


class Cubic:
    """x + a (x - x^3) for every component: fixed points at -1, 0 and 1, of which a > 0 makes zero repel."""

    def __call__(self, x):
        return x + 0.4 * (x - x**3)

    def push(self, x, v):
        return self(x), (1 + 0.4 * (1 - 3 * x[..., None, :] ** 2)) * v


def test_a_fixed_point_is_followed_and_otherwise_sought_where_most_orbits_ended():
    ends = torch.tensor([[[9.0], [1.0], [1.0], [1.0], [0.0]], [[-1.0], [-1.0], [0.1], [9.0], [-1.0]]], dtype=F64)
    assert usual(ends)[:, 0].tolist() == [1, -1]
    point, followed = fixed_point(Cubic(), ends, None)
    assert point[:, 0].tolist() == pytest.approx([1, -1]) and not followed.any()
    before = torch.tensor([[0.05], [math.nan]], dtype=F64)  # near the point that repels; none
    point, followed = fixed_point(Cubic(), ends, before)
    assert point[:, 0].tolist() == pytest.approx([0, -1], abs=1e-9) and followed.tolist() == [True, False]
    lost = torch.full_like(ends, math.inf)
    point, followed = fixed_point(Cubic(), lost, None)
    assert point[:, 0].tolist() == [0, 0] and not followed.any()  # from zero


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    torch.set_grad_enabled(True)
    task = Language(lambda: synthetic.corpus(0, WORDS, (900, 800, 300)), WORDS, streams=6, steps=20)
    model = seeded(0, lambda: LanguageModel(lambda *s: row(*s), WORDS, SIZE, clamped=True))
    ids = [task.corpus.ids(word) for word in ("is", "Valkyria", "<unk>")]
    looking = LanguageProbe(
        folder,
        torch.tensor([1, 4]),
        torch.tensor([50, 60]),
        start_states(0, 5, model.state_size),
        ids,
        lambda: task.part("valid"),
        task.corpus.words,
        steps=300,
        keep=40,
        shown=20,
        every=1,
        slow=2,
        n=50,
        settle=20,
        label=200,
        final={"steps": 400},
    )
    recipe = Recipe(epochs=4, rate=1e-2, plateau=Plateau("validation_loss", 7, 1e-7))
    training = Training(model, task, recipe, folder, watch=Vitals(1.0), probe=looking)
    training.run()
    finish.history(training, folder)
    metrics = looking.finish(model, folder, training.epoch)
    return folder, task, model, looking, metrics


def test_what_a_run_leaves(watched):
    folder, task, model, _, metrics = watched
    found = runs.load(folder / "attractors.safetensors")
    assert list(found.epoch.values) == [0, 1, 2, 3, 4]
    assert list(found.slow_epoch.values) == [0, 2, 4]
    assert (
        dict(found.sizes) | {"mode": 2, "token": 2, "start": 5, "projection": 4, "time": 20, "place": 64} == found.sizes
    )
    assert found.attrs["projections"] == ["mean", "is", "Valkyria", "<unk>"]
    kinds = np.array(found.attrs["kinds"])
    assert (kinds[found.kind.values[:, 0]] == "fixed point").all()  # certified: under any constant input
    assert float(found.exponents_text.max()) < 0
    assert found.followed.values.tolist() == [[0, 0], [1, 1], [1, 1]]
    assert "fixed_point" not in found  # only in the files of the single epochs
    last = runs.load(folder / "final.safetensors")
    assert list(last.token.values) == [1, 4, 50, 60]
    assert last.kind.dims == ("mode", "token", "start")
    assert last.text_distance.dims == ("read", "stream")
    assert last.opening.dims == last.loop.dims == ("token", "start", "place")
    shown = {1, 4, 50, 60, *(int(i) for i in last.loop.values.flatten() if i >= 0)}
    assert last.attrs["words"] == {str(i): task.corpus.vocabulary[i] for i in shown}
    assert sum(path.stat().st_size for path in folder.glob("*.safetensors")) < runs.LARGEST
    history = runs.load(folder / "history.safetensors")
    assert metrics == perplexities(folder)
    best = int(np.nanargmin(history.validation_loss.values))
    assert metrics["best_epoch"] == best + 1
    assert metrics["test_perplexity"] == pytest.approx(math.exp(history.test_loss.values[best]))
    assert metrics["test_loss"] == pytest.approx(task.evaluate(model.eval(), "test"), rel=1e-5) or best != 3


def test_the_point_of_the_probe_before_is_the_one_that_is_followed(watched):
    _, _, model, looking, _ = watched
    points = {epoch: looking.before(epoch) for epoch in range(1, 7)}
    assert looking.before(0) is None
    assert torch.equal(points[1], points[2]) and torch.equal(points[3], points[4])
    assert torch.equal(points[5], points[6]) and not torch.equal(points[1], points[3])
    step = bind(model.network, model.embed(looking.tokens).double(),
                **{name: value.detach().double() for name, value in model.network.weights().items()})  # fmt: skip
    torch.testing.assert_close(step(points[5]), points[5], rtol=0, atol=1e-9)  # of the last epoch


def test_the_small_file_keeps_what_was_seen(watched):
    folder, _, model, looking, _ = watched
    record, _ = looking.orbits(model, looking.tokens, looking.steps)
    found = {name: value for name, (_, value) in arrays.load(folder / "attractors.safetensors")[0].items()}
    logits, mean = record["logits"][1], found["mean"][-1]
    torch.testing.assert_close(mean, logits.mean(0), rtol=1e-4, atol=1e-5)
    restored = found["sample"][-1].float() + mean[..., 0, None]
    torch.testing.assert_close(restored, logits[-20:, ..., 0].movedim(0, -1), rtol=1e-3, atol=1e-3)
    words = found["sample_word"][-1].float().movedim(1, 2) + mean[:, 0, :2, 1:][:, None]
    torch.testing.assert_close(words, logits[-20:, :, 0, :2, 1:].movedim(0, 1), rtol=1e-3, atol=1e-3)
    generated = record["generated"][1]
    for token in range(2):
        for start in range(5):
            begin, period = int(found["loop_start"][-1, token, start]), int(found["period"][-1, 1, token, start])
            said = generated[:, token, start]
            assert period > 0 and torch.equal(said[begin:-period], said[begin + period :])
            loop = found["loop"][-1, token, start]
            assert torch.equal(loop[: min(period, 64)], said[begin : begin + min(period, 64)])
            assert begin == 0 or not torch.equal(said[begin - 1 : -period], said[begin - 1 + period :])
            entry = int(found["loop_entry"][-1, token, start])
            assert entry == (-1 if begin == 0 else int(said[begin - 1]))


def test_vitals_look_at_the_recurrent_part():
    model = language(row, clamped=True)
    assert Vitals(9.0)(model)["certificate"] == model.network.certificate(1.0).rate < 1
    free = language(lambda *sizes: StableLSTM(*sizes, projection="column"))
    found = Vitals(0.1)(free)
    assert found["certificate"] == free.network.certificate(free.input_bound()).rate > found["certificate_unit"]
    assert set(Vitals(1.0)(language(OrthogonalRNN))) == {"positive_biases", "largest_bias"}


def test_the_papers_150_epochs_stay_small(tmp_path):
    """One probe with the paper's options, under 151 numbers: what is committed is at most 1 MB."""
    found = experiment("wikitext2", "lstm", scale="paper")
    model = seeded(0, lambda: LanguageModel(LSTM, WORDS, SIZE))
    task = Language(lambda: synthetic.corpus(0, WORDS, (900, 800, 300)), WORDS, streams=6, steps=20)
    looking = found.prober(task, model, tmp_path, 0)
    looking.steps, looking.options = 120, {"n": 20, "settle": 5, "label": 20}
    looking(model, 0)
    first = looking.folder / "epoch-000000.safetensors"
    record, _ = arrays.load(first)
    slow = {"kind", "multipliers"} | {name for name in record if name.startswith(("exponents", "error"))}
    for epoch in range(found.recipe.epochs + 1):
        own = record if epoch % looking.slow == 0 else {k: v for k, v in record.items() if k not in slow}
        arrays.save(looking.folder / f"epoch-{epoch:06d}.safetensors", own, epoch=epoch)
    gather(looking, tmp_path, found.recipe.epochs)
    kept = arrays.load(tmp_path / "attractors.safetensors")[0]
    assert len(kept["epoch"][1]) == 151 and len(kept["slow_epoch"][1]) == 7
    assert kept["sample"][1].shape == (151, 2, 2, 5, 50)
    assert (tmp_path / "attractors.safetensors").stat().st_size < 0.85 * runs.LARGEST
