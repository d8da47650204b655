"""From the files a run leaves while it trains to the small ones it is remembered by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from paperlib.models import Model
from paperlib.training import arrays

if TYPE_CHECKING:
    from paperlib.training.loop import Training
    from paperlib.training.probes import AttractorProbe

EVERY_PROBE_UNTIL = 1500  # R, Fig. 4 ends there; later orbits are thinned to every second slow probe


def history(training: Training, folder: Path) -> None:
    """One value an epoch: history.safetensors."""
    columns = {name: (("epoch",), torch.tensor(values).float()) for name, values in training.history.items()}
    arrays.save(folder / "history.safetensors", columns, epochs=training.epoch)


def attractors(probe: AttractorProbe, model: Model, folder: Path, last: int) -> None:
    """All probes up to epoch `last` in one small file: attractors.safetensors.

    Of every orbit its mean, standard deviation and frequency (rad a step); the samples themselves for the chosen
    inputs only, the last `shown` steps in float16; exponents, multipliers and the cost's roughness with their epochs;
    where the probe wants them, what each start leads to (`labelling.labels`).
    """
    columns: dict[str, list[Tensor]] = {}
    dims: dict[str, tuple[str, ...]] = {}
    epochs: dict[str, list[int]] = {"epoch": [], "sample_epoch": [], "slow_epoch": []}

    def put(axis: str, epoch: int, **found: tuple[tuple[str, ...], Tensor]) -> None:
        epochs.setdefault(axis, []).append(epoch)
        for name, (own, value) in found.items():
            columns.setdefault(name, []).append(value)
            dims[name] = (axis, *own)

    for path in sorted(probe.folder.glob("epoch-*.safetensors")):
        record, attributes = arrays.load(path)
        epoch = attributes["epoch"]
        if epoch > last:
            continue
        y = record["output"][1].float()
        own = ("input", "start", "output")
        if epoch <= EVERY_PROBE_UNTIL or epoch % (2 * probe.slow) == 0:
            sample = y[-probe.shown :, probe.chosen].half().movedim(0, 2)
            put("sample_epoch", epoch, sample=(("chosen", "start", "time", "output"), sample))
            put(
                "epoch",
                epoch,
                mean=(own, y.mean(0).half()),
                deviation=(own, y.std(0).half()),
                frequency=(own, frequency(y)),
            )
        if "exponents" in record:
            slow = {name: record[name] for name in ("exponents", "multipliers", "followed") if name in record}
            put(
                "slow_epoch",
                epoch,
                **{
                    name: (own, value.float() if value.is_floating_point() else value)
                    for name, (own, value) in slow.items()
                },
            )
        if "gradient_lipschitz" in record:
            put("landscape_epoch", epoch, gradient_lipschitz=((), record["gradient_lipschitz"][1].float()))
    result = {name: (dims[name], torch.stack(values)) for name, values in columns.items()}
    result |= {name: ((name,), torch.tensor(values, dtype=torch.int32)) for name, values in epochs.items()}
    result["input_value"] = (("input", "component"), probe.inputs.float())
    result["chosen"] = (("chosen",), torch.tensor(probe.chosen, dtype=torch.int32))
    if probe.labels is not None:
        from paperlib.training.labelling import labels

        result |= labels(probe, model, last)
    arrays.save(folder / "attractors.safetensors", result)


def frequency(y: Tensor) -> Tensor:
    """Mean frequency of a signal about its mean, (T, ...) -> (...), rad a step; NaN where it does not oscillate.

    Upward crossings are counted, with their times interpolated: first to last crossing, over the number of turns.
    """
    y = y - y.mean(0)
    up = (y[:-1] < 0) & (y[1:] >= 0)
    t = torch.arange(len(y) - 1, dtype=y.dtype, device=y.device).reshape(-1, *(1,) * (y.dim() - 1))
    moment = t + torch.where(up, -y[:-1] / (y[1:] - y[:-1]), 0.0)
    first = torch.where(up, moment, torch.inf).amin(0)
    final = torch.where(up, moment, -torch.inf).amax(0)
    turns = up.sum(0) - 1
    good = (turns >= 1) & (y.std(0) > 1e-3)
    return torch.where(good, 2 * torch.pi * turns / (final - first), torch.nan)


def last_measure(probe: AttractorProbe, model: Model, folder: Path, *, n: int, transient: int) -> None:
    """Exponents and multipliers at all inputs after the last epoch, on long orbits: final.safetensors.

    The weights are the ones in model.safetensors; state is where the orbit from the first start ended.
    """
    arrays.save(folder / "model.safetensors", arrays.plain(model.state_dict()))
    with torch.no_grad():
        x = probe.attractors(model)[1][:, 0].double()
        found = probe.measure(model, probe.inputs, x, n=n, transient=transient)
        found |= probe.fixed(model, probe.inputs, x, torch.zeros_like(x))  # from where the orbit is
    kept = ("exponents", "multipliers")
    record = {name: (("input", *found[name][0][1:]), found[name][1]) for name in kept}
    record["state"] = (("input", "unit"), x.float())
    record["input_value"] = (("input", "component"), probe.inputs)
    arrays.save(folder / "final.safetensors", record, n=n, transient=transient)
