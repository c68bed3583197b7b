"""Google Sheets: what becomes of a tab's cells."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ConfigError, ContractError
from connectors.model import FieldType
from connectors.sandbox.gsheet import API_KEY, File, Formula, Tab
from connectors.settings import load
from connectors.sources.gsheet.a1 import block, letters
from connectors.sources.gsheet.settings import Settings
from connectors.sources.gsheet.snapshot import BLOCK_CELLS
from tests.sources.gsheet_tabs import STREAM, cursor, google, put, read, setting
from tests.sources.pretend import Pretend


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Generator[Pretend]:
    with google() as vendor:
        yield vendor


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


def test_an_unchanged_spreadsheet_is_read_again_only_after_its_maximum_age(
    pretend: Pretend,
) -> None:
    file = put(pretend, [["n"], [1]])
    first = read(pretend)
    before = pretend.requests()

    skipped = read(pretend, cursor(first))

    assert skipped.records == []
    assert skipped.notes == ["unchanged since 2026-06-15T18:30:00+00:00: not read again"]
    assert pretend.requests() - before == 2  # a token and Drive
    pretend.advance(hours=25)
    assert len(read(pretend, cursor(first)).records) == 1
    file.touch()
    assert len(read(pretend, cursor(first)).records) == 1


def test_another_setting_or_a_maximum_age_of_zero_reads_again(pretend: Pretend) -> None:
    put(pretend, [["n"], [1]])
    first = cursor(read(pretend))

    assert read(pretend, first, columns={"n": "text"}).records
    assert read(pretend, cursor(read(pretend, max_age_hours=0)), max_age_hours=0).records


def test_a_hundred_thousand_rows_of_twenty_columns_take_at_most_fifteen_requests(
    pretend: Pretend,
) -> None:
    headers = [f"c{number}" for number in range(20)]
    put(pretend, [headers, *([number, "x"] for number in range(100_000))], columns=20)

    gathered = read(pretend)

    counted = pretend.sandbox.stats()["gsheet"]["endpoints"]
    assert len(gathered.records) == 100_000
    assert sum(counted.values()) - counted["token"] <= 15


def test_a_million_rows_would_take_at_most_a_hundred_requests() -> None:
    """Ten million cells are the most a spreadsheet has; empty ones are counted too."""
    assert all(
        -(-rows // (BLOCK_CELLS // columns)) + 3 <= 100
        for rows, columns in ((1_000_000, 10), (384_615, 26), (100_000, 100), (547, 18_278))
    )


def test_an_api_key_reads_public_spreadsheets_only(pretend: Pretend) -> None:
    file = put(pretend, [["n"], [1]])
    settings = setting() | {"credentials": API_KEY}

    refused = pretend.read(STREAM, settings=settings)
    file.public = True
    gathered = pretend.read(STREAM, settings=settings)

    assert "anyone with the link" in str(refused.error)
    assert len(gathered.records) == 1
    assert "token" not in pretend.sandbox.stats()["gsheet"]["endpoints"]


def test_credentials_and_spreadsheets_may_be_files(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = pretend.sandbox.environment()
    for name in ("GSHEET_CREDENTIALS", "GSHEET_SPREADSHEETS"):
        (tmp_path / name).write_text(environment[name])
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("GSHEET_BASE_URL", environment["GSHEET_BASE_URL"])

    loaded = load(Settings)

    assert [tab.stream for tab in loaded.spreadsheets] == ["marketing_leads", "marketing_spends"]
    assert loaded.service_account() is not None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"credentials": "{}"}, "not a service account's key"),
        ({"credentials": "/nowhere/key.json"}, "neither JSON nor a file"),
        ({"spreadsheets": "[]"}, "GSHEET_SPREADSHEETS is not valid"),
        ({"spreadsheets": "{"}, "neither a JSON list nor the path"),
        (setting(preset="sales"), "no preset sales"),
        (setting(zone="Moon/Base"), "no time zone Moon/Base"),
        (setting(spreadsheets=["a b"]), "a spreadsheet id has letters"),
        ({"spreadsheets": json.dumps([json.loads(setting()["spreadsheets"])[0]] * 2)}, "twice"),
    ],
)
def test_wrong_settings_are_named(pretend: Pretend, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said), pretend.reader(**wrong):
        pass


def test_a_link_is_as_good_as_an_id(pretend: Pretend) -> None:
    put(pretend, [["n"], [1]])

    link = "https://docs.google.com/spreadsheets/d/book/edit#gid=7"

    assert read(pretend, spreadsheets=[link], tab=7).records[0]["_spreadsheet_id"] == "book"


@pytest.mark.parametrize(("index", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (18_277, "ZZZ")])
def test_columns_have_letters(index: int, name: str) -> None:
    assert letters(index) == name


def test_a_block_is_named_with_its_quotes_doubled() -> None:
    assert block("O'Neil", 3, 9, 27) == "'O''Neil'!A3:AA9"


def test_an_excel_file_and_one_in_the_trash_are_refused(pretend: Pretend) -> None:
    file: File = put(pretend, [["n"], [1]])
    file.trashed = True
    trashed = read(pretend).error
    file.trashed, file.mime_type = False, "application/vnd.ms-excel"

    assert isinstance(trashed, ContractError)
    assert "trash" in str(trashed)
    assert "not a Google spreadsheet" in str(read(pretend).error)
    pretend.vendor.drive_off = True
    assert "not a Google spreadsheet" in str(read(pretend).error)
