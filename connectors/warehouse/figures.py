"""Figures over many runs, read from the books: for the fleet page, estimates and backfills.

Times are aware UTC and days are UTC days, by the database's clock; spans are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.model import Mode
from connectors.warehouse.engine import Warehouse, execute, moment, stamp
from connectors.warehouse.runs import Status
from connectors.warehouse.texts import json_value

DAY = timedelta(days=1)
LOOKED_AT = 40  # runs of a stream that an estimate is made from; older ones say less


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A sync that ended. `rows` were read, `seconds` passed since it had its slot."""

    run_id: str
    mode: Mode
    status: Status
    rows: int
    seconds: float
    finished_at: datetime
    reason: str | None = None
    error_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The last 24 hours of a source; `rows_today` were inserted or updated since midnight."""

    runs: Mapping[Status, int] = field(default_factory=dict[Status, int])
    requests: int = 0
    rows_today: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A stream that a run reads now. `seconds` since it was opened, `rows` committed of it."""

    run_id: str
    stream: str
    rows: int
    seconds: float
    total: int | None
    """Records that the read will show, going by the last complete one; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRead:
    """What one run's read of a stream took. `span`: the time it covered, None for all of it."""

    stream: str
    rows: int
    requests: int
    span: timedelta | None


def last_runs(wh: Warehouse, each: int) -> dict[str, list[PastRun]]:
    """The last `each` runs of every source that ended, oldest first.

    Without skipped ones, backfills and replays: they say nothing of how fresh a source is.
    """
    with wh.read() as conn:
        found = execute(
            conn,
            """
            SELECT
                source, run_id, mode, status, rows_read, started_at, finished_at,
                coalesce(status_reason, error_message) AS reason, error_type
            FROM (
                SELECT runs.*, row_number() OVER (
                    PARTITION BY source ORDER BY created_at DESC, run_id
                ) AS place
                FROM sync_runs AS runs
                WHERE finished_at IS NOT NULL AND status <> 'SKIPPED' AND mode <> 'backfill'
            ) AS ended
            WHERE place <= :each ORDER BY source, place DESC
            """,
            {"each": each},
        ).all()
    runs: dict[str, list[PastRun]] = {}
    for row in found:
        ended = moment(row.finished_at)
        started = moment(row.started_at) if row.started_at else ended
        run = PastRun(
            run_id=row.run_id,
            mode=row.mode,
            status=Status(row.status),
            rows=row.rows_read,
            seconds=(ended - started).total_seconds(),
            finished_at=ended,
            reason=row.reason,
            error_type=row.error_type,
        )
        runs.setdefault(row.source, []).append(run)
    return runs


def day(wh: Warehouse) -> dict[str, Day]:
    """What every source did in the last 24 hours; a source that did nothing is left out."""
    with wh.read() as conn:
        now = moment(execute(conn, "SELECT clock_timestamp()").scalar_one())
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        found = execute(
            conn,
            """
            SELECT source, status, count(*) AS runs, sum(requests) AS requests,
                sum(
                    CASE WHEN coalesce(finished_at, heartbeat_at, created_at) >= :midnight
                    THEN rows_inserted + rows_updated ELSE 0 END
                ) AS rows_today
            FROM sync_runs
            WHERE coalesce(finished_at, heartbeat_at, created_at) >= :since
            GROUP BY source, status ORDER BY source, status
            """,
            {"midnight": stamp(conn, midnight), "since": stamp(conn, now - DAY)},
        ).all()
    days: dict[str, Day] = {}
    for row in found:
        before = days.get(row.source, Day())
        days[row.source] = Day(
            runs={**before.runs, Status(row.status): row.runs},
            requests=before.requests + int(row.requests),
            rows_today=before.rows_today + int(row.rows_today),
        )
    return days


def reading(wh: Warehouse) -> dict[str, Reading]:
    """The stream that every running run reads now, by run id."""
    with wh.read() as conn:
        found = execute(
            conn,
            """
            SELECT parts.run_id, parts.source, parts.stream, parts.rows_read, parts.started_at,
                clock_timestamp() AS clock,
                runs.mode = 'full' OR (
                    runs.mode = 'incremental' AND parts.cursor_before IS NULL
                ) AS whole
            FROM sync_stream_runs AS parts
            INNER JOIN sync_runs AS runs ON runs.run_id = parts.run_id
            WHERE parts.status = 'RUNNING' AND runs.status = 'RUNNING'
            ORDER BY parts.started_at
            """,
        ).all()
    return {
        row.run_id: Reading(
            run_id=row.run_id,
            stream=row.stream,
            rows=row.rows_read,
            seconds=(moment(row.clock) - moment(row.started_at)).total_seconds(),
            total=last_total(wh, row.source, row.stream) if row.whole else None,
        )
        for row in found
    }


def last_total(wh: Warehouse, source: str, stream: str) -> int | None:
    """How many records the stream's last complete read found, by the vendor's count or ours."""
    with wh.read() as conn:
        total: int | None = execute(
            conn,
            """
            SELECT coalesce(parts.source_count, parts.warehouse_count, parts.rows_read)
            FROM sync_stream_runs AS parts
            INNER JOIN sync_runs AS runs ON runs.run_id = parts.run_id
            WHERE parts.source = :source AND parts.stream = :stream
                AND parts.status IN ('SUCCESS', 'PARTIAL')
                AND (
                    runs.mode = 'full'
                    OR (runs.mode = 'incremental' AND parts.cursor_before IS NULL)
                )
            ORDER BY parts.started_at DESC LIMIT 1
            """,
            {"source": source, "stream": stream},
        ).scalar()
    return total


def past_reads(wh: Warehouse, source: str, stream: str, lookback: timedelta) -> list[PastRead]:
    """What the last reads of a stream that succeeded took, newest first.

    An incremental read covers `lookback` more than its cursor moved.
    """
    with wh.read() as conn:
        found = execute(
            conn,
            """
            SELECT runs.mode, CAST(runs.parameters AS text) AS parameters,
                parts.rows_read, parts.requests,
                CAST(parts.cursor_before AS text) AS cursor_before,
                CAST(parts.cursor_after AS text) AS cursor_after
            FROM sync_stream_runs AS parts
            INNER JOIN sync_runs AS runs ON runs.run_id = parts.run_id
            WHERE parts.source = :source AND parts.stream = :stream
                AND parts.status IN ('SUCCESS', 'PARTIAL') AND parts.requests > 0
            ORDER BY parts.started_at DESC LIMIT :most
            """,
            {"source": source, "stream": stream, "most": LOOKED_AT},
        ).all()
    reads: list[PastRead] = []
    for row in found:
        bounds = _bounds(row)
        if bounds is not None or row.mode == "full" or row.cursor_before is None:
            span = bounds[1] - bounds[0] if bounds else None
            if span is not None and row.mode == "incremental":
                span += lookback
            reads.append(
                PastRead(stream=stream, rows=row.rows_read, requests=row.requests, span=span)
            )
    return reads


def finished_backfills(
    wh: Warehouse, source: str, streams: Sequence[str]
) -> set[tuple[datetime, datetime]]:
    """The ranges of `source` that a backfill of exactly these streams has read to the end."""
    with wh.read() as conn:
        found = execute(
            conn,
            """
            SELECT CAST(parameters AS text) AS parameters FROM sync_runs
            WHERE source = :source AND mode = 'backfill' AND status = 'SUCCESS'
            """,
            {"source": source},
        ).all()
    done: set[tuple[datetime, datetime]] = set()
    for row in found:
        asked = json_value(row.parameters)
        same = sorted(asked.get("streams") or ()) == sorted(streams)
        if same and not asked.get("dry_run") and not asked.get("max_records"):
            bounds = _range(asked)
            done |= {bounds} if bounds else set()
    return done


def skipped_since(wh: Warehouse, source: str, since: datetime) -> list[Mode]:
    """Modes of the scheduled syncs of all streams that were skipped since then."""
    with wh.read() as conn:
        found = execute(
            conn,
            """
            SELECT mode FROM sync_runs
            WHERE source = :source AND status = 'SKIPPED' AND mode <> 'backfill'
                AND deployment IS NOT NULL AND created_at >= :since
                AND CAST(streams AS text) = '[]'
            ORDER BY created_at
            """,
            {"source": source, "since": stamp(conn, since)},
        ).all()
    return [row.mode for row in found]


def now(wh: Warehouse) -> datetime:
    """The time by the database's clock."""
    with wh.read() as conn:
        return moment(execute(conn, "SELECT clock_timestamp()").scalar_one())


def _bounds(row: Any) -> tuple[datetime, datetime] | None:
    """The time that a read covered; None for a read of everything."""
    if row.mode == "backfill":
        return _range(json_value(row.parameters))
    before, after = json_value(row.cursor_before), json_value(row.cursor_after)
    if row.mode == "full" or not before or not after:
        return None
    try:
        return moment(before["until"]), moment(after["until"])
    except (KeyError, TypeError, ValueError):  # a cursor of the source's own kind
        return None


def _range(asked: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """`since` and `until` of a run's parameters, where both are there."""
    since, until = asked.get("since"), asked.get("until")
    if not since or not until:
        return None
    return _utc(str(since)), _utc(str(until))


def _utc(text: str) -> datetime:
    """A time of a run's parameters, which is UTC unless it names a zone."""
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
