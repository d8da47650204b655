"""`paperlib train EXPERIMENT --model ...`: one training, resumable, into the store."""

import argparse
import contextlib
import os
import re
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

SEEDS = 2**30  # what a run draws from is a multiple of its seed that must fit into 64 bits


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
    if not args.checkpoint_minutes >= 0:
        raise UsageError(f"--checkpoint-minutes is {args.checkpoint_minutes:g}, expected a number that is 0 or more")
    if not 0 <= args.seed < SEEDS:
        raise UsageError(f"--seed is {args.seed}, expected a whole number from 0 to {SEEDS - 1}")
    if args.again and args.wrap_up:
        raise UsageError("--again forgets what --wrap-up keeps, expected one of the two")
    torch.set_num_threads(1)  # parallelism is between runs
    if args.scale == "quick":
        common_instructions()
    keep_memory()
    try:
        task = experiment.task(device=args.device, seed=args.seed)
    except ValueError as error:  # a setting that the task or this device does not have
        raise UsageError(str(error)) from None
    own = runs.identity(args.experiment, args.model, scale=args.scale, variant=args.variant, seed=args.seed, **settings)
    folder = args.runs / runs.name(own)
    limit = None if args.max_minutes is None else began + 60 * args.max_minutes
    try:
        with runs.locked(folder):
            return train(experiment, task, own, folder, args, limit, limits)
    except runs.Busy as error:
        print(f"paperlib train: {error}", file=sys.stderr)
        return STOPPED


def parse(args: argparse.Namespace) -> dict[str, Any]:
    """Settings by name, from --length, --tau and --set; numbers where they read as whole numbers."""
    settings: dict[str, Any] = {k: getattr(args, k) for k in ("length", "tau") if getattr(args, k) is not None}
    others = runs.IDENTITY | {"name"}
    for text in args.settings:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise UsageError(f"--set is {text!r}, expected KEY=VALUE")
        if key in others:
            raise UsageError(f"--set is {text!r}, expected a setting of the experiment, not its {key}")
        if key in settings:
            raise UsageError(f"--set is {text!r}, but {key} is {settings[key]!r} already, expected it once")
        if "/" in value or "\\" in value:  # it becomes part of a folder's name
            raise UsageError(f"--set is {text!r}, expected a value without / and \\")
        settings[key] = int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else value
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
    """Raises ValueError for a device that torch does not have here."""
    import torch

    known = re.fullmatch(r"cpu|cuda(?::(0|[1-9][0-9]?))?", device)
    if known is None:
        raise ValueError(f"device is {device!r}, expected cpu or cuda, or cuda:0 and so on")
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"device is {device!r}, but this machine has no CUDA device that torch can use")
    if known[1] and int(known[1]) >= torch.cuda.device_count():
        raise ValueError(f"device is {device!r}, expected a number below {torch.cuda.device_count()}")


def train(
    experiment, task, own: dict[str, Any], folder: Path, args: argparse.Namespace, limit: float | None, limits
) -> int:
    from paperlib.training import arrays, checkpoint, finish
    from paperlib.training.limits import UnknownColumn
    from paperlib.training.loop import Diverged, Training
    from paperlib.training.precision import products
    from paperlib.training.probes import Vitals
    from paperlib.training.seeds import seeded

    label, device = folder.name, args.device
    earlier = None if args.again else runs.read(folder)
    if earlier is not None and earlier["status"] in ("done", "diverged"):
        print(f"{label}: {earlier['status']} already, {shown(folder)}")
        return DONE if earlier["status"] == "done" else FAILED
    model = seeded(own["seed"], lambda: experiment.build(task)).to(device)
    data = arrays.fingerprint(*task.arrays())
    if args.again:  # not before all is there that a training needs
        forget(folder)
    probe = None if experiment.prober is None else experiment.prober(task, model, folder, own["seed"])
    training = Training(model, task, experiment.recipe, folder, watch=Vitals(task.u_max), probe=probe)
    if args.wrap_up:
        training.restore()
        if not training.history:
            raise UsageError(f"--wrap-up: {label} has not finished an epoch")
    record = {
        "identity": own,
        "status": "running",
        "began": (earlier or {}).get("began", datetime.now(UTC).isoformat(timespec="seconds")),
        "provenance": runs.provenance(device) | {"data": data} | getattr(task, "provenance", dict)(),
    }
    if not args.wrap_up:
        runs.write(folder, record)
    elif earlier is not None and "provenance" in earlier:  # whoever wraps it up has not trained it
        record["provenance"] = earlier["provenance"]
    for warning in record["provenance"].get("text_warnings", ()):
        print(f"paperlib train: {warning}", file=sys.stderr)
    why, status = "", "stopped"
    if not args.wrap_up:
        say = Progress(label, experiment.recipe.epochs)
        try:
            with Signals() as asked, products(getattr(task, "precision", None)):
                status = training.run(
                    stop=lambda: bool(asked) or (limit is not None and time.monotonic() >= limit),
                    enough=limits,
                    checkpoint_seconds=60 * args.checkpoint_minutes,
                    progress=say,
                )
            why = limits.why(training) if status == "stopped" else ""
        except UnknownColumn as error:
            if earlier is None:
                (folder / "run.json").unlink()
            else:
                runs.write(folder, earlier)
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
            goes_on = f"{why}; without that limit it goes on" if why else "the same command goes on"
            print(f"{label}: stopped in epoch {training.epoch} of {training.recipe.epochs}; {goes_on}")
            return STOPPED
    finish.history(training, folder)
    metrics = {name: values[-1] for name, values in training.history.items()} | {"epochs": training.epoch}
    if training.index:  # its weights are those of a moment between two epochs
        metrics["batches_of_next_epoch"] = training.index
    if probe is not None:
        metrics |= probe.finish(model, folder, training.epoch)
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    runs.write(folder, record | {"status": status, "ended": ended, "metrics": metrics, "seconds": training.seconds})
    if status == "done":
        checkpoint.clear(folder)
    more = f" and {training.index} of {task.batches} batches of the next" if training.index else ""
    print(f"{label}: {status}, {training.epoch} epochs{more}, loss {metrics['loss']:.4g}, {shown(folder)}")
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
