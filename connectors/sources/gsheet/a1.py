"""A1 notation: how a block of cells is named so that nothing else can be meant."""

from __future__ import annotations

ALPHABET = 26


def letters(index: int) -> str:
    """Return the letters of a column; 0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, ALPHABET)
        name = chr(ord("A") + rest) + name
    return name


def block(title: str, first_row: int, last_row: int, columns: int) -> str:
    """Return the range of rows `first_row` to `last_row` (from 1, both included) of a tab.

    The title is always quoted: without quotes a tab named `CRM26` is a cell of the first tab,
    and a named range of that name comes before it.
    """
    quoted = title.replace("'", "''")
    return f"'{quoted}'!A{first_row}:{letters(columns - 1)}{last_row}"
