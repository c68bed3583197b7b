"""Columns that come, widen, overflow and go."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.errors import FencedOff
from connectors.model import Counts, FieldType
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch
from tests.warehouse.loading import (
    CONTACTS,
    load,
    opened,
    rejects,
    rows,
    start_run,
    types,
)


def test_a_new_field_becomes_a_column_during_the_run(warehouse: Warehouse) -> None:
    """Case 65 of the fault list."""
    load(warehouse, CONTACTS, [{"id": "1"}], [{"id": "2", "score": 5, "seen": "2026-01-02"}])

    assert types(warehouse, CONTACTS)["score"] is FieldType.INTEGER
    assert types(warehouse, CONTACTS)["seen"] is FieldType.DATE
    assert rows(warehouse, CONTACTS)["2"]["score"] == 5
    assert rows(warehouse, CONTACTS)["1"]["score"] is None


def test_a_field_name_that_is_sql_stays_a_name(warehouse: Warehouse) -> None:
    """Case 71 of the fault list."""
    hostile = 'x"); DROP TABLE acme_contacts;--'

    load(warehouse, CONTACTS, [{"id": "1", hostile: "v", "a%sb": "w", "c:d": "x", "n\x00": "y"}])

    stored = rows(warehouse, CONTACTS)["1"]
    assert [stored[name] for name in (hostile, "a%sb", "c:d", "n\x00")] == ["v", "w", "x", "y"]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([True, 2, Decimal("2.5"), "x"], FieldType.TEXT, ["1", "2", "2.5", "x"]),
        ([True, 2], FieldType.INTEGER, [1, 2]),
        ([1, Decimal("2.5")], FieldType.NUMERIC, [Decimal(1), Decimal("2.5")]),
        (
            ["2026-01-02", "2026-01-02T03:00:00Z", "soon"],
            FieldType.TEXT,
            ["2026-01-02T00:00:00.000000Z", "2026-01-02T03:00:00.000000Z", "soon"],
        ),
        ([{"a": 1}, "x"], FieldType.TEXT, None),
        ([1, 2**70], FieldType.NUMERIC, [Decimal(1), Decimal(2**70)]),
    ],
)
def test_an_inferred_column_widens_without_losing_a_value(
    warehouse: Warehouse, values: list[Any], kind: FieldType, expected: list[Any] | None
) -> None:
    """Each value in a batch of its own, so that every step widens a column with rows in it."""
    counts = load(
        warehouse, CONTACTS, *([{"id": str(n), "v": value}] for n, value in enumerate(values))
    )

    assert counts == Counts(read=len(values), inserted=len(values))
    assert types(warehouse, CONTACTS)["v"] is kind
    stored = rows(warehouse, CONTACTS)
    if expected is not None:
        assert [stored[str(n)]["v"] for n in range(len(values))] == expected
    assert rejects(warehouse) == []


def test_columns_beyond_the_budget_share_one_json_column(warehouse: Warehouse) -> None:
    """Case 78 of the fault list, with a small budget."""
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS, column_budget=5)
    record = {"id": "1"} | {f"p{n:04}": str(n) for n in range(1_700)}

    writer.write(Batch(records=[record]), None)
    again = writer.write(Batch(records=[record | {"p1699": "changed"}]), None)

    assert again.updated == 1
    stored = rows(warehouse, CONTACTS)["1"]
    stored.pop("_deleted")
    assert stored == record | {"p1699": "changed"}


def test_columns_of_a_batch_that_failed_are_made_again(warehouse: Warehouse) -> None:
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS)
    runs.finish(warehouse, run.run_id, runs.Status.FAILED, "closed")
    with pytest.raises(FencedOff):
        writer.write(Batch(records=[{"id": "1", "late": 1}]), None)

    load(warehouse, CONTACTS, [{"id": "1", "late": 2}])

    assert rows(warehouse, CONTACTS)["1"]["late"] == 2


def test_a_field_that_the_vendor_dropped_keeps_what_it_held(warehouse: Warehouse) -> None:
    """Case 66 of the fault list."""
    both = {"label": FieldType.TEXT, "color": FieldType.TEXT}
    for fields, record, color in (
        (both, {"id": "1", "label": "a", "color": "red"}, "red"),
        ({"label": FieldType.TEXT}, {"id": "1", "label": "b"}, "red"),
        (both, {"id": "1", "label": "c", "color": None}, None),
    ):
        run = start_run(warehouse)
        writer = opened(warehouse, run, CONTACTS)
        writer.open(fields, track_keys=False, fresh_keys=True)
        assert writer.write(Batch(records=[record]), None).read == 1
        runs.finish(warehouse, run.run_id, runs.Status.SUCCESS)

        stored = rows(warehouse, CONTACTS)["1"]
        assert (stored["label"], stored["color"]) == (record["label"], color)
