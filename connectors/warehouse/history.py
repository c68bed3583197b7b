"""What a person wants to know, read from the books: for status pages and reports.

Rows are dicts with the column names of `sync_runs`; times are aware UTC, JSON columns
are decoded, ages are seconds by the database's clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from connectors.warehouse.engine import Warehouse, execute, moment
from connectors.warehouse.texts import json_value

Row: TypeAlias = dict[str, Any]

RUN_COLUMNS = """
    runs.run_id, runs.source, runs.mode, runs.status, runs.status_reason,
    CAST(runs.streams AS text) AS streams, CAST(runs.parameters AS text) AS parameters,
    runs.deployment, runs.flow_run_name, runs.attempt, runs.host, runs.pid, runs.fence,
    runs.created_at, runs.started_at, runs.heartbeat_at, runs.finished_at,
    runs.rows_read, runs.rows_inserted, runs.rows_updated, runs.rows_unchanged,
    runs.rows_superseded, runs.rows_rejected, runs.rows_deleted, runs.rows_damaged,
    runs.values_rejected, runs.requests, runs.retries, runs.throttled_seconds,
    runs.rss_mb, runs.peak_rss_mb, runs.error_type, runs.error_message, runs.resumed_from
"""

STREAM_COLUMNS = """
    run_id, source, stream, status, rows_read, rows_inserted, rows_updated, rows_unchanged,
    rows_superseded, rows_rejected, rows_deleted, rows_damaged, values_rejected,
    CAST(cursor_before AS text) AS cursor_before, CAST(cursor_after AS text) AS cursor_after,
    source_count, warehouse_count, requests, started_at, finished_at,
    error_type, error_message, CAST(notes AS text) AS notes
"""

TIMES = frozenset(
    {"created_at", "started_at", "heartbeat_at", "finished_at", "last_success_at", "clock"}
)
JSON = frozenset({"streams", "parameters", "cursor_before", "cursor_after", "notes"})


def sources(wh: Warehouse) -> list[Row]:
    """One row per source that ever ran: its last run, and what matters about the source.

    Besides the columns of that run: `last_success_at`, `last_success_age` (seconds),
    `last_success_run_id` and `rejects_open`. Only runs that brought the source up to date
    count as successes: no backfill or replay, no dry run, none cut off by `max_records`.
    """
    return _rows(
        wh,
        f"""
        SELECT {RUN_COLUMNS}, good.finished_at AS last_success_at,
            good.run_id AS last_success_run_id,
            (
                SELECT count(*) FROM sync_rejects AS rejects
                WHERE rejects.source = runs.source AND rejects.resolved_at IS NULL
            ) AS rejects_open,
            clock_timestamp() AS clock
        FROM (SELECT DISTINCT source FROM sync_runs) AS names
        INNER JOIN sync_runs AS runs ON runs.run_id = (
            SELECT last.run_id FROM sync_runs AS last
            WHERE last.source = names.source ORDER BY last.created_at DESC, last.run_id LIMIT 1
        )
        LEFT JOIN sync_runs AS good ON good.run_id = (
            SELECT success.run_id FROM sync_runs AS success
            WHERE success.source = names.source AND success.status = 'SUCCESS'
                AND success.mode <> 'backfill'
                AND CAST(success.parameters AS text) NOT LIKE '%"dry_run": true%'
                AND (
                    CAST(success.parameters AS text) NOT LIKE '%"max_records":%'
                    OR CAST(success.parameters AS text) LIKE '%"max_records": null%'
                )
            ORDER BY success.finished_at DESC, success.run_id LIMIT 1
        )
        ORDER BY runs.source
        """,  # noqa: S608 - only this module's own column list is put in
        ages={"last_success_age": ("last_success_at",)},
    )


def running(wh: Warehouse) -> list[Row]:
    """Runs that wait or work now, oldest first.

    Besides their columns: `beat_age` (seconds since the last beat, or since the run
    was opened), and from the last beat `stream`, `rows` and `page`.
    """
    return _rows(
        wh,
        f"""
        SELECT {RUN_COLUMNS}, beats.stream, beats.rows, beats.page, clock_timestamp() AS clock
        FROM sync_runs AS runs
        LEFT JOIN sync_heartbeats AS beats ON beats.run_id = runs.run_id AND beats.at = (
            SELECT max(latest.at) FROM sync_heartbeats AS latest
            WHERE latest.run_id = runs.run_id
        )
        WHERE runs.status IN ('PENDING', 'RUNNING')
        ORDER BY runs.created_at, runs.run_id
        """,  # noqa: S608 - only this module's own column list is put in
        ages={"beat_age": ("heartbeat_at", "created_at")},
    )


def recent(wh: Warehouse, limit: int = 20) -> list[Row]:
    """The last `limit` runs, newest first."""
    return _rows(
        wh,
        f"""
        SELECT {RUN_COLUMNS} FROM sync_runs AS runs
        ORDER BY runs.created_at DESC, runs.run_id LIMIT :limit
        """,  # noqa: S608 - only this module's own column list is put in
        {"limit": limit},
    )


def run(wh: Warehouse, run_id: str) -> Row | None:
    """One run, None when it is not known."""
    statement = f"SELECT {RUN_COLUMNS} FROM sync_runs AS runs WHERE run_id = :run_id"  # noqa: S608 - as above
    return next(iter(_rows(wh, statement, {"run_id": run_id})), None)


def streams(wh: Warehouse, run_id: str) -> list[Row]:
    """What a run did with each of its streams, in the order it opened them."""
    return _rows(
        wh,
        f"""
        SELECT {STREAM_COLUMNS} FROM sync_stream_runs
        WHERE run_id = :run_id ORDER BY started_at, stream
        """,  # noqa: S608 - only this module's own column list is put in
        {"run_id": run_id},
    )


def _rows(
    wh: Warehouse,
    statement: str,
    binds: Mapping[str, Any] | None = None,
    ages: Mapping[str, Sequence[str]] | None = None,
) -> list[Row]:
    with wh.read() as conn:
        return [_decoded(row, ages or {}) for row in execute(conn, statement, binds).mappings()]


def _decoded(row: sa.RowMapping, ages: Mapping[str, Sequence[str]]) -> Row:
    decoded: Row = {name: _value(name, value) for name, value in row.items()}
    clock: datetime | None = decoded.pop("clock", None)
    for name, columns in ages.items():
        since = next((decoded[column] for column in columns if decoded[column]), None)
        decoded[name] = (clock - since).total_seconds() if clock and since else None
    return decoded


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in TIMES:
        return moment(value)
    return json_value(value) if name in JSON else value
