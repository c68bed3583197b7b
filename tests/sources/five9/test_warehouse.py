"""Five9 into a warehouse: equal to the ledger after any story."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.five9.domain import Domain
from tests.sources.killed import Reading


@pytest.fixture
def contacts() -> int:
    return 1300


def differences(pretend: Domain, warehouse: Warehouse) -> dict[str, Any]:
    """Streams whose live rows are not those of the ledger, with the keys in question."""
    found: dict[str, Any] = dict(pretend.differing(warehouse))
    stored = pretend.stored(warehouse, "contacts")
    for key, record in pretend.truth("contacts").items():
        for field in ("Lead Status", "number1"):
            if key in stored and (stored[key][field] or "") != record[field]:
                found[f"contacts.{field}"] = key
    return found


def test_full_then_incremental_runs_equal_the_ledger(pretend: Domain, sqlite: Warehouse) -> None:
    first, reports = pretend.sync(sqlite, "full")
    assert first is Status.SUCCESS, reports
    assert differences(pretend, sqlite) == {}
    for _ in range(2):
        pretend.later(minutes=10)
        status, reports = pretend.sync(sqlite)
        assert status is Status.SUCCESS, reports
        assert differences(pretend, sqlite) == {}
    assert reports["contacts"].counts.read < 100
    assert any("changes were found by" in note for note in reports["contacts"].notes)


def test_erased_contacts_go_with_the_next_full_read(pretend: Domain, sqlite: Warehouse) -> None:
    """Case 57 of the fault list."""
    pretend.sync(sqlite, "full")
    for _ in range(3):
        pretend.later(minutes=10)

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.SUCCESS, reports
    assert reports["contacts"].counts.deleted == 3
    assert differences(pretend, sqlite) == {}


def test_without_a_modified_field_a_full_comparison_also_deletes(
    pretend: Domain, sqlite: Warehouse
) -> None:
    pretend.vendor.time_patterns = False
    pretend.vendor.reports.missing.add(("Call Log Reports", "Call Log"))
    pretend.sync(sqlite, "full")
    pretend.vendor.contacts.erase(7)
    pretend.advance(minutes=10)

    _, reports = pretend.sync(sqlite)

    assert reports["contacts"].counts.deleted == 1
    assert "70000007" not in pretend.stored(sqlite, "contacts")


def test_a_read_that_broke_off_is_resumed_where_it_was(pretend: Domain, sqlite: Warehouse) -> None:
    """Cases 6 and 11 of the fault list."""
    pretend.fault(contains="<value>6%</value>", status=503, body="", times=None)
    status, reports = pretend.sync(sqlite, "full")
    assert status is Status.PARTIAL
    assert reports["contacts"].status is Status.FAILED
    before = pretend.asked("getContactRecords")
    pretend.sandbox.faults.clear()

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.SUCCESS, reports
    assert any("resumed the full read" in note for note in reports["contacts"].notes)
    assert pretend.asked("getContactRecords") - before < before + 30
    assert differences(pretend, sqlite) == {}


def test_a_killed_read_is_resumed_where_it_was(
    pretend: Domain, sqlite: Warehouse, sqlite_warehouse_url: str
) -> None:
    """Cases 1 and 10 of the fault list: the process is killed while it asks for contacts."""
    reading = Reading(pretend, sqlite_warehouse_url, {"streams": ["contacts"], "batch_size": 100})
    reading.killed(sqlite, "contacts", contains="<value>6%</value>")

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.SUCCESS, reports
    assert any("resumed the full read" in note for note in reports["contacts"].notes)
    assert reports["contacts"].counts.read < 1300
    assert differences(pretend, sqlite) == {}


def test_values_are_typed_by_the_contact_fields(pretend: Domain, sqlite: Warehouse) -> None:
    _, reports = pretend.sync(sqlite, "full")

    stored, truth = pretend.stored(sqlite, "contacts"), pretend.truth("contacts")
    assert sum(report.counts.values_rejected for report in reports.values()) == 0
    for key, record in truth.items():
        amount = stored[key]["Total_Job_Amount"]
        assert float(amount or 0) == float(record["Total_Job_Amount"] or 0)
        assert stored[key]["zip"] == record["zip"]
    assert any(row["Created"] for row in stored.values())


def test_no_password_reaches_the_warehouse(
    pretend: Domain, sqlite: Warehouse, tmp_path: Path
) -> None:
    pretend.sync(sqlite, "full")
    sqlite.close()

    everything = b"".join(path.read_bytes() for path in tmp_path.glob("warehouse.sqlite3*"))
    assert b"clear-text" not in everything
    assert b"sandbox-five9-password" not in everything
    assert b"agent1@example.com" in everything
