"""The three questions we ask Google, and the shapes of its answers.

Google leaves out what is false, 0 or "": every member has a default.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.answers import Answer
from connectors.http import ApiClient
from connectors.sources.gsheet.manners import DRIVE

MASK = (
    "spreadsheetId,properties(title,locale,timeZone),"
    "sheets(properties(sheetId,title,sheetType,gridProperties(rowCount,columnCount)),merges)"
)
FILE_MASK = "id,mimeType,version,trashed"
OK, FORBIDDEN, NOT_FOUND = 200, 403, 404


class Properties(msgspec.Struct, rename="camel", frozen=True):
    """Of a spreadsheet. `time_zone` is an IANA name."""

    title: str = ""
    locale: str = "en_US"
    time_zone: str = "UTC"


class Grid(msgspec.Struct, rename="camel", frozen=True):
    """Size of a tab's grid, filled or not."""

    row_count: int = 0
    column_count: int = 0


class SheetProperties(msgspec.Struct, rename="camel", frozen=True):
    """Of a tab. Chart tabs have no grid."""

    sheet_id: int = 0
    title: str = ""
    sheet_type: str = "GRID"
    grid_properties: Grid | None = None

    @property
    def grid(self) -> Grid:
        """Its size."""
        return self.grid_properties or Grid()


class Merge(msgspec.Struct, rename="camel", frozen=True):
    """Merged cells: from 0, the ends excluded."""

    start_row_index: int = 0
    end_row_index: int = 0
    start_column_index: int = 0
    end_column_index: int = 0


class Sheet(msgspec.Struct, rename="camel", frozen=True):
    """A tab."""

    properties: SheetProperties = SheetProperties()
    merges: tuple[Merge, ...] = ()


class Book(msgspec.Struct, rename="camel", frozen=True):
    """A spreadsheet without its cells."""

    properties: Properties = Properties()
    sheets: tuple[Sheet, ...] = ()


class File(msgspec.Struct, rename="camel", frozen=True):
    """A spreadsheet as Drive sees it. `version` rises with every change, seen or unseen."""

    version: str = ""
    mime_type: str = ""
    trashed: bool = False


class ValueRange(msgspec.Struct, rename="camel", frozen=True):
    """Rows of a block, without the empty cells and rows at its end."""

    values: list[list[Any]] = []


class Values(msgspec.Struct, rename="camel", frozen=True):
    """The answer of `values:batchGet`."""

    value_ranges: list[ValueRange] = []


class Google:
    """The Sheets and the Drive API."""

    def __init__(self, sheets: ApiClient, drive: ApiClient) -> None:
        self._sheets = sheets
        self._drive = drive

    def book(self, spreadsheet: str) -> Book:
        """Return a spreadsheet's tabs, zone and locale."""
        params = {"fields": MASK, "prettyPrint": "false"}
        return self._sheets.get(f"/v4/spreadsheets/{spreadsheet}", params, shape=Book).decode(Book)

    def values(self, spreadsheet: str, block: str) -> Answer:
        """Ask for a block of cells: numbers as numbers, dates as days since 1899-12-30.

        The range goes into the query, where no character of a title can be part of the path.
        """
        params = {
            "ranges": block,
            "majorDimension": "ROWS",
            "valueRenderOption": "UNFORMATTED_VALUE",
            "dateTimeRenderOption": "SERIAL_NUMBER",
            "prettyPrint": "false",
        }
        return self._sheets.get(
            f"/v4/spreadsheets/{spreadsheet}/values:batchGet", params, shape=Values
        )

    def file(self, spreadsheet: str) -> File | None:
        """Return the spreadsheet's file; None where Drive does not let us look."""
        answer = self._drive.get(
            f"/drive/v3/files/{spreadsheet}",
            {"fields": FILE_MASK, "supportsAllDrives": "true"},
            cost_class=DRIVE,
            accept=(OK, FORBIDDEN, NOT_FOUND),
            shape=None,
        )
        return answer.decode(File) if answer.status == OK else None
