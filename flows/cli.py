"""One sync from a shell: `python -m flows.sync_source SOURCE`. Same flow, same tracking.

Exit code 0 for SUCCESS and SKIPPED, 1 for a run that ended otherwise, 2 for a command
that could not be understood.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from typing import Any

from prefect.client.schemas.objects import State
from prefect.exceptions import ParameterTypeError
from prefect.settings import PREFECT_API_URL
from rich.console import Console
from rich.table import Table

from connectors import settings
from connectors.errors import SyncError
from connectors.model import MODES, Source
from connectors.registry import SOURCES
from connectors.secrets import scrub
from connectors.sync import Options, check
from connectors.warehouse import history
from flows import credentials, progress, tracking
from flows.status import isoformat
from flows.sync_source import sync_source

COUNTED = ("read", "inserted", "updated", "unchanged", "superseded", "rejected", "deleted")


def main(arguments: list[str] | None = None) -> int:
    """Parse, refuse what contradicts itself, run the flow, show what became of it."""
    asked = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False)
    logging.captureWarnings(capture=True)
    if not asked.debug:
        quiet()
    try:
        parameters = _parameters(asked)
        _must_reach(SOURCES[asked.source])
    except (SyncError, ParameterTypeError) as error:
        errors.print(scrub(_sentence(error)), markup=False, soft_wrap=True)
        return 2
    waiting = "starting" if PREFECT_API_URL.value() else "starting a Prefect server for this run"
    with nullcontext() if asked.debug else progress.shown(errors, waiting):
        state: State = sync_source(**parameters, return_state=True)
    if state.message and not state.is_completed():
        errors.print(scrub(state.message), markup=False, soft_wrap=True)
    _summary(state, as_json=asked.json)
    return 0 if state.is_completed() else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.sync_source", description="Bring the warehouse up to date."
    )
    parser.add_argument("source", choices=sorted(SOURCES), help="the system to read")
    parser.add_argument("--streams", help="names of streams, comma-separated; default: all")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--mode", choices=MODES, help="default: incremental")
    mode.add_argument("--full", action="store_true", help="same as --mode full")
    parser.add_argument("--since", "--start-date", type=_moment, help="start, ISO 8601, inclusive")
    parser.add_argument("--until", "--end-date", type=_moment, help="end, ISO 8601, exclusive")
    parser.add_argument("--max-records", type=int, help="stop each stream after so many records")
    parser.add_argument("--page-size", type=int, help="records per request (200)")
    parser.add_argument("--batch-size", type=int, help="rows per transaction (1000)")
    parser.add_argument("--dry-run", action="store_true", help="read everything, write nothing")
    parser.add_argument("--json", action="store_true", help="print the run as JSON")
    parser.add_argument("--debug", action="store_true", help="show logs and tracebacks")
    return parser


def _parameters(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the flow's parameters. Raises `SyncError` or `ParameterTypeError` if refused."""
    mode = "full" if asked.full else asked.mode
    if mode is None:  # the old platform's dates meant a range
        mode = "backfill" if asked.until else "incremental"
    given: dict[str, Any] = {
        "source": asked.source,
        "streams": asked.streams.split(",") if asked.streams else None,
        "mode": mode,
        "since": asked.since,
        "until": asked.until,
        "max_records": asked.max_records,
        "page_size": asked.page_size,
        "batch_size": asked.batch_size,
        "dry_run": asked.dry_run,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    valid = sync_source.validate_parameters(chosen)
    wish: dict[str, Any] = {name: value for name, value in valid.items() if name != "source"}
    check(SOURCES[asked.source], Options(**wish))
    return chosen


def _must_reach(source: Source) -> None:
    """Refuse early, before a server is started for the run: settings and warehouse.

    Raises `ConfigError` or `WarehouseError`.
    """
    if settings.enabled(source.name, default=source.enabled_by_default):
        credentials.source_settings(source)
    tracking.connect().close()


def _moment(text: str) -> datetime:
    """Read a date or time; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no date or time: write 2026-01-31 or 2026-01-31T09:00:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sentence(error: Exception) -> str:
    """Say in one sentence what is wrong with a parameter."""
    if isinstance(error, SyncError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])


def quiet() -> None:
    """Keep logs off the console: they go to the run in Prefect, the outcome is printed."""
    for handler in logging.root.handlers:
        handler.setLevel(logging.CRITICAL + 1)


def _summary(state: State, *, as_json: bool) -> None:
    run_id = str(state.state_details.flow_run_id)
    try:
        with closing(tracking.connect()) as warehouse:
            run, streams = history.run(warehouse, run_id), history.streams(warehouse, run_id)
    except SyncError:  # then this is what ended the run, and it has been said
        return
    if as_json:
        sys.stdout.write(json.dumps({"run": run, "streams": streams}, default=isoformat) + "\n")
        return
    if run is not None:
        Console(highlight=False).print(summary(run, streams))


def summary(run: history.Row, streams: list[history.Row]) -> Table:
    """Draw what became of a run: a row per stream, their sum at the end."""
    title = f"{run['source']} {run['mode']}: {run['status']}"
    table = Table(title=title, caption=f"run {run['run_id']}", show_footer=bool(streams))
    table.add_column("stream", footer="all")
    table.add_column("status")
    for name in COUNTED:
        table.add_column(name, footer=f"{run[f'rows_{name}']:,}", justify="right")
    for row in streams:
        counts = (f"{row[f'rows_{name}']:,}" for name in COUNTED)
        table.add_row(row["stream"], row["status"], *counts)
    return table
