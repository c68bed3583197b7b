"""Reads each configured tab, unless nobody has touched its spreadsheets since the last time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any, cast

from connectors.errors import ContractError
from connectors.model import Deletes, FieldType, Json, Page, Request, Stream
from connectors.sources.gsheet.api import Book, File, Google, Sheet
from connectors.sources.gsheet.rows import Rows
from connectors.sources.gsheet.settings import ROW_NUMBER, Settings, Spreadsheet, Tab
from connectors.sources.gsheet.snapshot import TRIES, Snapshot, take

SPREADSHEET = "application/vnd.google-apps.spreadsheet"
SEES = "everything, each time a spreadsheet has changed or a day has passed"


def stream_of(tab: Tab) -> Stream:
    """Return the stream that a tab is read as."""
    declared = {
        column.name or header: column.type for header, column in tab.columns.items() if column.type
    }
    constants = {
        name: FieldType.INTEGER if isinstance(value, int) else FieldType.TEXT
        for spreadsheet in tab.spreadsheets
        for name, value in spreadsheet.constants.items()
    }
    row = {ROW_NUMBER: FieldType.INTEGER} if ROW_NUMBER in tab.keys else {}
    return Stream(
        name=tab.stream,
        key=tab.keys,
        fields={**row, **constants, **declared},
        deletes=Deletes.COMPARE,
        rereads=True,
        zone=tab.zone or "UTC",
        sees=SEES,
    )


class GSheet:
    """An open connection to Google; a `connectors.model.Reader`."""

    def __init__(self, google: Google, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._google = google
        self._settings = settings
        self._clock = clock

    def streams(self) -> Sequence[Stream]:
        """See `Reader.streams`: the configured tabs, or each tab where none is named."""
        return [stream_of(tab) for tab in self._tabs.values()]

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:  # noqa: ARG002 - `Reader`'s
        """See `Reader.fields`: a sheet has no types but those declared, which the stream has."""
        return {}

    def read(self, request: Request) -> Iterator[Page]:
        """See `Reader.read`. A cursor holds Drive's versions of the spreadsheets, as last read.

        No page has a position: an interrupted read starts over, as one of two moments would
        not be a tab that ever was.
        """
        tab = self._tabs[request.stream.name]
        files = {each.id: self._file(each) for each in tab.spreadsheets}
        if request.cursor is not None and self._unchanged(tab, files, request.cursor):
            yield Page(notes=[f"unchanged since {request.cursor['read_at']}: not read again"])
            return
        yield from self._read(tab, files, request.cursor or {})

    @cached_property
    def _tabs(self) -> Mapping[str, Tab]:
        tabs: dict[str, Tab] = {}
        for tab in self._settings.spreadsheets:
            for each in [tab] if tab.tab is not None else self._every(tab):
                if each.stream in tabs:
                    raise ContractError(
                        f"two tabs would become the stream {each.stream}: name them one by one in"
                        " GSHEET_SPREADSHEETS"
                    )
                tabs[each.stream] = each
        return tabs

    def _every(self, tab: Tab) -> Iterator[Tab]:
        """Yield a tab for each that the spreadsheets have, charts left out."""
        for spreadsheet in tab.spreadsheets:
            for sheet in self._google.book(spreadsheet.id).sheets:
                if sheet.properties.sheet_type != "GRID":
                    continue
                slug = re.sub(r"[^a-z0-9]+", "_", sheet.properties.title.lower()).strip("_")
                name = f"{tab.stream}_{slug or sheet.properties.sheet_id}"
                chosen = {
                    "stream": name,
                    "tab": sheet.properties.sheet_id,
                    "spreadsheets": (spreadsheet,),
                }
                yield tab.model_copy(update=chosen)

    def _file(self, spreadsheet: Spreadsheet) -> File | None:
        """Ask Drive. Raises `ContractError` for what is no living spreadsheet."""
        file = self._google.file(spreadsheet.id)
        if file and file.trashed:
            raise ContractError(
                f"spreadsheet {spreadsheet.id} is in the trash: restore it, or take it out of"
                " GSHEET_SPREADSHEETS. Its rows are kept"
            )
        if file and file.mime_type not in {SPREADSHEET, ""}:
            raise ContractError(
                f"{spreadsheet.id} is not a Google spreadsheet but {file.mime_type}: open it and"
                " save it as one"
            )
        return file

    def _unchanged(self, tab: Tab, files: Mapping[str, File | None], cursor: Json) -> bool:
        """Tell whether a read can be spared. Formulas change cells without a new version."""
        versions = {name: file.version for name, file in files.items() if file and file.version}
        read_at = datetime.fromisoformat(cursor["read_at"])
        return (
            len(versions) == len(files)
            and cursor.get("setting") == _digest(tab.model_dump_json())
            and cursor.get("versions") == versions
            and self._clock() - read_at < timedelta(hours=tab.max_age_hours)
        )

    def _read(self, tab: Tab, files: Mapping[str, File | None], cursor: Json) -> Iterator[Page]:
        notes: list[str] = []
        if ROW_NUMBER in tab.keys:
            notes.append(
                f"{tab.stream}: rows are told apart by their number, which inserting and sorting"
                " changes: name `key` columns in GSHEET_SPREADSHEETS if the tab has any"
            )
        done: dict[str, tuple[Snapshot, Rows]] = {}
        incomplete: list[str] = []
        for spreadsheet in tab.spreadsheets:
            known = cast("Mapping[str, int]", cursor.get("tabs", {})).get(spreadsheet.id)
            find = partial(_find, tab=tab, known=known, notes=notes)
            snapshot = take(self._google, spreadsheet.id, files[spreadsheet.id], find)
            try:
                rows = Rows(snapshot, tab, spreadsheet)
                for records, refused in rows.pages():
                    yield Page(records=records, refused=refused)
            finally:
                snapshot.close()
            done[spreadsheet.id] = snapshot, rows
            notes += self._notes(snapshot, rows, tab, cursor, spreadsheet.id)
            incomplete += _doubts(snapshot, rows)
        yield Page(
            cursor=None if incomplete else self._cursor(tab, done),
            everything=not incomplete,
            incomplete="; ".join(incomplete) or None,
            total=None if tab.key else sum(rows.seen.records for _, rows in done.values()),
            notes=list(dict.fromkeys(notes)),
        )

    def _notes(
        self, snapshot: Snapshot, rows: Rows, tab: Tab, cursor: Json, spreadsheet: str
    ) -> Iterator[str]:
        yield from rows.seen.notes(rows.what)
        if snapshot.version is None:
            yield f"{rows.what}: Drive does not show its version: it is read by every run"
        if snapshot.tries > 1:
            yield f"{rows.what}: changed while it was read, so read {snapshot.tries} times"
        if snapshot.sheet.merges:
            yield f"{rows.what}: the value of merged cells was put into each of them"
        if rows.layout and rows.layout.row != tab.header_row:
            yield f"{rows.what}: the headers are in row {rows.layout.row}, not {tab.header_row}"
        before = cast("Mapping[str, str]", cursor.get("headers", {})).get(spreadsheet)
        if before not in {None, _digest(*rows.seen.headers)}:
            yield f"{rows.what}: headers have changed: {', '.join(filter(None, rows.seen.headers))}"

    def _cursor(self, tab: Tab, done: Mapping[str, tuple[Snapshot, Rows]]) -> dict[str, Any]:
        return {
            "read_at": self._clock().isoformat(timespec="seconds"),
            "versions": {name: snapshot.version for name, (snapshot, _) in done.items()},
            "tabs": {name: shot.sheet.properties.sheet_id for name, (shot, _) in done.items()},
            "headers": {name: _digest(*rows.seen.headers) for name, (_, rows) in done.items()},
            "setting": _digest(tab.model_dump_json()),
        }


def _find(book: Book, *, tab: Tab, known: int | None, notes: list[str]) -> Sheet:
    """Return the tab of that number, or title; a renamed one by the number it had.

    Raises `ContractError` when there is none, or when it is a chart.
    """
    by_title = [sheet for sheet in book.sheets if sheet.properties.title == tab.tab]
    number = tab.tab if isinstance(tab.tab, int) else known
    by_number = [sheet for sheet in book.sheets if sheet.properties.sheet_id == number]
    for sheet in by_title or by_number:
        if sheet.properties.sheet_type != "GRID":
            raise ContractError(
                f"{book.properties.title}: {sheet.properties.title} is a chart, it has no cells"
            )
        if isinstance(tab.tab, str) and not by_title:
            notes.append(
                f"tab {tab.tab} is now called {sheet.properties.title}: change it in"
                " GSHEET_SPREADSHEETS, or give its number instead"
            )
        return sheet
    titles = ", ".join(f"{s.properties.title} ({s.properties.sheet_id})" for s in book.sheets)
    raise ContractError(
        f"{book.properties.title}: no tab {tab.tab}; it was deleted or renamed. There are {titles}."
        f" Nothing was changed"
    )


def _doubts(snapshot: Snapshot, rows: Rows) -> Iterator[str]:
    if not snapshot.settled:
        yield (
            f"{rows.what}: changed during each of {TRIES} readings, so rows may be missing or"
            " double until the next run"
        )
    if rows.seen.loading:
        yield f"{rows.what}: formulas were still being computed (Loading...)"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:8]
