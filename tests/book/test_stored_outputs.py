"""What nbval cannot see: it passes a notebook without outputs, so every notebook must have something to compare."""

import copy
import json
import re

import pytest

from paperlib.paths import NOTEBOOKS

FILES = sorted(NOTEBOOKS.glob("*.ipynb"))
CHECKED = "# NBVAL_CHECK_OUTPUT"


def faults(notebook: dict) -> list[str]:
    """Reasons why comparing this notebook's stored outputs would prove little."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    found = []
    checked = [cell for cell in cells if "".join(cell["source"]).startswith(CHECKED)]
    if not checked:
        found.append(f"no cell starts with {CHECKED}")
    if not any(cell["outputs"] for cell in cells):
        found.append("no output is stored")
    found += [f"checked cell {_first(cell)} has no stored output" for cell in checked if not cell["outputs"]]
    if not any("parameters" in cell["metadata"].get("tags", []) for cell in cells):
        found.append("no cell is tagged parameters")
    for cell in cells:
        source, kinds = "".join(cell["source"]), [output["output_type"] for output in cell["outputs"]]
        if source.rstrip().endswith(";"):
            found.append(f"cell {_first(cell)} ends in ;")
        if "error" in kinds:
            found.append(f"cell {_first(cell)} stores an error")
        if any(output.get("name") == "stderr" for output in cell["outputs"]):
            found.append(f"cell {_first(cell)} stores stderr")
        found += _figure_faults(cell)
    if re.search(r"/(home|Users|root)/\w", json.dumps(notebook)):
        found.append("a path of somebody's machine is stored")
    return found


def _figure_faults(cell: dict) -> list[str]:
    images = [o for o in cell["outputs"] if any(kind.startswith("image/") for kind in o.get("data", {}))]
    if not images:
        return []
    about = cell["metadata"].get("mystnb", {})
    found = []
    if len(images) > 1:
        found.append(f"cell {_first(cell)} shows {len(images)} images under one caption")
    if not about.get("image", {}).get("alt"):
        found.append(f"the figure of cell {_first(cell)} has no alt text")
    if not about.get("figure", {}).get("caption"):
        found.append(f"the figure of cell {_first(cell)} has no caption")
    return found


def _first(cell: dict) -> str:
    lines = [line.strip() for line in cell["source"] if not line.startswith(CHECKED) and line.strip()]
    return repr(lines[0] if lines else "")


def test_there_are_notebooks():
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_stored_outputs_can_be_compared(path):
    assert not faults(json.loads(path.read_text("utf-8")))


def test_captions_name_each_figure_once():
    names = [
        cell["metadata"]["mystnb"]["figure"].get("name")
        for path in FILES
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if "figure" in cell["metadata"].get("mystnb", {})
    ]
    assert None not in names
    assert len(names) == len(set(names))


STREAM = {"output_type": "stream", "name": "stdout", "text": ["1\n"]}
PNG = {"output_type": "display_data", "data": {"image/png": "…"}, "metadata": {}}
GOOD = {
    "cells": [
        {"cell_type": "code", "source": ["seed = 0"], "outputs": [], "metadata": {"tags": ["parameters"]}},
        {"cell_type": "code", "source": [CHECKED + "\n", "print(1)"], "outputs": [STREAM], "metadata": {}},
    ]
}


def spoiled(**changes) -> dict:
    notebook = copy.deepcopy(GOOD)
    notebook["cells"][1] |= changes
    return notebook


def test_a_good_notebook_has_no_fault():
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("notebook", "said"),
    [
        (spoiled(outputs=[]), "no output is stored"),
        (spoiled(outputs=[]), "has no stored output"),
        (spoiled(source=["print(1)"]), "no cell starts with # NBVAL_CHECK_OUTPUT"),
        (spoiled(source=[CHECKED + "\n", "x;"]), "ends in ;"),
        (spoiled(outputs=[STREAM | {"name": "stderr"}]), "stores stderr"),
        (spoiled(outputs=[{"output_type": "error", "ename": "E"}]), "stores an error"),
        (spoiled(outputs=[STREAM | {"text": ["/home/me/x"]}]), "a path of somebody's machine"),
        (spoiled(outputs=[STREAM, PNG]), "has no alt text"),
        (spoiled(outputs=[STREAM, PNG]), "has no caption"),
        (spoiled(outputs=[PNG, PNG]), "shows 2 images"),
        ({"cells": GOOD["cells"][1:]}, "no cell is tagged parameters"),
    ],
)
def test_each_fault_is_seen(notebook, said):
    assert any(said in fault for fault in faults(notebook))
