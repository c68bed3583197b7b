"""Arrivy: what the old platform lost, a test each, named after the bug."""

from __future__ import annotations

import pytest

from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.arrivy.situations import cursor
from tests.sources.pretend import NOW, Pretend


def test_old_bug_edits_of_past_and_unscheduled_tasks_are_never_read_again(
    pretend: Pretend,
) -> None:
    book = pretend.vendor.book
    past = next(key for key in book.near() if pretend.truth("tasks")[key]["status"] == "COMPLETE")
    loose = book.loose()[0]
    book.touch(past, title="late note")
    book.report(loose, "CANCELLED", NOW)

    found = pretend.read("tasks", "incremental", cursor=cursor()).by("id")

    assert found[int(past)]["title"] == "late note"
    assert found[int(loose)]["status"] == "CANCELLED"


def test_old_bug_entities_are_asked_with_a_time_encoded_twice(pretend: Pretend) -> None:
    assert pretend.complete(pretend.read("entities"), "entities")
    assert all("%25" not in seen.target for seen in pretend.sandbox.requests("arrivy"))


def test_old_bug_incremental_runs_load_no_statuses(pretend: Pretend) -> None:
    """Their rows have no `updated_at`, by which they were filtered."""
    gathered = pretend.read("statuses", "incremental", cursor={**cursor(), "pages": 1})
    assert pretend.complete(gathered, "statuses")


def test_old_bug_bookings_end_at_the_first_short_part_of_a_page(pretend: Pretend) -> None:
    book = pretend.vendor.book
    for number in range(10, 200):
        record = {"id": 6_000_000_000_000_000 + number, "title": f"Booking {number}"}
        book["bookings"].put(str(record["id"]), record)

    assert pretend.complete(pretend.read("bookings", page_size=60), "bookings")


def test_old_bug_location_external_id_template_and_group_are_never_mapped(
    pretend: Pretend,
) -> None:
    record = pretend.read("tasks").records[0]

    wanted = {"customer_exact_location", "external_id", "template", "group", "booking_id"}
    assert wanted | {"status", "template_extra_fields"} <= record.keys()


def test_old_bug_details_are_cut_to_255_characters(pretend: Pretend) -> None:
    longest = max(len(record["details"] or "") for record in pretend.read("tasks").records)
    assert longest > 1500


def test_old_bug_the_list_shows_a_stale_status(pretend: Pretend) -> None:
    """The newest entry of the history is the truth; both are kept as they are."""
    key = pretend.vendor.book.near()[0]
    pretend.vendor.book.report(key, "EXCEPTION", NOW, stale=True)

    task = pretend.read("tasks").by("id")[int(key)]
    history = pretend.read("task_statuses").records

    mine = [record for record in history if str(record["task_id"]) == key]
    assert max(mine, key=lambda record: record["time"])["type"] == "EXCEPTION"
    assert task["status"] != "EXCEPTION"


def test_old_bug_phones_lose_digits_or_gain_a_one(pretend: Pretend) -> None:
    phones = {str(record["customer_phone"]) for record in pretend.read("tasks").records}
    assert phones == {str(task["customer_phone"]) for task in pretend.truth("tasks").values()}


def test_old_bug_keys_that_a_row_lacks_are_not_made_up(pretend: Pretend) -> None:
    """Absent keys overwrote stored values with null; here they stay absent."""
    tasks = pretend.read("tasks").records
    assert {"files" in task for task in tasks} == {True, False}


def test_old_bug_a_failed_batch_still_ends_as_success(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.fault(path="/groups$", times=None, status=500)

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.PARTIAL
    assert reports["groups"].status is Status.FAILED
    assert pretend.stored(sqlite, "tasks")


def test_old_bug_the_same_id_twice_in_a_batch_fails_it(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.fault(
        path="/groups$",
        body='[{"id": 1, "owner": 2, "name": "first"}, {"id": "1", "owner": 2, "name": "second"}]',
    )

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.SUCCESS
    assert {row["name"] for row in pretend.stored(sqlite, "groups").values()} == {"second"}
    assert reports["groups"].counts.superseded == 1


def test_old_bug_short_phones_become_null(pretend: Pretend, sqlite: Warehouse) -> None:
    key = pretend.vendor.book["customers"].live_keys()[0]
    pretend.vendor.book.change("customers", key, phone=911)

    pretend.sync(sqlite, "full")

    assert pretend.stored(sqlite, "customers")[key]["phone"] == "911"


def test_old_bug_the_log_shows_the_beginning_of_the_token(
    pretend: Pretend, sqlite: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    environment = pretend.sandbox.environment()

    pretend.sync(sqlite, "full")
    pretend.vendor.keys = set()
    with pytest.raises(Exception, match="401") as refused:
        pretend.sync(sqlite)

    said = caplog.text + str(refused.value)
    for name in ("ARRIVY_API_KEY", "ARRIVY_AUTH_KEY"):
        assert environment[name][:8] not in said
