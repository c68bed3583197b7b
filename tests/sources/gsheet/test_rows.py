"""Google Sheets: rows, columns and keys as a person sees them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.model import FieldType
from connectors.sandbox.gsheet import Tab
from tests.sources.gsheet.tabs import put, read, setting
from tests.sources.pretend import Pretend


def by_row(gathered: Any) -> dict[int, dict[str, Any]]:
    assert gathered.error is None, gathered.error
    return {record["_row_number"]: record for record in gathered.records}


def test_row_numbers_are_true_after_gaps(pretend: Pretend) -> None:
    put(pretend, [["name"], ["a"], [], ["", ""], ["b"], [], ["c"]])

    assert {row: record["name"] for row, record in by_row(read(pretend)).items()} == {
        2: "a",
        5: "b",
        7: "c",
    }


def test_a_gap_longer_than_a_block_is_not_the_end(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.sources.gsheet.snapshot.BLOCK_CELLS", 80)
    put(pretend, [["name"], ["a"], *[[] for _ in range(40)], ["b"]], spare=30)

    assert list(by_row(read(pretend))) == [2, 43]


def test_blank_double_and_surplus_columns_are_kept_under_names_of_their_own(
    pretend: Pretend,
) -> None:
    """Case 81 of the fault list: duplicate and blank headers."""
    put(pretend, [["Name ", "", "Note", "No\nte", "Note"], ["a", "b", "c", "d", "e", "f"]])

    (record,) = read(pretend).records

    assert record == {
        "_spreadsheet_id": "book",
        "_row_number": 2,
        "Name": "a",
        "column_B": "b",
        "Note": "c",
        "No te": "d",
        "Note_E": "e",
        "column_F": "f",
    }


def test_columns_and_headers_may_move(pretend: Pretend) -> None:
    """Case 81 of the fault list: header row moved."""
    columns = {"Cost": "numeric", "Day": {"type": "date", "name": "day"}}
    put(pretend, [["Our list"], [], ["Day", "x", "Cost"], [46023, "y", "$5.00"]])

    gathered = read(pretend, columns=columns)

    assert by_row(gathered)[4] == {
        "_spreadsheet_id": "book",
        "_row_number": 4,
        "day": "2026-01-01",
        "x": "y",
        "Cost": Decimal("5.00"),
    }
    assert "Book, tab Things: the headers are in row 3, not 1" in gathered.notes


def test_merged_cells_count_for_each_row_and_column(pretend: Pretend) -> None:
    rows = [["Region", "City", ""], ["West", "a", 1], ["", "b", 2], ["East", "c", 3]]
    put(pretend, rows, merges=[(1, 3, 0, 1), (0, 1, 1, 3)])

    records = by_row(read(pretend))

    assert [records[row]["Region"] for row in (2, 3, 4)] == ["West", "West", "East"]
    assert records[4]["City_C"] == 3


def test_repeated_headers_and_rows_without_a_key_are_left_out_as_set(pretend: Pretend) -> None:
    put(pretend, [["id", "n"], ["1", 5], ["id", "n"], ["2", 6], ["", 11]])

    gathered = read(pretend, key=["id"], without_key="skip")

    assert gathered.records == [{"id": "1", "n": 5}, {"id": "2", "n": 6}]
    assert len(gathered.notes) == 2


def test_without_key_columns_the_row_number_is_the_key_and_that_is_said(pretend: Pretend) -> None:
    put(pretend, [["n"], [1]])
    with pretend.reader(**setting()) as reader:
        (stream,) = reader.streams()

    assert stream.key == ("_spreadsheet_id", "_row_number")
    assert stream.fields["_row_number"] is FieldType.INTEGER
    assert any("told apart by their number" in note for note in read(pretend).notes)
    assert not any("number" in note for note in read(pretend, key=["n"]).notes)


@pytest.mark.parametrize("title", ["CRM26", "O'Neil's 50% / #1?", " spaces ", "A1:B2", "日本 🌲"])
def test_any_title_is_quoted_so_that_only_that_tab_is_meant(pretend: Pretend, title: str) -> None:
    file = put(pretend, [["n"], [1]], title=title)
    file.tabs.insert(0, Tab(1, "First", [["wrong"], ["wrong"]]))

    assert read(pretend, tab=title).records[0]["n"] == 1


def test_where_no_tab_is_named_each_is_a_stream(pretend: Pretend) -> None:
    file = put(pretend, [["n"], [1]])
    file.tabs += [Tab(8, "Q1 / West", [["n"], [2]]), Tab(9, "Chart", kind="OBJECT")]

    with pretend.reader(**setting(tab=None)) as reader:
        names = [stream.name for stream in reader.streams()]

    assert names == ["things_things", "things_q1_west"]
