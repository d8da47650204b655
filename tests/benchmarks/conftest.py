"""Timing with the rivals in the same run: each in turn, five times, medians; written to data/benchmarks.json.

    def bench_something(report):
        item = report.item("Title", "what is computed, sizes, dtype")
        times = item.time({"ours": ours, "rival": rival})         # name -> function without arguments
        item.ratio("faster than the rival", times["rival"] / times["ours"], at_least=2)

Nothing fails for being slow: machines are shared. The page of the book says which goals were met.
"""

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import time

import pytest
import torch

from paperlib.paths import BENCHMARKS
from paperlib.runs import processor

REPEATS = 5


class Item:
    """One table of the page: rows of times and ratios between them."""

    def __init__(self, title: str, setting: str):
        self.record = {"title": title, "setting": setting, "rows": [], "ratios": []}

    def time(self, rivals: dict, *, repeats: int = REPEATS, notes: dict | None = None) -> dict[str, float]:
        """Median seconds by name; every function runs once before, and then all of them in turn."""
        for function in rivals.values():
            function()
        seconds = {name: [] for name in rivals}
        for _ in range(repeats):
            for name, function in rivals.items():
                begin = time.perf_counter()
                function()
                seconds[name].append(time.perf_counter() - begin)
        for name, values in seconds.items():
            self.row(name, values, (notes or {}).get(name))
        return {name: statistics.median(values) for name, values in seconds.items()}

    def row(self, what: str, seconds: list[float], note: str | None = None) -> None:
        """A row whose seconds were measured, or scaled from a measured slice as the note says."""
        median = statistics.median(seconds)
        self.record["rows"].append({"what": what, "seconds": seconds, "median": median, "note": note})
        print(f"  {what:60s} {median:10.4g} s  {note or ''}")

    def ratio(self, what: str, value: float, *, at_least: float | None = None, at_most: float | None = None) -> None:
        goal = f"at least {at_least:g}" if at_least is not None else f"at most {at_most:g}"
        met = value >= at_least if at_least is not None else value <= at_most
        self.record["ratios"].append({"what": what, "value": value, "goal": goal, "met": bool(met)})
        print(f"  {what:60s} {value:10.3g}    goal: {goal}, {'met' if met else 'NOT met'}")


class Report:
    """All items of one run, one thread."""

    def __init__(self):
        torch.set_num_threads(1)
        self.load, self.items = os.getloadavg()[0], []

    def item(self, title: str, setting: str) -> Item:
        print(f"\n{title}: {setting}")
        self.items.append(Item(title, setting))
        return self.items[-1]

    def write(self) -> None:
        """A run of one file refreshes its own tables and leaves the others, each with the day it was timed."""
        names = ("torch", "numpy", "pynamicalsys", "numba")
        where = {
            "date": datetime.date.today().isoformat(),
            "machine": processor(),
            "cores": os.cpu_count(),
            "load": self.load,
            "versions": {"Python": platform.python_version(), **{n: importlib.metadata.version(n) for n in names}},
        }
        old = json.loads(BENCHMARKS.read_text("utf-8"))["benchmarks"] if BENCHMARKS.exists() else []
        new = {item.record["title"]: where | item.record for item in self.items}
        kept = [new.pop(record["title"], record) for record in old]
        BENCHMARKS.write_text(json.dumps({"benchmarks": kept + list(new.values())}, indent=1) + "\n", "utf-8")


@pytest.fixture(scope="session")
def report():
    report = Report()
    yield report
    if report.items:
        report.write()
