"""`paperlib campaign`: the trainings at paper scale, and the next of them within a time limit."""

import argparse
import itertools
import subprocess
import sys
from pathlib import Path

from paperlib import campaign, runs
from paperlib.commands import DONE, FAILED, STOPPED, UsageError
from paperlib.commands.train import check_device
from paperlib.paths import RUNS, shown


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("campaign", help="the trainings at paper scale: what is done, and the next ones")
    parser.add_argument(
        "--max-minutes", type=float, help="train the next ones for so long (exit 75 when some are left)"
    )
    parser.add_argument("--list", action="store_true", help="only list them")
    parser.add_argument("--row", metavar="WORD", help="only the rows whose title has this word in it")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:0, ...")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 all done or listed, 75 some are left when the time is over, 1 a training failed."""
    if args.max_minutes is not None and not args.max_minutes > 0:
        raise UsageError(f"--max-minutes is {args.max_minutes:g}, expected a positive number")
    try:
        check_device(args.device)
    except ValueError as error:
        raise UsageError(str(error)) from None
    chosen = pieces(args)
    if not chosen:
        titles = ", ".join(title for title, _ in campaign.rows(args.device))
        raise UsageError(f"--row is {args.row!r}, expected a word of one of: {titles}")
    table(chosen, args.device)
    if args.list:
        return DONE
    clock = campaign.Clock(args.max_minutes)
    failed = False
    for piece in chosen:
        if piece.ended or piece.status == "running":
            continue
        if clock.over:
            return STOPPED
        status = train(piece, args, clock)
        found = [one for one in runs.find(roots=(args.runs,)) if one.id == piece.id]
        if status == STOPPED and found and campaign.at_limit(found[0], piece.limits):
            status = train(piece, args, clock, "--wrap-up")
            found = [one for one in runs.find(roots=(args.runs,)) if one.id == piece.id]
        diverged = bool(found) and found[0].record["status"] == "diverged"  # an outcome, kept like any other
        failed |= status not in (DONE, STOPPED) and not diverged
        if status == DONE or diverged:
            print(f"{piece.id}: {shown(runs.export(found[0]))}, to be committed", flush=True)
    left = [piece for piece in pieces(args) if not piece.ended]
    return FAILED if failed else STOPPED if left else DONE


def pieces(args: argparse.Namespace) -> list[campaign.Piece]:
    word = (args.row or "").lower()
    return [piece for piece in campaign.pieces(args.runs, args.device) if word in piece.row.lower()]


def train(piece: campaign.Piece, args: argparse.Namespace, clock: campaign.Clock, *more: str) -> int:
    """In a process of its own: one that dies takes no other with it. Another process's run is left to it."""
    limit = [] if clock.left is None else ["--max-minutes", f"{clock.left:.2f}"]
    command = [sys.executable, "-m", "paperlib", *campaign.words(piece), "--device", args.device, *limit, *more]
    return subprocess.run([*command, "--runs", str(args.runs)], check=False).returncode


def table(chosen: list[campaign.Piece], device: str) -> None:
    unit = "on one core" if device == "cpu" else f"on {device}"
    for row, group in itertools.groupby(chosen, lambda piece: piece.row):
        found = list(group)
        ended = sum(piece.ended for piece in found)
        print(f"{row}: {ended} of {len(found)} ended, left {campaign.hours(found)}")
        for piece in found:
            minutes = "not measured" if piece.minutes is None else f"about {piece.minutes:3.0f} min {unit}"
            print(f"  {piece.id:55s} {piece.status:10s} {minutes}")
    ended = sum(piece.ended for piece in chosen)
    print(f"{ended} of {len(chosen)} ended, left {campaign.hours(chosen)} {unit}", flush=True)
