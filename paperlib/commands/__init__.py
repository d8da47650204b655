"""One module a command: `add_parser(subparsers)` and `run(args)`, which returns the exit code."""

DONE, FAILED, WRONG_USE, STOPPED = 0, 1, 2, 75


class UsageError(Exception):
    """Wrong use of a command: its message is printed as one line, the exit status is 2."""
