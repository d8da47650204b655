"""Forward and backward of whole sequences, projections and probes, at the size of the paper's sine networks."""

import statistics
import time

import pytest
import torch
from torch import nn

from paperlib import runs
from paperlib.commands.train import keep_memory
from paperlib.experiments import experiment
from paperlib.models import LSTM, OrthogonalRNN, StableLSTM, TanhRNN
from paperlib.models.orthogonal import ModReLUSequence, exponential, henaff
from paperlib.paths import STORED_RUNS
from paperlib.training.seeds import seeded

T, H = 400, 200  # R, section 5.1
REPEATS = 3


def seconds(function):
    """CPU time: all of this runs in one thread, and a neighbour on the machine is not counted."""
    begin = time.process_time()
    function()
    return time.process_time() - begin


def compare(item, rivals):
    """Median CPU seconds by name; every function runs once before, and then all of them in turn."""
    keep_memory()  # as every training does
    for function in rivals.values():
        function()
    found = {name: [] for name in rivals}
    for _ in range(REPEATS):
        for name, function in rivals.items():
            found[name].append(seconds(function))
    for name, values in found.items():
        item.row(name, values, "CPU time")
    return {name: statistics.median(values) for name, values in found.items()}


def numbers(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def recurrent_products(batch, gates):
    """The matrix products that no way around exists for: a step's, its transpose's, one for the gradient."""
    weight, transposed = numbers(gates * H, H), numbers(H, gates * H)
    h, z = numbers(batch, H), numbers(batch, gates * H)
    out_h, out_z = torch.empty_like(h), torch.empty_like(z)
    every_h, every_z = numbers(T * batch, H), numbers(T * batch, gates * H)

    def run():
        for _ in range(T):
            torch.mm(h, transposed, out=out_z)
        for _ in range(T):
            torch.mm(z, weight, out=out_h)
        return every_z.T @ every_h

    return run


@pytest.mark.parametrize("batch, goal", [(10, 6), (100, 15)])
def bench_orthogonal(report, batch, goal):
    model = seeded(0, lambda: OrthogonalRNN(1, H, 1))
    weight, bias = model.weight_hh.detach().requires_grad_(), model.bias_hh.detach().requires_grad_()
    drive, start = numbers(T, batch, H).requires_grad_(), torch.zeros(batch, H)

    def step(h, drive_t):
        v = drive_t + h @ weight.T
        return torch.sign(v) * torch.relu(v.abs() + bias)

    def whole():
        ModReLUSequence.apply(drive, weight, bias, start).square().sum().backward()

    def loop():
        h, states = start, []
        for t in range(T):
            h = step(h, drive[t])
            states.append(h)
        torch.stack(states).square().sum().backward()

    def careful():
        h, states = start, []
        for drive_t in drive.unbind(0):  # taking entries one by one makes a gradient of full length at every step
            h = step(h, drive_t)
            states.append(h)
        torch.stack(states).square().sum().backward()

    item = report.item(
        f"Orthogonal RNN, batch {batch}",
        f"forward and backward of {T} steps, {H} units, batch {batch}, float32, one thread; exponential apart",
    )
    times = compare(
        item,
        {
            "whole sequence, backward by hand": whole,
            "plain autograd loop": loop,
            "autograd loop over unbound inputs": careful,
            "its matrix products alone": recurrent_products(batch, 1),
        },
    )
    ours = times["whole sequence, backward by hand"]
    item.ratio("faster than the plain loop", times["plain autograd loop"] / ours, at_least=goal)
    item.ratio("faster than the careful loop", times["autograd loop over unbound inputs"] / ours, at_least=1)
    item.ratio("time over its matrix products", ours / times["its matrix products alone"], at_most=3)


def bench_exponential(report):
    lower = (seeded(0, lambda: henaff(H)) + 0.02 * numbers(H, H)).tril(-1).requires_grad_()
    direction = numbers(H, H)

    def through(function):
        return lambda: (function(lower - lower.T) * direction).sum().backward()

    item = report.item("Matrix exponential", f"forward and backward, {H} x {H} skew, float32, once a training step")
    times = compare(item, {"ours": through(exponential), "torch.linalg.matrix_exp": through(torch.linalg.matrix_exp)})
    item.ratio("faster than torch's", times["torch.linalg.matrix_exp"] / times["ours"], at_least=1)


@pytest.mark.parametrize("batch", [10, 100])
def bench_lstm(report, batch):
    model, rival, head = seeded(0, lambda: (LSTM(1, H, 1), nn.LSTM(1, H), nn.Linear(H, 1)))
    u = numbers(T, batch, 1)
    item = report.item(
        f"LSTM, batch {batch}", f"forward and backward of {T} steps, {H} units, batch {batch}, float32, one thread"
    )
    times = compare(
        item,
        {
            "LSTM": lambda: model(u)[0].square().sum().backward(),
            "nn.LSTM and nn.Linear": lambda: head(rival(u)[0]).square().sum().backward(),
            "its matrix products alone": recurrent_products(batch, 4),
        },
    )
    item.ratio("time over nn.LSTM's", times["LSTM"] / times["nn.LSTM and nn.Linear"], at_most=1.05)
    item.ratio("share of the matrix-product limit", times["its matrix products alone"] / times["LSTM"], at_least=0.5)


@pytest.mark.parametrize("make, rival, goal", [(LSTM, nn.LSTM, 1.2), (TanhRNN, nn.RNN, 2)])
def bench_small(report, make, rival, goal):
    """The networks of M: so small that blocks of the kernel, or the record of every operation, are what counts."""
    steps, batch, hidden = 1000, 32, 30
    model, torchs, head = seeded(0, lambda: (make(1, hidden, 3), rival(1, hidden), nn.Linear(hidden, 3)))
    u, name = numbers(steps, batch, 1), f"nn.{rival.__name__}"
    item = report.item(
        f"{make.__name__} of {hidden} states",
        f"forward and backward of {steps} steps, {hidden} units, batch {batch}, float32, one thread",
    )
    times = compare(
        item,
        {
            make.__name__: lambda: model(u)[0].square().sum().backward(),
            f"{name} and nn.Linear": lambda: head(torchs(u)[0]).square().sum().backward(),
        },
    )
    item.ratio(f"faster than {name}", times[f"{name} and nn.Linear"] / times[make.__name__], at_least=goal)


def bench_projection(report):
    item = report.item("Projection of the stable LSTM", f"after a step of batch 10, {T} steps, {H} units, float32")
    models = {name: seeded(0, lambda p=name: StableLSTM(1, H, 1, projection=p)) for name in ("column", "row")}
    u = numbers(T, 10, 1)
    times = compare(
        item,
        {
            "forward and backward": lambda: models["column"](u)[0].square().sum().backward(),
            "projection, column": models["column"].project_,
            "projection, row": models["row"].project_,
        },
    )
    for name in ("column", "row"):
        share = times[f"projection, {name}"] / times["forward and backward"]
        item.ratio(f"share of a step, {name}", share, at_most=0.05)


@pytest.mark.parametrize("name", ["lstm", "ornn"])
def bench_probes(report, name, tmp_path):
    """One cycle of the slow probe, at its dearest (no orbit comes to rest), and the share in the committed runs."""
    setting = experiment("sine", name, scale="paper")
    task = setting.task()
    model = seeded(0, lambda: setting.build(task))
    if name == "lstm":
        with torch.no_grad():
            model.weight_hh.mul_(5)  # it oscillates
    probe = setting.prober(task, model, tmp_path, 0)
    u, target = task.batch(0, 0)

    def batch():
        task.loss(model(u)[0], target)[0].backward()

    def look(epoch):
        with torch.no_grad():
            probe(model, epoch)

    item = report.item(f"Probes, {name}", "the paper's sine run: 10 inputs x 4 starts x 1600 steps every 5th epoch")
    look(0)
    one, fast, slow = "batch of 10, 10 batches an epoch", "attractors, every 5th epoch", "all, every 25th epoch"
    times = compare(item, {one: batch, fast: lambda: look(5), slow: lambda: look(25)})
    spent = times[slow] + 4 * times[fast]
    trained = probe.slow * task.batches * times[one]
    item.row("probes of 25 epochs over all of their time (a ratio)", [spent / (spent + trained)])
    for run in runs.find("sine", name, scale="paper", roots=(STORED_RUNS,)):
        spent = run.record["seconds"]
        item.ratio(f"share of {run.id}, mean", spent["probe"] / spent["total"], at_most=0.1)
