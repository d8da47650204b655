"""Probes see the attractors that the plain iterated step has, and their small file keeps what they saw."""

import math

import pytest
import torch

from paperlib.dynamics import orbit
from paperlib.dynamics.classify import KINDS
from paperlib.models import LSTM, OrthogonalRNN, StableLSTM, TanhRNN, bind
from paperlib.training import arrays, finish
from paperlib.training.probes import AttractorProbe, Vitals, multipliers, newton
from paperlib.training.seeds import seeded, start_states

F64 = torch.float64
INPUTS = torch.tensor([[0.2], [0.7], [1.5]], dtype=F64)


def oscillator():
    """tanh of a rotation by 0.5 made 1.3 times longer: an invariant circle, whatever the input does to it."""
    model = TanhRNN(1, 2, 1).double()
    with torch.no_grad():
        c, s = math.cos(0.5), math.sin(0.5)
        model.weight_hh.copy_(1.3 * torch.tensor([[c, -s], [s, c]]))
        model.weight_ih.copy_(torch.tensor([[0.1], [0.0]]))
        model.bias_ih.zero_()
        model.bias_hh.zero_()
        model.weight_ho.copy_(torch.tensor([[1.0, 0.0]]))
        model.bias_ho.zero_()
    return model


def probe(folder, model, **options):
    starts = start_states(0, 4, model.state_size, scale=2.0)
    return AttractorProbe(folder / "probes", INPUTS, starts, **options)


@pytest.mark.parametrize("make", [oscillator, lambda: StableLSTM(1, 6, 1), lambda: OrthogonalRNN(1, 6, 1)])
@pytest.mark.parametrize("steps", [30, 70, 400])  # no transient; a first piece that is shorter; orbits at rest
def test_the_fast_orbits_are_the_plain_ones(tmp_path, make, steps):
    model = seeded(1, make).double()
    looking = probe(tmp_path, model, steps=steps, keep=30)
    with torch.no_grad():
        y, x = looking.attractors(model)
    for i, u in enumerate(INPUTS):
        states = orbit(bind(model, u), looking.starts, 30, transient=steps - 30)
        torch.testing.assert_close(y[:, i], model.readout(states).detach(), rtol=0, atol=1e-9)
        torch.testing.assert_close(x[i], states[-1], rtol=0, atol=1e-9)


def test_what_is_at_rest_goes_no_further(tmp_path):
    model = seeded(0, lambda: StableLSTM(1, 8, 1, projection="row"))
    lengths = []
    model.register_forward_hook(lambda module, arguments, result: lengths.append(arguments[0].shape[:2]))
    with torch.no_grad():
        y, _ = probe(tmp_path, model, steps=4000, keep=400).attractors(model)
    assert sum(t * b for t, b in lengths) < 4000 * 12 / 2
    assert float((y - y[:1]).abs().max()) == 0


def test_newton_finds_the_unstable_point_and_its_multipliers():
    model = oscillator()
    step = bind(model, INPUTS)
    fixed = newton(step, torch.zeros(3, 2, dtype=F64))
    torch.testing.assert_close(step(fixed), fixed, rtol=0, atol=1e-12)
    found = torch.view_as_complex(multipliers(step, fixed))
    for x, values in zip(fixed, found, strict=True):
        slope = (1 - x * x)[:, None]  # tanh' where x = tanh(...)
        expected = torch.linalg.eigvals(slope * model.weight_hh.detach())
        ours, theirs = (sorted(some.tolist(), key=lambda z: z.imag) for some in (values, expected))
        assert ours == pytest.approx(theirs, abs=1e-12)
    assert bool((found.abs() > 1).all())  # unstable: the circle around it attracts


def test_the_point_inside_the_attractor_of_zero_is_found_and_followed(tmp_path):
    # Two wells: from zero the orbit goes to the right one, and the point followed from the left is another.
    model = TanhRNN(1, 1, 1).double()
    with torch.no_grad():
        for name, value in model.weights().items():
            value.fill_({"weight_hh": 2.0, "bias_ih": 0.1}.get(name, 0.0))
    looking = probe(tmp_path, model, steps=300, keep=100, inside=True)
    right, left = (newton(bind(model, INPUTS), torch.full((3, 1), x, dtype=F64)) for x in (1.0, -1.0))
    assert bool((right > 0.5).all() and (left < -0.5).all())
    for before, same in ((right, 1), (left, 0), (left * math.nan, 0)):
        found = looking.fixed(model, INPUTS, torch.zeros(3, 1, dtype=F64), before=before)
        torch.testing.assert_close(found["fixed_point"][1], right, rtol=0, atol=1e-9)
        assert found["followed"][1].tolist() == [same] * 3
    # The unstable point is the middle of the circle around it.
    looking = probe(tmp_path, oscillator(), steps=600, keep=400, inside=True)
    found = looking.fixed(oscillator(), INPUTS, torch.full((3, 2), 50.0, dtype=F64))
    assert bool((torch.view_as_complex(found["multipliers"][1]).abs() > 1).all()) and "followed" not in found


def test_newton_says_so_where_there_is_no_fixed_point():
    model = OrthogonalRNN(1, 1, 1).double()  # x' = modrelu(x + u) with b = 0 and B = 1: a shift
    with torch.no_grad():
        model.weight_ih.fill_(1.0)
        model.bias_hh.zero_()
    fixed = newton(bind(model, torch.ones(1, 1, dtype=F64)), torch.zeros(1, 1, dtype=F64))
    assert bool(torch.isnan(fixed).all())
    assert bool(torch.isnan(multipliers(bind(model, torch.ones(1, 1, dtype=F64)), fixed)).all())


def test_the_small_file_keeps_what_was_seen(tmp_path):
    model = oscillator()
    looking = probe(tmp_path, model, steps=300, keep=200, every=2, slow=4, shown=20, until=6)
    with torch.no_grad():
        for epoch in range(12):
            looking(model, epoch)
        y, _ = looking.attractors(model)
    finish.attractors(looking, model, tmp_path, last=4)
    found = {name: value for name, (_, value) in arrays.load(tmp_path / "attractors.safetensors")[0].items()}
    assert found["epoch"].tolist() == [0, 2, 4]  # 6 was seen too, but lies behind the end
    assert found["slow_epoch"].tolist() == [0, 4]
    assert sorted(path.stem for path in looking.folder.iterdir())[-1] == "epoch-000006"
    assert found["sample"].shape == (3, 1, 4, 20, 1)
    torch.testing.assert_close(found["sample"][1, 0, :, :, 0].double(), y[-20:, 1, :, 0].T, rtol=0, atol=1e-3)
    assert float((found["exponents"][1, 0, 0]).abs()) < 0.02  # along the circle
    assert "followed" not in found


def test_what_is_measured_beside_has_its_own_epochs(tmp_path):
    model, seen = oscillator(), []

    def also(measured):
        assert measured is model
        seen.append(len(seen))
        return {"gradient_lipschitz": ((), torch.tensor(float(seen[-1]), dtype=F64))}

    looking = probe(tmp_path, model, steps=20, keep=10, every=20, slow=40, n=2, settle=0, also=also)
    with torch.no_grad():
        for epoch in range(101):
            looking(model, epoch)
    finish.attractors(looking, model, tmp_path, last=100)
    found = {name: value for name, (_, value) in arrays.load(tmp_path / "attractors.safetensors")[0].items()}
    assert found["epoch"].tolist() == [0, 20, 40, 60, 80, 100]
    assert found["slow_epoch"].tolist() == [0, 40, 80]
    assert found["landscape_epoch"].tolist() == [0, 20, 40, 80]  # every probe of the first fifty, then the slow ones
    assert found["gradient_lipschitz"].tolist() == [0, 1, 2, 3] and len(seen) == 4


def test_the_small_file_says_what_was_followed(tmp_path):
    looking = probe(tmp_path, oscillator(), steps=300, keep=200, slow=5, inside=True)
    with torch.no_grad():
        for epoch in (0, 5, 10, 20):  # none at 15: what is found at 20 was not followed
            looking(oscillator(), epoch)
    finish.attractors(looking, oscillator(), tmp_path, last=20)
    found = arrays.load(tmp_path / "attractors.safetensors")[0]
    assert found["followed"][0] == ("slow_epoch", "chosen")
    assert found["followed"][1].tolist() == [[0], [1], [1], [0]]


def test_labels_say_what_the_starts_lead_to_at_every_kept_epoch(tmp_path):
    # A unit with a positive self-connection has two fixed points; the circle is none.
    twofold = TanhRNN(1, 1, 1).double()
    with torch.no_grad():
        for name, value in twofold.weights().items():
            value.data.fill_(2.0 if name == "weight_hh" else 0.0)
    options = {"steps": 60, "keep": 30, "every": 2, "slow": 4, "shown": 5, "chosen": (0, 1, 2)}
    for model, kind, count in ((twofold, "fixed point", 2), (oscillator(), "quasi-periodic", 1)):
        folder = tmp_path / kind
        looking = probe(folder, model, **options, labels={"n": 1000, "transient": 200})
        with torch.no_grad():
            for epoch in range(7):
                looking(model, epoch)
            finish.attractors(looking, model, folder, last=6)
        found = {name: value for name, (_, value) in arrays.load(folder / "attractors.safetensors")[0].items()}
        assert found["label_epoch"].tolist() == [0, 4, 6]  # the slow ones and the last
        assert found["kind"].shape == (3, 4, 3)
        assert {KINDS[k] for k in found["kind"].flatten().tolist()} == {kind}
        assert all(len(set(column.tolist())) == count for column in found["attractor"][0].T)
        kept = sorted(path.name for path in looking.folder.glob("labels-*"))
        assert kept == ["labels-000000.safetensors", "labels-000004.safetensors"]


@pytest.mark.parametrize("omega", [0.2, 0.2182, 0.39, 1.1])
def test_frequency_is_the_signals(omega):
    t = torch.arange(400, dtype=F64)
    y = torch.stack([torch.sin(omega * t + 0.3), 5 + 0.1 * torch.cos(omega * t), 0 * t], -1)
    found = finish.frequency(y)
    assert found[:2].tolist() == pytest.approx([omega, omega], rel=2e-3)
    assert bool(torch.isnan(found[2]))


def test_vitals_are_the_models_own():
    stable = StableLSTM(1, 6, 1, projection="row")
    found = Vitals(0.5)(stable)
    assert found["certificate"] == stable.certificate(0.5).rate < found["certificate_unit"] < 1
    ornn = OrthogonalRNN(1, 5, 1)
    with torch.no_grad():
        ornn.bias_hh.copy_(torch.tensor([-1.0, 0.5, 0.25, 0.0, -0.1]))
    assert Vitals(0.5)(ornn) == {"positive_biases": 2.0, "largest_bias": 0.5}
    assert Vitals(0.5)(LSTM(1, 3, 1)) == {}
