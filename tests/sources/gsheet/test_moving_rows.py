"""Google Sheets: a spreadsheet that somebody edits while it is read."""

from __future__ import annotations

from connectors.sandbox.gsheet import Formula
from connectors.sources.gsheet.manners import TabMoved
from tests.sources.gsheet.numbered import numbered, numbers
from tests.sources.gsheet.tabs import cursor, put, read
from tests.sources.pretend import Pretend

VALUES = "values:batchGet"


def test_a_spreadsheet_that_shrinks_while_it_is_read_is_read_again(
    pretend: Pretend, small_blocks: None
) -> None:
    """Fault of issue 6: the rows that the metadata promised are gone."""
    file = put(pretend, numbered(40))

    def shrink() -> None:
        del file.tabs[0].rows[5:]
        file.touch()

    pretend.fault(path=VALUES, nth=3, call=shrink)

    gathered = read(pretend)

    assert numbers(gathered) == [0, 1, 2, 3]
    assert gathered.pages[-1].everything
    assert any("read 2 times" in note for note in gathered.notes)


def test_rows_that_shift_while_they_are_read_are_neither_lost_nor_doubled(
    pretend: Pretend, small_blocks: None
) -> None:
    """Case 51 of the fault list."""
    file = put(pretend, numbered(40))

    def insert() -> None:
        file.tabs[0].rows.insert(1, [99])
        file.touch()

    pretend.fault(path=VALUES, nth=3, call=insert)

    assert numbers(read(pretend)) == [99, *range(40)]


def test_a_spreadsheet_that_never_rests_is_read_but_deletes_nothing(
    pretend: Pretend, small_blocks: None
) -> None:
    file = put(pretend, numbered(40))
    pretend.fault(path=VALUES, times=None, call=file.touch)

    gathered = read(pretend)

    assert numbers(gathered) == list(range(40))
    assert "changed during each of 3 readings" in gathered.incomplete[0]
    assert cursor(gathered) is None
    assert not gathered.pages[-1].everything


def test_one_answer_is_of_one_moment_whatever_changes_around_it(pretend: Pretend) -> None:
    file = put(pretend, numbered(3))
    pretend.fault(path=VALUES, times=None, call=file.touch)

    gathered = read(pretend)

    assert gathered.incomplete == []
    assert cursor(gathered)["versions"]["book"] < str(file.version)


def test_a_tab_that_moves_before_every_request_fails_its_stream(pretend: Pretend) -> None:
    file = put(pretend, numbered(3))
    names = iter("ABCDEFG")

    def rename() -> None:
        file.tabs[0].title = next(names)

    pretend.fault(path=VALUES, times=None, call=rename)

    assert isinstance(read(pretend, tab=7).error, TabMoved)


def test_a_block_too_heavy_for_google_is_halved(pretend: Pretend, small_blocks: None) -> None:
    put(pretend, numbered(9))
    pretend.fault(path=VALUES, contains="H10", times=4, status=503, body="{}")

    gathered = read(pretend)

    assert numbers(gathered) == list(range(9))
    assert pretend.sandbox.stats()["gsheet"]["endpoints"]["values"] == 6


def test_only_so_many_lost_cells_are_kept_one_by_one(pretend: Pretend) -> None:
    put(pretend, [["n"], *([Formula("=NA()", "#N/A")] for _ in range(250))])

    gathered = read(pretend)

    assert sum(len(page.refused) for page in gathered.pages) == 100
    assert any("#N/A 250" in note for note in gathered.notes)
