"""LeadConduit into a warehouse: equal to the ledger, whatever the vendor forgets."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.sources import leadconduit
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend, pretending

NAMES = [stream.name for stream in leadconduit.STREAMS]


@pytest.fixture
def pretend() -> Generator[Pretend]:
    with pretending(leadconduit.SOURCE) as vendor:
        yield vendor


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    opened = Warehouse.open(f"sqlite:///{tmp_path / 'w.db'}")
    migrate(opened)
    return opened


def test_full_then_incremental_runs_equal_the_ledger(
    pretend: Pretend, warehouse: Warehouse
) -> None:
    first, _ = pretend.sync(warehouse, "full")
    pretend.sandbox.step()
    pretend.advance(minutes=10)
    second, reports = pretend.sync(warehouse)
    pretend.sandbox.step()
    pretend.advance(minutes=10)
    third, _ = pretend.sync(warehouse)

    assert (first, second, third) == (Status.SUCCESS,) * 3, reports
    for name in NAMES:
        assert pretend.stored(warehouse, name).keys() == pretend.truth(name).keys(), name
    stored, truth = pretend.stored(warehouse, "leads"), pretend.truth("leads")
    for key, row in stored.items():
        fields = truth[key]["vars"]["lead"]
        assert row["phone_1"] == fields["phone_1"]["normal"]
        assert row["agent.phone_1"] == "5125550199"
        assert row["lead"] == fields


def test_old_bug_a_late_change_of_any_other_field_never_updates(
    pretend: Pretend, warehouse: Warehouse
) -> None:
    pretend.sync(warehouse, "full")
    lead_id = next(iter(pretend.truth("leads")))
    pretend.vendor.amend(
        lead_id, note_hge="changed", owner_hge={"normal": "N", "raw": "n", "valid": True}
    )

    _, reports = pretend.sync(warehouse, "full")

    assert pretend.stored(warehouse, "leads")[lead_id]["note_hge"] == "changed"
    assert pretend.stored(warehouse, "leads")[lead_id]["owner_hge"] == "N"
    assert reports["leads"].counts.updated == 1


def test_events_that_the_vendor_forgot_stay(pretend: Pretend, warehouse: Warehouse) -> None:
    pretend.sync(warehouse, "full")
    pretend.vendor.retention = timedelta(days=10)

    status, reports = pretend.sync(warehouse, "full")

    assert status is Status.SUCCESS
    assert reports["events"].counts.deleted == 0
    assert pretend.stored(warehouse, "events").keys() == pretend.truth("events").keys()


def test_an_event_without_its_id_makes_the_run_partial(
    pretend: Pretend, warehouse: Warehouse
) -> None:
    """Case 80 of the fault list."""
    pretend.fault(path="/events$", edit=(r"^\[", '[{"type":"source"},'))

    status, reports = pretend.sync(warehouse, "full")

    assert status is Status.PARTIAL
    assert reports["events"].counts.rejected == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 403}, {"html": True}, {"cut": 0.5}, {"body": "null"}],
    ids=["403", "200 html", "cut", "null"],
)
def test_no_fault_of_events_ends_as_a_green_run(
    pretend: Pretend, warehouse: Warehouse, fault: dict[str, Any]
) -> None:
    """Cases 42 and 44 of the fault list."""
    pretend.fault(path="/events$", times=None, **fault)

    status, _ = pretend.sync(warehouse, "full")

    assert status is not Status.SUCCESS
    pretend.sandbox.faults.clear()
    status, reports = pretend.sync(warehouse, "full")
    assert status is Status.SUCCESS, reports
    for name in ("events", "leads"):
        assert pretend.stored(warehouse, name).keys() == pretend.truth(name).keys()


def test_every_stream_says_what_it_sees() -> None:
    assert all(stream.sees for stream in leadconduit.STREAMS)
