"""The training loop: one state, saved and restored whole, so that a killed run ends as an uninterrupted one."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from paperlib.models import Model
from paperlib.training import checkpoint
from paperlib.training.recipe import Recipe


class Diverged(ArithmeticError):
    """Loss or gradient stopped being finite."""


class Training:
    """A model on its way: parameters, optimiser, history and the place in the data.

    task has `batches` (how many an epoch) and `objective(model, epoch, index)` -> (loss to be minimised, sums);
    `terms` among the sums is what the loss is divided by to give the reported mean. Optional: `validate(model)` ->
    dict; `state()` -> {name: tensor} and `restore(tensors)` for what goes on from batch to batch. `watch(model)` ->
    dict is recorded after every epoch; `probe(model, epoch)` is called before epoch 0, 1, ... and after the last.
    """

    def __init__(
        self,
        model: Model,
        task,
        recipe: Recipe,
        folder: Path,
        *,
        watch: Callable[[Model], dict[str, float]] | None = None,
        probe: Callable[[Model, int], None] | None = None,
    ):
        self.model, self.task, self.recipe, self.folder = model, task, recipe, folder
        self.watch, self.probe = watch, probe
        self.optimizer = torch.optim.Adam(model.parameters(), lr=recipe.rate)
        self.epoch, self.index = 0, 0  # epochs finished, batches of the current one done
        self.sums: dict[str, float] = {}  # of the current epoch
        self.history: dict[str, list[float]] = {}
        self.seconds = {"total": 0.0, "probe": 0.0}  # spent so far, in all processes
        self.status = "running"

    @property
    def updates(self) -> int:
        return self.epoch * self.task.batches + self.index

    def run(
        self,
        *,
        stop: Callable[[], bool] = lambda: False,
        enough: Callable[["Training"], bool] = lambda training: False,
        checkpoint_seconds: float = 60.0,
        progress: Callable[["Training"], None] = lambda training: None,
    ) -> str:
        """Train to the end, "done", or "stopped": stop() is asked after every batch, enough(self) between two epochs.

        Raises Diverged.
        """
        self.restore()
        clock = saved = time.monotonic()

        def tick() -> float:
            nonlocal clock
            now = time.monotonic()
            self.seconds["total"] += now - clock
            clock = now
            return now

        while self.epoch < self.recipe.epochs and not self.reached():
            if self.index == 0:
                self.look()
                if enough(self):
                    tick()
                    self.save()
                    return "stopped"
            self.model.train()
            while self.index < self.task.batches:
                self.update()
                if stop():
                    tick()
                    self.save()
                    return "stopped"
                if tick() - saved > checkpoint_seconds:
                    self.save()
                    saved = clock
            self.close_epoch()
            tick()
            progress(self)
        self.look()
        tick()
        self.save()
        self.status = "done"
        return "done"

    def update(self) -> None:
        """One batch: loss, backward, clip, Adam, projection."""
        rate = self.recipe.rate_at(self.epoch, self.history)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss, sums = self.task.objective(self.model, self.epoch, self.index)
        loss.backward()
        limit = math.inf if self.recipe.clip is None else self.recipe.clip
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        value, norm = torch.stack([loss.detach(), norm]).tolist()  # one wait for the device, not two
        for name, number in {"loss": value, "grad_norm": norm, **sums}.items():
            self.sums[name] = self.sums.get(name, 0.0) + number
        if not (math.isfinite(value) and math.isfinite(norm)):
            self.status = "diverged"
            raise Diverged(
                f"epoch {self.epoch}, batch {self.index} (step {self.updates}): loss {value:g}, gradient norm {norm:g}"
            )
        self.optimizer.step()
        self.model.project_()
        self.index += 1

    def close_epoch(self) -> None:
        """Means of the epoch into the history; the next one begins."""
        terms = self.sums.pop("terms")
        row = {name: total / terms for name, total in self.sums.items() if name != "grad_norm"}
        row["grad_norm"] = self.sums["grad_norm"] / self.task.batches
        row["rate"] = self.recipe.rate_at(self.epoch, self.history)
        self.model.eval()
        for extra in (self.watch, getattr(self.task, "validate", None)):
            row |= extra(self.model) if extra is not None else {}
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)
        self.sums, self.index = {}, 0
        self.epoch += 1

    def reached(self) -> bool:
        """Whether the recipe's early end has come."""
        return self.index == 0 and self.recipe.ended(self.epoch, self.history)

    def look(self) -> None:
        if self.probe is not None:
            start = time.monotonic()
            self.model.eval()
            with torch.no_grad():
                self.probe(self.model, self.epoch)
            self.seconds["probe"] += time.monotonic() - start

    def save(self) -> None:
        """Everything that decides how the run goes on."""
        tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for k, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{k}.{name}": torch.as_tensor(value) for name, value in state.items()}
        tensors |= {f"history.{k}": torch.tensor(v, dtype=torch.float64) for k, v in self.history.items()}
        if hasattr(self.task, "state"):
            tensors |= {f"task.{k}": v for k, v in self.task.state().items()}
        state = {"epoch": self.epoch, "index": self.index, "sums": self.sums, "seconds": self.seconds}
        checkpoint.write(self.folder, self.updates, tensors, state)

    def restore(self) -> None:
        """Go on from the newest whole checkpoint, or start."""
        found = checkpoint.read(self.folder)
        if found is None:
            return
        tensors, state = found
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "adam": {}, "history": {}, "task": {}}
        for name, tensor in tensors.items():
            kind, rest = name.split(".", 1)
            parts[kind][rest] = tensor
        self.model.load_state_dict(parts["model"])
        adam = self.optimizer.state_dict()
        for name, tensor in parts["adam"].items():
            k, field = name.split(".", 1)
            adam["state"].setdefault(int(k), {})[field] = tensor
        self.optimizer.load_state_dict(adam)
        self.history = {name: tensor.tolist() for name, tensor in parts["history"].items()}
        if hasattr(self.task, "restore"):
            self.task.restore(parts["task"])
        self.epoch, self.index = state["epoch"], state["index"]
        self.sums, self.seconds = state["sums"], state["seconds"]
