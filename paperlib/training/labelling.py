"""What the start states of the diagrams lead to, at every epoch whose weights are kept: kinds and numbers."""

import copy

import torch

from paperlib.dynamics import classify
from paperlib.dynamics.classify import NUMBERS
from paperlib.models import Model, bind
from paperlib.training import arrays
from paperlib.training.probes import AttractorProbe

DIMS = ("label_epoch", "start", "input")


def labels(probe: AttractorProbe, model: Model, last: int) -> arrays.Named:
    """Kind (of `classify.NUMBERS`), period, attractor and first exponent of every orbit, by epoch, start and input.

    Of the slow probes up to epoch `last`, each done once and kept beside its weights, and of the model as it is after
    epoch `last`. R, section 5.2: which fixed points there are, and which motion is spurious.
    """
    found: dict[int, arrays.Named] = {}
    for path in sorted(probe.folder.glob("epoch-*.safetensors")):
        epoch = int(path.stem.removeprefix("epoch-"))
        kept = probe.folder / f"labels-{epoch:06d}.safetensors"
        if epoch >= last:
            break
        if epoch % probe.slow:
            continue
        if not kept.exists():
            arrays.save(kept, label(probe, at(model, path)))
        found[epoch] = arrays.load(kept)[0]
    found[last] = label(probe, model)
    result: arrays.Named = {
        name: (DIMS, torch.stack([record[name][1] for record in found.values()]))
        for name in ("kind", "period", "attractor", "first_exponent")
    }
    return result | {"label_epoch": (("label_epoch",), torch.tensor(list(found), dtype=torch.int32))}


def at(model: Model, path) -> Model:
    """The model with the weights of a slow probe."""
    earlier = copy.deepcopy(model)
    record = arrays.load(path)[0]
    earlier.load_state_dict({name: record[f"weight.{name}"][1] for name in model.state_dict()})
    return earlier


def label(probe: AttractorProbe, model: Model) -> arrays.Named:
    weights = {name: value.detach().double() for name, value in model.weights().items()}
    u = probe.inputs.to(weights["weight_hh"])
    x = probe.starts.to(u)[:, None].expand(-1, len(u), -1)
    found = classify(bind(model, u, **weights), x.clone(), k=1, **(probe.labels or {}))
    kinds = torch.tensor([[NUMBERS[kind] for kind in row] for row in found.kind.tolist()], dtype=torch.uint8)
    return {
        "kind": (DIMS[1:], kinds),
        "period": (DIMS[1:], found.period.to(torch.int16)),
        "attractor": (DIMS[1:], found.attractor.to(torch.int16)),
        "first_exponent": (DIMS[1:], found.exponents[..., 0].float()),
    }
