"""What a person wants to know: `python -m flows.status [--json]`.

Each source's last success, age, rows, rejects and next run; what runs now; the last runs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

import httpx
from prefect import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL
from rich.console import Console
from rich.table import Table

from connectors import settings
from connectors.errors import SyncError
from connectors.registry import SOURCES
from connectors.secrets import scrub
from connectors.warehouse import history, migrate
from flows import tracking
from flows.maintenance import ago

COLOURS = {"SUCCESS": "green", "PARTIAL": "yellow", "FAILED": "red", "CANCELLED": "magenta"}


def status() -> dict[str, list[history.Row]]:
    """Read all of it. Raises `ConfigError` or `WarehouseError`."""
    with closing(tracking.connect()) as warehouse:
        migrate.migrate(warehouse)
        ran = {row["source"]: row for row in history.sources(warehouse)}
        running, recent = history.running(warehouse), history.recent(warehouse)
    scheduled = next_runs()
    names = sorted({*ran, *SOURCES})
    return {
        "sources": [
            {
                "source": name,
                "enabled": _enabled(name),
                **ran.get(name, {}),
                "next_run_at": scheduled.get(name),
            }
            for name in names
        ],
        "running": running,
        "recent": recent,
    }


def next_runs() -> dict[str, datetime]:
    """Ask the Prefect server when each source's deployment runs next; nothing without one."""
    if not PREFECT_API_URL.value():
        return {}
    scheduled = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    found: dict[str, datetime] = {}
    try:
        with get_client(sync_client=True) as client:
            runs = client.read_flow_runs(
                flow_run_filter=FlowRunFilter(state=scheduled),
                deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=["crm"])),
                sort=FlowRunSort.EXPECTED_START_TIME_ASC,
                limit=200,
            )
    except httpx.HTTPError:  # the books are what matters; the server may be down just now
        return {}
    for run in runs:
        if run.expected_start_time is not None:
            found.setdefault(str(run.parameters.get("source")), run.expected_start_time)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print it: tables, or one JSON object with `--json`. Exit code 1 without a warehouse."""
    parser = argparse.ArgumentParser(prog="python -m flows.status", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(arguments)
    try:
        found = status()
    except SyncError as error:
        sys.stderr.write(scrub(str(error)) + "\n")
        return 1
    if asked.json:
        sys.stdout.write(json.dumps(found, default=isoformat) + "\n")
        return 0
    console = Console(highlight=False)
    console.print(_sources(found["sources"]))
    if found["running"]:
        console.print(_running(found["running"]))
    console.print(runs_table(found["recent"]))
    return 0


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
    table.caption = "\n".join(
        f"{run['source']} {run['run_id'][:8]}: {run['status_reason']}"
        for run in runs
        if run["status_reason"]
    )
    return table


def _sources(rows: Sequence[history.Row]) -> Table:
    table = Table(title="Sources")
    for name in ("source", "last run", "last success", "rows read", "rejects open", "next run"):
        table.add_column(name)
    for row in rows:
        last = _coloured(row["status"]) if "status" in row else "never ran"
        table.add_row(
            row["source"],
            last if row["enabled"] else "[dim]switched off[/dim]",
            ago(row.get("last_success_age")),
            f"{row.get('rows_read', 0):,}",
            f"{row.get('rejects_open', 0):,}",
            f"{row['next_run_at']:%Y-%m-%d %H:%M} UTC" if row["next_run_at"] else "not scheduled",
        )
    return table


def _running(rows: Sequence[history.Row]) -> Table:
    table = Table(title="Running now")
    for name in ("run", "source", "status", "stream", "rows", "rows/s", "MiB", "last beat"):
        table.add_column(name)
    for row in rows:
        rate = (row["rows"] or 0) / float(_seconds(row) or 1)
        table.add_row(
            row["run_id"][:8], row["source"], row["status"], row["stream"] or "",
            f"{row['rows'] or 0:,}", f"{rate:,.0f}", f"{row['rss_mb'] or 0:.0f}",
            ago(row["beat_age"]),
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


def _enabled(name: str) -> bool:
    source = SOURCES.get(name)
    return source is not None and settings.enabled(name, default=source.enabled_by_default)


if __name__ == "__main__":
    sys.exit(main())
