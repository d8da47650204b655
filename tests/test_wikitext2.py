"""Readings of the language models' runs, on stored files whose answers are known."""

import json
import math

import numpy as np
import pytest
import torch

from paperlib import runs, wikitext2, word_loops
from paperlib.corpora import synthetic
from paperlib.models import StableLSTM
from paperlib.models.language import LanguageModel
from paperlib.training import arrays
from paperlib.training.language_measures import feedback_orbits, repeats
from paperlib.training.seeds import seeded

KINDS = ["undecided", "fixed point", "cycle", "quasi-periodic", "chaotic", "unbounded"]


def store(root, scale="quick", model="lstm", seed=0, status="done", synthetic=True, **settings):
    """An empty run of the chapter in a store."""
    own = runs.identity("wikitext2", model, scale=scale, seed=seed, **settings)
    folder = root / runs.name(own)
    folder.mkdir(parents=True)
    record = {"identity": own, "status": status, "provenance": {"synthetic": synthetic, "vocabulary": 300}}
    runs.write(folder, record)
    return runs.Run(folder, record)


def attractors(run, **values):
    """attractors.safetensors of two epochs, two tokens and two starts, all at rest in one point but for `values`."""
    dims = ("epoch", "mode", "token", "start")
    found = {
        "epoch": (("epoch",), torch.tensor([0, 2])),
        "slow_epoch": (("slow_epoch",), torch.tensor([0])),
        "kind": (("slow_epoch", *dims[1:]), torch.ones(1, 2, 2, 2, dtype=torch.int8)),
        "mean": ((*dims, "projection"), torch.zeros(2, 2, 2, 2, 4)),
        "deviation": ((*dims, "projection"), torch.zeros(2, 2, 2, 2, 4)),
        "period": (dims, torch.ones(2, 2, 2, 2, dtype=torch.int32)),
    }
    for name, value in values.items():
        value = torch.as_tensor(value)
        own = found[name][0] if name in found else name_of(name, value)
        found[name] = (own, value)
    arrays.save(run.folder / "attractors.safetensors", found, kinds=KINDS)


def name_of(name, value):
    dims = ("epoch", "token", "start") if name == "loop_start" else ("slow_epoch", "token", "multiplier", "part")
    return dims[: value.dim()]


@pytest.fixture
def run(tmp_path):
    return store(tmp_path)


def test_only_runs_that_ended_are_shown_and_quick_ones_in_full(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RUNS", tmp_path / "a")
    monkeypatch.setattr(runs, "STORED_RUNS", tmp_path / "b")
    for seed, status in enumerate(("done", "running", "stopped", "diverged")):
        for scale in ("quick", "medium"):
            store(tmp_path / "a", scale, seed=seed, status=status)
    store(tmp_path / "a", seed=7, epochs=1)  # a trial
    store(tmp_path / "b", "medium", "ornn", seed=2)
    store(tmp_path / "b", "medium", "ornn", seed=1)
    store(tmp_path / "a", "medium", "slstm", status="running")  # goes on from where the stored one was left
    store(tmp_path / "b", "medium", "slstm", status="stopped")

    def seeds(scale):
        return {model: [run.seed for run in some] for model, some in wikitext2.found(scale).items()}

    assert seeds("quick") == {"lstm": [0]}
    assert seeds("medium") == {"lstm": [0, 2], "slstm": [0], "ornn": [1, 2]}
    assert seeds("paper") == {}


def test_a_run_that_was_left_says_where(tmp_path):
    run = store(tmp_path, "medium", status="stopped")
    run.record["metrics"] = {"epochs": 12}
    assert wikitext2.left(run) == "left after epoch 12 of 30"
    assert wikitext2.left(store(tmp_path, "medium", seed=1)) is None


def test_perplexity_and_its_largest_rise(run):
    columns = {"validation_loss": [math.log(v) for v in (100, 50, 60, 40)], "test_loss": [1.0, math.nan, 0.0, 0.0]}
    arrays.save(
        run.folder / "history.safetensors", {k: (("epoch",), torch.tensor(v).float()) for k, v in columns.items()}
    )
    assert wikitext2.perplexity(run) == pytest.approx([100, 50, 60, 40], rel=1e-5)
    assert np.isnan(wikitext2.perplexity(run, "test")[1])
    assert wikitext2.largest_rise(wikitext2.perplexity(run)) == pytest.approx(0.2, rel=1e-5)
    assert wikitext2.largest_rise(np.array([4.0, 2.0, 1.0])) == -0.5
    assert wikitext2.largest_rise(np.array([4.0])) == -1  # one epoch: nothing rises
    with pytest.raises(ValueError, match="part is 'all', expected one of validation, train, test"):
        wikitext2.perplexity(run, "all")


def test_one_point_wants_all_starts_in_it_and_no_motion(run):
    mean, deviation = torch.zeros(2, 2, 2, 2, 4), torch.zeros(2, 2, 2, 2, 4)
    mean[1, 0, 0, 1, 0] = 0.3  # the second start of the first token is elsewhere
    deviation[0, 0, 1, 0, 0] = 0.2  # the second token moves at first
    deviation[1, 1] = 5  # feedback is another matter
    attractors(run, mean=mean, deviation=deviation)
    assert wikitext2.spread(run) == pytest.approx(np.array([[0, 0.2], [0.3, 0]]))
    assert wikitext2.single_point(run).tolist() == [[True, False], [False, True]]


def test_mixed_wants_rest_and_a_cycle_at_the_same_epoch(run):
    deviation, period = torch.full((2, 2, 2, 2, 4), 1e-3), torch.ones(2, 2, 2, 2, dtype=torch.int32)
    deviation[:, 0] = 0.2  # all move
    deviation[1, 0, 0, 0] = 1e-3
    deviation[1, 1] = 5
    period[:, 0] = 2
    period[1, 0, 0, 0] = 1
    kind = torch.full((1, 2, 2, 2), 2, dtype=torch.int8)
    attractors(run, deviation=deviation, period=period, kind=kind)
    assert wikitext2.mixed(run).tolist() == [False, True]
    drifting = period.clone()
    drifting[1, 0, 0, 1] = drifting[1, 0, 1] = 0  # they move, but are on their way
    attractors(run, deviation=deviation, period=drifting, kind=kind)
    assert wikitext2.mixed(run).tolist() == [False, False]


def test_an_orbit_that_is_still_on_its_way_neither_rests_nor_moves(run):
    deviation, period = torch.zeros(2, 2, 2, 2, 4), torch.ones(2, 2, 2, 2, dtype=torch.int32)
    deviation[1, 0, 0, 0, 0], period[1, 0, 0, 0] = 0.4, 0  # drifts
    kind = torch.ones(1, 2, 2, 2, dtype=torch.int8)
    kind[0, 0, 1, 1] = 0  # undecided over a longer orbit, though it repeats to rounding
    attractors(run, deviation=deviation, period=period, kind=kind)
    assert wikitext2.resting(run).tolist() == [[[True, True], [True, False]], [[False, True], [True, True]]]
    assert not wikitext2.moving(run).any()
    kind[0, 0, 1, 1] = 4
    deviation[0, 0, 1, 1] = 0.3
    period[0, 0, 1, 1] = 0
    attractors(run, deviation=deviation, period=period, kind=kind)
    assert wikitext2.moving(run).nonzero()[0].tolist() == [0]  # chaotic: measured


def test_starts_may_rest_apart(run):
    mean, deviation = torch.zeros(2, 2, 2, 2, 4), torch.zeros(2, 2, 2, 2, 4)
    mean[:, 0, 0, 1, 0] = 0.3  # under the first token in two points
    deviation[1, 0, 0, 0, 0] = 0.1  # later the first of them is none
    attractors(run, mean=mean, deviation=deviation)
    assert wikitext2.apart(run).tolist() == [[True, False], [False, False]]
    kind = torch.ones(1, 2, 2, 2, dtype=torch.int8)
    kind[0, 0, 0, 1] = 0  # the second of them is undecided
    attractors(run, mean=mean, deviation=deviation, kind=kind)
    assert not wikitext2.apart(run).any()


def test_a_typical_start_is_no_outlier(run):
    mean, deviation = torch.zeros(2, 2, 2, 5, 4), torch.zeros(2, 2, 2, 5, 4)
    mean[1, 0, :, 0, 0] = 8
    labels = {"period": torch.ones(2, 2, 2, 5), "kind": torch.ones(1, 2, 2, 5)}
    attractors(run, mean=mean, deviation=deviation, **labels)
    assert wikitext2.typical(run) == 1
    attractors(run, mean=mean.flip(3), deviation=deviation, **labels)
    assert wikitext2.typical(run) == 0


def test_a_text_that_is_not_the_published_one_is_named_once_and_shortly(run):
    digest = "0123456789abcdef" * 4
    run.record["provenance"]["text_warnings"] = [f"train.txt has sha256 {digest}"]
    assert wikitext2.warnings([run, run]) == ["train.txt has sha256 01234567..."]


def test_loops_of_one_word_count(run):
    period = torch.ones(2, 2, 2, 2, dtype=torch.int32)
    period[1, 1] = 6
    attractors(run, period=period)
    assert np.isnan(word_loops.points(run)).sum() == 0
    assert word_loops.points(run)[1].tolist() == [[6, 6], [6, 6]]


@pytest.mark.parametrize(
    ("after", "kind"),
    [((-1.2, 0.0), "period doubling"), ((1.1, 0.0), "fold or pitchfork"), ((0.8, 0.8), "Neimark-Sacker")],
)
def test_crossings_by_the_multiplier_that_leaves_the_circle(run, after, kind):
    multipliers = torch.full((3, 2, 1, 2), 0.5)
    multipliers[1, 0, 0] = torch.tensor(after)
    multipliers[2, 1, 0] = torch.nan  # Newton's method has found no point
    slow = torch.tensor([0, 4, 8])
    kinds = torch.ones(3, 2, 2, 2, dtype=torch.int8)
    same = torch.tensor([[0, 0], [1, 1], [1, 1]], dtype=torch.int8)
    attractors(run, multipliers=multipliers, slow_epoch=slow, kind=kinds, followed=same)
    first, second = wikitext2.crossings(run)
    assert (first.before, first.after, first.kind, second) == (0, 4, kind, None)
    attractors(run, multipliers=multipliers, slow_epoch=slow, kind=kinds, followed=torch.zeros_like(same))
    assert wikitext2.followed(run) and wikitext2.crossings(run) == [None, None]  # another point each time
    attractors(run, multipliers=multipliers, slow_epoch=slow, kind=kinds)
    assert not wikitext2.followed(run) and wikitext2.crossings(run) == [None, None]


def final(run, steps=2000, **values):
    dims = {"loop": ("token", "start", "place"), "period": ("mode", "token", "start"), "token": ("token",)}
    dims |= dict.fromkeys(("loop_start", "loop_entry"), ("token", "start"))
    dims |= {"exponents_text": ("stream", "exponent"), "error_text": ("stream",), "text_variation": ("read", "stream")}
    found = {name: (dims[name], torch.as_tensor(value)) for name, value in values.items()}
    found |= (
        {"kind": (("mode", "token", "start"), torch.full(found["period"][1].shape, 2))} if "period" in found else {}
    )
    words = {str(i): word for i, word in enumerate(("zero", "one", "two", "three"))}
    arrays.save(run.folder / "final.safetensors", found, kinds=KINDS, words=words, steps=steps)


def test_loops_and_what_comes_before_them(run):
    final(
        run,
        loop=[[[3, 1, 2, -1], [-1, -1, -1, -1], [4, -1, -1, -1]]],
        loop_start=[[12, -1, 20]],
        period=[[[1, 1, 1]], [[3, 0, 1]]],
        loop_entry=[[0, -1, 5]],
    )
    assert word_loops.loops(run) == [[[3, 1, 2], [], [4]]]
    assert word_loops.least_rotation([3, 1, 2]) == [1, 2, 3]
    assert word_loops.least_rotation([]) == []
    assert word_loops.before_loops(run)[0, 0] == 12 and np.isnan(word_loops.before_loops(run)[0, 1])
    assert word_loops.last_points(run)[0, 0] == 3 and np.isnan(word_loops.last_points(run)[0, 1])
    assert word_loops.middle([run], "before") == 16
    assert synthetic.corpus(0, 300, (900, 90, 90)).ids("<eos>") == word_loops.EOS
    assert word_loops.sentence(run, 0, 0) == "one two three" and word_loops.sentence(run, 0, 1) == ""


def test_after_eos_has_two_readings(run):
    """An <eos> of the loop's own is its first word, and something else stands before it."""
    words = np.array([9, 8] + [0, 0, 1] * 60)
    start, _ = repeats(words, 100)
    entry, first = words[start - 1], words[start]
    final(run, loop=[[[first, 0, 1], [5, -1, -1], [-1, -1, -1]]], loop_entry=[[entry, 0, -1]])
    found = word_loops.eos(run)
    assert found["before"].tolist() == [False, True] and found["first"].tolist() == [True, False]


@pytest.mark.parametrize(("kind", "period", "expected"), [(4, 0, True), (4, 3, False), (2, 0, False)])
def test_chaos_under_feedback_wants_no_loop_of_words_at_any_probe(run, kind, period, expected):
    kinds, periods = torch.full((2, 2, 2, 2), 2, dtype=torch.int8), torch.ones(2, 2, 2, 2, dtype=torch.int32)
    kinds[1, 1, 0, 0], periods[1, 1, 0, 0] = kind, period
    attractors(run, kind=kinds, period=periods, slow_epoch=torch.tensor([0, 2]))
    final(run, period=[[[1]], [[3]]])
    assert word_loops.chaotic(run) == expected
    attractors(run, kind=kinds.flip(0), period=periods.flip(0), slow_epoch=torch.tensor([0, 2]))
    assert not word_loops.chaotic(run)  # before any training


def test_where_loops_begin_epoch_by_epoch(run):
    attractors(run, loop_start=[[[3, -1], [2, 2]], [[0, 7], [1, 1]]])
    assert np.isnan(word_loops.begins(run)[0, 0, 1]) and word_loops.begins(run)[1].tolist() == [[0, 7], [1, 1]]


def test_a_network_that_forgets_its_start_at_once_repeats_itself_at_once(run):
    model = run_model(run)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.bias_ho[7] = 2.0
    network(run, model)
    final(run, token=[1, 2], loop_start=[[0] * 3] * 2)
    assert word_loops.before_from(run, 0.01, 200).tolist() == [[0] * 3] * 2
    assert np.isnan(word_loops.before_from(run, 1.0, 60)).all()  # shorter than what must repeat
    final(run, token=[1, 2], loop_start=[[0] * 3] * 2, steps=150)
    assert word_loops.from_smaller(run) == {"1.0": [0] * 3, "0.1": [0] * 3, "0.01": [0] * 3}


def test_the_committed_starts_begin_with_what_the_committed_runs_say():
    committed = json.loads(word_loops.COMMITTED.read_text("utf-8"))
    for name, found in committed.items():
        run = runs.Run(runs.STORED_RUNS / name, runs.read(runs.STORED_RUNS / name))
        before = word_loops.before_loops(run)
        assert found["1.0"] == [before.min(), np.median(before), before.max()]
        assert word_loops.from_smaller(run) == found  # without weights
        assert list(found) == list(map(str, word_loops.FACTORS))


def test_words_said_again_are_counted_and_a_long_loop_is_begun(run):
    final(run, loop=[[[3, 2, 2, 2], [2, 1, 1, 3]]], period=[[[1, 1]], [[4, 99]]])
    assert word_loops.sentence(run, 0, 0) == "two (x 3) three"
    assert word_loops.sentence(run, 0, 1) == "two one (x 2) three ..."


@pytest.mark.parametrize(("exponent", "error", "left"), [(-0.5, 0.01, 0.0), (-0.03, 0.01, 0.0), (-0.5, 0.01, 0.2)])
def test_a_text_forgets_where_both_measures_say_so(run, exponent, error, left):
    variation = torch.zeros(200, 3)
    variation[:50] = 0.5
    variation[150] = left
    final(run, exponents_text=[[exponent, -1.0]] * 3, error_text=[error] * 3, text_variation=variation)
    assert list(wikitext2.text_forgets(run).values()) == [exponent < -0.04, left == 0]


def network(run, model):
    arrays.save(run.folder / "model.safetensors", arrays.plain(model.state_dict()))


def test_margin_of_a_network_that_always_says_the_same(run):
    model = run_model(run)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.bias_ho[7], model.bias_ho[9] = 2.0, 1.5
    network(run, model)
    final(run, token=[1, 2], loop_start=[[0] * 3] * 2)
    found = word_loops.margins(run, 10)
    assert found.shape == (2, 3)
    assert found.numpy() == pytest.approx(np.full((2, 3), 0.5))


def test_the_mean_logit_is_the_mean_of_h_only_for_equal_rows(run):
    model = run_model(run)
    tokens = torch.randint(300, (40, 2), generator=torch.Generator().manual_seed(1))
    network(run, model)
    found = wikitext2.averages(run, tokens)
    assert found["off"] < 1e-12 and abs(found["hidden"]) < 0.95
    with torch.no_grad():
        model.weight_ho.copy_(
            model.weight_ho.mean(1, keepdim=True).mean(0).abs().clamp(min=0.1).expand_as(model.weight_ho)
        )
    network(run, model)
    assert wikitext2.averages(run, tokens)["hidden"] == pytest.approx(1)


def run_model(run):
    from paperlib import experiments

    setting = experiments.experiment("wikitext2", "lstm")
    return seeded(0, lambda: setting.build(setting.task()))


@pytest.mark.parametrize("seed", range(3))
def test_a_certified_network_repeats_itself(seed):
    """The theorem of the chapter: a common contraction, and away from ties the words recur, and the state."""
    model = seeded(seed, lambda: LanguageModel(lambda *a: StableLSTM(*a, projection="row"), 50, 12, clamped=True))
    model.project_()
    assert model.network.certificate(model.input_bound()).rate < 1
    starts = 10 * torch.randn(4, model.state_size, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        _, _, tokens, marks = feedback_orbits(model, torch.arange(4), starts, 1500, 10)
    for words, states in zip(tokens.T.numpy(), marks.T.numpy(), strict=True):
        start, period = repeats(words)
        assert period > 0
        assert repeats(states)[1] % period == 0 and repeats(states)[1] > 0
        assert (words[start:-period] == words[start + period :]).all()


def test_a_synthetic_text_decides_no_printed_number():
    from paperlib.paths import STORED_RESULTS

    stored = json.loads((STORED_RESULTS / "wikitext2.json").read_text())
    printed = {f"R-5.3-perplexity-{model}" for model in wikitext2.PERPLEXITY}
    assert all("quick" not in stored.get(id, {}) for id in (*printed, "R-5.3-slstm-600", "R-5.3-after-eos"))
