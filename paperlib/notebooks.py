"""The book's notebooks: which there are, which parameters they take, and how one is executed."""

import ast
import contextlib
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from paperlib import SCALES
from paperlib.paths import NOTEBOOKS, shown

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
DEVICE = re.compile(r"cpu|cuda(:\d+)?|mps")


def notebooks(folder: Path = NOTEBOOKS) -> dict[str, Path]:
    """Plain name -> file: `notebooks/05_sine.ipynb` is `sine`; in the order of the book."""
    return {re.sub(r"^\d+_", "", path.stem): path for path in sorted(folder.glob("*.ipynb"))}


def find(name: str, folder: Path = NOTEBOOKS) -> Path:
    """The file of a notebook, by plain name or by file name. Raises ValueError naming the valid ones."""
    known = notebooks(folder)
    plain = re.sub(r"^\d+_", "", name.removesuffix(".ipynb"))
    if plain not in known:
        raise ValueError(f"no notebook {name!r}, expected one of {', '.join(known) or '(none yet)'}")
    return known[plain]


def defaults(path: Path) -> dict[str, Any]:
    """Parameters of a notebook and their values in its cell tagged `parameters`."""
    import papermill

    found = papermill.inspect_notebook(str(path))
    return {name: _literal(entry["default"]) for name, entry in found.items()}


def _literal(source: str) -> Any:
    try:
        return ast.literal_eval(source)
    except (ValueError, SyntaxError):
        return None  # an expression: any value may replace it


def parse(assignments: Iterable[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """Values from `key=value` words, read as YAML and checked against the defaults in `known`.

    Raises ValueError for a word without `=`, an unknown key, a value of another type, a scale, seed or device
    that does not exist; the message lists what is allowed.
    """
    values = {}
    for word in assignments:
        key, equals, text = word.partition("=")
        if not equals:
            raise ValueError(f"parameter {word!r} has no value, expected key=value")
        if key not in known:
            raise ValueError(f"no parameter {key!r}, expected one of {', '.join(known) or '(it takes none)'}")
        values[key] = _checked(key, text, known[key])
    return values


def _checked(key: str, text: str, default: Any) -> Any:
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    kind = type(default)
    if kind is str and not isinstance(value, str):
        value = text  # `on` and `1` are words here
    if kind is float and isinstance(value, int | str) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            value = float(value)  # YAML 1.1 takes 1e-3 for a word
    if default is not None and type(value) is not kind:
        raise ValueError(f"parameter {key} is {text!r}, expected {kind.__name__} like {default!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"parameter {key} is {text!r}, expected a finite number")
    if key == "scale" and value not in SCALES:
        raise ValueError(f"parameter scale is {text!r}, expected one of {', '.join(SCALES)}")
    if key == "seed" and value < 0:
        raise ValueError(f"parameter seed is {text!r}, expected 0 or more")
    if key == "device" and not DEVICE.fullmatch(value):
        raise ValueError(f"parameter device is {text!r}, expected cpu, cuda, cuda:N or mps")
    return value


class NotebookFailed(RuntimeError):
    """A cell raised; the message is one line, the traceback is in the output notebook."""


def execute(path: Path, output: Path, parameters: Mapping[str, Any] | None = None) -> Path:
    """Execute a notebook into `output` through papermill; the source is left alone.

    Raises NotebookFailed, naming the cell and the file that holds its traceback.
    """
    import papermill

    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            str(path),
            str(output),
            parameters=dict(parameters or {}),
            kernel_name="python3",
            progress_bar=False,
            cwd=str(path.parent),
        )
    except papermill.PapermillExecutionError as error:
        what = f"{error.ename}: {error.evalue}".partition("\n")[0]
        raise NotebookFailed(f"{path.stem}: cell {error.cell_index}: {what} (traceback in {shown(output)})") from error
    return output


def refresh(path: Path) -> None:
    """Execute a notebook at its defaults and store the outputs in it, without times or machine in its metadata."""
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=None,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    nbformat.write(notebook, path)


if __name__ == "__main__":  # make outputs
    for name, path in notebooks().items():
        print(f"{name}: executing, its outputs are stored in {shown(path)}", flush=True)
        refresh(path)
