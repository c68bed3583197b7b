"""Odd values and fields on their way through a whole run: kept, named, and no cursor harmed."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.model import FieldType, Page, Stream
from connectors.warehouse import checkpoints
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from connectors.warehouse.schema import COLUMN_BUDGET
from tests.acme import NOW, WINDOW, sync
from tests.scripted import Scripted
from tests.warehouse.loading import CONTACTS, opened, rejects, rows, start_run

VISITS = Stream(
    name="visits",
    version="changed",
    fields={"changed": FieldType.TIMESTAMP, "day": FieldType.DATE},
    window=WINDOW,
    zone="America/New_York",
)
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
CHANGED: list[tuple[Any, datetime | None]] = [
    ("2026-01-01T00:00:00+00:00", MIDNIGHT),
    (1767225600000, MIDNIGHT),
    ("1767225600.25", MIDNIGHT + timedelta(milliseconds=250)),
    ("1.7672256e+09", MIDNIGHT),
    ("2026-01-01", MIDNIGHT + timedelta(hours=5)),  # a midnight of the stream's zone
    ("2026-07-01T00:00:00", datetime(2026, 7, 1, 4, tzinfo=UTC)),
    ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ("0000-00-00 00:00:00", None),
    ("soon", None),
]


def test_times_in_any_form_are_stored_or_kept_and_the_cursor_is_the_windows(
    warehouse: Warehouse,
) -> None:
    """Case 62 of the fault list: no value of a record ever becomes the checkpoint."""
    vendor = Scripted(offers=(VISITS,))
    vendor.script["visits"] = [
        Page(records=[{"id": f"{n:02}", "changed": sent} for n, (sent, _) in enumerate(CHANGED)])
    ]

    status, reports = sync(vendor, warehouse)

    stored = rows(warehouse, VISITS)
    assert [stored[f"{n:02}"]["changed"] for n in range(len(CHANGED))] == [
        expected for _, expected in CHANGED
    ]
    lost = {row["key"]: row["value"] for row in rejects(warehouse)}
    assert lost == {f"{n:02}": sent for n, (sent, kept) in enumerate(CHANGED) if kept is None}
    assert status is Status.PARTIAL
    assert reports["visits"].counts.values_rejected == 2
    until = (NOW - WINDOW.lag).isoformat()
    assert checkpoints.load(warehouse, "acme", "visits").cursor == {"until": until}


def test_seventeen_hundred_properties_are_all_kept_and_the_report_says_where(
    postgres_warehouse_url: str,
) -> None:
    """Case 78 of the fault list: PostgreSQL takes 1,600 columns."""
    warehouse = Warehouse.open(postgres_warehouse_url)
    migrate(warehouse)
    vendor = Scripted(offers=(CONTACTS,))
    record = {"id": "1"} | {f"p{n:04}": str(n) for n in range(1_700)}
    vendor.script["contacts"] = [Page(records=[record])]

    status, reports = sync(vendor, warehouse)

    assert status is Status.SUCCESS
    over = 1_701 - COLUMN_BUDGET
    assert reports["contacts"].notes == (
        f"{over} fields beyond the column budget are in _extra, as JSON",
    )
    assert rows(warehouse, CONTACTS)["1"] == record | {"_deleted": False}
    warehouse.close()


def test_a_batch_waits_for_another_writer_of_the_file(sqlite_warehouse_url: str) -> None:
    """Case 20 of the fault list."""
    warehouse = Warehouse.open(sqlite_warehouse_url)
    migrate(warehouse)
    writer = opened(warehouse, start_run(warehouse), CONTACTS)
    other = sqlite3.connect(sa.make_url(sqlite_warehouse_url).database or "")
    other.isolation_level = None
    other.execute("BEGIN IMMEDIATE")
    done = threading.Event()

    def write() -> None:
        writer.write(Batch(records=[{"id": "1"}]), None)
        done.set()

    writing = threading.Thread(target=write)
    writing.start()
    assert not done.wait(0.3)  # it cannot be done: the file is locked
    assert rows(warehouse, CONTACTS) == {}
    other.execute("COMMIT")
    writing.join()
    other.close()

    assert set(rows(warehouse, CONTACTS)) == {"1"}
    with warehouse.read() as db:
        assert db.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    warehouse.close()


@pytest.mark.parametrize("empty", ["", None])
def test_what_is_empty_stays_what_it_was(warehouse: Warehouse, empty: str | None) -> None:
    """Case 79 of the fault list: in text "" is a value; null is none."""
    vendor = Scripted(offers=(CONTACTS,))
    vendor.script["contacts"] = [Page(records=[{"id": "1", "name": "x"}, {"id": "2", "name": ""}])]
    sync(vendor, warehouse)
    vendor.script["contacts"] = [Page(records=[{"id": "1", "name": empty}])]

    _, reports = sync(vendor, warehouse)

    assert reports["contacts"].counts.updated == 1
    assert rows(warehouse, CONTACTS)["1"]["name"] == empty
    assert rows(warehouse, CONTACTS)["2"]["name"] == ""
