"""One module a command: `add_parser(subparsers)` and `run(args)`, which returns the exit code."""
