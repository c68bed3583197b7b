"""Batches: what is new, changed, doubled; what is committed together."""

from __future__ import annotations

import pytest

from connectors.errors import FencedOff
from connectors.model import Counts, FieldType, Stream
from connectors.warehouse import checkpoints, runs
from connectors.warehouse.checkpoints import State
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch
from connectors.warehouse.stream_runs import stream_counts
from tests.warehouse.loading import (
    CONTACTS,
    SOURCE,
    TYPED,
    VERSIONED,
    load,
    opened,
    rows,
    start_run,
    types,
)


def test_an_unchanged_row_is_not_rewritten(warehouse: Warehouse) -> None:
    record = {"id": "1", "amount": "12.50", "at": "2026-01-02T03:04:05Z"}
    load(warehouse, TYPED, [record])
    with warehouse.read() as db:
        before = db.exec_driver_sql('SELECT _synced_at, _run_id FROM "acme_typed"').one()

    same = {"id": "1", "amount": "12.5", "at": "2026-01-02T03:04:05.000Z"}
    counts = load(warehouse, TYPED, [same])

    assert counts == Counts(read=1, unchanged=1)
    with warehouse.read() as db:
        after = db.exec_driver_sql('SELECT _synced_at, _run_id FROM "acme_typed"').one()
    assert after == before


def test_counts_tell_inserted_updated_and_unchanged_apart(warehouse: Warehouse) -> None:
    load(warehouse, CONTACTS, [{"id": str(n), "name": "a"} for n in range(10)])

    counts = load(
        warehouse, CONTACTS, [{"id": str(n), "name": "a" if n < 13 else "b"} for n in range(5, 15)]
    )
    again = load(warehouse, CONTACTS, [{"id": "6", "name": "z"}])

    assert counts == Counts(read=10, inserted=5, unchanged=5)
    assert again == Counts(read=1, updated=1)


def test_integer_keys_are_counted_too(warehouse: Warehouse) -> None:
    """SQLite would take an INTEGER key for the row id, by which insertions are counted."""
    stream = Stream(name="jobs", key=("id",), fields={"id": FieldType.INTEGER})
    load(warehouse, stream, [{"id": 1000, "v": 1}, {"id": 2000, "v": 1}])

    counts = load(
        warehouse, stream, [{"id": 2000, "v": 2}, {"id": 5, "v": 1}, {"id": 1000, "v": 1}]
    )

    assert counts == Counts(read=3, inserted=1, updated=1, unchanged=1)


def test_the_last_of_several_records_with_one_key_wins(warehouse: Warehouse) -> None:
    counts = load(
        warehouse, CONTACTS, [{"id": "1", "name": "a"}, {"id": "2"}, {"id": "1", "name": "b"}]
    )

    assert counts == Counts(read=3, inserted=2, superseded=1)
    assert rows(warehouse, CONTACTS)["1"]["name"] == "b"


def test_the_newest_of_several_versions_wins_in_any_order(warehouse: Warehouse) -> None:
    """Case 61 of the fault list."""
    old = {"id": "1", "changed": "2026-01-02T00:00:00Z", "name": "old"}
    new = {"id": "1", "changed": "2026-01-02T00:00:00.500Z", "name": "new"}

    assert load(warehouse, VERSIONED, [new, old]) == Counts(read=2, inserted=1, superseded=1)
    assert load(warehouse, VERSIONED, [old]) == Counts(read=1, superseded=1)

    assert rows(warehouse, VERSIONED)["1"]["name"] == "new"


def test_a_composite_key_is_compared_whole(warehouse: Warehouse) -> None:
    stream = Stream(name="stages", key=("pipeline", "stage"))
    load(warehouse, stream, [{"pipeline": "a", "stage": "1", "label": "x"}])

    counts = load(
        warehouse,
        stream,
        [
            {"pipeline": "a", "stage": "1", "label": "y"},
            {"pipeline": "b", "stage": "1", "label": "x"},
        ],
    )

    assert counts == Counts(read=2, inserted=1, updated=1)
    assert rows(warehouse, stream)["a", "1"]["label"] == "y"


def test_nothing_of_a_batch_is_stored_once_the_run_lost_its_source(warehouse: Warehouse) -> None:
    """Case 8 of the fault list: a zombie commits nothing, its checkpoint included."""
    zombie = start_run(warehouse)
    writer = opened(warehouse, zombie, CONTACTS)
    writer.write(Batch(records=[{"id": "1", "name": "old"}]), State(cursor={"until": "1"}))
    runs.finish(warehouse, zombie.run_id, runs.Status.FAILED, "HeartbeatLost")
    load(warehouse, CONTACTS, [{"id": "1", "name": "new"}])

    with pytest.raises(FencedOff):
        writer.write(Batch(records=[{"id": "1", "name": "late"}]), State(cursor={"until": "2"}))

    assert rows(warehouse, CONTACTS)["1"]["name"] == "new"
    assert checkpoints.load(warehouse, SOURCE, "contacts").cursor == {"until": "1"}


def test_a_dry_run_counts_and_stores_nothing(warehouse: Warehouse) -> None:
    load(warehouse, CONTACTS, [{"id": "1", "name": "a"}])
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS, dry_run=True)

    counts = writer.write(
        Batch(records=[{"id": "1", "name": "b", "new": 1}, {"id": "2"}]), State(cursor={"u": 1})
    )

    assert counts == Counts(read=2, inserted=1, updated=1)
    assert set(rows(warehouse, CONTACTS)) == {"1"}
    assert "new" not in types(warehouse, CONTACTS)
    assert checkpoints.load(warehouse, SOURCE, "contacts") == State()


def test_counters_are_those_of_the_committed_batches(warehouse: Warehouse) -> None:
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS)
    writer.write(Batch(records=[{"id": "1"}, {"id": "2"}]), None)
    writer.write(Batch(records=[{"id": "2"}, {"name": "keyless"}]), None)

    counted = stream_counts(warehouse, run.run_id, "contacts")

    assert counted == Counts(read=4, inserted=2, unchanged=1, rejected=1)
