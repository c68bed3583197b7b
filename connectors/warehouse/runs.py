"""The book of sync runs: opened, counted and closed in single compare-and-set statements.

A run's row is also what keeps two processes apart. `count_batch` locks it and finds it
RUNNING with this fence, or the batch is rolled back; the sweeper and `finish` lock it to
close it; a lock is only taken over from a run that is closed. So whichever comes first,
no batch commits for a run that another one has replaced.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from connectors.errors import FencedOff
from connectors.model import Counts, Mode
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.texts import Failure, failure_binds, json_text, plain


class Status(StrEnum):
    """Where a run or one of its streams stands."""

    PENDING = "PENDING"  # known, waits for its slot
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    PARTIAL = "PARTIAL"  # ended, but something is missing
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"  # had no reason or no right to start


LIVING = frozenset({Status.PENDING, Status.RUNNING})
TERMINAL = frozenset(Status) - LIVING


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRef:
    """A run that holds its source's lock, and the number it holds it under."""

    run_id: str
    source: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What is known of a run before it starts. `parameters` must hold no credential."""

    run_id: str
    source: str
    mode: Mode
    streams: Sequence[str] = ()  # names asked for; empty: all
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    deployment: str | None = None
    flow_run_name: str | None = None
    attempt: int = 1
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A sign of life. Memory in MB; `requests` to `throttled_seconds` are totals of the run."""

    rss_mb: float
    peak_rss_mb: float
    stream: str | None = None
    rows: int | None = None  # committed by the run so far
    page: int | None = None  # read of `stream` so far
    requests: int = 0
    retries: int = 0
    throttled_seconds: float = 0.0


def open_run(wh: Warehouse, run: NewRun) -> bool:
    """Make sure the run has a row; a new one is PENDING. Repeating it changes nothing.

    Returns whether the run may go on: False when its row is closed already (a repeat of
    a finished flow run, or the sweeper was quicker).
    """
    binds = {
        "run_id": run.run_id,
        "source": run.source,
        "mode": run.mode,
        "streams": json_text(list(run.streams)),
        "parameters": json_text(dict(run.parameters)),
        "deployment": run.deployment,
        "flow_run_name": run.flow_run_name,
        "attempt": run.attempt,
        "host": run.host,
        "pid": run.pid,
    }
    with wh.write() as conn:
        execute(
            conn,
            """
            INSERT INTO sync_runs (
                run_id, source, mode, status, streams, parameters,
                deployment, flow_run_name, attempt, host, pid, created_at
            ) VALUES (
                :run_id, :source, :mode, 'PENDING', :streams, :parameters,
                :deployment, :flow_run_name, :attempt, :host, :pid, clock_timestamp()
            ) ON CONFLICT (run_id) DO NOTHING
            """,
            binds,
        )
        return status_of(conn, run.run_id) in LIVING


def status_of(conn: sa.Connection, run_id: str) -> Status | None:
    """The run's status, None when it has no row."""
    found = execute(conn, "SELECT status FROM sync_runs WHERE run_id = :r", {"r": run_id}).scalar()
    return None if found is None else Status(found)


def hold(conn: sa.Connection, run_id: str) -> Status | None:
    """As `status_of`, and nobody else changes the row until the caller's transaction ends.

    Every transaction locks a run's row before anything else of that run, so that no two
    wait for each other.
    """
    statement = "UPDATE sync_runs SET fence = fence WHERE run_id = :run_id RETURNING status"
    found = execute(conn, statement, {"run_id": run_id}).scalar()
    return None if found is None else Status(found)


def start(wh: Warehouse, run: RunRef) -> bool:
    """PENDING becomes RUNNING, once the slot is held.

    False when the run is not PENDING any more, or holds another fence than `run` says.
    """
    with wh.write() as conn:
        started = execute(
            conn,
            """
            UPDATE sync_runs
            SET status = 'RUNNING', started_at = clock_timestamp(),
                heartbeat_at = clock_timestamp()
            WHERE run_id = :run_id AND status = 'PENDING' AND fence = :fence
            """,
            {"run_id": run.run_id, "fence": run.fence},
        )
        return started.rowcount == 1


def count_batch(conn: sa.Connection, run: RunRef, stream: str, counts: Counts) -> None:
    """Add a batch to its run and stream, as the last statement before the caller commits.

    Raises `FencedOff`, so that the batch is rolled back, unless the run is RUNNING and
    holds its source's lock under this fence. Driver errors come through as they are.
    """
    binds: dict[str, Any] = {"run_id": run.run_id, "source": run.source, "fence": run.fence}
    binds |= {"stream": stream, **asdict(counts)}
    # The run's row first, as in `close`: the other way round the two could deadlock.
    counted = execute(
        conn,
        """
        UPDATE sync_runs SET
            rows_read = rows_read + :read,
            rows_inserted = rows_inserted + :inserted,
            rows_updated = rows_updated + :updated,
            rows_unchanged = rows_unchanged + :unchanged,
            rows_superseded = rows_superseded + :superseded,
            rows_rejected = rows_rejected + :rejected,
            rows_deleted = rows_deleted + :deleted,
            rows_damaged = rows_damaged + :rows_damaged,
            values_rejected = values_rejected + :values_rejected
        WHERE run_id = :run_id AND status = 'RUNNING' AND fence = :fence
            AND EXISTS (
                SELECT 1 FROM sync_locks
                WHERE source = :source AND run_id = :run_id AND fence = :fence
            )
        """,
        binds,
    )
    if counted.rowcount != 1:
        message = (
            f"run {run.run_id} no longer owns {run.source} (fence {run.fence}): it was closed or "
            "another run took over; nothing of this batch was kept"
        )
        raise FencedOff(message)
    execute(
        conn,
        """
        INSERT INTO sync_stream_runs AS mine (
            run_id, source, stream, status, started_at, notes,
            rows_read, rows_inserted, rows_updated, rows_unchanged, rows_superseded,
            rows_rejected, rows_deleted, rows_damaged, values_rejected
        )
        SELECT
            run_id, source, :stream, 'RUNNING', clock_timestamp(), '[]',
            :read, :inserted, :updated, :unchanged, :superseded,
            :rejected, :deleted, :rows_damaged, :values_rejected
        FROM sync_runs WHERE run_id = :run_id
        ON CONFLICT (run_id, stream) DO UPDATE SET
            rows_read = mine.rows_read + excluded.rows_read,
            rows_inserted = mine.rows_inserted + excluded.rows_inserted,
            rows_updated = mine.rows_updated + excluded.rows_updated,
            rows_unchanged = mine.rows_unchanged + excluded.rows_unchanged,
            rows_superseded = mine.rows_superseded + excluded.rows_superseded,
            rows_rejected = mine.rows_rejected + excluded.rows_rejected,
            rows_deleted = mine.rows_deleted + excluded.rows_deleted,
            rows_damaged = mine.rows_damaged + excluded.rows_damaged,
            values_rejected = mine.values_rejected + excluded.values_rejected
        """,
        binds,
    )


def beat(wh: Warehouse, run_id: str, sign: Beat) -> bool:
    """Say that the run lives. False when its row is closed: the process must stop."""
    with wh.write() as conn:
        if not _record_beat(conn, run_id, sign):
            return False
        execute(
            conn,
            """
            INSERT INTO sync_heartbeats (run_id, at, rss_mb, rows, stream, page)
            VALUES (:run_id, clock_timestamp(), :rss_mb, :rows, :stream, :page)
            ON CONFLICT (run_id, at) DO UPDATE SET
                rss_mb = excluded.rss_mb, rows = excluded.rows,
                stream = excluded.stream, page = excluded.page
            """,
            {"run_id": run_id, **asdict(sign)},
        )
        return True


def _record_beat(conn: sa.Connection, run_id: str, sign: Beat) -> bool:
    updated = execute(
        conn,
        """
        UPDATE sync_runs SET
            heartbeat_at = clock_timestamp(),
            rss_mb = :rss_mb,
            peak_rss_mb = CASE WHEN peak_rss_mb > :peak_rss_mb THEN peak_rss_mb
                ELSE :peak_rss_mb END,
            requests = :requests, retries = :retries, throttled_seconds = :throttled_seconds
        WHERE run_id = :run_id AND status IN ('PENDING', 'RUNNING')
        """,
        {"run_id": run_id, **asdict(sign)},
    )
    return updated.rowcount == 1


def finish(
    wh: Warehouse,
    run_id: str,
    status: Status,
    reason: str | None = None,
    *,
    error: BaseException | Failure | None = None,
    last: Beat | None = None,
) -> bool:
    """Close the run with a terminal `status` and free its lock, in one transaction.

    False when it was closed before (or never opened): a closed run stays as it is, so
    hooks, the body and the sweeper may all call this, in any process, as often as they
    like. `last` brings memory and request figures up to the end. Streams still open are
    closed with the run.
    """
    if status not in TERMINAL:
        message = f"a run ends as one of {', '.join(sorted(TERMINAL))}, not as {status}"
        raise ValueError(message)
    with wh.write() as conn:
        if last is not None:
            _record_beat(conn, run_id, last)
        return close(conn, run_id, status, reason, error=error)


def close(
    conn: sa.Connection,
    run_id: str,
    status: Status,
    reason: str | None,
    *,
    error: BaseException | Failure | None = None,
) -> bool:
    """What `finish` does, inside the caller's transaction."""
    closed = execute(
        conn,
        """
        UPDATE sync_runs SET
            status = :status, status_reason = :reason, finished_at = clock_timestamp(),
            error_type = :error_type, error_message = :error_message
        WHERE run_id = :run_id AND status IN ('PENDING', 'RUNNING')
        """,
        {
            "run_id": run_id,
            "status": status,
            "reason": None if reason is None else plain(reason),
            **failure_binds(error),
        },
    )
    if closed.rowcount != 1:
        return False
    execute(
        conn,
        """
        UPDATE sync_stream_runs
        SET status = :status, finished_at = clock_timestamp(),
            error_message = 'the run ended before this stream did'
        WHERE run_id = :run_id AND status IN ('PENDING', 'RUNNING')
        """,
        {
            "run_id": run_id,
            "status": Status.CANCELLED if status is Status.CANCELLED else Status.FAILED,
        },
    )
    execute(
        conn,
        "UPDATE sync_locks SET run_id = NULL, acquired_at = NULL WHERE run_id = :run_id",
        {"run_id": run_id},
    )
    return True
