"""Google Sheets: what is not read again, and how many requests a read takes."""

from __future__ import annotations

from connectors.sources.gsheet.snapshot import BLOCK_CELLS
from tests.sources.gsheet.tabs import cursor, put, read
from tests.sources.pretend import Pretend


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
