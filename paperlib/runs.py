"""The store of trainings, finished and half finished: a folder a run, named by its identity."""

import contextlib
import functools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paperlib.paths import ROOT, RUNS, STORED_RUNS, shown
from paperlib.training import arrays

IDENTITY = {"experiment", "model", "settings", "scale", "variant", "seed"}
MEASURED = tuple(f"{part}.safetensors{arrays.PACKED}" for part in ("history", "attractors", "final"))
EXPORTED = ("run.json", "model.safetensors", *MEASURED)  # weights would hardly shrink
LARGEST = 1_048_576  # bytes a committed run may take
HALVED = 262_144  # bytes of weights above which a committed run keeps them in half precision


class Busy(RuntimeError):
    """Another process is training this run."""


def identity(
    experiment: str, model: str, *, scale: str = "quick", variant: str = "paper", seed: int = 0, **settings: Any
) -> dict[str, Any]:
    """What makes a run the run it is; device and versions are provenance."""
    own = {key: settings[key] for key in sorted(settings)}
    return {
        "experiment": experiment,
        "model": model,
        "settings": own,
        "scale": scale,
        "variant": variant,
        "seed": seed,
    }


def name(identity: dict[str, Any]) -> str:
    """The run's folder: sine-lstm-paper-seed0, with settings and variant where they are not the default."""
    settings = [f"{key}{value}" for key, value in identity["settings"].items()]
    variant = [] if identity["variant"] == "paper" else [identity["variant"]]
    parts = [identity["experiment"], identity["model"], *settings, identity["scale"], *variant]
    return "-".join([*parts, f"seed{identity['seed']}"])


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run's folder against other processes; the system lets go when the process dies. Raises Busy."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+b") as file:
        try:
            try:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:  # Windows
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            raise Busy(f"{folder.name} is being trained by another process") from None
        yield


def provenance(device: str) -> dict[str, Any]:
    """Commit, versions and machine."""
    import numpy
    import torch

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "paperlib")
    return {
        "commit": git("rev-parse", "HEAD"),
        "changed": None if changed is None else bool(changed),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "machine": platform.machine(),
        "processor": processor(),
        "instructions": os.environ.get("ONEDNN_MAX_CPU_ISA", torch.backends.cpu.get_cpu_capability()),
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else "cpu",
        "threads": torch.get_num_threads(),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def write(folder: Path, record: dict[str, Any]) -> None:
    arrays.write_text(folder / "run.json", json.dumps(record, indent=1) + "\n")


def read(folder: Path) -> dict[str, Any] | None:
    """The record of a run, None where there is none. Raises ValueError when it is damaged."""
    path = folder / "run.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        known = {**record["identity"], **record["identity"]["settings"], "status": record["status"]}
        reason = ", ".join(f"no {key}" for key in sorted(IDENTITY - known.keys()))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
    if reason:
        remedy = "remove it, and training goes on from the last checkpoint or begins anew"
        raise ValueError(f"{shown(path)} is damaged ({reason}), expected a run's record: {remedy}")
    return record


@dataclass(frozen=True)
class Run:
    """One run in the store: its record, and its arrays when asked for."""

    folder: Path
    record: dict[str, Any]

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def finished(self) -> bool:
        return self.record["status"] == "done"

    @property
    def seed(self) -> int:
        return self.record["identity"]["seed"]

    @property
    def metrics(self) -> dict[str, Any]:
        return self.record.get("metrics", {})

    def dataset(self, part: str):
        """history, attractors or final as an xarray.Dataset with named axes; read when its values are used."""
        return load(self.folder / f"{part}.safetensors")

    @property
    def history(self):
        return self.dataset("history")

    @property
    def attractors(self):
        return self.dataset("attractors")

    @property
    def final(self):
        return self.dataset("final")

    def model(self, epoch: int | None = None):
        """The trained network, or as it was at an epoch of the slow probe (in the checkout that trained it)."""
        from paperlib import experiments

        own = self.record["identity"]
        setting = experiments.experiment(
            own["experiment"], own["model"], scale=own["scale"], variant=own["variant"], **own["settings"]
        )
        model = setting.build(setting.task())
        path = self.folder / "model.safetensors"
        if not path.exists():  # too large to be committed
            path = self.folder / "weights.safetensors"
        if epoch is not None:
            path = self.folder / "probes" / f"epoch-{epoch:06d}.safetensors"
        found = {key.removeprefix("weight."): value for key, (_, value) in arrays.load(path)[0].items()}
        own_keys = model.state_dict().keys()
        if not own_keys <= found.keys():
            raise ValueError(f"{path.name} of {self.id} holds no weights")
        model.load_state_dict({key: found[key] for key in own_keys})
        return model.eval()


def load(path: Path):
    """An xarray.Dataset of one stored file."""
    import xarray

    found, attributes = arrays.load(path)
    variables = {key: (dims, value.numpy()) for key, (dims, value) in found.items()}
    coordinates = {key: value for key, value in variables.items() if value[0] == (key,)}
    rest = {key: value for key, value in variables.items() if key not in coordinates}
    return xarray.Dataset(rest, coordinates, attributes)


def find(
    experiment: str | None = None, model: str | None = None, *, roots: tuple[Path, ...] = (), **wanted
) -> list[Run]:
    """Runs that match, in this checkout's store first, then the committed ones; each run once.

    wanted: scale, variant, seed, status, or a setting by name. A finished run goes before a half-finished one, a
    damaged record is left out with a line on stderr.
    """
    wanted |= {k: v for k, v in {"experiment": experiment, "model": model}.items() if v is not None}
    found: dict[str, Run] = {}
    for root in roots or (RUNS, STORED_RUNS):
        for path in sorted(root.glob("**/run.json")):
            try:
                record = read(path.parent)
            except ValueError as error:
                warn(f"paperlib: {error}")
                continue
            if record is None:  # removed just now
                continue
            run, own = Run(path.parent, record), record["identity"]
            known = {**own, **own["settings"], "status": record["status"]}
            if any(known.get(key) != value for key, value in wanted.items()):
                continue
            if run.id not in found or (run.finished and not found[run.id].finished):
                found[run.id] = run
    return list(found.values())


@functools.cache  # once for each record
def warn(line: str) -> None:
    print(line, file=sys.stderr)


def export(run: Run, root: Path = STORED_RUNS) -> Path:
    """Put the small files of a run that is done, diverged or wrapped up where they are committed, gzipped.

    Large weights are kept in half precision, and so is a history that would not fit otherwise; the record says which.
    Raises ValueError when it is none of these, or when the files are not small.
    """
    if run.record["status"] not in ("done", "diverged", "stopped"):
        raise ValueError(f"{run.id} is {run.record['status']}, expected one that is done, diverged or wrapped up")
    with tempfile.TemporaryDirectory() as part:
        for name in EXPORTED:
            plain, packed = run.folder / name.removesuffix(arrays.PACKED), run.folder / name
            if packed.exists():
                shutil.copyfile(packed, Path(part) / name)
            elif plain.exists():
                (Path(part) / name).write_bytes(arrays.pack(plain.read_bytes()))
        weights, history = Path(part) / "model.safetensors", Path(part) / MEASURED[0]
        halved = ["model"] if weights.exists() and weights.stat().st_size > HALVED and halve(weights) else []
        halved += ["history"] if history.exists() and size(part) > LARGEST and halve(history) else []
        if halved:
            write(Path(part), run.record | {"half_precision": halved})
        if size(part) > LARGEST:
            raise ValueError(f"{run.id} has {size(part)} bytes in its small files, expected at most {LARGEST}")
        target = root / run.id
        shutil.rmtree(target, ignore_errors=True)  # a file of another form would go before the new one
        shutil.copytree(part, target)
    return target


def size(folder: Path | str) -> int:
    return sum(path.stat().st_size for path in Path(folder).iterdir())


def halve(path: Path) -> bool:
    """Rewrite a stored file in half precision, where that holds the values; whether anything changed."""
    import torch

    found, attributes = arrays.load(path)
    fits = {name: value.dtype == torch.float32 and bool(value.abs().max() < 6e4) for name, (_, value) in found.items()}
    arrays.save(path, {name: (dims, v.half() if fits[name] else v) for name, (dims, v) in found.items()}, **attributes)
    return any(fits.values())
