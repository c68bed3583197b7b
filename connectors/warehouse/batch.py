"""A batch of records, made into rows: fast by whole columns, slowly value by value.

Only columns that are not plain are judged value by value: what fits is brought into its
plain form, what does not becomes a `Refused` and a null. A record without a usable key is
refused whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeAlias, cast

from connectors.model import FieldType, Key, Record, Refused, Stream
from connectors.warehouse.columns import Values, kinds, made_ready
from connectors.warehouse.engine import Dialect
from connectors.warehouse.schema import Column, TargetTable
from connectors.warehouse.shapes import PLAIN_DATE, ZONED_TIMESTAMP, NotPlainError
from connectors.warehouse.values import (
    EDGE_DAYS,
    UnfitError,
    as_json,
    as_text,
    coerced,
    timestamp_text,
)

Row: TypeAlias = Sequence[Any]

PLAIN_VALUE = {
    # naive times are left to `coerced`, which knows the stream's zone
    FieldType.TIMESTAMP: re.compile(
        f"(?!{'|'.join(EDGE_DAYS)}){ZONED_TIMESTAMP.pattern.replace('0', '[0-9]')}"
    ),
    FieldType.DATE: re.compile(PLAIN_DATE.pattern.replace("0", "[0-9]")),
}
"""Types whose columns are mixed in practice (ISO among epochs): what needs no judging."""

NEAR = 100
"""Records turned at a time: as many wide ones as stay in a processor's cache meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A table's columns at one moment: rows can be made for them while the table grows."""

    stream: Stream
    dialect: Dialect
    generation: int  # of the table: another one, and the rows must be made again
    known: Mapping[str, Column]  # by the vendor's name
    columns: tuple[Column, ...]  # that a merge writes
    overflowed: tuple[Column, ...]  # that it writes into `_extra`

    @classmethod
    def of(cls, table: TargetTable) -> Layout:
        """Return the present layout of `table`."""
        written = table.written
        return cls(
            stream=table.stream,
            dialect=table.warehouse.dialect,
            generation=table.generation,
            known=dict(table.columns),
            columns=tuple(column for column in written if not column.overflow),
            overflowed=tuple(column for column in written if column.overflow),
        )


@dataclass(slots=True, kw_only=True)
class Rows:
    """Rows ready for the database, and what was lost on the way."""

    layout: Layout
    values: Sequence[Values]  # by column: those of the layout, then `_extra` if it is in use
    refused: list[Refused] = field(default_factory=list[Refused])
    superseded: int = 0  # doubles of a key within the batch
    rejected: int = 0  # records refused whole
    damaged: int = 0  # records that lost at least one value

    def __len__(self) -> int:
        return len(self.values[0])

    def __iter__(self) -> Iterator[Row]:
        return zip(*self.values, strict=True)


def made_rows(layout: Layout, records: Sequence[Record], *, judge_all: bool = False) -> Rows:
    """Return the rows of a batch; of several records with one key the newest stays.

    A column that is not plain is judged value by value, the others are not. With
    `judge_all` every column is: the database has refused the batch and does not say which.
    """
    keyed, unkeyed = _with_key(layout, records)
    unique = _one_per_key(layout.stream, keyed)
    by_column = _by_column([column.name for column in layout.columns], unique)
    converted: list[Values] = []
    judge = _Judge(layout, unique, every_value=judge_all)
    for column, values in zip(layout.columns, by_column, strict=True):
        try:
            if judge_all:
                raise NotPlainError  # noqa: TRY301 - as if the fast path had met it
            ready = made_ready(layout.dialect, column.type, values, layout.stream.zone)
        except NotPlainError:
            judged = judge.column(column, values)
            ready = made_ready(layout.dialect, column.type, judged, "UTC")
        converted.append(ready)
    if layout.overflowed:
        converted.append(judge.overflow(layout.overflowed))
    lost = judge.lost
    return Rows(
        layout=layout,
        values=converted,
        refused=[*unkeyed, *(item for of_row in lost.values() for item in of_row)],
        superseded=len(keyed) - len(unique),
        rejected=len(unkeyed),
        damaged=len(lost),
    )


def _by_column(names: Sequence[str], records: Sequence[Record]) -> list[list[Any]]:
    """Return the values of each field; null where a record lacks it."""
    columns: list[list[Any]] = [[] for _ in names]
    for start in range(0, len(records), NEAR):
        block = records[start : start + NEAR]
        try:
            rows = list(map(itemgetter(*names), block)) if len(names) > 1 else []
        except KeyError:  # some record lacks a field
            rows = []
        rows = rows or [tuple(map(record.get, names)) for record in block]
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
    return columns


class _Judge:
    """Looks at single values; what has no plain form is null in its row and kept in `lost`."""

    def __init__(self, layout: Layout, records: Sequence[Record], *, every_value: bool) -> None:
        self.lost: dict[int, list[Refused]] = {}  # by row
        self._stream = layout.stream
        self._records = records
        # SQLite must be told what does not exist; PostgreSQL finds a 30th of February itself
        self._every_value = every_value or layout.dialect == "sqlite"

    def column(self, column: Column, values: Values) -> list[Any]:
        """Bring each value of a column into its plain form."""
        plain = None if self._every_value else PLAIN_VALUE.get(column.type)
        return [
            value
            if value is None or (plain and type(value) is str and plain.fullmatch(value))
            else self._plain(at, column, value, column.type)
            for at, value in enumerate(values)
        ]

    def overflow(self, overflowed: Sequence[Column]) -> list[str | None]:
        """Return the JSON of the overflowed fields of each record; null ones are left out."""
        made: list[str | None] = []
        for at, record in enumerate(self._records):
            held = {
                column.name: self._plain(at, column, record[column.name], FieldType.JSON)
                for column in overflowed
                if record.get(column.name) is not None
            }
            kept = {name: value for name, value in held.items() if value is not None}
            made.append(as_json(kept) if kept else None)
        return made

    def _plain(self, at: int, column: Column, value: Any, kind: FieldType) -> Any:
        try:
            return coerced(value, kind, self._stream.zone)
        except UnfitError as error:
            refused = refusal(self._stream, self._records[at], column, str(error))
            self.lost.setdefault(at, []).append(refused)
            return None


def _with_key(layout: Layout, records: Sequence[Record]) -> tuple[Sequence[Record], list[Refused]]:
    """Part the records that have a usable key from those that are refused whole.

    Keys are compared in the plain form of their type: 7 and "7" are one text key.
    """
    stream = layout.stream
    keys = [layout.known[name] for name in stream.key]
    kept = records
    refused: list[Refused] = []
    for key in keys:
        values = [record.get(key.name) for record in kept]
        wanted = {int} if key.type is FieldType.INTEGER else {str}
        if kinds(values) <= wanted and None not in values and "" not in values:
            continue
        judged: list[Record] = []
        for record, value in zip(kept, values, strict=True):
            try:
                plain = coerced(value, key.type, stream.zone)
            except UnfitError as error:
                refused.append(refusal(stream, record, None, f"has a key that {error}"))
                continue
            if plain in {None, ""}:
                refused.append(refusal(stream, record, None, "has no key"))
                continue
            judged.append(record if plain == value else record | {key.name: plain})
        kept = judged
    return kept, refused


def refusal(stream: Stream, record: Record, column: Column | None, reason: str) -> Refused:
    """Describe a refused value (or whole record) so that it can be found and re-applied."""
    key = [record.get(name) for name in stream.key]
    return Refused(
        key=None if None in key else key_text(key),
        column=column.name if column else None,
        value=_shown(record.get(column.name)) if column else None,
        reason=f"{column.name} {reason}" if column else f"record {reason}",
        raw=record,
    )


def key_text(key: Sequence[Any]) -> str:
    """Return a key as people read it: its parts, joined by `/`."""
    return "/".join(map(_shown, key))


def _shown(value: Any) -> str:
    try:
        text = as_text(value)
    except UnfitError:
        text = repr(value)
    return text.replace("\x00", "\\0").encode(errors="backslashreplace").decode()


def _one_per_key(stream: Stream, records: Sequence[Record]) -> Sequence[Record]:
    get = cast("Callable[[Record], Any]", itemgetter(*stream.key))
    by_key = {get(record): record for record in records}
    if len(by_key) == len(records):
        return records
    if stream.version is None:
        return list(by_key.values())
    newest: dict[Key, Record] = {}
    for record in records:
        key = tuple(record[name] for name in stream.key)
        if key not in newest or age(stream, record) >= age(stream, newest[key]):
            newest[key] = record
    return list(newest.values())


def age(stream: Stream, record: Record) -> str:
    """Return a record's version in a form whose text order is its age; "" when unknown."""
    value = record.get(stream.version or "")
    kind = stream.fields.get(stream.version or "", FieldType.TIMESTAMP)
    try:
        plain = coerced(value, kind, stream.zone)
    except UnfitError:
        return ""
    if isinstance(plain, int):
        return f"{plain:020d}"
    return plain if isinstance(plain, str) else timestamp_text(plain) if plain else ""
