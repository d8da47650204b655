"""Imports point one way, and training asks a bare machine for torch, numpy and safetensors alone."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from paperlib import imports
from paperlib.paths import PACKAGE, ROOT

MAY_IMPORT = {  # room of the house -> rooms and modules of paperlib it may name
    "models": {"models"},
    "dynamics": {"dynamics"},
    "corpora": {"corpora", "paths"},
    "tasks": {"tasks", "corpora", "paths"},
    "training": {"training", "models", "dynamics", "tasks"},
    "figures": {"figures"},
}


def named(path) -> set[str]:
    """Rooms of paperlib that one file imports, lazily or not."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            modules = [f"{node.module}.{a.name}" for a in node.names] if node.module == "paperlib" else [node.module]
        else:
            continue
        found |= {module.split(".")[1] for module in modules if module.startswith("paperlib.")}
    return found


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_know_only_what_they_may(room):
    files = list((PACKAGE / room).rglob("*.py"))
    if not files:
        pytest.skip(f"paperlib.{room} is not written yet")
    wrong = {str(path.relative_to(ROOT)): sorted(named(path) - MAY_IMPORT[room]) for path in files}
    assert not {path: rooms for path, rooms in wrong.items() if rooms}


def test_only_the_command_and_the_book_stand_on_top():
    top = {"cli", "commands", "notebooks", "book", "graph", "pages"}
    below = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0].split(".")[0] not in top]
    wrong = {path.name: sorted(named(path) & top) for path in below if path.name != "__main__.py"}
    assert not {name: rooms for name, rooms in wrong.items() if rooms}


def bare_machine() -> set[str]:
    """Import names of every installed distribution that torch, numpy and safetensors do not bring along."""
    needed, todo = set(), ["torch", "numpy", "safetensors"]
    while todo:
        name = canonicalize_name(todo.pop())
        if name in needed:
            continue
        needed.add(name)
        try:
            lines = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        todo += [r.name for r in map(Requirement, lines) if r.marker is None or r.marker.evaluate({"extra": ""})]
    owners = importlib.metadata.packages_distributions()
    return {
        name
        for name, distributions in owners.items()
        if name != "paperlib" and not needed & {canonicalize_name(d) for d in distributions}
    }


BARE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Missing())
sys.path.insert(0, {root!r})
{code}
"""


def on_a_bare_machine(code: str) -> subprocess.CompletedProcess:
    script = BARE.format(absent=sorted(bare_machine()), root=str(ROOT), code=code)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd="/", check=False)


def test_the_bare_machine_is_bare():
    absent = bare_machine()
    assert {"matplotlib", "scipy", "papermill", "snakemake", "yaml", "sphinx", "pytest"} <= absent
    assert not {"torch", "numpy", "safetensors"} & absent
    assert "No module named 'yaml'" in on_a_bare_machine("import yaml").stderr


def test_training_imports_on_a_bare_machine():
    rooms = ("models", "dynamics", "tasks", "training")
    files = [path for room in rooms for path in (PACKAGE / room).rglob("*.py")]
    modules = sorted(re.sub(r"\.__init__$", "", ".".join(p.relative_to(ROOT).with_suffix("").parts)) for p in files)
    done = on_a_bare_machine(f"import importlib\nfor name in {modules}: importlib.import_module(name)")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["notebook", "--help"]])
def test_the_command_starts_on_a_bare_machine(words):
    if words[0] == "train" and not (PACKAGE / "commands" / "train.py").is_file():
        pytest.skip("paperlib train is not written yet")
    done = on_a_bare_machine(f"from paperlib.cli import main\nsys.exit(main({json.dumps(words)}))")
    assert done.returncode == 0, done.stderr
    assert "usage: paperlib" in done.stdout


@pytest.fixture
def package(tmp_path):
    files = {
        "__init__.py": "",
        "one.py": "from paper.deep import two\n",
        "deep/__init__.py": "",
        "deep/two.py": "def late():\n    import paper.three\n",
        "three.py": "from . import four as renamed\n",
        "four.py": "import json\n",
        "unused.py": "",
        "lazy/__init__.py": "import importlib\ndef __getattr__(name):\n    return importlib.import_module(name)\n",
        "lazy/red.py": "",
        "lazy/blue.py": "",
        "plugins.py": "import pkgutil\npkgutil.iter_modules([])\n",
    }
    root = tmp_path / "paper"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def followed(package, source: str) -> set[str]:
    notebook = package.parent / "a.ipynb"
    cells = [
        {"cell_type": "markdown", "source": ["import paper.unused"]},
        {"cell_type": "code", "source": [source]},
    ]
    notebook.write_text(json.dumps({"cells": cells}))
    imports._imported.cache_clear()
    return {str(p.relative_to(package)) for p in imports.needed(notebook, package=package)}


def test_imports_are_followed_through_functions_and_relative_ones(package):
    found = followed(package, "%matplotlib inline\nfrom paper import one")
    assert found == {"__init__.py", "one.py", "deep/__init__.py", "deep/two.py", "three.py", "four.py"}


def test_a_lazy_package_is_followed_by_attribute(package):
    assert followed(package, "from paper import lazy\nlazy.red.draw()") == {
        "__init__.py",
        "lazy/__init__.py",
        "lazy/red.py",
    }


def test_a_lazy_package_handed_on_counts_whole(package):
    found = followed(package, "from paper import lazy as l\ngetattr(l, 'blue')")
    assert {"lazy/red.py", "lazy/blue.py"} <= found
    assert "unused.py" not in found


def test_import_by_name_needs_everything(package):
    assert len(followed(package, "import paper.plugins")) == len(list(package.rglob("*.py")))
