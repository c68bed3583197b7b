"""Figures over many runs, on both kinds of warehouse."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.model import Counts, Mode
from connectors.warehouse import figures, locks, runs, stream_runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import RunRef, Status
from connectors.warehouse.stream_runs import StreamEnd

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def begin(
    warehouse: Warehouse,
    source: str = "acme",
    mode: Mode = "full",
    parameters: Mapping[str, Any] | None = None,
) -> RunRef:
    run_id = str(uuid.uuid4())
    new = runs.NewRun(
        run_id=run_id, source=source, mode=mode, parameters=parameters or {}, deployment=source
    )
    runs.open_run(warehouse, new)
    lock = locks.acquire(warehouse, source, run_id)
    assert isinstance(lock, locks.Acquired)
    run = RunRef(run_id=run_id, source=source, fence=lock.fence)
    assert runs.start(warehouse, run)
    return run


def read(
    warehouse: Warehouse,
    run: RunRef,
    *,
    rows: int,
    requests: int = 1,
    cursors: tuple[datetime, datetime] | None = None,
    source_count: int | None = None,
) -> None:
    """A stream `people` that was read to its end in this run."""
    before, after = cursors or (None, None)
    stream_runs.open_stream(
        warehouse, run, "people", cursor_before={"until": before.isoformat()} if before else None
    )
    with warehouse.write() as db:
        runs.count_batch(db, run, "people", Counts(read=rows, inserted=rows))
    stream_runs.finish_stream(
        warehouse,
        run,
        "people",
        StreamEnd(
            status=Status.SUCCESS,
            cursor_after={"until": after.isoformat()} if after else None,
            source_count=source_count,
            requests=requests,
        ),
    )


def end(
    warehouse: Warehouse, run: RunRef, status: Status = Status.SUCCESS, requests: int = 0
) -> None:
    sign = runs.Beat(rss_mb=1, peak_rss_mb=1, requests=requests)
    assert runs.finish(warehouse, run.run_id, status, "as said", last=sign)


def test_the_last_runs_come_oldest_first_without_skipped_ones_and_backfills(
    warehouse: Warehouse,
) -> None:
    for rows, status in ((1, Status.SUCCESS), (2, Status.FAILED), (3, Status.PARTIAL)):
        run = begin(warehouse)
        read(warehouse, run, rows=rows)
        end(warehouse, run, status)
    end(warehouse, begin(warehouse, mode="full"), Status.SKIPPED)
    end(warehouse, begin(warehouse, mode="backfill"), Status.SUCCESS)

    (last,) = [figures.last_runs(warehouse, each=2)["acme"]]

    assert [(run.rows, run.status) for run in last] == [(2, Status.FAILED), (3, Status.PARTIAL)]
    assert last[0].reason == "as said"


def test_a_day_counts_runs_by_status_requests_and_rows_of_each_source(
    warehouse: Warehouse,
) -> None:
    for source, requests in (("acme", 5), ("acme", 7), ("other", 1)):
        run = begin(warehouse, source)
        read(warehouse, run, rows=10)
        end(warehouse, run, requests=requests)
    end(warehouse, begin(warehouse), Status.FAILED)

    day = figures.day(warehouse)

    assert (day["acme"].requests, day["other"].requests) == (12, 1)
    assert day["acme"].runs == {Status.SUCCESS: 2, Status.FAILED: 1}
    assert day["acme"].rows_today == 20


def test_what_is_read_now_knows_the_end_by_the_last_complete_read(warehouse: Warehouse) -> None:
    run = begin(warehouse)
    read(warehouse, run, rows=90, source_count=100)
    end(warehouse, run)
    now = begin(warehouse)
    stream_runs.open_stream(warehouse, now, "people")
    with warehouse.write() as db:
        runs.count_batch(db, now, "people", Counts(read=40, inserted=40))

    reading = figures.reading(warehouse)[now.run_id]

    assert (reading.stream, reading.rows, reading.total) == ("people", 40, 100)
    assert reading.seconds >= 0


def test_an_incremental_read_has_no_known_end(warehouse: Warehouse) -> None:
    run = begin(warehouse)
    read(warehouse, run, rows=90, source_count=100)
    end(warehouse, run)
    now = begin(warehouse, mode="incremental")
    stream_runs.open_stream(warehouse, now, "people", cursor_before={"until": NOON.isoformat()})

    assert figures.reading(warehouse)[now.run_id].total is None


def test_past_reads_tell_the_time_that_each_covered(warehouse: Warehouse) -> None:
    whole = begin(warehouse)
    read(warehouse, whole, rows=500, requests=5)
    end(warehouse, whole)
    delta = begin(warehouse, mode="incremental")
    read(warehouse, delta, rows=20, requests=2, cursors=(NOON, NOON + 3 * HOUR))
    end(warehouse, delta)
    bounds = {"since": NOON, "until": NOON + 24 * HOUR}
    day = begin(warehouse, mode="backfill", parameters=bounds)
    read(warehouse, day, rows=70, requests=3, cursors=(NOON, NOON))
    end(warehouse, day)

    reads = figures.past_reads(warehouse, "acme", "people", lookback=HOUR)

    assert [(r.rows, r.requests, r.span) for r in reads] == [
        (70, 3, 24 * HOUR),
        (20, 2, 4 * HOUR),  # an hour of lookback
        (500, 5, None),
    ]


def test_only_whole_successful_backfills_of_the_same_streams_count_as_finished(
    warehouse: Warehouse,
) -> None:
    spans = [(NOON + n * HOUR, NOON + (n + 1) * HOUR) for n in range(5)]
    for (since, until), status, more in zip(
        spans,
        (Status.SUCCESS, Status.PARTIAL, Status.SUCCESS, Status.SUCCESS, Status.SUCCESS),
        (
            {"streams": ["people"]},
            {"streams": ["people"]},
            {"streams": ["deals"]},
            {"streams": ["people"], "dry_run": True},
            {"streams": ["people"], "max_records": 1},
        ),
        strict=True,
    ):
        asked = {"since": since.isoformat(), "until": until.isoformat(), **more}
        run = begin(warehouse, mode="backfill", parameters=asked)
        end(warehouse, run, status)

    assert figures.finished_backfills(warehouse, "acme", ["people"]) == {spans[0]}


def test_scheduled_syncs_that_were_skipped_are_known_by_mode(warehouse: Warehouse) -> None:
    end(warehouse, begin(warehouse, mode="incremental"), Status.SKIPPED)
    since = figures.now(warehouse)
    end(warehouse, begin(warehouse, mode="full"), Status.SKIPPED)
    end(warehouse, begin(warehouse, mode="incremental"), Status.SUCCESS)

    assert figures.skipped_since(warehouse, "acme", since) == ["full"]
