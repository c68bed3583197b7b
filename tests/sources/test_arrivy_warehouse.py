"""Arrivy into a warehouse: equal to the ledger after any story, odd values included."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from connectors.sources import arrivy
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend, pretending
from tests.warehouse.loading import rejects, rows

NAMES = [stream.name for stream in arrivy.STREAMS if not stream.optional]
STREAMS = {stream.name: stream for stream in arrivy.STREAMS}


@pytest.fixture
def pretend() -> Generator[Pretend]:
    with pretending(arrivy.SOURCE) as vendor:
        yield vendor


@pytest.fixture
def file(sqlite_warehouse_url: str) -> Generator[Warehouse]:
    """The same for what needs one kind of warehouse only."""
    opened = Warehouse.open(sqlite_warehouse_url)
    migrate(opened)
    yield opened
    opened.close()


def differing(pretend: Pretend, warehouse: Warehouse) -> dict[str, set[str]]:
    """Keys per stream that are in the warehouse or at the vendor, but not in both."""
    found: dict[str, set[str]] = {}
    for name in NAMES:
        stored = pretend.stored(warehouse, name)
        keys = {key if isinstance(key, str) else ":".join(map(str, key)) for key in stored}
        if keys != set(pretend.truth(name)):
            found[name] = keys ^ set(pretend.truth(name))
    return found


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


# Equal to the ledger


def test_full_then_incremental_runs_equal_the_ledger(
    pretend: Pretend, warehouse: Warehouse
) -> None:
    first, _ = pretend.sync(warehouse, "full")
    assert differing(pretend, warehouse) == {}
    for _ in range(3):
        pretend.sandbox.step()
        pretend.advance(minutes=50)
        status, reports = pretend.sync(warehouse)

        assert status is Status.SUCCESS, reports
        assert differing(pretend, warehouse) == {}
        assert agree(pretend, warehouse)
        assert reports["tasks"].counts.deleted == 1
        assert reports["customers"].counts.deleted == 1
    assert first is Status.SUCCESS


def test_single_requests_for_details_equal_the_ledger_too(
    pretend: Pretend, file: Warehouse
) -> None:
    for mode in ("full", "incremental", "incremental"):
        status, reports = pretend.sync(file, mode, details="calls")
        assert status is Status.SUCCESS, reports
        deleted = set(pretend.stored(file, "task_statuses")) - {
            tuple(key.split(":")) for key in pretend.truth("task_statuses")
        }
        assert {task for task, _ in deleted} <= _gone(pretend)
        pretend.sandbox.step()
        pretend.advance(hours=2)
    pretend.sync(file, "full", details="calls")
    assert differing(pretend, file) == {}


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
        pretend.sandbox.step()
        pretend.advance(minutes=10)
    before = pretend.requests()
    pretend.fault(path="tasks$", nth=nth, times=None, status=500)

    died, _ = pretend.sync(warehouse, mode)
    pretend.sandbox.faults.clear()
    pretend.sandbox.step()
    pretend.advance(minutes=10)
    resumed, reports = pretend.sync(warehouse, mode)
    pretend.sandbox.step()
    pretend.advance(minutes=10)
    last, _ = pretend.sync(warehouse)

    assert died in {Status.PARTIAL, Status.FAILED}
    assert (resumed, last) == (Status.SUCCESS,) * 2
    assert any("resumed" in note for report in reports.values() for note in report.notes)
    assert differing(pretend, warehouse) == {}
    assert agree(pretend, warehouse)
    assert pretend.requests() - before < 400


def test_a_task_moved_to_any_other_place_is_never_taken_for_deleted(
    pretend: Pretend, file: Warehouse
) -> None:
    book = pretend.vendor.book
    pretend.sync(file, "full")
    now = pretend.context.clock()
    soon, late, off, back, *_ = book.near()
    on = book.loose()[0]
    book.reschedule(soon, now + timedelta(days=5))
    book.reschedule(late, now + timedelta(days=900))
    book.reschedule(off, None)
    book.reschedule(back, now - timedelta(days=20))
    book.reschedule(on, now + timedelta(days=3))
    pretend.advance(minutes=10)

    _, reports = pretend.sync(file)

    assert reports["tasks"].counts.deleted == 0
    assert differing(pretend, file) == {}
    assert agree(pretend, file)


def test_what_a_rolling_run_cannot_see_a_full_one_does(pretend: Pretend, file: Warehouse) -> None:
    """An old task edited, one deleted, one moved to an old day: as the description says."""
    book = pretend.vendor.book
    old = [
        key
        for key, task in pretend.truth("tasks").items()
        if not task["unscheduled"] and (task["start_datetime"] or "9") < "2026-01"
    ]
    pretend.sync(file, "full")
    moved = book.near()[0]
    book.touch(old[0], title="edited late")
    book.delete_task(old[1])
    book.reschedule(moved, datetime(2025, 1, 1, tzinfo=UTC))
    pretend.advance(minutes=10)

    pretend.sync(file)
    after_incremental = differing(pretend, file)["tasks"]
    pretend.sync(file, "full")

    assert after_incremental == {old[1], moved}
    assert differing(pretend, file) == {}
    assert pretend.stored(file, "tasks")[old[0]]["title"] == "edited late"


# Values


def test_odd_shapes_of_values_end_in_one_type_each(pretend: Pretend, warehouse: Warehouse) -> None:
    """Ids and phones as numbers, JSON as text, templates of two kinds, mileage of three."""
    _, reports = pretend.sync(warehouse, "full")

    assert all(report.counts.values_rejected == 0 for report in reports.values())
    stored, truth = pretend.stored(warehouse, "tasks"), pretend.truth("tasks")
    for key, row in stored.items():
        record = truth[key]
        assert row["template"] == str(record["template"])
        assert row["customer_zipcode"] == record["customer_zipcode"]
        assert row["start_datetime_original_iso_str"] == record["start_datetime_original_iso_str"]
        assert row["details"] == record["details"]
        assert row["customer_notes"] == record["customer_notes"]
        place = row["customer_exact_location"]
        assert place in {None, ""} if not isinstance(place, dict) else "lat" in place
    people = pretend.stored(warehouse, "customers").values()
    assert {isinstance(one.get("address"), dict) for one in people} == {True, False}
    assert {one["phone"][:3] for one in people} == {"617", "+16"}


def test_a_field_that_nobody_announced_becomes_a_column(pretend: Pretend, file: Warehouse) -> None:
    pretend.sync(file, "full")
    pretend.sandbox.step()

    status, _ = pretend.sync(file)

    renamed = [row for row in pretend.stored(file, "groups").values() if row.get("surprise_1")]
    assert status is Status.SUCCESS
    assert renamed[0]["surprise_1"].keys() == {"since"}


def test_custom_fields_keep_names_that_come_twice(pretend: Pretend, file: Warehouse) -> None:
    pretend.sync(file, "full")

    fields = [row["template_extra_fields"] for row in pretend.stored(file, "tasks").values()]
    assert 2 in {len(cast("list[object]", some)) for some in fields if isinstance(some, list)}


def test_a_start_in_any_shape_is_stored_or_kept_as_a_reject(
    pretend: Pretend, file: Warehouse
) -> None:
    """Case 62 of the fault list."""
    shapes: dict[Any, datetime | None] = {
        "2026-06-14T09:00:7": datetime(2026, 6, 14, 9, 0, 7, tzinfo=UTC),
        "2026-06-14T09:00:7-08:00": datetime(2026, 6, 14, 17, 0, 7, tzinfo=UTC),
        "2026-06-14T09:00:00-0700": datetime(2026, 6, 14, 16, tzinfo=UTC),
        "2026-06-14T09:00:00.123456": datetime(2026, 6, 14, 9, 0, 0, 123456, tzinfo=UTC),
        1781427600: datetime(2026, 6, 14, 9, tzinfo=UTC),
        "": None,
        "14.06.2026": None,
    }
    odd = [
        {"id": number, "title": "odd", "start_datetime": start}
        for number, start in enumerate(shapes)
    ]
    listed = json.dumps(odd)[1:-1].replace("\\", "\\\\")
    pretend.fault(path="/tasks$", contains="unscheduled=true", edit=(r"^\[", f"[{listed},"))

    pretend.sync(file, "full")

    found = rows(file, STREAMS["tasks"], "arrivy")
    assert [found[str(n)]["start_datetime"] for n in range(len(shapes))] == list(shapes.values())
    refused = {(one["key"], one["column_name"], one["value"]) for one in rejects(file)}
    assert refused == {
        ("6", "start_datetime", "14.06.2026"),
        ("6", "schedule_slot", "14.06.2026"),
    }


def test_a_status_that_nobody_knows_is_stored_as_it_is(pretend: Pretend, file: Warehouse) -> None:
    key = pretend.vendor.book.near()[0]
    pretend.vendor.book.report(key, "TELEPORTED", pretend.context.clock())

    status, _ = pretend.sync(file, "full")

    kinds = {row["type"] for row in pretend.stored(file, "task_statuses").values()}
    assert status is Status.SUCCESS
    assert "TELEPORTED" in kinds
    assert pretend.stored(file, "tasks")[key]["status"] == "TELEPORTED"


@pytest.mark.parametrize("name", ["tasks", "customers"])
def test_a_record_without_its_key_makes_the_run_partial_and_deletes_nothing(
    pretend: Pretend, file: Warehouse, name: str
) -> None:
    """Case 80 of the fault list."""
    pretend.sync(file, "full")
    book = pretend.vendor.book
    gone = book.near()[0] if name == "tasks" else book["customers"].live_keys()[0]
    (book.delete_task if name == "tasks" else book["customers"].delete)(gone)
    contains = "from=" if name == "tasks" else ""
    pretend.fault(
        path=f"/{name}$",
        contains=contains,
        times=None,
        edit=(r"^\[\{", '[{"title":"nobody"},{'),
    )

    status, reports = pretend.sync(file)

    assert status is Status.PARTIAL
    assert reports[name].counts.rejected > 0
    assert gone in pretend.stored(file, name)


# The guard


@pytest.mark.parametrize("name", ["tasks", "customers"])
def test_a_list_that_comes_empty_deletes_nothing(
    pretend: Pretend, file: Warehouse, name: str
) -> None:
    """Case 63 of the fault list."""
    pretend.sync(file, "full")
    count = len(pretend.stored(file, name))
    pretend.fault(path=f"/{name}$", times=None, body="[]")

    status, reports = pretend.sync(file, "full")

    assert status is Status.PARTIAL
    assert "delete guard" in str(reports[name].error)
    assert len(pretend.stored(file, name)) >= count - 20


def test_ignored_parameters_end_partial_and_delete_nothing_beside_the_schedule(
    pretend: Pretend, file: Warehouse
) -> None:
    pretend.sync(file, "full")
    loose = set(pretend.vendor.book.loose())
    pretend.vendor.lists.ignored = {"unscheduled"}

    status, reports = pretend.sync(file)

    assert status is Status.PARTIAL
    assert "unscheduled" in str(reports["tasks"].error)
    assert loose <= pretend.stored(file, "tasks").keys()


# What the old platform lost


def test_old_bug_a_failed_batch_still_ends_as_success(pretend: Pretend, file: Warehouse) -> None:
    pretend.fault(path="/groups$", times=None, status=500)

    status, reports = pretend.sync(file, "full")

    assert status is Status.PARTIAL
    assert reports["groups"].status is Status.FAILED
    assert pretend.stored(file, "tasks")


def test_old_bug_the_same_id_twice_in_a_batch_fails_it(pretend: Pretend, file: Warehouse) -> None:
    pretend.fault(
        path="/groups$",
        body='[{"id": 1, "owner": 2, "name": "first"}, {"id": "1", "owner": 2, "name": "second"}]',
    )

    status, reports = pretend.sync(file, "full")

    assert status is Status.SUCCESS
    assert {row["name"] for row in pretend.stored(file, "groups").values()} == {"second"}
    assert reports["groups"].counts.superseded == 1


def test_old_bug_short_phones_become_null(pretend: Pretend, file: Warehouse) -> None:
    key = pretend.vendor.book["customers"].live_keys()[0]
    pretend.vendor.book.change("customers", key, phone=911)

    pretend.sync(file, "full")

    assert pretend.stored(file, "customers")[key]["phone"] == "911"


def test_old_bug_the_log_shows_the_beginning_of_the_token(
    pretend: Pretend, file: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    environment = pretend.sandbox.environment()

    pretend.sync(file, "full")
    pretend.vendor.keys = set()
    with pytest.raises(Exception, match="401") as refused:
        pretend.sync(file)

    said = caplog.text + str(refused.value)
    for name in ("ARRIVY_API_KEY", "ARRIVY_AUTH_KEY"):
        assert environment[name][:8] not in said
