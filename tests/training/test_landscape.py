"""The roughness of the cost is the Hessian's norm where there is one, and measuring it leaves a training alone."""

import pytest
import torch

from paperlib import experiments
from paperlib.models import LSTM
from paperlib.tasks import Classification
from paperlib.training import landscape
from paperlib.training.seeds import seeded


@pytest.fixture
def task():
    return Classification(length=12, count=40, batch=20, first=(1, 3), second=(7, 9))


def test_gradient_lipschitz_is_the_hessians_norm(task):
    model = seeded(3, lambda: LSTM(6, 2, 4)).double()
    u, target = task.batch(0, 0)
    before = [p.detach().clone() for p in model.parameters()]
    found = landscape.gradient_lipschitz(model, u, target, radius=1e-4, iterations=60)
    for parameter, value in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, value)
    shapes = [p.shape for p in before]
    sizes = [p.numel() for p in before]
    names = [name for name, _ in model.named_parameters()]

    def cost(theta):
        parts = [part.reshape(shape) for part, shape in zip(theta.split(sizes), shapes, strict=True)]
        weights = dict(zip(names, parts, strict=True))
        x = torch.zeros(u.shape[1], model.state_size, dtype=torch.float64)
        for u_t in u.double():
            x = model.transition(weights, x.T, model.drive(weights, u_t.T)).T
        y = model.observe(weights, x)[None]
        return Classification.loss(y, target)[0] / len(target)

    theta = torch.cat([p.reshape(-1) for p in before])
    exact = float(torch.linalg.matrix_norm(torch.autograd.functional.hessian(cost, theta), 2))
    assert found == pytest.approx(exact, rel=1e-3)


def test_the_probe_measures_a_copy(task, tmp_path):
    setting = experiments.experiment("classification", "lstm", length=20)
    own = setting.task()
    model = seeded(0, lambda: setting.build(own))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    addresses = [p.data_ptr() for p in model.parameters()]
    with torch.no_grad():  # as in the loop
        found = landscape.roughness(own, model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [p.data_ptr() for p in model.parameters()] == addresses
    assert all(p.dtype == torch.float32 and p.grad is None for p in model.parameters())
    exact = landscape.gradient_lipschitz(seeded(0, lambda: setting.build(own)).double(), *own.batch(0, 0))
    assert float(found["gradient_lipschitz"][1]) == exact > 0
