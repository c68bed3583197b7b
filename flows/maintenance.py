"""Care of the runs: close the dead ones, forget the old ones, show how the fleet is.

`sweep` is the third line that closes a run's row: it covers machines that are gone and
workers that were stopped, where neither the body nor a hook had time to.
"""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from prefect import flow, get_client
from prefect.artifacts import create_markdown_artifact
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.states import Crashed

from connectors import settings
from connectors.warehouse import history, migrate
from connectors.warehouse import sweep as books
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.sweep import SweptRun
from flows import limits, tracking
from flows.reports import escaped, table
from flows.settings import FlowSettings

log = logging.getLogger(__name__)

LEASE_GRACE = timedelta(seconds=limits.LEASE_SECONDS + 60)
"""After this a dead holder's lease has run out and its slot is free, if anything is well."""


def sweep(warehouse: Warehouse, flow_settings: FlowSettings) -> list[SweptRun]:
    """Close every run whose beat has stopped, in our books and in Prefect's.

    Raises `WarehouseError`; a Prefect API that cannot be reached is only logged, for the
    next sweep will not find these runs again and Prefect's own alarm covers them.
    """
    swept = books.sweep(warehouse, timedelta(seconds=flow_settings.stale_after_seconds))
    for run in swept:
        try:
            _crash(run)
        except httpx.HTTPError as error:
            log.warning("Prefect still shows run %s: %s", run.run_id, type(error).__name__)
    return swept


@flow(name="sweep-stale-runs", flow_run_name="sweep", persist_result=False)
def sweep_stale_runs() -> str:
    """Close runs whose beat has stopped, free their lock and slot."""
    flow_settings = settings.load(FlowSettings)
    with closing(tracking.connect()) as warehouse:
        migrate.migrate(warehouse)
        swept = sweep(warehouse, flow_settings)
        freed = limits.repair(lambda: may_hold_slots(warehouse)) if PREFECT_API_URL.value() else 0
    return f"closed {len(swept)} runs, gave {freed} slots back"


@flow(name="prune-history", flow_run_name="prune", persist_result=False)
def prune_history(days: int | None = None) -> str:
    """Delete the history of runs that ended long ago.

    Args:
        days: How many days to keep; nothing means RUN_RETENTION_DAYS.
    """
    keep = timedelta(days=days or settings.load(FlowSettings).run_retention_days)
    with closing(tracking.connect()) as warehouse:
        migrate.migrate(warehouse)
        pruned = books.prune(warehouse, keep)
    return f"deleted {pruned.runs} runs, {pruned.heartbeats} beats, {pruned.rejects} rejects"


@flow(name="health-report", flow_run_name="fleet", persist_result=False)
def health_report() -> None:
    """Refresh the fleet page: one row per source, what runs now below it."""
    with closing(tracking.connect()) as warehouse:
        migrate.migrate(warehouse)
        text = fleet(history.sources(warehouse), history.running(warehouse))
    create_markdown_artifact(text, key="fleet", description="Every source at a glance")


def fleet(sources: list[history.Row], running: list[history.Row]) -> str:
    """Write the fleet page."""
    columns = ("source", "last run", "last success", "read", "inserted", "updated", "rejects open")
    rows = (
        (
            row["source"], row["status"], ago(row["last_success_age"]), f"{row['rows_read']:,}",
            f"{row['rows_inserted']:,}", f"{row['rows_updated']:,}", f"{row['rejects_open']:,}",
        )
        for row in sources
    )  # fmt: skip
    lines = ["# Fleet", "", *table(columns, rows), "", "## Running now", ""]
    lines += [
        f"- {row['source']} {row['mode']}: {row['status']}, "
        f"{escaped(row['stream'] or 'no stream')}, "
        f"{row['rows'] or 0:,} rows, last beat {ago(row['beat_age'])}"
        for row in running
    ] or ["Nothing."]
    return "\n".join(lines)


def ago(seconds: float | None) -> str:
    """Say an age in its largest unit."""
    if seconds is None:
        return "never"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def may_hold_slots(warehouse: Warehouse) -> int:
    """Count the runs that hold a slot, or held one that its lease may still keep."""
    recently = datetime.now(UTC) - LEASE_GRACE
    return sum(
        row["started_at"] is not None
        and (row["finished_at"] is None or row["finished_at"] > recently)
        for row in history.recent(warehouse, limit=200)
    )


def _crash(run: SweptRun) -> None:
    """Tell Prefect, unless it knows the run's end already or never knew the run."""
    try:
        run_id = UUID(run.run_id)
    except ValueError:  # not started by Prefect
        return
    with get_client(sync_client=True) as client:
        try:
            known = client.read_flow_run(run_id)
        except ObjectNotFound:  # it ran on another server, or on none that was kept
            return
        if known.state is None or not known.state.is_final():
            lost = Crashed(message=f"No sign of life since {run.last_beat:%Y-%m-%d %H:%M:%S} UTC.")
            client.set_flow_run_state(run_id, lost, force=True)
