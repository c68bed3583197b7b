"""What a person wants to know: `python -m flows.status [--json]`.

Each source's last success, age, rows, rejects and next run; what runs now; the last runs.
The same facts as the fleet page in Prefect's UI.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.errors import SyncError
from connectors.secrets import scrub
from connectors.warehouse import history
from flows import fleet, fleet_page, words

COLOURS = {
    "SUCCESS": "green",
    "PARTIAL": "yellow",
    "FAILED": "red",
    "CANCELLED": "magenta",
    "fresh": "green",
    "late": "yellow",
    "partial": "yellow",
    "failed": "red",
    "off": "dim",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print it: tables, or one JSON object with `--json`. Exit code 1 without a warehouse."""
    parser = argparse.ArgumentParser(prog="python -m flows.status", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(arguments)
    try:
        found = fleet.facts()
    except SyncError as error:
        sys.stderr.write(scrub(str(error)) + "\n")
        return 1
    if asked.json:
        sys.stdout.write(json.dumps(found, default=isoformat) + "\n")
        return 0
    show(Console(highlight=False), found)
    return 0


def show(console: Console, found: dict[str, list[history.Row]]) -> None:
    """Print the facts as tables."""
    console.print(_sources(found["sources"]))
    if found["running"]:
        console.print(_running(found["running"]))
    console.print(runs_table(found["recent"]))


def isoformat(value: object) -> str:
    """Write a time for JSON; the books hold nothing else that JSON lacks."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def runs_table(runs: Sequence[history.Row], title: str = "Last runs") -> Table:
    """Draw runs, one row each, in 80 columns; why some did not succeed below."""
    table = Table(
        title=title, box=None, header_style="bold underline", pad_edge=False, collapse_padding=True
    )
    for name in ("source", "mode", "status"):
        table.add_column(name, no_wrap=True)
    for name in ("read", "new", "changed", "same", "refused", "requests", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        kinds = ("read", "inserted", "updated", "unchanged", "rejected")
        counts = (f"{run[f'rows_{kind}']:,}" for kind in kinds)
        table.add_row(
            run["source"], run["mode"], _coloured(run["status"]), *counts,
            f"{run['requests']:,}", _seconds(run),
        )  # fmt: skip
    table.caption = escape(
        "\n".join(
            f"{run['source']} {run['run_id'][:8]}: {run['status_reason']}"
            for run in runs
            if run["status_reason"]
        )
    )
    return table


def _sources(rows: Sequence[history.Row]) -> Table:
    table = Table(
        title="Sources: " + fleet.headline(rows), box=None, header_style="bold underline",
        pad_edge=False, collapse_padding=True,
    )  # fmt: skip
    for name in ("source", "state", "last success"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "took", "rejects", "requests"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("trend", no_wrap=True)
    table.add_column("next (UTC)", no_wrap=True)
    for row in rows:
        used, of = fleet_page.budget(row)
        table.add_row(
            row["source"],
            _coloured(row["state"]),
            words.ago(row.get("last_success_age")),
            f"{row['last_rows']:,}" if "last_rows" in row else "",
            words.span(row["last_seconds"]) if "last_seconds" in row else "",
            f"{row.get('rejects_open', 0):,}",
            f"{used} ({of.split(maxsplit=1)[0]})" if row["daily_requests"] else used,
            row["trend"],
            f"{row['next_run_at']:%m-%d %H:%M}" if row["next_run_at"] else "",
        )
    return table


def _running(rows: Sequence[history.Row]) -> Table:
    table = Table(
        title="Running now", box=None, header_style="bold underline", pad_edge=False,
        collapse_padding=True,
    )  # fmt: skip
    for name in ("run", "source", "status", "where", "MiB", "beat"):
        table.add_column(name, no_wrap=name != "where")
    for row in rows:
        where = words.place(
            row["stream"], row["stream_rows"] or 0, row["total"], row["stream_seconds"] or 0.0
        )
        table.add_row(
            row["run_id"][:8], row["source"], _coloured(row["status"]), escape(where),
            f"{row['rss_mb'] or 0:.0f}", words.ago(row["beat_age"]),
        )  # fmt: skip
    return table


def _seconds(run: history.Row) -> str:
    if run["started_at"] is None:
        return ""
    end = run["finished_at"] or run["heartbeat_at"] or run["started_at"]
    return f"{(end - run['started_at']).total_seconds():.1f}"


def _coloured(state: str) -> str:
    colour = COLOURS.get(state, "cyan")
    return f"[{colour}]{state}[/{colour}]"


if __name__ == "__main__":
    sys.exit(main())
