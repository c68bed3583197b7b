"""From a tab's header row to field names, wherever the columns stand today.

Positions are never configured: headers are read with every read. Blank ones are named after
their column (`column_C`), doubles get its letter (`Notes_F`), merged ones count for each of
their columns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.errors import ContractError
from connectors.sources.gsheet.a1 import letters
from connectors.sources.gsheet.settings import Column, Tab

HEADER_SEARCH = 20  # first rows looked through for headers that moved down or up
UNSEEN = {ord(sign): None for sign in "\u200b\u200c\u200d\u2060\ufeff"}  # zero-width: pasted in
UNDECLARED = Column()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the headers are and what each column holds, from column A on."""

    row: int  # of the headers, counted from 1
    headers: tuple[str, ...]
    fields: tuple[str, ...]
    columns: tuple[Column, ...]

    def more(self, width: int, taken: Collection[str]) -> Layout:
        """Return the layout with columns up to `width`: rows may be longer than their header."""
        headers = (*self.headers, *[""] * (width - len(self.headers)))
        added = [
            _free(f"column_{letters(at)}", at, {*taken, *self.fields})
            for at in range(len(self.headers), width)
        ]
        spare = [UNDECLARED] * len(added)
        return Layout(
            row=self.row,
            headers=headers,
            fields=(*self.fields, *added),
            columns=(*self.columns, *spare),
        )


def clean(header: Any) -> str:
    """Return a header cell as text without the spaces and line breaks that nobody sees."""
    return " ".join(str("" if header is None else header).translate(UNSEEN).split())


def lay_out(rows: Sequence[Sequence[Any]], tab: Tab, taken: Collection[str], what: str) -> Layout:
    """Find the header row among a tab's first `rows` and name the columns.

    `taken` are names that rows get otherwise; `what` names the tab in messages. Raises
    `ContractError` when declared columns are nowhere to be found.
    """
    wanted = {
        header: _spellings(header, column)
        for header, column in tab.columns.items()
        if not column.optional
    }
    row = _header_row(rows, tab.header_row, wanted.values())
    if row is None:
        raise ContractError(_missing(rows, tab, wanted, what))
    headers = tuple(clean(cell) for cell in rows[row - 1]) if row <= len(rows) else ()
    by_spelling = {
        spelling: (header, column)
        for header, column in tab.columns.items()
        for spelling in _spellings(header, column)
    }
    fields: list[str] = []
    columns: list[Column] = []
    for at, header in enumerate(headers):
        declared, column = by_spelling.get(header.casefold(), (header, UNDECLARED))
        name = column.name or declared or f"column_{letters(at)}"
        fields.append(_free(name, at, {*taken, *fields}))
        columns.append(column)
    layout = Layout(row=row, headers=headers, fields=tuple(fields), columns=tuple(columns))
    lacking = [name for name in tab.key if name not in {*fields, *taken}]
    if lacking:
        raise ContractError(
            f"{what}: no header {' and '.join(lacking)}, which the key of {tab.stream} needs."
            f" Headers are {', '.join(filter(None, headers)) or 'missing'}. Nothing was changed"
        )
    return layout


def _spellings(header: str, column: Column) -> frozenset[str]:
    return frozenset(clean(name).casefold() for name in (header, *column.headers))


def _header_row(
    rows: Sequence[Sequence[Any]], expected: int, wanted: Collection[frozenset[str]]
) -> int | None:
    """Return the row that has all wanted headers, the expected one first."""
    near = [expected, *(row for row in range(1, HEADER_SEARCH + 1) if row != expected)]
    for row in near if wanted else [expected]:
        above = rows[row - 1] if row <= len(rows) else ()
        cells = {clean(cell).casefold() for cell in above}
        if all(spellings & cells for spellings in wanted):
            return row
    return None


def _missing(
    rows: Sequence[Sequence[Any]], tab: Tab, wanted: dict[str, frozenset[str]], what: str
) -> str:
    row = rows[tab.header_row - 1] if tab.header_row <= len(rows) else ()
    there = {clean(cell).casefold() for cell in row}
    absent = [header for header, spellings in wanted.items() if not spellings & there]
    known = set[str]().union(*(_spellings(*each) for each in tab.columns.items()))
    new = [clean(cell) for cell in row if clean(cell) and clean(cell).casefold() not in known]
    hint = f" (not declared there: {', '.join(new)})" if new else ""
    return (
        f"{what}: row {tab.header_row} has no header {', '.join(absent)}{hint}. Nothing was"
        " changed. If it was renamed, add the new name to `headers` of the column in"
        " GSHEET_SPREADSHEETS; if it was removed, make it optional"
    )


def _free(name: str, at: int, taken: Collection[str]) -> str:
    while name in taken:
        name = f"{name}_{letters(at)}"
    return name
