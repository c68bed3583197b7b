"""Which values are stored, and which are kept as rejects."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.model import Counts, Refused
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch
from tests.warehouse.loading import (
    CONTACTS,
    TYPED,
    load,
    opened,
    rejects,
    rows,
    start_run,
)


def test_text_values_land_typed(warehouse: Warehouse) -> None:
    record = {
        "id": "1",
        "amount": "12.50",
        "count": "7",
        "done": "true",
        "day": "2026-01-02",
        "at": "2026-01-02T03:04:05.678Z",
        "more": {"a": [1, Decimal("2.5")]},
        "note": "",
    }

    assert load(warehouse, TYPED, [record]) == Counts(read=1, inserted=1)

    assert rows(warehouse, TYPED)["1"] | {"day": None} == {
        "id": "1",
        "amount": Decimal("12.5"),
        "count": 7,
        "done": True,
        "day": None,
        "at": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        "more": {"a": [1, 2.5]},
        "note": "",
        "_deleted": False,
    }


@pytest.mark.parametrize("amount", ["1e400", "1E-400", "-2e999"])
def test_a_number_beyond_a_float_is_kept_exactly(warehouse: Warehouse, amount: str) -> None:
    load(warehouse, TYPED, [{"id": "1", "amount": amount}])

    assert rows(warehouse, TYPED)["1"]["amount"] == Decimal(amount)


@pytest.mark.parametrize(
    ("name", "value"), [("amount", "1\n2"), ("count", "1\n2"), ("day", "2026-01-01\n2026-01-02")]
)
def test_two_lines_of_plain_text_are_not_a_plain_value(
    warehouse: Warehouse, name: str, value: str
) -> None:
    load(warehouse, TYPED, [{"id": "1", name: value}, {"id": "2", name: None}])

    assert rows(warehouse, TYPED)["1"][name] is None
    assert [row["value"] for row in rejects(warehouse)] == [value]


def test_one_bad_value_costs_that_value_only(warehouse: Warehouse) -> None:
    """Cases 62, 67, 68 and 76 of the fault list."""
    batch: list[dict[str, Any]] = [
        {"id": "1", "amount": "1;2", "count": "1"},
        {"id": "2", "amount": "2", "count": str(2**70)},
        {"id": "3", "amount": "3", "done": "maybe", "at": "2026-02-30T00:00:00Z"},
        {"id": "4", "amount": "4", "count": 4},
    ]

    counts = load(warehouse, TYPED, batch)

    assert counts == Counts(read=4, inserted=4, values_rejected=4, rows_damaged=3)
    stored = rows(warehouse, TYPED)
    assert stored["1"]["amount"] is None
    assert stored["1"]["count"] == 1
    assert stored["4"]["count"] == 4
    kept = {(r["key"], r["column_name"]): r["value"] for r in rejects(warehouse)}
    assert kept == {
        ("1", "amount"): "1;2",
        ("2", "count"): str(2**70),
        ("3", "done"): "maybe",
        ("3", "at"): "2026-02-30T00:00:00Z",
    }


def test_a_time_that_its_offset_carries_out_of_the_calendar_is_refused(
    warehouse: Warehouse,
) -> None:
    """Case 62 of the fault list: PostgreSQL would hold it, and nobody could read it back."""
    batch = [
        {"id": "1", "at": "9999-12-31T23:59:59-05:00"},
        {"id": "2", "at": "0001-01-01T00:00:00+05:00"},
        {"id": "3", "at": "9999-12-31T20:00:00+05:00"},
    ]

    counts = load(warehouse, TYPED, batch)

    assert counts == Counts(read=3, inserted=3, values_rejected=2, rows_damaged=2)
    stored = rows(warehouse, TYPED)
    assert stored["3"]["at"] == datetime(9999, 12, 31, 15, tzinfo=UTC)
    assert stored["1"]["at"] is None


def test_a_row_counts_as_damaged_once_wherever_its_values_were_refused(
    warehouse: Warehouse,
) -> None:
    """The source refuses a zero date of row 1 and 2, the loader another value of row 2."""

    def refused(key: str, reason: str, **more: Any) -> Refused:
        return Refused(key=key, column="day", value="0000-00-00", reason=reason, **more)

    batch = Batch(
        records=[{"id": "1"}, {"id": "2", "amount": "1;2"}, {"id": "3"}],
        refused=[
            refused("1", "day is no date"),
            refused("2", "day is no date"),
            refused("3", "day is a formula's error", empty=True),
        ],
    )

    counts = opened(warehouse, start_run(warehouse), TYPED).write(batch, None)

    assert counts == Counts(read=3, inserted=3, values_rejected=4, rows_damaged=2)


@pytest.mark.parametrize("key", [None, "", "missing"])
def test_a_record_without_its_key_is_refused_whole(warehouse: Warehouse, key: str | None) -> None:
    """Case 80 of the fault list."""
    keyless = {"name": "x"} if key == "missing" else {"id": key, "name": "x"}

    counts = load(warehouse, CONTACTS, [keyless, {"id": "1", "name": "y"}])

    assert counts == Counts(read=2, inserted=1, rejected=1)
    assert set(rows(warehouse, CONTACTS)) == {"1"}
    assert "key" in rejects(warehouse)[0]["reason"]


def test_text_that_no_database_holds_is_kept_as_a_reject(warehouse: Warehouse) -> None:
    """Cases 72 and 73 of the fault list."""
    counts = load(
        warehouse,
        CONTACTS,
        [{"id": "1", "name": "a\x00b"}, {"id": "2", "name": "\ud800"}, {"id": "3", "name": "ok"}],
    )

    assert counts == Counts(read=3, inserted=3, values_rejected=2, rows_damaged=2)
    assert rows(warehouse, CONTACTS)["3"]["name"] == "ok"
    assert [r["value"] for r in rejects(warehouse)] == ["a\\0b", "\\ud800"]


def test_a_20_mb_text_is_stored_whole(warehouse: Warehouse) -> None:
    """Case 74 of the fault list."""
    load(warehouse, CONTACTS, [{"id": "1", "name": "x" * 20_000_000}])

    assert len(rows(warehouse, CONTACTS)["1"]["name"]) == 20_000_000


def test_json_nested_500_deep_is_stored(warehouse: Warehouse) -> None:
    """Case 75 of the fault list."""
    deep: Any = 1
    for _ in range(500):
        deep = [deep]

    counts = load(warehouse, TYPED, [{"id": "1", "more": deep}])

    assert counts == Counts(read=1, inserted=1)


def test_json_text_with_nan_is_refused_not_nulled_silently(warehouse: Warehouse) -> None:
    """Case 77 of the fault list."""
    counts = load(warehouse, TYPED, [{"id": "1", "more": {"a": Decimal("NaN")}, "amount": "NaN"}])

    assert counts.values_rejected == 2
    assert rows(warehouse, TYPED)["1"]["amount"] is None
