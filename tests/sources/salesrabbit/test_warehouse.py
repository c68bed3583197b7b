"""SalesRabbit into a warehouse: equal to the ledger after any story."""

from __future__ import annotations

from connectors.model import Deletes
from connectors.sources import salesrabbit
from connectors.warehouse import checkpoints
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.killed import Reading
from tests.sources.pretend import Pretend
from tests.sources.salesrabbit.ledger import READ, differences, stored


def test_full_and_incremental_runs_equal_the_ledger(pretend: Pretend, warehouse: Warehouse) -> None:
    pretend.vendor.adjust({"cap": 40})
    status, reports = pretend.sync(warehouse, "full")
    assert status is Status.SUCCESS, reports
    assert differences(pretend, warehouse) == {}

    for _ in range(3):
        pretend.later(minutes=10)
        status, reports = pretend.sync(warehouse)
        assert status is Status.SUCCESS, reports
        assert reports["leads"].counts.read < 50
        for name in READ:
            assert pretend.truth(name).keys() <= stored(warehouse, name).keys(), name
        gone = stored(warehouse, "leads").keys() - pretend.truth("leads").keys()
        assert gone <= {e.id for e in pretend.sandbox.ledger("salesrabbit", "leads") if e.deleted}

    status, reports = pretend.sync(warehouse, "full")

    assert status is Status.SUCCESS, reports
    assert reports["leads"].counts.deleted == 3
    assert differences(pretend, warehouse) == {}
    _, again = pretend.sync(warehouse, "full")
    changed = [r.counts.inserted + r.counts.updated + r.counts.deleted for r in again.values()]
    assert changed == [0] * len(READ)


def test_a_killed_read_is_resumed_where_it_was(
    pretend: Pretend, warehouse: Warehouse, warehouse_url: str
) -> None:
    """Cases 1 and 10 of the fault list: killed in the middle of the leads, then of the log."""
    pretend.vendor.adjust({"cap": 40})
    reading = Reading(pretend, warehouse_url, {"batch_size": 40})
    log = "lead_status_activities"
    reading.killed(warehouse, "leads", path="/leads$", nth=4)
    pretend.vendor.book.delete_lead(20_420)
    reading.killed(warehouse, log, path="/leadStatusActivities$", nth=4)
    read = checkpoints.load(warehouse, "salesrabbit", log).reads["full"]
    assert read.position is not None
    assert stored(warehouse, log)

    status, reports = pretend.sync(warehouse, "full")

    assert status is Status.SUCCESS, reports
    knocks = reports[log]
    assert any("resumed the full read" in note for note in knocks.notes)
    assert knocks.counts.inserted < len(pretend.truth(log))
    assert differences(pretend, warehouse) == {}


def test_an_interrupted_incremental_run_is_resumed(pretend: Pretend, sqlite: Warehouse) -> None:
    """Case 11 of the fault list."""
    pretend.sync(sqlite, "full")
    pretend.vendor.adjust({"cap": 3})
    pretend.later(minutes=10)
    pretend.fault(path="/leads$", nth=4, status=500, times=None)
    status, reports = pretend.sync(sqlite)
    assert (status, reports["leads"].status) == (Status.PARTIAL, Status.FAILED)
    pretend.sandbox.faults.clear()
    pretend.later(minutes=10)

    pretend.sync(sqlite)
    status, _ = pretend.sync(sqlite)
    assert status is Status.SUCCESS
    pretend.sync(sqlite, "full")

    assert differences(pretend, sqlite) == {}


def test_a_list_that_lost_most_of_its_rows_deletes_none(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    """Case 63 of the fault list."""
    pretend.sync(sqlite, "full")
    pretend.fault(path="/leads$", body='{"meta":{"morePages":false},"data":[]}', times=None)

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.PARTIAL
    assert "delete guard" in str(reports["leads"].error)
    assert len(stored(sqlite, "leads")) == 150


def test_a_lead_that_says_it_is_deleted_goes_at_once(pretend: Pretend, sqlite: Warehouse) -> None:
    """Both readings: deleted leads vanish (see the full run), or stay with `deletedAt`."""
    pretend.vendor.adjust({"marks_deleted": True})
    pretend.sync(sqlite, "full")
    pretend.vendor.book.delete_lead(20_420)
    pretend.advance(minutes=1)

    pretend.sync(sqlite)

    assert stored(sqlite, "leads").keys() == pretend.truth("leads").keys()


def test_a_lead_that_comes_back_lives_again(pretend: Pretend, sqlite: Warehouse) -> None:
    """Case 56 of the fault list."""
    pretend.sync(sqlite, "full")
    lead = dict(pretend.vendor.book.lead(20_421))
    pretend.vendor.book.delete_lead(20_421)
    pretend.sync(sqlite, "full")
    assert "20421" not in stored(sqlite, "leads")
    pretend.vendor.book["leads"].put("20421", lead)
    pretend.vendor.book.events[20_421] = []
    pretend.vendor.book.knock(20_421, "Go Back")
    pretend.advance(minutes=1)

    pretend.sync(sqlite)

    assert "20421" in stored(sqlite, "leads")


def test_every_stream_deletes_by_comparing_and_says_what_it_sees() -> None:
    assert {stream.deletes for stream in salesrabbit.STREAMS} == {Deletes.COMPARE}
    assert all(stream.sees for stream in salesrabbit.STREAMS)
