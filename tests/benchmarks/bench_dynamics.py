"""Labels of ten thousand two-unit LSTMs, and the spectrum of a network of 400 states."""

import torch

from paperlib import chaotic_lstm, dynamics
from paperlib.models import LSTM, bind

F64 = torch.float64


def bench_classify(report):
    weight = chaotic_lstm.theta(chaotic_lstm.RELEASED)
    s = torch.linspace(0.5, 2, 10_000, dtype=F64)
    step, x0 = chaotic_lstm.family(weight).at(s), chaotic_lstm.start().expand(len(s), -1)
    item = report.item(
        "Classification of attractors",
        f"{len(s)} two-unit LSTMs, 1000 + 1000 steps, 1200 more for the spectrum where needed, float64, one thread",
    )
    times = item.time({"classify": lambda: dynamics.classify(step, x0)}, repeats=3)
    item.ratio("seconds", times["classify"], at_most=10)


def bench_large_spectrum(report):
    hidden, k, n = 200, 10, 2000
    torch.manual_seed(0)
    model = LSTM(1, hidden, 1).double()
    step = bind(model, torch.ones(1, dtype=F64), weight_hh=6 * model.weight_hh.detach())
    x0 = torch.zeros(2 * hidden, dtype=F64)
    frame = torch.randn(hidden, k, dtype=F64)
    state = torch.randn(hidden, 1, dtype=F64)
    weight = step.weights["weight_hh"]

    def products():
        for _ in range(n):
            weight @ frame
            weight @ state

    item = report.item(
        "Lyapunov spectrum of a 200-unit LSTM", f"400 states, first {k} exponents, {n} steps, float64, one thread"
    )
    times = item.time(
        {
            "lyapunov_spectrum": lambda: dynamics.lyapunov_spectrum(step, x0, n, k=k),
            "its matrix products alone": products,
        },
        repeats=3,
    )
    item.ratio(
        "time over the matrix products'", times["lyapunov_spectrum"] / times["its matrix products alone"], at_most=3
    )
