"""The `paperlib` command. Exit: 0 done, 75 stopped on time, 2 wrong use, 1 failed; one line a failure on stderr."""

import argparse
import importlib
import pkgutil
import sys

from paperlib import commands
from paperlib.commands import FAILED, WRONG_USE, UsageError


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(WRONG_USE)


def parser() -> Parser:
    root = Parser(prog="paperlib", description="The companion's notebooks, trainings, data and claims.")
    root.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    subparsers = root.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for module in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"{commands.__name__}.{module.name}").add_parser(subparsers)
    return root


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        return args.run(args)
    except UsageError as error:
        status, reason = WRONG_USE, str(error)
    except KeyboardInterrupt:
        status, reason = 130, "interrupted"
    except Exception as error:
        if args.debug:
            raise
        status, reason = FAILED, f"{type(error).__name__}: {error}"
    print(f"paperlib: {' '.join(reason.split())}", file=sys.stderr)
    return status
