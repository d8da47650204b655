"""`paperlib runs`: what is in the store, finished and half finished."""

import argparse
import json
import math
from pathlib import Path

from paperlib import runs as store
from paperlib.commands import DONE, UsageError
from paperlib.paths import RUNS, STORED_RUNS, shown


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("runs", help="the trainings in the store")
    parser.add_argument("--json", action="store_true", help="a list of records instead of the table")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR")
    parser.add_argument("--export", metavar="RUN", help="copy a finished run's small files to where they are committed")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.runs != RUNS and not args.runs.is_dir():
        raise UsageError(f"--runs is '{args.runs}', no such folder")
    found = store.find(roots=(args.runs, STORED_RUNS) if args.runs == RUNS else (args.runs,))
    if args.export is not None:
        chosen = [one for one in found if one.id == args.export]
        if not chosen:
            raise UsageError(f"--export is {args.export!r}, expected one of {', '.join(one.id for one in found)}")
        print(shown(store.export(chosen[0])))
        return DONE
    if args.json:
        records = [{"id": one.id, "folder": shown(one.folder), **finite(one.record)} for one in found]
        print(json.dumps(records, indent=1, allow_nan=False))
        return DONE
    for one in found:
        seconds = one.record.get("seconds", {}).get("total", float("nan"))
        loss = one.metrics.get("loss", float("nan"))
        print(f"{one.id:50s} {one.record['status']:9s} loss {loss:9.4g} {seconds / 60:7.1f} min  {shown(one.folder)}")
    return DONE


def finite(value):
    """null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: finite(v) for key, v in value.items()}
    if isinstance(value, list):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
