"""Care of the runs: close the dead ones, forget the old ones.

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
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.states import Crashed

from connectors import settings
from connectors.warehouse import history, migrate
from connectors.warehouse import sweep as books
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.sweep import SweptRun
from flows import limits, tracking
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
