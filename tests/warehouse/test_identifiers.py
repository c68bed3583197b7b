"""Vendors' names are hostile input; column names are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.warehouse.identifiers import MAX_BYTES, RESERVED, identifier, original, stored

ANY_NAME = st.text(max_size=200)


@given(st.lists(ANY_NAME, unique=True, max_size=30))
def test_different_names_never_share_a_column(names: list[str]) -> None:
    """Cases 69 to 71 of the fault list, for any names at all."""
    taken: set[str] = set(RESERVED)
    for name in names:
        column = identifier(name, taken)
        assert column not in taken
        taken.add(column)


@given(ANY_NAME)
def test_every_name_becomes_a_short_plain_identifier(name: str) -> None:
    column = identifier(name)

    assert column.isascii()
    assert 1 <= len(column.encode()) <= MAX_BYTES
    assert column == column.lower()
    assert not column[0].isdigit()
    assert set(column) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")


@given(ANY_NAME)
def test_a_stored_name_leads_back_to_the_original(name: str) -> None:
    assert original(stored(name)) == name
    assert "\x00" not in stored(name)


def test_eighty_character_names_with_equal_first_63_bytes_stay_apart() -> None:
    """Case 69 of the fault list."""
    one, other = "a" * 79 + "x", "a" * 79 + "y"

    assert identifier(one) != identifier(other)


def test_names_that_differ_by_case_or_accent_stay_apart() -> None:
    """Case 70 of the fault list."""
    taken = set(RESERVED)
    columns: list[str] = []
    for name in ("email", "Email", "EMAIL", "émail", "select", "📧"):
        columns.append(identifier(name, taken))
        taken.add(columns[-1])

    assert columns[0] == "email"
    assert columns[4] == "select"
    assert len(set(columns)) == 6


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_system_and_bookkeeping_columns_are_never_taken(name: str) -> None:
    assert identifier(name) not in RESERVED


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("firstName", "first_name"),
        ("userIdIncludingInactive", "user_id_including_inactive"),
        ("hs_v2_date_entered_12", "hs_v2_date_entered_12"),
        ("Lead Cost ($)", "lead_cost"),
        ("2nd phone", "_2nd_phone"),
    ],
)
def test_common_names_stay_readable(name: str, column: str) -> None:
    assert identifier(name) == column
