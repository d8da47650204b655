"""The softmax over WikiText-2's vocabulary: time and memory of the chunked loss against the plain one.

Memory is how far the process's resident size rises above what it was before, each way in a process of its own (Linux).
"""

import json
import statistics
import subprocess
import sys

import pytest

from paperlib.paths import ROOT

SIZES = {"paper": (4000, 800, 33_278), "medium": (8000, 128, 2_000)}  # predictions, hidden units, words
REPEATS = 3

ONCE = """
import json, sys, time
from pathlib import Path
import torch
from torch.nn import functional as F
from paperlib.models.chunked import cross_entropy

torch.set_num_threads(1)
way, n, hidden, words, keep = sys.argv[1], *map(int, sys.argv[2:6])
draw = torch.Generator().manual_seed(0)
h = torch.randn(n, hidden, generator=draw).mul_(0.2).requires_grad_()
weight = torch.randn(words, hidden, generator=draw).requires_grad_()
bias, target = torch.zeros(words, requires_grad=True), torch.randint(words, (n,), generator=draw)
few = slice(0, 8)  # what is loaded at a first call is no part of either way
F.cross_entropy(F.linear(h[few], weight[few], bias[few]), target[few] % 8, reduction="sum").backward()
cross_entropy(h[few], weight[few], bias[few], target[few] % 8).backward()
h.grad = weight.grad = bias.grad = None


def kilobytes(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
before, begin = kilobytes("VmRSS"), time.process_time()
if way == "plain":
    loss = F.cross_entropy(F.linear(h, weight, bias), target, reduction="sum")
else:
    loss = cross_entropy(h, weight, bias, target)
loss.backward()
seconds = time.process_time() - begin
found = {"seconds": seconds, "peak": kilobytes("VmHWM") - before}
if keep:
    torch.save([h.grad, weight.grad, bias.grad], sys.argv[6])
print(json.dumps(found))
"""


def once(way, sizes, file):
    words = [sys.executable, "-c", ONCE, way, *map(str, sizes), "1", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("scale", SIZES)
def bench_loss(report, scale, tmp_path):
    import torch

    n, hidden, words = SIZES[scale]
    ways = ("chunked", "plain")
    seen = {way: [] for way in ways}
    for _ in range(REPEATS):
        for way in ways:
            seen[way].append(once(way, SIZES[scale], tmp_path / way))
    item = report.item(
        f"Softmax of a language model, {scale} size",
        f"loss and gradients of {n} predictions, {hidden} units, {words:,} words, float32, one thread",
    )
    median = {}
    for way in ways:
        peak = statistics.median(run["peak"] for run in seen[way]) / 1024
        item.row(way, [run["seconds"] for run in seen[way]], f"CPU time; {peak:.0f} MiB at most")
        median[way] = {key: statistics.median(run[key] for run in seen[way]) for key in ("seconds", "peak")}
    ours, rival = (torch.load(tmp_path / way, weights_only=True) for way in ways)
    error = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, rival, strict=True))
    item.ratio(
        "share of the plain way's peak memory", median["chunked"]["peak"] / median["plain"]["peak"], at_most=0.25
    )
    item.ratio("time over the plain way's", median["chunked"]["seconds"] / median["plain"]["seconds"], at_most=1)
    item.ratio("largest difference of gradients, relative", error, at_most=1e-5)
