"""`paperlib data`: the data that chapters may use and the repository does not hold."""

import argparse
import importlib
import os
import sys
from pathlib import Path

from paperlib.commands import DONE
from paperlib.paths import DOWNLOADS, shown

SETS = {"wikitext-2": "wikitext2", "temperature": "temperature"}  # name -> module of paperlib.corpora


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("data", help="download or check WikiText-2 and the temperature series")
    actions = parser.add_subparsers(required=True, metavar="fetch|verify", dest="action")
    for action, text in (
        ("fetch", "download a data set, unless it is there; what is there is checked"),
        ("verify", "check a data set: 1 where it is missing or wrong, a warning where only its sha256 differs"),
    ):
        one = actions.add_parser(action, help=text, description=text)
        one.add_argument("name", metavar="NAME", choices=SETS, help=", ".join(SETS))
        one.add_argument("--folder", type=Path, metavar="DIR", help="where it is, or is to be")
        if action == "fetch":
            one.add_argument("--address", metavar="URL", help="where from, instead of the published address")
        one.set_defaults(run=fetch if action == "fetch" else verify)


def fetch(args: argparse.Namespace) -> int:
    data = importlib.import_module(f"paperlib.corpora.{SETS[args.name]}")
    named = args.folder or os.environ.get(data.VARIABLE)
    folder = Path(named or DOWNLOADS / args.name).expanduser()
    # Somebody's own folder is never written over; what was downloaded and then damaged is.
    if not data.holds(folder) or (not named and not _sound(data, folder)):
        data.fetch(folder, args.address or data.ADDRESS)
        print(f"{args.name}: downloaded into {shown(folder)}")
    return _report(args.name, data, folder)


def verify(args: argparse.Namespace) -> int:
    data = importlib.import_module(f"paperlib.corpora.{SETS[args.name]}")
    return _report(args.name, data, args.folder)


def _sound(data, folder: Path) -> bool:
    try:
        return not data.verify(folder)
    except (OSError, ValueError):
        return False


def _report(name: str, data, folder: Path | None) -> int:
    """One line: right, or right but for its sha256. An error, raised, is one line too."""
    warnings = data.verify(folder)
    for line in warnings:
        print(f"warning: {line}", file=sys.stderr)
    if not warnings:
        print(f"{name}: the published files")
    return DONE
