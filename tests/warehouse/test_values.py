"""A value is stored as it is or refused with a reason, never changed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.model import FieldType
from connectors.warehouse.columns import READY
from connectors.warehouse.shapes import NotPlainError, inferred, shapes
from connectors.warehouse.values import UnfitError, coerced, timestamp_text, widened

TYPES = tuple(FieldType)


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FieldType.TIMESTAMP, "1767221201"),  # PostgreSQL would read the year 176722
        (FieldType.TIMESTAMP, "now"),
        (FieldType.TIMESTAMP, "infinity"),
        (FieldType.DATE, "1/2/2026"),  # day or month first?
        (FieldType.DATE, "today"),
        (FieldType.NUMERIC, "1_000"),
        (FieldType.NUMERIC, "0x1F"),
        (FieldType.NUMERIC, "NaN"),
        (FieldType.INTEGER, "12.5"),
        (FieldType.BOOLEAN, "maybe"),
    ],
)
def test_text_that_a_database_would_read_its_own_way_leaves_the_fast_path(
    dialect: str, kind: FieldType, value: str
) -> None:
    with pytest.raises(NotPlainError):
        READY[dialect][kind]([None, value], "UTC", {str})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678000Z"),
        ("2026-01-02 03:04:05 -0500", "2026-01-02T08:04:05.000000Z"),
        ("2026-01-02T03:04:05.123456789+00:00", "2026-01-02T03:04:05.123456Z"),
        ("1767225600", "2026-01-01T00:00:00.000000Z"),
        ("1767225600000", "2026-01-01T00:00:00.000000Z"),
        ("1767225600000000", "2026-01-01T00:00:00.000000Z"),
        (1767225600123, "2026-01-01T00:00:00.123000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"),
        ("2026-01-02", "2026-01-02T00:00:00.000000Z"),
    ],
)
def test_times_in_odd_forms_are_the_same_moment(value: Any, expected: str) -> None:
    """Case 62 of the fault list."""
    assert coerced(value, FieldType.TIMESTAMP, "UTC") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-08 01:59:00", "2026-03-08T06:59:00.000000Z"),  # before the clocks change
        ("2026-03-08 03:00:00", "2026-03-08T07:00:00.000000Z"),  # after
        ("2026-11-01 00:30:00", "2026-11-01T04:30:00.000000Z"),
        ("2026-11-01 02:30:00", "2026-11-01T07:30:00.000000Z"),
    ],
)
def test_naive_times_are_read_in_the_streams_zone_across_daylight_saving(
    value: str, expected: str
) -> None:
    """Case 62 of the fault list."""
    assert coerced(value, FieldType.TIMESTAMP, "America/New_York") == expected


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (FieldType.TIMESTAMP, "0000-00-00 00:00:00", "ISO 8601"),
        (FieldType.TIMESTAMP, "2026-02-30T00:00:00Z", "ISO 8601"),
        (FieldType.TIMESTAMP, "0001-01-01T00:00:00+05:00", "years 1 to 9999"),
        (FieldType.TIMESTAMP, "tomorrow", "ISO 8601"),
        (FieldType.DATE, "2026-01-02T10:00:00Z", "time of day"),
        (FieldType.INTEGER, 2**63, "64 bit"),
        (FieldType.INTEGER, "12.5", "whole number"),
        (FieldType.NUMERIC, Decimal("NaN"), "finite"),
        (FieldType.NUMERIC, "Infinity", "finite"),
        (FieldType.NUMERIC, "1;2", "number"),
        (FieldType.NUMERIC, "1e200000", "too large"),
        (FieldType.BOOLEAN, "maybe", "boolean"),
        (FieldType.TEXT, "a\x00b", "NUL"),
        (FieldType.TEXT, "\ud800", "surrogate"),
        (FieldType.JSON, {"a": "b\x00"}, "NUL"),
        (FieldType.JSON, {"a": Decimal("NaN")}, "NaN"),
        (FieldType.JSON, {"a": "\ud800"}, "JSON"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_a_reason(
    kind: FieldType, value: Any, reason: str
) -> None:
    """Cases 67, 68, 72, 73, 76 and 77 of the fault list."""
    with pytest.raises(UnfitError, match=reason):
        coerced(value, kind, "UTC")


@pytest.mark.parametrize(
    ("value", "expected"), [("Yes", True), ("no", False), ("1", True), (0, False), ("TRUE", True)]
)
def test_booleans_in_words_are_understood(value: Any, expected: bool) -> None:
    assert coerced(value, FieldType.BOOLEAN, "UTC") is expected


def test_an_empty_string_is_null_except_in_text() -> None:
    """Case 79 of the fault list."""
    assert coerced("", FieldType.NUMERIC, "UTC") is None
    assert coerced("", FieldType.TEXT, "UTC") == ""
    assert READY["postgresql"][FieldType.NUMERIC](["", "1.5"], "UTC", {str}) == [None, "1.5"]
    assert READY["postgresql"][FieldType.TEXT](["", "x"], "UTC", {str}) == ["", "x"]


def test_the_shapes_of_a_column_are_few() -> None:
    assert shapes([f"2026-01-{day:02}" for day in range(1, 29)]) == {"0000-00-00"}


@given(st.lists(st.sampled_from(TYPES), min_size=1))
def test_widening_is_monotonic_and_independent_of_order(kinds: list[FieldType]) -> None:
    forward, backward = kinds[0], kinds[-1]
    for kind in kinds:
        grown = widened(forward, kind)
        assert widened(grown, forward) is grown
        forward = grown
    for kind in reversed(kinds):
        backward = widened(backward, kind)

    assert forward is backward


@pytest.mark.parametrize(("one", "other", "third"), list(product(TYPES, TYPES, TYPES)))
def test_widening_is_associative(one: FieldType, other: FieldType, third: FieldType) -> None:
    assert widened(widened(one, other), third) is widened(one, widened(other, third))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], FieldType.BOOLEAN),
        ([True, 2], FieldType.INTEGER),
        ([1, Decimal("2.5")], FieldType.NUMERIC),
        ([2**63], FieldType.NUMERIC),
        (["02134", "10001"], FieldType.TEXT),  # zip codes keep their zeros
        (["2026-01-02"], FieldType.DATE),
        (["2026-01-02", "2026-01-02T03:04:05Z"], FieldType.TIMESTAMP),
        (["2026-01-02T03:04:05Z"], FieldType.TIMESTAMP),
        (["2026-13-45"], FieldType.TEXT),
        ([{"a": 1}, [1]], FieldType.JSON),
        ([{"a": 1}, "x"], FieldType.TEXT),
        ([None], None),
    ],
)
def test_undeclared_fields_get_the_narrowest_type(
    values: list[Any], kind: FieldType | None
) -> None:
    assert inferred(values) is kind


@given(st.datetimes(timezones=st.just(UTC)))
def test_the_text_order_of_stored_times_is_their_order_in_time(moment: datetime) -> None:
    text = timestamp_text(moment)

    assert len(text) == 27
    assert datetime.fromisoformat(text) == moment
