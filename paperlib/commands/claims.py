"""`paperlib claims`: the ledger as a table, or as JSON for programs."""

import json


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser("claims", help="what the papers state, what was measured, the verdicts")
    parser.add_argument("--json", action="store_true", help="a list of records instead of the table")
    parser.set_defaults(run=run)


def run(args) -> int:
    from paperlib import claims

    records = claims.ledger()
    if args.json:
        print(json.dumps(records, indent=1))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("claim", "printed", "scale", "measured", "verdict")
    for record in records:
        for scale, result in record["results"].items():
            table.add_row(record["id"], record["printed"], scale, claims.shown(result.get("value")), result["verdict"])
    Console().print(table)
    return 0
