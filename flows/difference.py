"""`python -m flows.difference SOURCE STREAM --old-table T`: before the other system goes.

Compares a stream's table, row by row, with the one another platform keeps of the same
records. Shows counts and keys, never values. Exit code 0 when they are equal, 1 when they
differ, 2 when they cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing

from rich.console import Console
from rich.table import Table

from connectors.errors import ConfigError, SyncError
from connectors.registry import SOURCES
from connectors.secrets import scrub
from connectors.warehouse.difference import Difference, compare, sides
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.identifiers import identifier
from flows import tracking


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        found = _found(asked)
    except SyncError as error:
        sys.stderr.write(scrub(str(error)) + "\n")
        return 2
    if asked.json:
        sys.stdout.write(json.dumps(_as_json(found)) + "\n")
    else:
        Console(highlight=False).print(_table(asked, found))
    return 0 if found.old == found.new == found.equal else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.difference",
        description="Compare a stream's table with another system's table of the same records.",
    )
    parser.add_argument("source", choices=sorted(SOURCES))
    parser.add_argument("stream", help="as in docs/streams.md")
    parser.add_argument("--old-table", required=True, help="the other table: name or schema.name")
    parser.add_argument(
        "--old-url-from",
        default="OLD_WAREHOUSE_URL",
        metavar="NAME",
        help="environment variable with the other database's URL; unset: this warehouse",
    )
    parser.add_argument(
        "--key", default="", help="here=there, comma-separated; default: the primary key"
    )
    parser.add_argument(
        "--columns", default="", help="here=there or here, comma-separated; default: all shared"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _found(asked: argparse.Namespace) -> Difference:
    with closing(tracking.connect()) as new, closing(_old(asked.old_url_from) or new) as old:
        table = identifier(f"{asked.source}_{asked.stream}", taken=())
        pair = sides(
            old, asked.old_table, new, table, key=_pairs(asked.key), columns=_pairs(asked.columns)
        )
        return compare(*pair)


def _old(variable: str) -> Warehouse | None:
    url = os.environ.get(variable)
    return Warehouse.open(url) if url else None


def _pairs(text: str) -> dict[str, str]:
    """Read `a=b,c` as {"a": "b", "c": "c"}. Raises `ConfigError` for an empty name."""
    pairs: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        here, _, there = (name.strip() for name in part.partition("="))
        if not here:
            raise ConfigError(f"{part!r} names no column: write here=there")
        pairs[here] = there or here
    return pairs


def _as_json(found: Difference) -> dict[str, object]:
    return {
        "old": found.old,
        "new": found.new,
        "equal": found.equal,
        "only_old": found.only_old,
        "only_new": found.only_new,
        "differing": found.differing,
        "columns": dict(found.columns.most_common()),
        "keys": found.keys,
    }


def _table(asked: argparse.Namespace, found: Difference) -> Table:
    table = Table(
        title=f"{asked.source} {asked.stream}: {found.old:,} rows there, {found.new:,} here,"
        f" {found.equal:,} equal",
        box=None,
        header_style="bold underline",
        pad_edge=False,
    )
    table.add_column("differs", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("for example the keys")
    kinds = {"only old": found.only_old, "only new": found.only_new}
    for kind, count in {**kinds, **dict(found.columns.most_common())}.items():
        if count:
            table.add_row(kind, f"{count:,}", ", ".join(found.keys[kind]))
    return table


if __name__ == "__main__":
    sys.exit(main())
