"""Spreadsheets, tabs and cells, and how a range of them is shown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.gsheet.errors import refused

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's times have no zone
CELL = re.compile(r"([A-Za-z]{0,3})(\d*)")
LOOKS_LIKE_A_CELL = re.compile(r"[A-Za-z]{1,3}\d+|R\d+C\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell whose shown value is computed."""

    text: str
    value: Any


@dataclass(slots=True)
class Tab:
    """A tab. `rows` holds what is filled; the grid may be larger."""

    sheet_id: int
    title: str
    rows: list[list[Any]] = field(default_factory=list[list[Any]])
    columns: int = 26
    spare: int = 0  # empty rows of the grid below the filled ones
    kind: str = "GRID"
    hidden: bool = False
    merges: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])
    protected: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    @property
    def row_count(self) -> int:
        """Rows of the grid; never 0."""
        return max(1, len(self.rows) + self.spare)

    def described(self, index: int) -> dict[str, Any]:
        """The tab as metadata shows it. What is false or 0 is left out, except the id."""
        properties: dict[str, Any] = {
            "sheetId": self.sheet_id,
            "title": self.title,
            "index": index,
            "sheetType": self.kind,
        }
        if self.kind == "GRID":
            properties["gridProperties"] = {
                "rowCount": self.row_count,
                "columnCount": self.columns,
            }
        if self.hidden:
            properties["hidden"] = True
        shown: dict[str, Any] = {"properties": properties}
        if self.merges:
            shown["merges"] = [_grid_range(self.sheet_id, *merge) for merge in self.merges]
        if self.protected:
            shown["protectedRanges"] = [
                {"protectedRangeId": number, "range": _grid_range(self.sheet_id, *rows, 0, 1)}
                for number, rows in enumerate(self.protected, start=1)
            ]
        return shown


@dataclass(slots=True)
class File:
    """A spreadsheet. `touch` after each change a person makes."""

    id: str
    title: str
    zone: str
    tabs: list[Tab]
    locale: str = "en_US"
    version: int = 1
    modified: str = "2026-01-01T00:00:00.000Z"
    trashed: bool = False
    shared: bool = True
    public: bool = False
    mime_type: str = "application/vnd.google-apps.spreadsheet"

    def touch(self) -> None:
        """Somebody changed it."""
        self.version += 1

    def tab(self, title: str) -> Tab:
        """The tab of that title. Raises `KeyError`."""
        for tab in self.tabs:
            if tab.title == title:
                return tab
        raise KeyError(title)

    def described(self) -> dict[str, Any]:
        """The spreadsheet without its cells."""
        return {
            "spreadsheetId": self.id,
            "properties": {
                "title": self.title,
                "locale": self.locale,
                "timeZone": self.zone,
                "autoRecalc": "ON_CHANGE",
            },
            "sheets": [tab.described(index) for index, tab in enumerate(self.tabs)],
            "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{self.id}/edit",
        }


@dataclass(frozen=True, slots=True)
class Area:
    """A block of a tab: from 0, the ends excluded."""

    tab: Tab
    top: int
    bottom: int
    left: int
    right: int

    @property
    def a1(self) -> str:
        """The block in A1 notation, as it is echoed."""
        title = self.tab.title
        if not re.fullmatch(r"[A-Za-z_]\w*", title) or LOOKS_LIKE_A_CELL.fullmatch(title):
            title = "'" + title.replace("'", "''") + "'"
        first = f"{letters(self.left)}{self.top + 1}"
        last = f"{letters(self.right - 1)}{self.bottom}"
        return f"{title}!{first}" if first == last else f"{title}!{first}:{last}"


def area(file: File, text: str) -> Area:
    """The block that A1 notation means, clipped to the grid. Raises `Refused`."""
    title, cells = _parted(text)
    unknown = refused(400, f"Unable to parse range: {text}")
    if title is None:
        tab = next(tab for tab in file.tabs if not tab.hidden)
    else:
        named = [tab for tab in file.tabs if tab.title.casefold() == title.casefold()]
        if not named or named[0].kind != "GRID":
            raise unknown
        tab = named[0]
    first, _, last = cells.partition(":")
    left, top = _cell(first, unknown)
    right, bottom = _cell(last, unknown) if last else (None, None)
    if cells and not last:  # a single cell
        right, bottom = left, top
    if (top or 0) >= tab.row_count or (left or 0) >= tab.columns:
        raise refused(
            400,
            f"Range ({text}) exceeds grid limits. Max rows: {tab.row_count},"
            f" max columns: {tab.columns}",
        )
    return Area(
        tab,
        top or 0,
        min(tab.row_count, tab.row_count if bottom is None else bottom + 1),
        left or 0,
        min(tab.columns, tab.columns if right is None else right + 1),
    )


def shown(block: Area, option: str, *, dates_as_text: bool) -> list[list[Any]]:
    """Rows of a block without the empty cells and rows at their ends."""
    rows: list[list[Any]] = []
    for row in block.tab.rows[block.top : block.bottom]:
        cells = [_cell_shown(cell, option, dates_as_text) for cell in row[block.left : block.right]]
        while cells and cells[-1] == "":
            cells.pop()
        rows.append(cells)
    while rows and not rows[-1]:
        rows.pop()
    return rows


def serial(moment: datetime) -> int | float:
    """Days since 1899-12-30 of a local time."""
    days = (moment - EPOCH) / timedelta(days=1)
    return int(days) if days == int(days) else days


def letters(index: int) -> str:
    """Letters of a column; 0 is A."""
    name = ""
    while index >= 0:
        name = chr(65 + index % 26) + name
        index = index // 26 - 1
    return name


def _cell_shown(cell: Any, option: str, dates_as_text: bool) -> Any:  # noqa: PLR0911 - a kind of cell a line
    if type(cell) is str or type(cell) is int or type(cell) is float:
        return str(cell) if option == "FORMATTED_VALUE" else cell
    if cell is None:
        return ""
    if isinstance(cell, Formula):
        return cell.text if option == "FORMULA" else _cell_shown(cell.value, option, dates_as_text)
    if isinstance(cell, bool):
        return str(cell).upper() if option == "FORMATTED_VALUE" else cell
    if isinstance(cell, datetime):
        if option == "FORMATTED_VALUE" or dates_as_text:
            return f"{cell.month}/{cell.day}/{cell.year} {cell:%H:%M:%S}"
        return serial(cell)
    return cell


def _parted(text: str) -> tuple[str | None, str]:
    if text.startswith("'"):
        found = re.fullmatch(r"'((?:[^']|'')+)'(?:!(.*))?", text)
        if not found:
            raise refused(400, f"Unable to parse range: {text}")
        return found[1].replace("''", "'"), found[2] or ""
    title, sign, cells = text.partition("!")
    if sign:
        return title, cells
    if LOOKS_LIKE_A_CELL.fullmatch(text) or ":" in text:
        return None, text
    return text, ""


def _cell(text: str, unknown: Exception) -> tuple[int | None, int | None]:
    found = CELL.fullmatch(text)
    if not found:
        raise unknown
    column = None
    if found[1]:
        column = 0
        for letter in found[1].upper():
            column = column * 26 + ord(letter) - 64
        column -= 1
    return column, int(found[2]) - 1 if found[2] else None


def _grid_range(sheet: int, top: int, bottom: int, left: int, right: int) -> dict[str, int]:
    bounds: Sequence[tuple[str, int]] = (
        ("sheetId", sheet),
        ("startRowIndex", top),
        ("endRowIndex", bottom),
        ("startColumnIndex", left),
        ("endColumnIndex", right),
    )
    return dict(bounds)
