"""What an experiment is: one run's task, network, recipe, and what is watched."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from paperlib.models import LSTM, PLRNN, Model, OrthogonalRNN, StableLSTM, TanhRNN
from paperlib.training.recipe import Recipe

VARIANTS = ("paper", "code")
MODELS: dict[str, Callable[..., Model]] = {
    "lstm": LSTM,
    "slstm": lambda *sizes: StableLSTM(*sizes, projection="column"),  # as released with R
    "slstm-certified": lambda *sizes: StableLSTM(*sizes, projection="row"),  # always within Miller and Hardt's theory
    "ornn": OrthogonalRNN,
    "ornn-nonexpansive": lambda *sizes: OrthogonalRNN(*sizes, nonexpansive=True),
    "tanh": TanhRNN,
    "plrnn": PLRNN,
}


class Probe(Protocol):
    """What watches a network while it learns, and measures it after the last epoch."""

    def __call__(self, model: Model, epoch: int) -> None: ...

    def finish(self, model: Model, folder: Path, epoch: int) -> dict[str, float]:
        """Leave small files in the run's folder, give back numbers for its record."""
        ...


@dataclass(frozen=True)
class Experiment:
    """What one run does. `settings` are those asked for by name.

    task(device=..., seed=...) makes a task of `paperlib.tasks`; prober(task, model, folder, seed) its probe, which
    writes into the run's folder.
    """

    name: str
    model: str
    scale: str
    variant: str
    settings: dict[str, Any]
    hidden_size: int
    task: Callable[..., Any]
    recipe: Recipe
    prober: Callable[[Any, Model, Path, int], Probe] | None = None
    wrap: Callable[[Callable[..., Model], Any, int], Model] | None = None  # (network, task, hidden size) -> model

    def build(self, task) -> Model:
        make = MODELS[self.model]
        if self.wrap is not None:
            return self.wrap(make, task, self.hidden_size)
        return make(task.input_size, self.hidden_size, task.output_size)


def attractors(
    options: dict[str, Any],
    *,
    starts: int,
    final: dict[str, int],
    also: Callable[[Any, Model], dict[str, Any]] | None = None,
) -> Callable[..., Probe]:
    """Attractors under the task's constant inputs from start states N(0, 100^2): R, Figs. 4 to 8.

    options of AttractorProbe; n and transient of the exponents after the last epoch; also(task, model): arrays with
    named axes that the probe keeps.
    """

    def prober(task, model: Model, folder: Path, seed: int) -> Probe:
        from paperlib.training.probes import AttractorProbe
        from paperlib.training.seeds import start_states

        drawn = start_states(seed, starts, model.state_size)
        more = None if also is None else partial(also, task)
        return AttractorProbe(folder / "probes", task.constant_inputs(), drawn, final=final, also=more, **options)

    return prober


def take(settings: dict[str, Any], **allowed: type) -> None:
    """Refuse settings that the experiment does not have, or of the wrong type."""
    for key, value in settings.items():
        if key not in allowed:
            raise ValueError(f"{key} is no setting of this experiment, expected one of {', '.join(allowed)}")
        if not isinstance(value, allowed[key]) or isinstance(value, bool):
            raise ValueError(f"{key} is {value!r}, expected {allowed[key].__name__}")
