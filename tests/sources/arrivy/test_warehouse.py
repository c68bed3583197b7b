"""Arrivy into a warehouse: equal to the ledger after any story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def agree(pretend: Pretend, warehouse: Warehouse) -> bool:
    """Whether the stored tasks have the values that the vendor shows now."""
    stored, truth = pretend.stored(warehouse, "tasks"), pretend.truth("tasks")
    return all(
        row["title"] == truth[key]["title"]
        and row["status"] == truth[key]["status"]
        and row["unscheduled"] == truth[key]["unscheduled"]
        and row["start_datetime"] == moment(truth[key]["start_datetime"])
        and row["updated"] == moment(truth[key]["updated"])
        and row["customer_phone"] == str(truth[key]["customer_phone"])
        for key, row in stored.items()
    )


def test_full_then_incremental_runs_equal_the_ledger(
    pretend: Pretend, warehouse: Warehouse
) -> None:
    first, _ = pretend.sync(warehouse, "full")
    assert pretend.differing(warehouse) == {}
    for _ in range(3):
        pretend.later(minutes=50)
        status, reports = pretend.sync(warehouse)

        assert status is Status.SUCCESS, reports
        assert pretend.differing(warehouse) == {}
        assert agree(pretend, warehouse)
        assert reports["tasks"].counts.deleted == 1
        assert reports["customers"].counts.deleted == 1
    assert first is Status.SUCCESS


def test_single_requests_for_details_equal_the_ledger_too(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    for mode in ("full", "incremental", "incremental"):
        status, reports = pretend.sync(sqlite, mode, details="calls")
        assert status is Status.SUCCESS, reports
        deleted = set(pretend.stored(sqlite, "task_statuses")) - {
            tuple(key.split(":")) for key in pretend.truth("task_statuses")
        }
        assert {task for task, _ in deleted} <= _gone(pretend)
        pretend.later(hours=2)
    pretend.sync(sqlite, "full", details="calls")
    assert pretend.differing(sqlite) == {}


def _gone(pretend: Pretend) -> set[str]:
    return {entry.id for entry in pretend.sandbox.ledger("arrivy", "tasks") if entry.deleted}


def test_a_second_full_run_changes_nothing(pretend: Pretend, warehouse: Warehouse) -> None:
    pretend.sync(warehouse, "full")

    _, reports = pretend.sync(warehouse, "full")

    counts = {name: report.counts for name, report in reports.items()}
    assert all(not (c.inserted or c.updated or c.deleted) for c in counts.values()), counts


@pytest.mark.parametrize(
    ("mode", "nth"), [("full", 8), ("full", 55), ("incremental", 4), ("incremental", 14)]
)
def test_a_run_that_died_is_continued_and_equals_the_ledger(
    pretend: Pretend, warehouse: Warehouse, mode: Any, nth: int
) -> None:
    """Cases 1, 6 and 11 of the fault list: only what was committed counts."""
    if mode == "incremental":
        pretend.sync(warehouse, "full")
        pretend.later(minutes=10)
    before = pretend.requests()
    pretend.fault(path="tasks$", nth=nth, times=None, status=500)

    died, _ = pretend.sync(warehouse, mode)
    pretend.sandbox.faults.clear()
    pretend.later(minutes=10)
    resumed, reports = pretend.sync(warehouse, mode)
    pretend.later(minutes=10)
    last, _ = pretend.sync(warehouse)

    assert died in {Status.PARTIAL, Status.FAILED}
    assert (resumed, last) == (Status.SUCCESS,) * 2
    assert any("resumed" in note for report in reports.values() for note in report.notes)
    assert pretend.differing(warehouse) == {}
    assert agree(pretend, warehouse)
    assert pretend.requests() - before < 400


def test_a_task_moved_to_any_other_place_is_never_taken_for_deleted(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    book = pretend.vendor.book
    pretend.sync(sqlite, "full")
    now = pretend.context.clock()
    soon, late, off, back, *_ = book.near()
    on = book.loose()[0]
    book.reschedule(soon, now + timedelta(days=5))
    book.reschedule(late, now + timedelta(days=900))
    book.reschedule(off, None)
    book.reschedule(back, now - timedelta(days=20))
    book.reschedule(on, now + timedelta(days=3))
    pretend.advance(minutes=10)

    _, reports = pretend.sync(sqlite)

    assert reports["tasks"].counts.deleted == 0
    assert pretend.differing(sqlite) == {}
    assert agree(pretend, sqlite)


def test_what_a_rolling_run_cannot_see_a_full_one_does(pretend: Pretend, sqlite: Warehouse) -> None:
    """An old task edited, one deleted, one moved to an old day: as the description says."""
    book = pretend.vendor.book
    old = [
        key
        for key, task in pretend.truth("tasks").items()
        if not task["unscheduled"] and (task["start_datetime"] or "9") < "2026-01"
    ]
    pretend.sync(sqlite, "full")
    moved = book.near()[0]
    book.touch(old[0], title="edited late")
    book.delete_task(old[1])
    book.reschedule(moved, datetime(2025, 1, 1, tzinfo=UTC))
    pretend.advance(minutes=10)

    pretend.sync(sqlite)
    after_incremental = pretend.differing(sqlite)["tasks"]
    pretend.sync(sqlite, "full")

    assert after_incremental == {old[1], moved}
    assert pretend.differing(sqlite) == {}
    assert pretend.stored(sqlite, "tasks")[old[0]]["title"] == "edited late"


@pytest.mark.parametrize("name", ["tasks", "customers"])
def test_a_list_that_comes_empty_deletes_nothing(
    pretend: Pretend, sqlite: Warehouse, name: str
) -> None:
    """Case 63 of the fault list."""
    pretend.sync(sqlite, "full")
    count = len(pretend.stored(sqlite, name))
    pretend.fault(path=f"/{name}$", times=None, body="[]")

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.PARTIAL
    assert "delete guard" in str(reports[name].error)
    assert len(pretend.stored(sqlite, name)) >= count - 20


def test_ignored_parameters_end_partial_and_delete_nothing_beside_the_schedule(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    pretend.sync(sqlite, "full")
    loose = set(pretend.vendor.book.loose())
    pretend.vendor.lists.ignored = {"unscheduled"}

    status, reports = pretend.sync(sqlite)

    assert status is Status.PARTIAL
    assert "unscheduled" in str(reports["tasks"].error)
    assert loose <= pretend.stored(sqlite, "tasks").keys()
