"""`paperlib campaign`: the trainings at paper scale, and the next of them within a time limit."""

import argparse
import subprocess
import sys
from pathlib import Path

from paperlib import campaign, runs
from paperlib.commands import DONE, FAILED, STOPPED, UsageError
from paperlib.paths import RUNS, shown


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("campaign", help="the trainings at paper scale: what is done, and the next ones")
    parser.add_argument(
        "--max-minutes", type=float, help="train the next ones for so long (exit 75 when some are left)"
    )
    parser.add_argument("--list", action="store_true", help="only list them")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="DIR")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 all done or listed, 75 some are left when the time is over, 1 a training failed."""
    if args.max_minutes is not None and not args.max_minutes > 0:
        raise UsageError(f"--max-minutes is {args.max_minutes:g}, expected a positive number")
    table(args.runs)
    if args.list:
        return DONE
    clock = campaign.Clock(args.max_minutes)
    failed = False
    for piece in campaign.pieces(args.runs):
        if piece.status in ("done", "diverged"):
            continue
        if clock.over:
            return STOPPED
        status = train(piece, args, clock)
        if status == FAILED:
            failed = True
        elif status == DONE:
            found = [one for one in runs.find(roots=(args.runs,), scale="paper") if one.id == piece.id]
            print(f"{piece.id}: {shown(runs.export(found[0]))}, to be committed", flush=True)
    left = [piece for piece in campaign.pieces(args.runs) if piece.status not in ("done", "diverged")]
    return FAILED if failed else STOPPED if left else DONE


def train(piece: campaign.Piece, args: argparse.Namespace, clock: campaign.Clock) -> int:
    """In a process of its own: one that dies takes no other with it. Another process's run is left to it."""
    limit = [] if clock.left is None else ["--max-minutes", f"{clock.left:.2f}"]
    command = [sys.executable, "-m", "paperlib", *campaign.words(piece), "--device", args.device, *limit]
    return subprocess.run([*command, "--runs", str(args.runs)], check=False).returncode


def table(folder: Path) -> None:
    pieces = campaign.pieces(folder)
    for piece in pieces:
        print(f"{piece.id:45s} {piece.status:10s} about {piece.minutes:3.0f} min on one core")
    left = [piece for piece in pieces if piece.status not in ("done", "diverged")]
    print(
        f"{len(pieces) - len(left)} of {len(pieces)} done, about {sum(p.minutes for p in left) / 60:.0f} h left",
        flush=True,
    )
