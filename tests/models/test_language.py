"""The language model: its loss equals the plain one, its feedback the closed loop, its embeddings their bound."""

import pytest
import torch
from torch.nn import functional as F

from paperlib.models import LSTM, OrthogonalRNN, StableLSTM, bind, closed_loop
from paperlib.models.chunked import cross_entropy, rows_at_once
from paperlib.models.language import LanguageModel
from paperlib.training.seeds import seeded

NETWORKS = {
    "lstm": LSTM,
    "column": lambda *sizes: StableLSTM(*sizes, projection="column"),
    "row": lambda *sizes: StableLSTM(*sizes, projection="row"),
    "ornn": OrthogonalRNN,
}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tokens(*shape, below, seed=0):
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(seed))


def language(name="lstm", vocabulary=11, size=6, **options):
    return seeded(0, lambda: LanguageModel(NETWORKS[name], vocabulary, size, **options))


# the loss


@pytest.mark.parametrize("rows", [None, 1, 7, 35, 1000])
@pytest.mark.parametrize("shape", [(5, 7), (35,)])
def test_chunked_loss_and_gradients_are_the_plain_ones(rows, shape):
    h, weight, bias = random(*shape, 8), random(50, 8, seed=1), random(50, seed=2)
    target = tokens(*shape, below=50)
    for tensor in (h, weight, bias):
        tensor.requires_grad_()
    plain = F.cross_entropy(F.linear(h, weight, bias).flatten(0, -2), target.flatten(), reduction="sum")
    ours = cross_entropy(h, weight, bias, target, rows=rows)
    torch.testing.assert_close(ours, plain, rtol=1e-6, atol=0)
    for one, other in zip(
        torch.autograd.grad(3 * ours, (h, weight, bias)), torch.autograd.grad(3 * plain, (h, weight, bias)), strict=True
    ):
        assert float((one - other).abs().max() / other.abs().max()) < 1e-5
    with torch.no_grad():
        torch.testing.assert_close(cross_entropy(h, weight, bias, target, rows=rows), plain, rtol=1e-6, atol=0)


def test_chunked_loss_stands_large_logits():
    h = torch.tensor([[500.0], [-500.0]], requires_grad=True)
    loss = cross_entropy(h, torch.tensor([[1.0], [-1.0]]), torch.zeros(2), torch.tensor([1, 1]))
    assert float(loss.detach()) == 1000.0
    assert torch.autograd.grad(loss, h)[0].tolist() == [[2.0], [0.0]]


def test_chunked_gradients_are_the_derivative():
    h, weight, bias = (
        random(*shape, seed=k).double().requires_grad_() for k, shape in enumerate([(6, 3), (5, 3), (5,)])
    )
    target = tokens(6, below=5)
    assert torch.autograd.gradcheck(lambda *t: cross_entropy(*t, target, rows=4), (h, weight, bias))


def test_half_precision_products_are_near():
    h, weight, bias, target = random(64, 32), random(100, 32, seed=1), random(100, seed=2), tokens(64, below=100)
    weight.requires_grad_()
    exact = torch.autograd.grad(cross_entropy(h, weight, bias, target), weight)[0]
    half = torch.autograd.grad(cross_entropy(h, weight, bias, target, dtype=torch.bfloat16), weight)[0]
    assert half.dtype == torch.float32
    assert 0 < float((half - exact).norm() / exact.norm()) < 0.02  # bfloat16 keeps 8 bits


def test_never_more_than_an_eighth_of_the_logits():
    assert rows_at_once(8000, 33_278) * 33_278 <= 2**24  # paper size: 504 rows of 8000
    assert rows_at_once(800, 10) == 100
    assert rows_at_once(3, 10) == 1


@pytest.mark.parametrize(
    "change, said",
    [
        ({"h": torch.zeros(4, 3)}, r"shapes are h \(4, 3\), weight \(5, 2\), target \(4,\)"),
        ({"target": torch.zeros(3, dtype=torch.long)}, r"target \(3,\), expected"),
        ({"bias": torch.zeros(4)}, r"bias has shape \(4,\), expected \(5,\)"),
        ({"rows": 0}, "rows is 0, expected a positive integer"),
    ],
)
def test_wrong_shapes_are_named(change, said):
    good = {"h": torch.zeros(4, 2), "weight": torch.zeros(5, 2), "bias": torch.zeros(5)}
    with pytest.raises(ValueError, match=said):
        cross_entropy(**(good | {"target": torch.zeros(4, dtype=torch.long)} | change))


# the model


@pytest.mark.parametrize("name", NETWORKS)
def test_text_through_the_fast_path_is_the_iterated_step(name):
    model = language(name).double().eval()
    text, x = tokens(9, 3, below=11), random(3, model.state_size).double()
    h, last = model.states(text, x)
    logits, again = model(model.embed(text), x)
    for t, z in enumerate(text):
        x = model.step(x, model.embed(z))
        torch.testing.assert_close(model.hidden(x), h[t], rtol=0, atol=1e-12)
        torch.testing.assert_close(model.readout(x), logits[t], rtol=0, atol=1e-12)
        assert torch.equal(model.next_token(x), logits[t].argmax(-1))
    torch.testing.assert_close(x, last, rtol=0, atol=1e-12)
    torch.testing.assert_close(again, last, rtol=0, atol=0)
    loss = F.cross_entropy(logits.flatten(0, 1), text.flatten(), reduction="sum")
    torch.testing.assert_close(model.loss(h, text), loss, rtol=1e-12, atol=0)


def test_embedding_and_decoder_are_one_weight():
    model = language()
    assert [name for name, _ in model.named_parameters() if "ho" in name] == ["weight_ho", "bias_ho"]
    z = torch.tensor([3])
    with torch.no_grad():
        before = model.embed(z)
        model.weight_ho[3] += 1
        torch.testing.assert_close(model.embed(z), before + 1)
    h, _ = model.states(tokens(4, 2, below=3))
    model.loss(h, tokens(4, 2, below=3)).backward()
    assert bool((model.weight_ho.grad.abs().sum(1) > 0).all())  # the decoder sees all words


def test_initial_weights_are_the_released_codes():
    model = seeded(3, lambda: LanguageModel(LSTM, 2000, 100))
    weight, bias = model.weight_ho.detach(), model.bias_ho.detach()
    assert float(weight.mean()) == pytest.approx(0, abs=0.01)
    assert float(weight.std()) == pytest.approx(1, abs=0.01)
    assert float(bias.abs().max()) <= 0.1
    assert float(bias.std()) == pytest.approx(0.1 / 3**0.5, rel=0.05)


def test_dropout_is_the_generators_and_nothing_else():
    model = language(size=64, vocabulary=50)
    text = tokens(20, 4, below=50)

    def drawn(seed):
        return model.states(text, generator=torch.Generator().manual_seed(seed))[0]

    before = torch.random.get_rng_state()
    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    u, dropped = model.embed(text), model.embed(text, torch.Generator().manual_seed(0))
    kept = dropped != 0
    assert float(kept.float().mean()) == pytest.approx(0.5, abs=0.03)
    torch.testing.assert_close(dropped[kept], 2 * u[kept])
    assert float((drawn(1) == 0).float().mean()) == pytest.approx(0.5, abs=0.03)


def test_clamped_embeddings_are_within_the_certificate_after_dropout():
    model, free = (language("row", size=32, vocabulary=40, clamped=clamped) for clamped in (True, False))
    text = torch.arange(40)
    for generator in (None, torch.Generator().manual_seed(0)):
        assert float(model.embed(text, generator).detach().abs().max()) == 1
    assert free.input_bound() > 1
    assert float(free.embed(text).detach().abs().max()) == pytest.approx(free.input_bound())
    assert model.input_bound() == 1.0
    assert model.network.certificate(model.input_bound()).rate < 1


def test_projection_reaches_the_network():
    model = language("column")
    with torch.no_grad():
        model.network.weight_hh.mul_(10)
    model.project_()
    sums = model.network.weight_hh.detach().view(4, 6, 6).abs().sum(1)
    torch.testing.assert_close(sums, torch.tensor([0.395, 0.155, 0.099, 0.395])[:, None].expand(4, 6))


def test_projected_weights_give_the_mean_and_the_words():
    model = language().double()
    x = random(7, model.state_size).double()
    weight, bias = model.projections([2, 9])
    y, logits = F.linear(model.hidden(x), weight, bias), model.readout(x)
    torch.testing.assert_close(y, torch.stack([logits.mean(-1), logits[:, 2], logits[:, 9]], -1))


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_a_model_like_any_other(name):
    """`bind` and `closed_loop` take it: constant input, and feedback by the arg max."""
    model = language(name).double().eval()
    x, z = random(4, model.state_size).double(), tokens(4, below=11)
    step = bind(model, model.embed(z))
    torch.testing.assert_close(step(x), model.step(x, model.embed(z)))
    loop = closed_loop(model, lambda y: model.embed(y.argmax(-1)))
    state = loop.state(x)
    for _ in range(5):
        following = loop.step(state)
        torch.testing.assert_close(
            following[:, : model.state_size], model.step(x, model.embed(model.next_token(x))), rtol=0, atol=1e-12
        )
        state, x = following, following[:, : model.state_size]


def test_wrong_use_is_named():
    with pytest.raises(ValueError, match="dropout is 1, expected a number from 0 to below 1"):
        language(dropout=1)
    with pytest.raises(ValueError, match="output_size is 0, expected a positive integer"):
        language(vocabulary=0)
    with pytest.raises(TypeError, match=r"tokens are torch\.float32, expected torch\.int64"):
        language().embed(torch.zeros(3))
