"""What a run does with one of its streams: opened before the first page, closed after the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.model import Counts, Json
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.runs import RunRef, Status
from connectors.warehouse.texts import Failure, failure_binds, json_text


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnd:
    """How a stream ended. `source_count` is what the vendor says it has, where it says."""

    status: Status
    cursor_after: Json | None = None
    source_count: int | None = None
    warehouse_count: int | None = None
    requests: int = 0
    notes: Sequence[str] = ()
    error: BaseException | Failure | None = None


def open_stream(
    wh: Warehouse,
    run: RunRef,
    stream: str,
    cursor_before: Json | None = None,
    *,
    resumed_from: str | None = None,
) -> bool:
    """Make sure the stream has a RUNNING row in this run. Repeating it changes nothing.

    `resumed_from` is the run whose unfinished read of this stream goes on here; the run
    keeps the first that any of its streams names.
    False when the run is not RUNNING under this fence, or the stream has ended in it.
    """
    with wh.write() as conn:
        if runs.hold(conn, run.run_id) is not Status.RUNNING:
            return False
        opened = execute(
            conn,
            """
            INSERT INTO sync_stream_runs AS mine (
                run_id, source, stream, status, cursor_before, started_at, notes
            )
            SELECT run_id, source, :stream, 'RUNNING', :cursor_before, clock_timestamp(), '[]'
            FROM sync_runs WHERE run_id = :run_id AND fence = :fence
            ON CONFLICT (run_id, stream) DO UPDATE SET status = mine.status
            RETURNING status
            """,
            {
                "run_id": run.run_id,
                "fence": run.fence,
                "stream": stream,
                "cursor_before": None if cursor_before is None else json_text(cursor_before),
            },
        )
        if opened.scalar() != Status.RUNNING:
            return False
        if resumed_from is not None:
            execute(
                conn,
                "UPDATE sync_runs SET resumed_from = coalesce(resumed_from, :resumed_from)"
                " WHERE run_id = :run_id",
                {"run_id": run.run_id, "resumed_from": resumed_from},
            )
        return True


def finish_stream(wh: Warehouse, run: RunRef, stream: str, end: StreamEnd) -> bool:
    """Close the stream. False when it is closed already, alone or with its run."""
    with wh.write() as conn:
        closed = execute(
            conn,
            """
            UPDATE sync_stream_runs SET
                status = :status, finished_at = clock_timestamp(), cursor_after = :cursor_after,
                source_count = :source_count, warehouse_count = :warehouse_count,
                requests = :requests, notes = :notes,
                error_type = :error_type, error_message = :error_message
            WHERE run_id = :run_id AND stream = :stream AND status IN ('PENDING', 'RUNNING')
            """,
            {
                "run_id": run.run_id,
                "stream": stream,
                "status": end.status,
                "cursor_after": None if end.cursor_after is None else json_text(end.cursor_after),
                "source_count": end.source_count,
                "warehouse_count": end.warehouse_count,
                "requests": end.requests,
                "notes": json_text(list(end.notes)),
                **failure_binds(end.error),
            },
        )
        return closed.rowcount == 1


def stream_counts(wh: Warehouse, run_id: str, stream: str) -> Counts:
    """What the run has committed of the stream so far."""
    with wh.read() as conn:
        row = (
            execute(
                conn,
                """
            SELECT
                rows_read AS read, rows_inserted AS inserted, rows_updated AS updated,
                rows_unchanged AS unchanged, rows_superseded AS superseded,
                rows_rejected AS rejected, rows_deleted AS deleted,
                values_rejected, rows_damaged
            FROM sync_stream_runs WHERE run_id = :run_id AND stream = :stream
            """,
                {"run_id": run_id, "stream": stream},
            )
            .mappings()
            .one_or_none()
        )
    return Counts(**row) if row else Counts()
