"""A run in `sync_runs`: opened, started and closed once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.errors import CredentialsError, WarehouseError
from connectors.warehouse import history, runs, stream_runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Beat, NewRun, RunRef, Status
from connectors.warehouse.stream_runs import StreamEnd
from tests.warehouse.books import one, pending, running


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


def test_a_warehouse_without_tables_says_what_to_do(warehouse_url: str) -> None:
    warehouse = Warehouse.open(warehouse_url)

    with pytest.raises(WarehouseError, match="sync_runs"):
        pending(warehouse, "a")
    warehouse.close()
