"""`paperlib train EXPERIMENT --model ...`: one training, resumable, into the store."""

import argparse
import contextlib
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paperlib import experiments, runs
from paperlib.commands import DONE, FAILED, STOPPED, UsageError
from paperlib.paths import RUNS, shown
from paperlib.training.limits import Limits


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("train", help="train one network, or go on where its training stopped")
    parser.add_argument("experiment", metavar="EXPERIMENT", help=", ".join(experiments.EXPERIMENTS))
    parser.add_argument("--model", required=True, help=", ".join(experiments.MODELS))
    parser.add_argument("--scale", default="quick", help=", ".join(experiments.SCALES))
    parser.add_argument("--variant", default="paper", help="the paper's text, or its released code where they differ")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, help="length of the sequences, where the paper varies it")
    parser.add_argument("--tau", type=int, help="steps between two forcings; 0: none, clipped instead")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:0, ...")
    parser.add_argument("--max-minutes", type=float, help="stop after this time, with a checkpoint (exit 75)")
    parser.add_argument("--max-epochs", type=int, help="stop after this many epochs in all, likewise")
    parser.add_argument("--until", metavar="COLUMN=VALUE", help="stop when the history's column is so high, likewise")
    parser.add_argument("--checkpoint-minutes", type=float, default=1.0, help="between two checkpoints (default 1)")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR")
    parser.add_argument("--wrap-up", action="store_true", help="do not train on: small files of where it stopped")
    parser.add_argument("--again", action="store_true", help="forget what is there of this run")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 done, 75 stopped on time or trained by another process, 1 failed or diverged."""
    import torch

    began = time.monotonic()
    settings = parse(args)
    try:
        experiment = experiments.experiment(
            args.experiment, args.model, scale=args.scale, variant=args.variant, **settings
        )
        check_device(args.device)
        limits = Limits(args.max_epochs, args.until)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if args.max_minutes is not None and not args.max_minutes > 0:
        raise UsageError(f"--max-minutes is {args.max_minutes:g}, expected a positive number")
    torch.set_num_threads(1)  # parallelism is between runs
    if args.scale == "quick":
        common_instructions()
    keep_memory()
    own = runs.identity(args.experiment, args.model, scale=args.scale, variant=args.variant, seed=args.seed, **settings)
    folder = args.runs / runs.name(own)
    limit = None if args.max_minutes is None else began + 60 * args.max_minutes
    try:
        with runs.locked(folder):
            return train(experiment, own, folder, args, limit, limits)
    except runs.Busy as error:
        print(f"paperlib train: {error}", file=sys.stderr)
        return STOPPED


def parse(args: argparse.Namespace) -> dict[str, Any]:
    """Settings by name, from --length, --tau and --set; numbers where they read as whole numbers."""
    settings: dict[str, Any] = {k: getattr(args, k) for k in ("length", "tau") if getattr(args, k) is not None}
    for text in args.settings:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise UsageError(f"--set is {text!r}, expected KEY=VALUE")
        settings[key] = int(value) if value.lstrip("-").isdigit() else value
    return settings


def common_instructions() -> None:
    """Hold oneDNN to AVX2, so that what is trained anew everywhere comes out alike with and without AVX-512.

    Wider vectors sum in another order, and whether one of the small networks fits can hang on the last bits. Without
    them an LSTM takes half as long again: larger scales, trained once and stored, use what the processor has.
    """
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")  # read when the first LSTM runs


def keep_memory() -> None:
    """Tell glibc not to give freed arrays back to the system: a fifth of a training was page faults."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD


def check_device(device: str) -> None:
    import torch

    kind = device.split(":")[0]
    if kind not in ("cpu", "cuda"):
        raise ValueError(f"device is {device!r}, expected cpu or cuda")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {device!r}, but this machine has no CUDA device that torch can use")


def train(experiment, own: dict[str, Any], folder: Path, args: argparse.Namespace, limit: float | None, limits) -> int:
    from paperlib.training import arrays, checkpoint, finish
    from paperlib.training.limits import UnknownColumn
    from paperlib.training.loop import Diverged, Training
    from paperlib.training.precision import products
    from paperlib.training.probes import Vitals
    from paperlib.training.seeds import seeded

    label, device = folder.name, args.device
    if args.again:
        forget(folder)
    record = runs.read(folder)
    if record is not None and record["status"] in ("done", "diverged"):
        print(f"{label}: {record['status']} already, {shown(folder)}")
        return DONE if record["status"] == "done" else FAILED
    try:
        task = experiment.task(device=device, seed=own["seed"])
    except ValueError as error:  # a setting that this device does not have
        raise UsageError(str(error)) from None
    model = seeded(own["seed"], lambda: experiment.build(task)).to(device)
    probe = None if experiment.prober is None else experiment.prober(task, model, folder, own["seed"])
    training = Training(model, task, experiment.recipe, folder, watch=Vitals(task.u_max), probe=probe)
    earlier = record or {}
    record = {
        "identity": own,
        "status": "running",
        "began": earlier.get("began", datetime.now(UTC).isoformat(timespec="seconds")),
        "provenance": runs.provenance(device)
        | {"data": arrays.fingerprint(*task.arrays())}
        | getattr(task, "provenance", dict)(),
    }
    if args.wrap_up and "provenance" in earlier:  # whoever wraps it up has not trained it
        record["provenance"] = earlier["provenance"]
    runs.write(folder, record)
    for warning in record["provenance"].get("text_warnings", ()):
        print(f"paperlib train: {warning}", file=sys.stderr)
    if args.wrap_up:
        training.restore()
        if not training.history:
            raise UsageError(f"--wrap-up: {label} has not finished an epoch")
        status = "stopped"
    else:
        say = Progress(label, experiment.recipe.epochs)
        try:
            with Signals() as asked, products(getattr(task, "precision", None)):
                status = training.run(
                    stop=lambda: bool(asked) or (limit is not None and time.monotonic() >= limit),
                    enough=limits,
                    checkpoint_seconds=60 * args.checkpoint_minutes,
                    progress=say,
                )
        except UnknownColumn as error:
            raise UsageError(str(error)) from None
        except Diverged as error:
            finish.history(training, folder)
            runs.write(folder, record | {"status": "diverged", "reason": str(error), "seconds": training.seconds})
            print(f"paperlib train: {label} diverged at {error}", file=sys.stderr)
            return FAILED
        finally:
            say.end()
        if status == "stopped":
            finish.history(training, folder)
            why = limits.why(training)
            goes_on = f"{why}; without that limit it goes on" if why else "the same command goes on"
            print(f"{label}: stopped in epoch {training.epoch} of {training.recipe.epochs}; {goes_on}")
            return STOPPED
    finish.history(training, folder)
    metrics = {name: values[-1] for name, values in training.history.items()} | {"epochs": training.epoch}
    if probe is not None:
        metrics |= probe.finish(model, folder, training.epoch)
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    runs.write(folder, record | {"status": status, "ended": ended, "metrics": metrics, "seconds": training.seconds})
    if status == "done":
        checkpoint.clear(folder)
    print(f"{label}: {status}, {training.epoch} epochs, loss {metrics['loss']:.4g}, {shown(folder)}")
    return DONE


def forget(folder: Path) -> None:
    """Remove everything of a run but its lock."""
    import shutil

    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


class Signals:
    """Between `with` and its end, SIGTERM and SIGINT ask for a stop after the batch."""

    def __enter__(self) -> list[int]:
        asked: list[int] = []
        self.before = {
            number: signal.signal(number, lambda number, frame: asked.append(number))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        return asked

    def __exit__(self, *exception) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


class Progress:
    """Epoch, loss and time left on one line; nothing where stderr is no terminal."""

    def __init__(self, label: str, epochs: int):
        self.label, self.epochs, self.shown = label, epochs, sys.stderr.isatty()
        self.first: tuple[float, int] | None = None

    def __call__(self, training) -> None:
        if not self.shown:
            return
        now = time.monotonic()
        if self.first is None:
            self.first = (now, training.epoch)
        started, epoch = self.first
        done = training.epoch - epoch
        left = (now - started) / done * (self.epochs - training.epoch) / 60 if done else float("nan")
        loss = training.history["loss"][-1]
        text = f"{self.label}: epoch {training.epoch} of {self.epochs}, loss {loss:.4g}, {left:.0f} min left"
        print(f"\r{text:<100}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.shown:
            print(file=sys.stderr)
