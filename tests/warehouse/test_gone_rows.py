"""Rows that are gone at the vendor: by signal, by comparison, by window."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.model import Counts, Deletes, FieldType, Range, Stream
from connectors.warehouse import runs
from connectors.warehouse.checkpoints import State
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch
from tests.warehouse.loading import (
    CONTACTS,
    opened,
    rows,
    start_run,
)


def test_the_vendors_signal_deletes_softly_and_a_sighting_restores(warehouse: Warehouse) -> None:
    """Cases 55 and 56 of the fault list."""
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS)
    writer.write(Batch(records=[{"id": "1", "n": 1}, {"id": "2", "n": 2}]), None)

    gone = writer.write(Batch(deleted=[("1",), ("9",)]), None)
    assert gone == Counts(deleted=1)
    assert rows(warehouse, CONTACTS)["1"]["_deleted"]
    assert writer.live_rows() == 1

    back = writer.write(Batch(records=[{"id": "1", "n": 1}]), None)
    assert back == Counts(read=1, updated=1)
    assert not rows(warehouse, CONTACTS)["1"]["_deleted"]


COMPARED = Stream(name="compared", deletes=Deletes.COMPARE)


WINDOWED = Stream(name="windowed", deletes=Deletes.WINDOW, fields={"starts": FieldType.TIMESTAMP})


def full_read(warehouse: Warehouse, *ids: str) -> tuple[Counts, list[str]]:
    """Read everything there is and compare."""
    run = start_run(warehouse)
    writer = opened(warehouse, run, COMPARED)
    writer.open({}, track_keys=True, fresh_keys=True)
    if ids:
        writer.write(Batch(records=[{"id": i} for i in ids]), None)
    counts = writer.finish(State(), complete=True, names=frozenset())
    runs.finish(warehouse, run.run_id, runs.Status.SUCCESS)
    return counts, writer.notes


def test_what_a_complete_read_did_not_see_is_deleted(warehouse: Warehouse) -> None:
    """Case 57 of the fault list."""
    full_read(warehouse, *"abcdefghij")

    counts, notes = full_read(warehouse, *"abcdefghi")

    assert counts == Counts(deleted=1)
    assert notes == []
    assert [k for k, row in rows(warehouse, COMPARED).items() if row["_deleted"]] == ["j"]


@pytest.mark.parametrize("seen", ["", "abcd"])
def test_an_empty_or_short_read_deletes_nothing_and_says_so(
    warehouse: Warehouse, seen: str
) -> None:
    """Case 63 of the fault list."""
    full_read(warehouse, *"abcdefghij")

    counts, notes = full_read(warehouse, *seen)

    assert counts == Counts()
    assert "nothing was deleted" in notes[0]
    assert f"{10 - len(seen)} of 10" in notes[0]
    assert not any(row["_deleted"] for row in rows(warehouse, COMPARED).values())


def test_a_window_read_again_deletes_inside_it_only(warehouse: Warehouse) -> None:
    first, later = "2026-01-01T10:00:00Z", "2026-01-05T10:00:00Z"
    run = start_run(warehouse)
    writer = opened(warehouse, run, WINDOWED)
    everything = [{"id": "1", "starts": first}, {"id": "2", "starts": first}]
    writer.write(Batch(records=[*everything, {"id": "3", "starts": later}]), None)
    writer.open({}, track_keys=True, fresh_keys=True)

    day = Range(
        column="starts",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 1, 2, tzinfo=UTC),
    )
    counts = writer.write(Batch(records=everything[:1], closed=[day]), None)

    assert counts == Counts(read=1, unchanged=1, deleted=1)
    assert [k for k, row in rows(warehouse, WINDOWED).items() if row["_deleted"]] == ["2"]
