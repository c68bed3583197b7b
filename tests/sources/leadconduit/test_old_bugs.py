"""LeadConduit: what the old platform lost, a test each, named after the bug."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from connectors.errors import TransientError
from connectors.sandbox.leadconduit.records import event, object_id
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import NOW, Pretend


def test_old_bug_phone_and_address_stay_empty(pretend: Pretend) -> None:
    for record in pretend.read("leads").records:
        assert record["phone_1"]
        assert record["address_1"]


def test_old_bug_the_name_of_a_value_is_taken_for_the_value(pretend: Pretend) -> None:
    record = pretend.read("leads").records[0]

    assert record["state"] == "CO"  # not Colorado
    assert record["address_1"] == "1 Main St"  # not Main St


def test_old_bug_a_failing_page_ends_the_day_as_a_success(pretend: Pretend) -> None:
    pretend.fault(path="/events$", nth=2, status=500, times=None)

    assert isinstance(pretend.read("leads", page_size=30).error, TransientError)


def test_old_bug_the_last_milliseconds_of_a_day_are_lost(pretend: Pretend) -> None:
    at = datetime(2026, 6, 14, 23, 59, 59, 500_000, tzinfo=UTC)
    lead_id = pretend.vendor.book.submit(at)
    pretend.vendor.dated_by = "end"

    until = datetime(2026, 6, 15, tzinfo=UTC)
    gathered = pretend.read("leads", "backfill", since=until - timedelta(days=1), until=until)

    assert lead_id in gathered.by("lead_id")


def test_old_bug_a_full_sync_holds_seven_days(pretend: Pretend) -> None:
    began = [record["submitted_at"] for record in pretend.read("leads").records]

    assert min(began) < f"{NOW - timedelta(days=60):%Y-%m-%d}"


def test_old_bug_all_events_but_source_events_are_thrown_away(pretend: Pretend) -> None:
    pretend.sandbox.step()

    kinds = {record["type"] for record in pretend.read("events").records}

    assert kinds == {"source", "recipient", "filter", "feedback-received", "retry"}


def test_old_bug_a_lead_without_lead_data_is_skipped(pretend: Pretend) -> None:
    bare = event(object_id(NOW - timedelta(days=1), 1), "source", NOW, {})
    pretend.vendor.book.add(bare | {"vars": {}})

    assert bare["id"] in pretend.read("leads").by("lead_id")


def test_old_bug_the_country_has_no_column(pretend: Pretend) -> None:
    lead_id = next(iter(pretend.truth("leads")))
    pretend.vendor.amend(lead_id, country="US")

    assert pretend.read("leads").by("lead_id")[lead_id]["country"] == "US"


def test_old_bug_the_parts_of_phone_and_address_stay_empty(pretend: Pretend) -> None:
    lead = json.loads(pretend.read("leads").records[0]["lead"])

    assert lead["phone_1"]["area"] == "512"
    assert lead["address_1"]["number"] == "1"
    assert lead["email"]["domain"] == "Example.com"


def test_old_bug_an_object_without_a_value_becomes_python_text(pretend: Pretend) -> None:
    lead_id = next(iter(pretend.truth("leads")))
    pretend.vendor.amend(lead_id, quirk={"colour": "red", "size": {"raw": "L", "valid": False}})

    record = pretend.read("leads").by("lead_id")[lead_id]

    assert record["quirk.colour"] == "red"
    assert record["quirk.size"] is None
    assert "{'" not in str([v for name, v in record.items() if name not in {"lead", "appended"}])


def test_old_bug_a_partial_run_never_moves_the_watermark(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    """An event without an id cannot be stored; it comes no more often for being read again."""
    pretend.sync(sqlite, "full")
    pretend.later(minutes=10)
    pretend.fault(path="/events$", edit=(r"^\[", '[{"type":"source"},'))
    status, _ = pretend.sync(sqlite)
    assert status is Status.PARTIAL
    pretend.later(minutes=10)

    status, reports = pretend.sync(sqlite)

    assert status is Status.SUCCESS
    assert pretend.stored(sqlite, "events").keys() == pretend.truth("events").keys()
    assert reports["events"].counts.read < 60  # an hour of them, not all


def test_old_bug_events_are_dropped_again_by_the_day_they_started(pretend: Pretend) -> None:
    """It compared the start with the day asked for; a lead that began the day before is due."""
    since = datetime(2026, 6, 14, tzinfo=UTC)
    began = since - timedelta(seconds=20)
    lead_id = pretend.vendor.book.submit(began)
    pretend.vendor.dated_by = "end"
    pretend.vendor.amend(lead_id)
    late = dict(pretend.vendor.book["events"].get(lead_id))
    pretend.vendor.book.add(late | {"end_timestamp": int(since.timestamp() * 1000) + 5})

    gathered = pretend.read("leads", "backfill", since=since, until=since + timedelta(days=1))

    assert lead_id in gathered.by("lead_id")


def test_old_bug_outcome_and_reason_are_joined(pretend: Pretend) -> None:
    failed = [record for record in pretend.read("leads").records if record["outcome"] == "failure"]

    assert {record["reason"] for record in failed} == {"Duplicate lead"}


def test_old_bug_a_missing_reason_is_a_dash(pretend: Pretend) -> None:
    passed = [record for record in pretend.read("leads").records if record["outcome"] == "success"]

    assert {record.get("reason") for record in passed} == {None}


def test_old_bug_texts_are_cut(pretend: Pretend, sqlite: Warehouse) -> None:
    lead_id = next(iter(pretend.truth("leads")))
    pretend.vendor.amend(lead_id, note_hge="a long tale, " * 500)

    pretend.sync(sqlite, "full")

    assert len(pretend.stored(sqlite, "leads")[lead_id]["note_hge"]) == 6_500
