"""Arrivy into a warehouse: odd values and records."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from connectors.sources import arrivy
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend
from tests.warehouse.loading import rejects, rows

STREAMS = {stream.name: stream for stream in arrivy.STREAMS}


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


def test_a_field_that_nobody_announced_becomes_a_column(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    pretend.sync(sqlite, "full")
    pretend.sandbox.step()

    status, _ = pretend.sync(sqlite)

    renamed = [row for row in pretend.stored(sqlite, "groups").values() if row.get("surprise_1")]
    assert status is Status.SUCCESS
    assert renamed[0]["surprise_1"].keys() == {"since"}


def test_custom_fields_keep_names_that_come_twice(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.sync(sqlite, "full")

    fields = [row["template_extra_fields"] for row in pretend.stored(sqlite, "tasks").values()]
    assert 2 in {len(cast("list[object]", some)) for some in fields if isinstance(some, list)}


def test_a_start_in_any_shape_is_stored_or_kept_as_a_reject(
    pretend: Pretend, sqlite: Warehouse
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

    pretend.sync(sqlite, "full")

    found = rows(sqlite, STREAMS["tasks"], "arrivy")
    assert [found[str(n)]["start_datetime"] for n in range(len(shapes))] == list(shapes.values())
    refused = {(one["key"], one["column_name"], one["value"]) for one in rejects(sqlite)}
    assert refused == {
        ("6", "start_datetime", "14.06.2026"),
        ("6", "schedule_slot", "14.06.2026"),
    }


def test_a_status_that_nobody_knows_is_stored_as_it_is(pretend: Pretend, sqlite: Warehouse) -> None:
    key = pretend.vendor.book.near()[0]
    pretend.vendor.book.report(key, "TELEPORTED", pretend.context.clock())

    status, _ = pretend.sync(sqlite, "full")

    kinds = {row["type"] for row in pretend.stored(sqlite, "task_statuses").values()}
    assert status is Status.SUCCESS
    assert "TELEPORTED" in kinds
    assert pretend.stored(sqlite, "tasks")[key]["status"] == "TELEPORTED"


@pytest.mark.parametrize("name", ["tasks", "customers"])
def test_a_record_without_its_key_makes_the_run_partial_and_deletes_nothing(
    pretend: Pretend, sqlite: Warehouse, name: str
) -> None:
    """Case 80 of the fault list."""
    pretend.sync(sqlite, "full")
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

    status, reports = pretend.sync(sqlite)

    assert status is Status.PARTIAL
    assert reports[name].counts.rejected > 0
    assert gone in pretend.stored(sqlite, name)
