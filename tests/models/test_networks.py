"""Every network: the iterated step equals the fast path, its gradients a plain loop's, its tangents autograd's."""

import pytest
import torch

from paperlib.models import LSTM, PLRNN, Model, OrthogonalRNN, StableLSTM, TanhRNN, bind

F64 = torch.float64
NETWORKS = {
    "lstm": LSTM,
    "slstm": lambda *sizes, **options: StableLSTM(*sizes, projection="column", **options),
    "slstm-certified": lambda *sizes, **options: StableLSTM(*sizes, projection="row", **options),
    "ornn": OrthogonalRNN,
    "ornn-nonexpansive": lambda *sizes, **options: OrthogonalRNN(*sizes, nonexpansive=True, **options),
    "tanh": TanhRNN,
    "plrnn": PLRNN,
}


def rand(*shape, seed=0):
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


def build(name, *sizes, seed=0, **options):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return NETWORKS[name](*sizes, **options).double()


def plain_loop(model, u, x):
    outputs = []
    for u_t in u:
        x = model.step(x, u_t)
        outputs.append(model.readout(x))
    return torch.stack(outputs), x


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_fast_path_is_the_iterated_step_and_so_are_its_gradients(name, bias):
    model = build(name, 3, 11, 2, bias=bias)
    u, x0 = rand(40, 4, 3), rand(4, model.state_size, seed=1).requires_grad_()
    wanted = [x0, *model.parameters()]
    found = []
    for y, x in (model(u, x0), plain_loop(model, u, x0)):
        gradients = torch.autograd.grad(y.sin().sum() + (x * x).sum(), wanted)
        assert all(bool(gradient.abs().max() > 0) for gradient in gradients)
        found.append([y, x, *gradients])
    for fast, slow in zip(*found, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("hidden", [1, 30, 32, 50])  # filled up to a block of the kernel, whole, or too large for it
@pytest.mark.parametrize("name", ["lstm", "tanh"])
def test_the_kernels_of_training_are_the_iterated_step_in_single_precision(name, hidden):
    model = build(name, 3, hidden, 2).float()
    u, x0 = rand(20, 4, 3).float(), rand(4, model.state_size, seed=1).float()
    found = []
    for y, x in (model(u, x0), plain_loop(model, u, x0)):
        found.append([y, x, *torch.autograd.grad(y.sin().sum() + x.square().sum(), [*model.parameters()])])
    for fast, slow in zip(*found, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_without_a_start_the_state_is_zero(name):
    model, u = build(name, 1, 6, 1), rand(5, 2, 1)
    zero = torch.zeros(2, model.state_size, dtype=F64)
    torch.testing.assert_close(model(u), model(u, zero), rtol=0, atol=0)


@pytest.mark.parametrize("batch", [(), (4,), (3, 4)])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_models_own_tangents_are_autograds(name, batch):
    model = build(name, 2, 7, 1)
    step = bind(model, rand(2))
    x, v = rand(*batch, model.state_size, seed=2), rand(*batch, model.state_size, 3, seed=3)
    following, tangents = step.push(x, v)
    expected, derivative = Model.push(model, step.weights, x.movedim(-1, 0), step.drive, v.movedim((-2, -1), (0, 1)))
    torch.testing.assert_close(following, expected.movedim(0, -1), rtol=0, atol=1e-14)
    torch.testing.assert_close(tangents, derivative.movedim((0, 1), (-2, -1)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_of_recurrent_matrices_is_a_batch_of_models(name):
    model = build(name, 1, 5, 1)
    matrices = torch.stack([build(name, 1, 5, 1, seed=seed).weights()["weight_hh"].detach() for seed in range(3)])
    x, u = rand(3, model.state_size), rand(1)
    together = bind(model, u, weight_hh=matrices)(x)
    for k in range(3):
        torch.testing.assert_close(together[k], bind(model, u, weight_hh=matrices[k])(x[k]), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_wrong_shape_is_named(name):
    model = build(name, 2, 4, 1)
    with pytest.raises(ValueError, match=r"u has shape \(5, 2\), expected \(T, B, 2\)"):
        model(rand(5, 2))
    with pytest.raises(ValueError, match=r"x has shape \(3,\), expected"):
        model.step(rand(3), rand(2))
    size = model.state_size
    for shape in ((3, size), (4, size + 1), (size,), (1, 4, size)):
        with pytest.raises(ValueError, match=rf"x0 has shape \({shape[0]},.*\), expected \(4, {size}\)"):
            model(rand(5, 4, 2), rand(*shape))
    with pytest.raises(ValueError, match="hidden_size is 0, expected a positive integer"):
        build(name, 2, 0, 1)


def test_plrnn_is_its_formula():
    model, x, u = build("plrnn", 2, 6, 1), rand(6), rand(2, seed=1)
    own = model.weights()
    a = own["weight_hh"].diagonal()
    w = own["weight_hh"] - torch.diag(a)
    expected = a * x + w @ x.clamp(min=0) + own["bias_hh"] + own["weight_ih"] @ u
    torch.testing.assert_close(model.step(x, u), expected, rtol=0, atol=1e-14)


def test_tanh_rnn_is_torchs():
    model, u = build("tanh", 3, 8, None), rand(9, 2, 3)
    rival = torch.nn.RNN(3, 8).double()
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(rival, f"{name}_l0").copy_(getattr(model, name))
    torch.testing.assert_close(model(u)[0], rival(u)[0], rtol=0, atol=1e-14)
