"""Close runs that died without saying so, and forget what is old.

Only the database's clock counts: hosts disagree about the time, and a beat is written
by the same clock that judges its age.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse, execute, moment, stamp
from connectors.warehouse.runs import Status
from connectors.warehouse.texts import Failure

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptRun:
    """A run that was closed as FAILED (`HeartbeatLost`). `last_beat` is UTC."""

    run_id: str
    source: str
    was: Status
    last_beat: datetime  # the time of its creation when it never beat
    host: str | None
    pid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many rows were too old to keep."""

    runs: int
    heartbeats: int  # beyond those of the runs
    rejects: int  # resolved ones


def sweep(wh: Warehouse, stale_after: timedelta) -> list[SweptRun]:
    """Close every run whose last beat is older than `stale_after`, and free its lock.

    PENDING and RUNNING alike. One transaction per run, so that one that cannot be
    closed now does not keep the others open; a run that beat in between stays.
    """
    with wh.read() as conn:
        stale = _stale(conn, _ago(conn, stale_after))
    return [run for run in stale if _close(wh, run, stale_after)]


def prune(wh: Warehouse, older_than: timedelta) -> Pruned:
    """Delete closed runs that ended before `older_than` ago, with their streams and beats.

    The newest success of each source stays, and so do rejects until they are resolved.
    """
    with wh.write() as conn:
        cutoff = {"cutoff": stamp(conn, _ago(conn, older_than))}
        pruned = execute(
            conn,
            """
            DELETE FROM sync_runs
            WHERE finished_at < :cutoff AND NOT (
                status = 'SUCCESS' AND NOT EXISTS (
                    SELECT 1 FROM sync_runs AS later
                    WHERE later.source = sync_runs.source AND later.status = 'SUCCESS'
                        AND later.finished_at > sync_runs.finished_at
                )
            )
            """,
            cutoff,
        )
        beats = execute(
            conn,
            """
            DELETE FROM sync_heartbeats
            WHERE at < :cutoff AND run_id IN (
                SELECT run_id FROM sync_runs WHERE finished_at IS NOT NULL
            )
            """,
            cutoff,
        )
        rejects = execute(conn, "DELETE FROM sync_rejects WHERE resolved_at < :cutoff", cutoff)
        return Pruned(runs=pruned.rowcount, heartbeats=beats.rowcount, rejects=rejects.rowcount)


def _ago(conn: sa.Connection, age: timedelta) -> datetime:
    now = execute(conn, "SELECT clock_timestamp()").scalar_one()
    return moment(now) - age


def _stale(conn: sa.Connection, cutoff: datetime) -> list[SweptRun]:
    found = execute(
        conn,
        """
        SELECT run_id, source, status, coalesce(heartbeat_at, created_at) AS last_beat, host, pid
        FROM sync_runs
        WHERE status IN ('PENDING', 'RUNNING') AND coalesce(heartbeat_at, created_at) < :cutoff
        ORDER BY created_at, run_id
        """,
        {"cutoff": stamp(conn, cutoff)},
    )
    return [
        SweptRun(
            run_id=row.run_id,
            source=row.source,
            was=Status(row.status),
            last_beat=moment(row.last_beat),
            host=row.host,
            pid=row.pid,
        )
        for row in found
    ]


def _close(wh: Warehouse, run: SweptRun, stale_after: timedelta) -> bool:
    with wh.write() as conn:
        _ = runs.hold(conn, run.run_id)
        # Asked again, now that the row is ours: it may have beaten since it was listed.
        if run.run_id not in {now.run_id for now in _stale(conn, _ago(conn, stale_after))}:
            return False
        seconds = stale_after.total_seconds()
        lost = Failure(
            "HeartbeatLost",
            f"no sign of life since {run.last_beat:%Y-%m-%d %H:%M:%S} UTC (more than "
            f"{seconds:g} s); last seen on host {run.host}, pid {run.pid}",
        )
        closed = runs.close(conn, run.run_id, Status.FAILED, "heartbeat lost", error=lost)
    if closed:
        log.warning("%s run %s closed: %s", run.source, run.run_id, lost.message)
    return closed
