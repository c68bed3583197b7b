"""Google Sheets: tabs and headers that are renamed, moved, deleted or protected."""

from __future__ import annotations

from connectors.errors import ContractError
from tests.sources.gsheet.numbered import numbered, numbers
from tests.sources.gsheet.tabs import cursor, put, read
from tests.sources.pretend import Pretend


def test_a_renamed_tab_is_found_by_the_number_it_had(pretend: Pretend) -> None:
    """Fault of issue 6: tab renamed."""
    file = put(pretend, numbered(2))
    known = cursor(read(pretend))
    file.tabs[0].title = "Things 2026"
    file.touch()

    gathered = read(pretend, known)

    assert numbers(gathered) == [0, 1]
    assert any("now called Things 2026" in note for note in gathered.notes)
    assert numbers(read(pretend, tab=7)) == [0, 1]
    assert "There are Things 2026 (7)" in str(read(pretend).error)


def test_a_deleted_tab_and_a_chart_fail_their_stream(pretend: Pretend) -> None:
    """Fault of issue 6: tab deleted."""
    file = put(pretend, numbered(2))
    known = cursor(read(pretend))
    file.tabs[0].kind = "OBJECT"
    file.touch()
    chart = read(pretend, known)
    file.tabs.clear()
    file.touch()

    gathered = read(pretend, known)

    assert isinstance(gathered.error, ContractError)
    assert "deleted or renamed" in str(gathered.error)
    assert "is a chart" in str(chart.error)


def test_a_changed_header_fails_its_stream_unless_it_is_declared(pretend: Pretend) -> None:
    """Fault of issue 6: header changed."""
    put(pretend, [["id", "Costs"], ["1", 5]])

    gathered = read(pretend, columns={"Cost": "numeric"})
    declared = read(pretend, columns={"Cost": {"type": "numeric", "headers": ["Costs"]}})
    optional = read(pretend, columns={"Cost": {"type": "numeric", "optional": True}})
    keyless = read(pretend, key=["number"])

    assert isinstance(gathered.error, ContractError)
    assert "has no header Cost (not declared there: id, Costs)" in str(gathered.error)
    assert gathered.pages == []
    assert declared.records[0]["Cost"] == 5
    assert optional.records[0]["Costs"] == 5
    assert "which the key of things needs" in str(keyless.error)


def test_a_new_header_is_said_in_the_report(pretend: Pretend) -> None:
    file = put(pretend, [["id", "n"], ["1", 5]])
    known = cursor(read(pretend))
    file.tabs[0].rows[0][1] = "m"
    file.touch()

    assert "Book, tab Things: headers have changed: id, m" in read(pretend, known).notes


def test_protected_ranges_are_read_like_any_other(pretend: Pretend) -> None:
    """Fault of issue 6: protected range; it only hinders those who write."""
    put(pretend, numbered(3), protected=[(0, 4)])

    assert numbers(read(pretend)) == [0, 1, 2]
