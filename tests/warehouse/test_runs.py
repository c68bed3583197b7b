"""The book of runs: every run ends once, in one status, with counts that add up."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import DBAPIError

from connectors.errors import CredentialsError, FencedOff, WarehouseError
from connectors.model import Counts
from connectors.secrets import register
from connectors.warehouse import history, runs, stream_runs
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.runs import Beat, NewRun, RunRef, Status
from connectors.warehouse.stream_runs import StreamEnd
from tests.warehouse.books import one, pending, running, until_somebody_waits

BATCH = Counts(
    read=10,
    inserted=4,
    updated=3,
    unchanged=1,
    superseded=1,
    rejected=1,
    deleted=2,
    values_rejected=5,
    rows_damaged=3,
)
COUNTED = (10, 4, 3, 1, 1, 1, 2, 5, 3)
COUNT_COLUMNS = """
    rows_read, rows_inserted, rows_updated, rows_unchanged, rows_superseded, rows_rejected,
    rows_deleted, values_rejected, rows_damaged
"""


def test_a_run_is_pending_from_its_first_moment(warehouse: Warehouse) -> None:
    new = NewRun(
        run_id="a",
        source="hubspot",
        mode="full",
        streams=("contacts",),
        parameters={"page_size": 200, "since": None},
        deployment="hubspot",
        flow_run_name="calm-otter",
    )

    assert runs.open_run(warehouse, new)
    row = history.run(warehouse, "a")

    assert row is not None
    assert (row["status"], row["streams"]) == ("PENDING", ["contacts"])
    assert row["parameters"] == {"page_size": 200, "since": None}
    assert row["created_at"] is not None
    assert (row["started_at"], row["heartbeat_at"], row["finished_at"]) == (None, None, None)
    assert (row["attempt"], row["pid"]) == (1, new.pid)


def test_opening_twice_changes_nothing(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")
    before = history.run(warehouse, "a")

    assert runs.open_run(warehouse, NewRun(run_id="a", source="hubspot", mode="full", attempt=2))
    assert history.run(warehouse, "a") == before
    runs.finish(warehouse, run.run_id, Status.SUCCESS)
    assert not runs.open_run(warehouse, NewRun(run_id="a", source="hubspot", mode="full"))


def test_a_run_starts_once_and_only_with_its_fence(warehouse: Warehouse) -> None:
    pending(warehouse, "a")
    run = RunRef(run_id="a", source="hubspot", fence=1)
    assert not runs.start(warehouse, run)  # holds no lock

    run = running(warehouse, "b")
    assert not runs.start(warehouse, run)  # runs already
    runs.finish(warehouse, "b", Status.FAILED)
    assert not runs.start(warehouse, run)
    assert not runs.start(warehouse, RunRef(run_id="unknown", source="hubspot", fence=1))


def test_a_run_remembers_which_one_it_continues(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")

    for stream, dead in (("contacts", None), ("deals", "dead"), ("notes", "dead before")):
        assert stream_runs.open_stream(warehouse, run, stream, resumed_from=dead)

    assert one(warehouse, "SELECT status, resumed_from FROM sync_runs") == ("RUNNING", "dead")


def test_batches_add_up_in_the_run_and_in_its_stream(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")
    stream_runs.open_stream(warehouse, run, "contacts")

    for stream in ("contacts", "deals", "contacts"):
        with warehouse.begin() as conn:
            runs.count_batch(conn, run, stream, BATCH)

    assert one(warehouse, f"SELECT {COUNT_COLUMNS} FROM sync_runs") == tuple(3 * n for n in COUNTED)
    statement = f"SELECT {COUNT_COLUMNS} FROM sync_stream_runs WHERE stream = :stream"
    assert one(warehouse, statement, stream="contacts") == tuple(2 * n for n in COUNTED)
    assert one(warehouse, statement, stream="deals") == COUNTED
    assert stream_runs.stream_counts(warehouse, "a", "contacts") == BATCH + BATCH
    assert stream_runs.stream_counts(warehouse, "a", "owners") == Counts()


def test_counts_that_do_not_add_up_are_refused(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")

    with pytest.raises(DBAPIError, match="counts_add_up"), warehouse.begin() as conn:
        runs.count_batch(conn, run, "contacts", Counts(read=2, inserted=1))
    assert one(warehouse, "SELECT rows_read FROM sync_runs") == (0,)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sync_runs SET status = 'FAILED', finished_at = clock_timestamp()",
        "UPDATE sync_runs SET fence = fence + 1",
        "UPDATE sync_locks SET fence = fence + 1",
        "UPDATE sync_locks SET run_id = 'other'",
        "DELETE FROM sync_locks",
        "DELETE FROM sync_runs",
    ],
)
def test_a_batch_of_a_run_that_lost_its_source_is_rolled_back(
    warehouse: Warehouse, change: str
) -> None:
    """Case 8 of the fault list: a zombie wakes after another run took over."""
    run = running(warehouse, "a")
    with warehouse.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE target (id integer)")
        execute(conn, change)

    lost = pytest.raises(FencedOff, match="hubspot")
    with lost, warehouse.begin() as conn:
        execute(conn, "INSERT INTO target VALUES (1)")
        runs.count_batch(conn, run, "contacts", BATCH)

    assert one(warehouse, "SELECT count(*) FROM target") == (0,)
    assert one(warehouse, "SELECT count(*) FROM sync_stream_runs") == (0,)


def test_a_pending_run_may_not_write(warehouse: Warehouse) -> None:
    pending(warehouse, "a")

    run = RunRef(run_id="a", source="hubspot", fence=0)

    with pytest.raises(FencedOff), warehouse.begin() as conn:
        runs.count_batch(conn, run, "contacts", Counts())


def test_a_run_is_not_closed_under_a_batch_that_is_about_to_commit(
    postgres_warehouse_url: str,
) -> None:
    """A close waits for the batch, so a batch either counts or never happened."""
    from connectors.warehouse.migrate import migrate

    warehouse = Warehouse.open(postgres_warehouse_url)
    migrate(warehouse)
    run = running(warehouse, "a")

    with ThreadPoolExecutor(1) as pool:
        with warehouse.begin() as conn:
            runs.count_batch(conn, run, "contacts", BATCH)
            closing = pool.submit(runs.finish, warehouse, "a", Status.FAILED)
            until_somebody_waits(postgres_warehouse_url)
            assert not closing.done()
        assert closing.result(timeout=30)

    assert one(warehouse, "SELECT status, rows_read FROM sync_runs") == ("FAILED", 10)
    assert one(warehouse, "SELECT status, rows_read FROM sync_stream_runs") == ("FAILED", 10)
    warehouse.close()


def test_a_beat_keeps_the_latest_figures_and_the_highest_memory(warehouse: Warehouse) -> None:
    running(warehouse, "a")

    assert runs.beat(warehouse, "a", Beat(rss_mb=90.5, peak_rss_mb=120, requests=3, retries=1))
    assert runs.beat(
        warehouse,
        "a",
        Beat(
            rss_mb=80,
            peak_rss_mb=100,
            stream="contacts",
            rows=2**40,
            page=7,
            requests=9,
            retries=2,
            throttled_seconds=1.5,
        ),
    )

    assert one(
        warehouse,
        "SELECT rss_mb, peak_rss_mb, requests, retries, throttled_seconds FROM sync_runs",
    ) == (80, 120, 9, 2, 1.5)
    (row,) = history.running(warehouse)
    assert (row["stream"], row["rows"], row["page"]) == ("contacts", 2**40, 7)
    assert 0 <= row["beat_age"] < 60
    assert one(warehouse, "SELECT count(*) FROM sync_heartbeats") in {(1,), (2,)}  # one per tick


def test_a_waiting_run_beats_too(warehouse: Warehouse) -> None:
    pending(warehouse, "a")

    assert runs.beat(warehouse, "a", Beat(rss_mb=1, peak_rss_mb=1))


def test_the_beat_of_a_closed_run_says_so_and_leaves_no_trace(warehouse: Warehouse) -> None:
    running(warehouse, "a")
    runs.finish(warehouse, "a", Status.FAILED, "heartbeat lost")
    before = history.run(warehouse, "a")

    assert not runs.beat(warehouse, "a", Beat(rss_mb=1, peak_rss_mb=1))
    assert not runs.beat(warehouse, "unknown", Beat(rss_mb=1, peak_rss_mb=1))
    assert history.run(warehouse, "a") == before
    assert one(warehouse, "SELECT count(*) FROM sync_heartbeats") == (0,)


@pytest.mark.parametrize("status", sorted(runs.TERMINAL))
def test_a_closed_run_stays_as_it_is(warehouse: Warehouse, status: Status) -> None:
    running(warehouse, "a")
    last = Beat(rss_mb=50, peak_rss_mb=60, requests=12)

    assert runs.finish(warehouse, "a", status, "done", last=last)
    before = history.run(warehouse, "a")
    for other in sorted(runs.TERMINAL):
        assert not runs.finish(warehouse, "a", other, "late hook", error=ValueError("late"))

    assert history.run(warehouse, "a") == before
    assert before is not None
    assert (before["status"], before["status_reason"]) == (status, "done")
    assert (before["requests"], before["peak_rss_mb"]) == (12, 60)
    assert before["finished_at"] is not None
    assert one(warehouse, "SELECT run_id FROM sync_locks") == (None,)


@pytest.mark.parametrize("status", sorted(runs.LIVING))
def test_a_run_cannot_end_alive(warehouse: Warehouse, status: Status) -> None:
    running(warehouse, "a")

    with pytest.raises(ValueError, match="a run ends as one of"):
        runs.finish(warehouse, "a", status)


def test_an_unknown_run_is_not_closed(warehouse: Warehouse) -> None:
    assert not runs.finish(warehouse, "unknown", Status.FAILED)


def test_finishing_frees_no_other_runs_lock(warehouse: Warehouse) -> None:
    running(warehouse, "a")
    pending(warehouse, "b")

    runs.finish(warehouse, "b", Status.SKIPPED, "run a works on hubspot")

    assert one(warehouse, "SELECT run_id FROM sync_locks") == ("a",)


def test_of_many_closing_at_once_exactly_one_counts(warehouse: Warehouse) -> None:
    running(warehouse, "a")
    barrier = threading.Barrier(4)

    def close(status: Status) -> bool:
        barrier.wait()
        return runs.finish(warehouse, "a", status)

    statuses = [Status.SUCCESS, Status.FAILED, Status.CANCELLED, Status.PARTIAL]
    with ThreadPoolExecutor(4) as pool:
        closed = list(pool.map(close, statuses))

    assert closed.count(True) == 1
    assert one(warehouse, "SELECT status FROM sync_runs") == (statuses[closed.index(True)],)


def test_streams_still_open_end_with_their_run(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")
    for stream in ("contacts", "deals"):
        assert stream_runs.open_stream(warehouse, run, stream)
    stream_runs.finish_stream(warehouse, run, "contacts", StreamEnd(status=Status.SUCCESS))

    runs.finish(warehouse, "a", Status.CANCELLED)

    statuses = {row["stream"]: row["status"] for row in history.streams(warehouse, "a")}
    assert statuses == {"contacts": "SUCCESS", "deals": "CANCELLED"}
    assert not stream_runs.open_stream(warehouse, run, "owners")
    assert not stream_runs.finish_stream(warehouse, run, "deals", StreamEnd(status=Status.SUCCESS))


def test_a_stream_keeps_what_is_said_about_it(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")

    assert stream_runs.open_stream(warehouse, run, "contacts", cursor_before={"until": "x"})
    assert stream_runs.open_stream(warehouse, run, "contacts", cursor_before={"until": "later"})
    assert not stream_runs.open_stream(
        warehouse, RunRef(run_id="a", source="hubspot", fence=run.fence + 1), "deals"
    )
    end = StreamEnd(
        status=Status.PARTIAL,
        cursor_after={"until": "y"},
        source_count=2_090_000,
        warehouse_count=9_990,
        requests=12,
        notes=("the vendor states 2,090,000",),
        error=CredentialsError("renew it"),
    )
    assert stream_runs.finish_stream(warehouse, run, "contacts", end)
    assert not stream_runs.finish_stream(warehouse, run, "contacts", end)
    assert not stream_runs.open_stream(warehouse, run, "contacts")

    (row,) = history.streams(warehouse, "a")
    assert (row["cursor_before"], row["cursor_after"]) == ({"until": "x"}, {"until": "y"})
    assert (row["source_count"], row["warehouse_count"], row["requests"]) == (2090000, 9990, 12)
    assert row["notes"] == ["the vendor states 2,090,000"]
    assert (row["error_type"], row["error_message"]) == ("CredentialsError", "renew it")


def test_no_secret_reaches_a_row(warehouse: Warehouse) -> None:
    """Case 91 of the fault list, as far as the run tables go."""
    secret = 'pat-na1-"5ecret"-value'
    register(secret)
    runs.open_run(
        warehouse,
        NewRun(run_id="a", source="s", mode="full", parameters={"x": {"deep": [secret]}}),
    )
    runs.finish(
        warehouse, "a", Status.FAILED, f"because {secret}", error=ValueError(f"Bearer {secret}")
    )

    row = history.run(warehouse, "a")
    assert row is not None
    assert "5ecret" not in str(row)
    assert row["parameters"] == {"x": {"deep": ["***"]}}
    assert row["error_message"] == "Bearer ***"


def test_any_text_can_be_an_error_message(warehouse: Warehouse) -> None:
    """Cases 72 and 73 of the fault list: NUL and lone surrogates, here in messages."""
    pending(warehouse, "a")

    assert runs.finish(warehouse, "a", Status.FAILED, "a\0b", error=ValueError("\ud800" * 5000))

    row = history.run(warehouse, "a")
    assert row is not None
    assert row["status_reason"] == "a\\x00b"
    assert row["error_message"].startswith("\\ud800")
    assert len(row["error_message"]) == 4000


def test_a_database_error_is_stored_without_the_rows_it_quotes(warehouse: Warehouse) -> None:
    pending(warehouse, "a")
    with pytest.raises(DBAPIError) as refused, warehouse.begin() as conn:
        execute(conn, "INSERT INTO sync_locks (source, fence) VALUES (:v, :v)", {"v": "private"})

    runs.finish(warehouse, "a", Status.FAILED, error=refused.value)

    row = history.run(warehouse, "a")
    assert row is not None
    assert "private" not in str(row)
    assert "the warehouse failed" in row["error_message"]


def test_a_warehouse_without_tables_says_what_to_do(warehouse_url: str) -> None:
    warehouse = Warehouse.open(warehouse_url)

    with pytest.raises(WarehouseError, match="sync_runs"):
        pending(warehouse, "a")
    warehouse.close()
