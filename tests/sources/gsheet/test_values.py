"""Google Sheets: what a cell says, as a typed value or a reject."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.sandbox.gsheet import Formula
from tests.sources.gsheet.tabs import cursor, put, read
from tests.sources.pretend import Pretend


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        (datetime(2026, 7, 1, 9, 30), "2026-07-01T13:30:00.000Z"),  # noqa: DTZ001
        (datetime(2026, 1, 1), "2026-01-01T05:00:00.000Z"),  # noqa: DTZ001
        (46023, "2026-01-01T05:00:00.000Z"),
        (46023.00001157407, "2026-01-01T05:00:01.000Z"),
        ("7/1/2026 9:30 PM", "2026-07-02T01:30:00.000Z"),
        ("13/1/26", "2026-01-13T05:00:00.000Z"),
        ("1.2.2026", "2026-02-01T05:00:00.000Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_read_in_the_spreadsheets_zone(pretend: Pretend, cell: Any, moment: str) -> None:
    put(pretend, [["at"], [cell]])

    assert read(pretend, columns={"at": "timestamp"}).records[0]["at"] == moment


def test_a_zone_of_the_setting_wins_and_days_may_come_first(pretend: Pretend) -> None:
    put(pretend, [["at"], ["1/2/2026"]])

    gathered = read(pretend, columns={"at": "timestamp"}, zone="UTC", day_first=True)

    assert gathered.records[0]["at"] == "2026-02-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("$1,234.50", "1234.50"),
        ("($5.00)", "-5.00"),
        ("5 %", "0.05"),
        ("-7", "-7"),
        ("3.000,5", "3000.5"),
        (0.1, "0.1"),
        (7, "7"),
    ],
)
def test_money_and_percentages_written_as_text_are_numbers(
    pretend: Pretend, cell: Any, number: str
) -> None:
    put(pretend, [["n"], [cell]])

    assert read(pretend, columns={"n": "numeric"}).records[0]["n"] == Decimal(number)


def test_formula_errors_are_null_and_kept_as_rejects(pretend: Pretend) -> None:
    """Case 81 of the fault list: #REF!."""
    put(pretend, [["a", "b"], [Formula("=1/0", "#DIV/0!"), "x"], ["#REF!", "y"], [1, "z"]])

    gathered = read(pretend)

    assert [record["a"] for record in gathered.records] == [None, None, 1]
    (refused,) = [page.refused for page in gathered.pages if page.refused]
    assert [(each.key, each.column, each.value) for each in refused] == [
        ("book/2", "a", "#DIV/0!"),
        ("book/3", "a", "#REF!"),
    ]
    assert any("#DIV/0! 1, #REF! 1" in note for note in gathered.notes)


def test_a_value_that_is_no_date_is_null_and_kept(pretend: Pretend) -> None:
    put(pretend, [["day"], ["soon"], [5_551_234_567], [46023]])

    gathered = read(pretend, columns={"day": "date"})

    assert [record["day"] for record in gathered.records] == [None, None, "2026-01-01"]
    assert [each.value for page in gathered.pages for each in page.refused] == [
        "soon",
        "5551234567",
    ]


def test_formulas_that_are_still_computed_make_the_read_incomplete(pretend: Pretend) -> None:
    put(pretend, [["a"], [Formula("=IMPORTRANGE()", "Loading...")]])

    gathered = read(pretend)

    assert gathered.incomplete
    assert cursor(gathered) is None
