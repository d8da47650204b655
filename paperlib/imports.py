"""Which files of the package another file needs: its import statements, followed to the end.

The graph re-runs a step when one of these files changes. Imports inside functions count, so a lazy import is seen.
A package whose `__getattr__` imports its modules lazily is followed through the attributes that are named; any
other module that imports by name (`import_module`, `pkgutil`) needs the whole package.
"""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from paperlib.paths import PACKAGE


def needed(*files: Path, package: Path = PACKAGE) -> list[Path]:
    """Files of `package` that `files` (.py, .ipynb) import, directly or not, sorted; those inside it included."""
    found = {path for path in files if path.is_relative_to(package)}
    todo = list(files)
    while todo:
        new = set(_imported(todo.pop(), package)) - found
        found |= new
        todo += new
    return sorted(found)


@cache
def _imported(path: Path, package: Path) -> tuple[Path, ...]:
    tree = ast.parse(source(path), str(path))
    lazy_package = path.name == "__init__.py" and any(_is_getattr(node) for node in tree.body)
    modules: set[str] = set()
    bound: dict[str, str] = {}  # name in this file -> module it stands for
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
            bound |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, path, package)
            modules |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
            bound |= {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}
        elif _by_name(node) and not lazy_package:
            return tuple(package.rglob("*.py"))
    for name, module in bound.items():
        modules |= {f"{module}.{attribute}" for attribute in _attributes(tree, name, module, package)}
    return tuple(file for module in modules for file in _files(module, package))


def _attributes(tree: ast.AST, name: str, module: str, package: Path) -> set[str]:
    """What a file takes from a package it has imported as `name`: `figures.sine` needs that module.

    All of the package when the name is used in any other way, for then nobody knows.
    """
    folder = package.parent.joinpath(*module.split("."))
    if not (folder / "__init__.py").is_file():
        return set()
    owners = {id(node.value): node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used = {owners.get(id(node)) for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name}
    return {file.stem for file in folder.glob("*.py")} if None in used else used


def source(path: Path) -> str:
    """Python text of a .py file or of a notebook's code cells, without IPython's own % and ! lines."""
    text = path.read_text("utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = ("".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code")
    return "\n".join(line for cell in cells for line in cell.splitlines() if not line.lstrip().startswith(("%", "!")))


def _absolute(node: ast.ImportFrom, path: Path, package: Path) -> str:
    if not node.level:
        return node.module or ""
    folder = path.parents[node.level - 1].relative_to(package.parent)
    return ".".join([*folder.parts, *([node.module] if node.module else [])])


def _by_name(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in {"import_module", "iter_modules", "walk_packages", "__import__"}


def _is_getattr(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__getattr__"


def _files(name: str, package: Path) -> Iterator[Path]:
    """The file of a module and the `__init__` of every package above it; nothing for a name that is no module."""
    parts = name.split(".")
    if parts[0] != package.name:
        return
    for depth in range(1, len(parts) + 1):
        base = package.parent.joinpath(*parts[:depth])
        yield from (path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file())
