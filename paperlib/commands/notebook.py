"""`paperlib notebook NAME -p key=value ...`: execute one notebook with parameters of your own."""

import argparse
import os
import time
from pathlib import Path

from paperlib import notebooks
from paperlib.commands import DONE, UsageError
from paperlib.paths import BUILD, shown


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("notebook", help="execute one notebook with parameters of your own")
    parser.add_argument("name", metavar="NAME", help="plain name, for instance chaotic_lstm")
    parser.add_argument("-p", "--parameter", metavar="key=value", action="append", default=[], dest="parameters")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: build/by_hand/<its file name>")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        path = notebooks.find(args.name)
        parameters = notebooks.parse(args.parameters, notebooks.defaults(path))
        output = _output(args.output, path)
    except ValueError as error:
        raise UsageError(str(error)) from error
    said = ", ".join(f"{key}={value}" for key, value in parameters.items()) or "its defaults"
    # Verdicts of a run by hand stay beside its output: the book's own come from the graph, which sets the folder.
    results = os.environ.get("PAPERLIB_RESULTS")
    os.environ["PAPERLIB_RESULTS"] = results or str(output.resolve().parent / "claims")
    print(f"{path.stem}: executing with {said}", flush=True)
    start = time.monotonic()
    try:
        notebooks.execute(path, output, parameters)
    finally:
        if results is None:
            del os.environ["PAPERLIB_RESULTS"]
    print(f"{path.stem}: done in {time.monotonic() - start:.0f} s, {shown(output)}")
    return DONE


def _output(given: Path | None, path: Path) -> Path:
    output = BUILD / "by_hand" / path.name if given is None else given
    if output.suffix != ".ipynb":
        raise ValueError(f"--output is {str(output)!r}, expected a name that ends in .ipynb")
    if output.resolve().parent == path.parent:
        raise ValueError(f"--output is {str(output)!r}, expected a file outside {shown(path.parent)}/")
    return output
