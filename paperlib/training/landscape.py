"""How rough the cost is around a network that is learning: a local Lipschitz constant of its gradient."""

import copy

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from paperlib.models import Model
from paperlib.tasks import Classification
from paperlib.training import arrays


def roughness(task: Classification, model: Model) -> arrays.Named:
    """The constant at the first batch, on a copy in float64: what the probe of a training keeps."""
    u, target = task.batch(0, 0)
    with torch.enable_grad():
        found = gradient_lipschitz(copy.deepcopy(model).double(), u, target)
    return {"gradient_lipschitz": ((), torch.tensor(found, dtype=torch.float64))}


def gradient_lipschitz(
    model: Model, u: Tensor, target: Tensor, *, radius: float = 1e-3, iterations: int = 8, seed: int = 0
) -> float:
    """A local Lipschitz constant of the mean loss' gradient in the parameters, as found (a lower bound).

    |grad V(theta + d) - grad V(theta - d)| / |2 d| with |d| = radius, in the direction that power iteration leads
    to: the Hessian's spectral norm where V is smooth, and defined where it is not. R, section 4 (L'_V).
    """
    parameters = list(model.parameters())
    theta = parameters_to_vector(parameters).detach().clone()
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(theta.shape, generator=generator, dtype=torch.float64).to(theta)

    def gradient(at: Tensor) -> Tensor:
        vector_to_parameters(at, parameters)
        loss = Classification.loss(model(u.to(theta))[0], target)[0] / len(target)
        return parameters_to_vector(torch.autograd.grad(loss, parameters))

    found = 0.0
    for _ in range(iterations):
        move = radius * direction / direction.norm().clamp(min=1e-300)
        direction = (gradient(theta + move) - gradient(theta - move)) / (2 * radius)
        found = max(found, float(direction.norm()))
    vector_to_parameters(theta, parameters)
    return found
