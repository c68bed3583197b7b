"""One run per source and warehouse, and a fence that tells a late writer it is late.

The lock is a row, not a database session: it outlives a lost connection, and it ends
with its run. A holder whose run is closed or gone has lost it, so nothing here depends
on a timeout; the sweeper is what closes runs that died.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from connectors.errors import FencedOff
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse, execute, moment


@dataclass(frozen=True, slots=True)
class Acquired:
    """The lock is this run's; writers prove it with `fence`."""

    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The lock is a living run's. Times are UTC."""

    run_id: str
    status: str
    since: datetime
    heartbeat_at: datetime | None
    host: str | None
    pid: int | None


def acquire(wh: Warehouse, source: str, run_id: str) -> Acquired | Held:
    """Take the source's lock for `run_id`, at once or not at all.

    Takes over when the holder's run is closed or missing, and raises the fence each
    time, also for a run that holds the lock already. Raises `FencedOff` when the row of
    `run_id` is closed or was never opened.
    """
    with wh.write() as conn:
        if runs.hold(conn, run_id) not in runs.LIVING:
            message = f"run {run_id} is closed or was never opened: it cannot take {source}"
            raise FencedOff(message)
        _lock_row(conn, source)
        # A statement of its own, so that it sees what the last holder committed.
        fence = execute(
            conn,
            """
            UPDATE sync_locks
            SET run_id = :run_id, fence = fence + 1, acquired_at = clock_timestamp()
            WHERE source = :source AND (
                run_id IS NULL OR run_id = :run_id OR NOT EXISTS (
                    SELECT 1 FROM sync_runs AS holder
                    WHERE holder.run_id = sync_locks.run_id
                        AND holder.status IN ('PENDING', 'RUNNING')
                )
            )
            RETURNING fence
            """,
            {"source": source, "run_id": run_id},
        ).scalar()
        if fence is None:
            return _holder(conn, source)
        execute(
            conn,
            "UPDATE sync_runs SET fence = :fence WHERE run_id = :run_id",
            {"fence": fence, "run_id": run_id},
        )
        return Acquired(fence)


def release(wh: Warehouse, source: str, run_id: str) -> bool:
    """Give the lock back before the run ends. False when `run_id` does not hold it."""
    with wh.write() as conn:
        freed = execute(
            conn,
            """
            UPDATE sync_locks SET run_id = NULL, acquired_at = NULL
            WHERE source = :source AND run_id = :run_id
            """,
            {"source": source, "run_id": run_id},
        )
        return freed.rowcount == 1


def _lock_row(conn: sa.Connection, source: str) -> None:
    """Hold the source's lock row until the transaction ends."""
    execute(
        conn,
        "INSERT INTO sync_locks (source, fence) VALUES (:source, 0) ON CONFLICT DO NOTHING",
        {"source": source},
    )
    execute(conn, "UPDATE sync_locks SET fence = fence WHERE source = :source", {"source": source})


def _holder(conn: sa.Connection, source: str) -> Held:
    row = execute(
        conn,
        """
        SELECT held.run_id, runs.status, held.acquired_at, runs.heartbeat_at, runs.host, runs.pid
        FROM sync_locks AS held
        INNER JOIN sync_runs AS runs ON held.run_id = runs.run_id
        WHERE held.source = :source
        """,
        {"source": source},
    ).one()
    return Held(
        run_id=row.run_id,
        status=row.status,
        since=moment(row.acquired_at),
        heartbeat_at=row.heartbeat_at and moment(row.heartbeat_at),
        host=row.host,
        pid=row.pid,
    )
