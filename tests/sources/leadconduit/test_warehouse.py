"""LeadConduit into a warehouse: equal to the ledger, whatever the vendor forgets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.sources import leadconduit
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend


def test_full_then_incremental_runs_equal_the_ledger(pretend: Pretend, sqlite: Warehouse) -> None:
    first, _ = pretend.sync(sqlite, "full")
    pretend.later(minutes=10)
    second, reports = pretend.sync(sqlite)
    pretend.later(minutes=10)
    third, _ = pretend.sync(sqlite)

    assert (first, second, third) == (Status.SUCCESS,) * 3, reports
    assert pretend.differing(sqlite) == {}
    stored, truth = pretend.stored(sqlite, "leads"), pretend.truth("leads")
    for key, row in stored.items():
        fields = truth[key]["vars"]["lead"]
        assert row["phone_1"] == fields["phone_1"]["normal"]
        assert row["agent.phone_1"] == "5125550199"
        assert row["lead"] == fields


def test_old_bug_a_late_change_of_any_other_field_never_updates(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    pretend.sync(sqlite, "full")
    lead_id = next(iter(pretend.truth("leads")))
    pretend.vendor.amend(
        lead_id, note_hge="changed", owner_hge={"normal": "N", "raw": "n", "valid": True}
    )

    _, reports = pretend.sync(sqlite, "full")

    assert pretend.stored(sqlite, "leads")[lead_id]["note_hge"] == "changed"
    assert pretend.stored(sqlite, "leads")[lead_id]["owner_hge"] == "N"
    assert reports["leads"].counts.updated == 1


def test_events_that_the_vendor_forgot_stay(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.sync(sqlite, "full")
    pretend.vendor.retention = timedelta(days=10)

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.SUCCESS
    assert reports["events"].counts.deleted == 0
    assert pretend.stored(sqlite, "events").keys() == pretend.truth("events").keys()


@pytest.mark.parametrize(
    "fault",
    [{"status": 403}, {"html": True}, {"cut": 0.5}, {"body": "null"}],
    ids=["403", "200 html", "cut", "null"],
)
def test_no_fault_of_events_ends_as_a_green_run(
    pretend: Pretend, sqlite: Warehouse, fault: dict[str, Any]
) -> None:
    """Cases 42 and 44 of the fault list."""
    pretend.fault(path="/events$", times=None, **fault)

    status, _ = pretend.sync(sqlite, "full")

    assert status is not Status.SUCCESS
    pretend.sandbox.faults.clear()
    status, reports = pretend.sync(sqlite, "full")
    assert status is Status.SUCCESS, reports
    for name in ("events", "leads"):
        assert pretend.stored(sqlite, name).keys() == pretend.truth(name).keys()


def test_every_stream_says_what_it_sees() -> None:
    assert all(stream.sees for stream in leadconduit.STREAMS)
