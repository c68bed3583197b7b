"""From a snapshot to records: true row numbers, merged cells filled, types as declared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from connectors.errors import ContractError
from connectors.model import Record, Refused
from connectors.sources.gsheet.api import Merge
from connectors.sources.gsheet.cells import LOADING, Lost, Manner, converted
from connectors.sources.gsheet.headers import HEADER_SEARCH, Layout, clean, lay_out
from connectors.sources.gsheet.settings import ROW_NUMBER, SPREADSHEET_ID, Spreadsheet, Tab
from connectors.sources.gsheet.snapshot import Snapshot

PAGE_ROWS = 1_000
KEPT = 100  # lost cells per tab that are kept one by one; the rest is only counted


@dataclass(slots=True)
class Seen:
    """What was met on the way through a tab."""

    records: int = 0
    blank: int = 0
    repeated: int = 0  # header rows among the data
    unkeyed: int = 0
    lost: Counter[str] = field(default_factory=Counter[str])
    loading: bool = False
    headers: tuple[str, ...] = ()

    def notes(self, what: str) -> Iterator[str]:
        """Sentences for the report."""
        if self.lost:
            counted = ", ".join(f"{value} {count}" for value, count in self.lost.most_common())
            yield f"{what}: cells stored as null because of what they hold: {counted}"
        if self.repeated:
            yield f"{what}: {self.repeated} repeated header rows left out"
        if self.unkeyed:
            yield f"{what}: {self.unkeyed} rows without a key left out, as set"


class Rows:
    """Reads one snapshot once, in pages of records."""

    def __init__(self, snapshot: Snapshot, tab: Tab, spreadsheet: Spreadsheet) -> None:
        """Raises `ContractError` for a zone we do not know."""
        self._snapshot, self._tab, self._spreadsheet = snapshot, tab, spreadsheet
        self.what = f"{snapshot.book.properties.title}, tab {snapshot.sheet.properties.title}"
        self.seen = Seen()
        self.layout: Layout | None = None
        properties = snapshot.book.properties
        try:
            self._manner = Manner.of(
                properties.locale, tab.zone or properties.time_zone, day_first=tab.day_first
            )
        except (KeyError, ValueError) as error:  # zoneinfo's own error is a KeyError
            raise ContractError(
                f"{self.what}: no time zone {properties.time_zone}; set `zone` of {tab.stream}"
            ) from error
        self._fixed: Mapping[str, Any] = {
            **spreadsheet.constants,
            **({SPREADSHEET_ID: spreadsheet.id} if SPREADSHEET_ID in tab.keys else {}),
        }
        self._numbered = ROW_NUMBER in tab.keys
        self._taken = {*self._fixed, ROW_NUMBER, SPREADSHEET_ID}
        self._merged = _by_row(snapshot.sheet.merges)
        self._values: dict[Merge, Any] = {}

    def pages(self) -> Iterator[tuple[list[Record], list[Refused]]]:
        """Yield records and the cells that could not be kept.

        Raises `ContractError` when the headers are not the declared ones.
        """
        for first_row, rows in self._snapshot.blocks():
            if self.layout is None:
                self.layout = self._laid_out(rows)
            numbered = list(self._data(first_row, rows))
            for start in range(0, len(numbered), PAGE_ROWS):
                yield self._page(numbered[start : start + PAGE_ROWS])
        if self.layout is None:
            self.layout = self._laid_out(())

    def _laid_out(self, rows: Sequence[Sequence[Any]]) -> Layout:
        top = [self._filled(at, row) for at, row in enumerate(rows[:HEADER_SEARCH], start=1)]
        if self._tab.header_row > HEADER_SEARCH:
            top = list(rows[: self._tab.header_row])
        layout = lay_out(top, self._tab, self._taken, self.what)
        self.seen.headers = layout.headers
        return layout

    def _data(
        self, first_row: int, rows: Sequence[Sequence[Any]]
    ) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yield the rows below the headers that hold anything, with their true numbers."""
        assert self.layout is not None
        for number, row in enumerate(rows, start=first_row):
            filled = self._filled(number, row)
            if number <= self.layout.row:
                continue
            if not any(cell not in {"", None} for cell in row):
                self.seen.blank += 1
            elif tuple(map(clean, row)) == self.layout.headers:
                self.seen.repeated += 1
            else:
                yield number, filled

    def _filled(self, number: int, row: Sequence[Any]) -> Sequence[Any]:
        """Return the row with the value of merged cells in each of them."""
        merges = self._merged.get(number - 1)
        if not merges:
            return row
        width = max(len(row), *(merge.end_column_index for merge in merges))
        cells = [*row, *[""] * (width - len(row))]
        for merge in merges:
            if merge.start_row_index == number - 1:
                self._values[merge] = cells[merge.start_column_index]
            span = slice(merge.start_column_index, merge.end_column_index)
            value = self._values.get(merge, "")
            cells[span] = [value] * (merge.end_column_index - merge.start_column_index)
        return cells

    def _page(
        self, numbered: list[tuple[int, Sequence[Any]]]
    ) -> tuple[list[Record], list[Refused]]:
        assert self.layout is not None
        by_column = list(zip_longest(*(row for _, row in numbered), fillvalue=""))
        if len(by_column) > len(self.layout.fields):
            self.layout = self.layout.more(len(by_column), self._taken)
        blank = [""] * len(numbered)
        by_column += [tuple(blank)] * (len(self.layout.fields) - len(by_column))
        columns: list[Sequence[Any]] = []
        lost: list[tuple[str, Lost]] = []
        for name, column, values in zip(
            self.layout.fields, self.layout.columns, by_column, strict=True
        ):
            made, missing = converted(values, column.type, self._manner)
            columns.append(made)
            lost += [(name, each) for each in missing]
        records: list[Record] = [
            {**self._fixed, **dict(zip(self.layout.fields, values, strict=True))}
            for values in zip(*columns, strict=True)
        ]
        if self._numbered:
            for record, (number, _) in zip(records, numbered, strict=True):
                record[ROW_NUMBER] = number
        refused = self._refused(records, lost)
        kept = self._keyed(records)
        self.seen.records += len(kept)
        return kept, refused

    def _refused(self, records: list[Record], lost: list[tuple[str, Lost]]) -> list[Refused]:
        refused: list[Refused] = []
        for name, each in lost:
            self.seen.loading |= each.value == LOADING
            error = each.reason == "is a formula's error"
            self.seen.lost[str(each.value) if error else f"{name} {each.reason}"] += 1
            if self.seen.lost.total() <= KEPT:
                record = records[each.at]
                key = "/".join(str(record.get(part)) for part in self._tab.keys)
                refused.append(
                    Refused(
                        key=key,
                        column=name,
                        value=str(each.value),
                        reason=f"{name} {each.reason}",
                        raw=record,
                        empty=error,
                    )
                )
        return refused

    def _keyed(self, records: list[Record]) -> list[Record]:
        if self._tab.without_key == "refuse":
            return records
        kept = [
            record
            for record in records
            if all(record.get(name) is not None for name in self._tab.keys)
        ]
        self.seen.unkeyed += len(records) - len(kept)
        return kept


def _by_row(merges: Sequence[Merge]) -> Mapping[int, list[Merge]]:
    """Return merges by each row they cover, rows counted from 0."""
    rows: defaultdict[int, list[Merge]] = defaultdict(list)
    for merge in merges:
        for row in range(merge.start_row_index, merge.end_row_index):
            rows[row].append(merge)
    return rows
