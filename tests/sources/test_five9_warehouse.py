"""Five9 into a warehouse: equal to the ledger after any story."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.sources import five9
from connectors.warehouse import checkpoints, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.sources.five9_domain import Domain, domain

ROOT = Path(__file__).parents[2]
NAMES = [stream.name for stream in five9.STREAMS]


@pytest.fixture
def pretend() -> Generator[Domain]:
    with domain(contacts=1300) as opened:
        yield opened


@pytest.fixture
def warehouse(tmp_path: Path) -> Generator[Warehouse]:
    opened = Warehouse.open(f"sqlite:///{tmp_path / 'w.db'}")
    migrate(opened)
    yield opened
    opened.close()


def keys(pretend: Domain, warehouse: Warehouse, name: str) -> set[str]:
    found: set[str] = set()
    for key in pretend.stored(warehouse, name):
        parts = cast("tuple[Any, ...]", key if isinstance(key, tuple) else (key,))
        found.add(":".join(p.isoformat() if isinstance(p, datetime) else str(p) for p in parts))
    return found


def differences(pretend: Domain, warehouse: Warehouse) -> dict[str, Any]:
    """Streams whose live rows are not those of the ledger, with the keys in question."""
    found: dict[str, Any] = {}
    for name in NAMES:
        if wrong := keys(pretend, warehouse, name) ^ set(pretend.truth(name)):
            found[name] = sorted(wrong)[:5]
    stored = pretend.stored(warehouse, "contacts")
    for key, record in pretend.truth("contacts").items():
        for field in ("Lead Status", "number1"):
            if key in stored and (stored[key][field] or "") != record[field]:
                found[f"contacts.{field}"] = key
    return found


def test_full_then_incremental_runs_equal_the_ledger(pretend: Domain, warehouse: Warehouse) -> None:
    first, reports = pretend.sync(warehouse, "full")
    assert first is Status.SUCCESS, reports
    assert differences(pretend, warehouse) == {}
    for _ in range(2):
        pretend.sandbox.step()
        pretend.advance(minutes=10)
        status, reports = pretend.sync(warehouse)
        assert status is Status.SUCCESS, reports
        assert differences(pretend, warehouse) == {}
    assert reports["contacts"].counts.read < 100
    assert any("changes were found by" in note for note in reports["contacts"].notes)


def test_erased_contacts_go_with_the_next_full_read(pretend: Domain, warehouse: Warehouse) -> None:
    """Case 57 of the fault list."""
    pretend.sync(warehouse, "full")
    for _ in range(3):
        pretend.sandbox.step()
    pretend.advance(minutes=10)

    status, reports = pretend.sync(warehouse, "full")

    assert status is Status.SUCCESS, reports
    assert reports["contacts"].counts.deleted == 3
    assert differences(pretend, warehouse) == {}


def test_without_a_modified_field_a_full_comparison_also_deletes(
    pretend: Domain, warehouse: Warehouse
) -> None:
    pretend.vendor.time_patterns = False
    pretend.vendor.reports.missing.add(("Call Log Reports", "Call Log"))
    pretend.sync(warehouse, "full")
    pretend.vendor.contacts.erase(7)
    pretend.advance(minutes=10)

    _, reports = pretend.sync(warehouse)

    assert reports["contacts"].counts.deleted == 1
    assert "70000007" not in pretend.stored(warehouse, "contacts")


def test_a_read_that_broke_off_is_resumed_where_it_was(
    pretend: Domain, warehouse: Warehouse
) -> None:
    """Cases 6 and 11 of the fault list."""
    pretend.fault(contains="<value>6%</value>", status=503, body="", times=None)
    status, reports = pretend.sync(warehouse, "full")
    assert status is Status.PARTIAL
    assert reports["contacts"].status is Status.FAILED
    before = pretend.asked("getContactRecords")
    pretend.sandbox.faults.clear()

    status, reports = pretend.sync(warehouse, "full")

    assert status is Status.SUCCESS, reports
    assert any("resumed the full read" in note for note in reports["contacts"].notes)
    assert pretend.asked("getContactRecords") - before < before + 30
    assert differences(pretend, warehouse) == {}


def test_a_killed_read_is_resumed_where_it_was(
    pretend: Domain, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Cases 1 and 10 of the fault list: the process is killed while it asks for contacts."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.sources.five9_process", f"sqlite:///{tmp_path / 'w.db'}"],
        cwd=ROOT,
        env=os.environ | pretend.sandbox.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )

    def kill_once_something_is_stored() -> None:
        while not checkpoints.load(warehouse, "five9", "contacts").reads:
            pass
        child.kill()

    pretend.sandbox.fault(
        vendor="five9", contains="<value>6%</value>", call=kill_once_something_is_stored
    )
    said, _ = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    runs.finish(warehouse, said.strip(), Status.FAILED)  # as the sweeper would

    status, reports = pretend.sync(warehouse, "full")

    assert status is Status.SUCCESS, reports
    assert any("resumed the full read" in note for note in reports["contacts"].notes)
    assert reports["contacts"].counts.read < 1300
    assert differences(pretend, warehouse) == {}


def test_values_are_typed_by_the_contact_fields(pretend: Domain, warehouse: Warehouse) -> None:
    _, reports = pretend.sync(warehouse, "full")

    stored, truth = pretend.stored(warehouse, "contacts"), pretend.truth("contacts")
    assert sum(report.counts.values_rejected for report in reports.values()) == 0
    for key, record in truth.items():
        amount = stored[key]["Total_Job_Amount"]
        assert float(amount or 0) == float(record["Total_Job_Amount"] or 0)
        assert stored[key]["zip"] == record["zip"]
    assert any(row["Created"] for row in stored.values())


def test_no_password_reaches_the_warehouse(
    pretend: Domain, warehouse: Warehouse, tmp_path: Path
) -> None:
    pretend.sync(warehouse, "full")
    warehouse.close()

    everything = b"".join(path.read_bytes() for path in tmp_path.glob("w.db*"))
    assert b"clear-text" not in everything
    assert b"sandbox-five9-password" not in everything
    assert b"agent1@example.com" in everything
