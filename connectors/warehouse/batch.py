"""A batch of records, made into rows: fast by whole columns, slowly value by value.

Only columns that are not plain are judged value by value: what fits is brought into its
plain form, what does not becomes a `Refused` and a null. A record without a usable key is
refused whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias, cast

from connectors.model import FieldType, Key, Record, Refused, Stream
from connectors.warehouse.columns import READY, kinds
from connectors.warehouse.schema import Column, TargetTable
from connectors.warehouse.values import (
    EDGE_DAYS,
    INT64,
    NONE,
    PLAIN_DATE,
    ZONED_TIMESTAMP,
    NotPlainError,
    UnfitError,
    as_json,
    as_text,
    coerced,
    inferred,
    timestamp_text,
    widened,
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


@dataclass(slots=True, kw_only=True)
class Rows:
    """Rows ready for the database, and what was lost on the way."""

    columns: tuple[Column, ...]
    extra: bool  # a last value `_extra` follows those of `columns`
    rows: Sequence[Row]
    refused: list[Refused] = field(default_factory=list[Refused])
    superseded: int = 0  # doubles of a key within the batch
    rejected: int = 0  # records refused whole
    damaged: int = 0  # records that lost at least one value


def fields_of(records: Iterable[Record]) -> set[str]:
    """Return the names of all fields that any of `records` has."""
    return set[str]().union(*records)


def inferred_fields(names: set[str], records: Sequence[Record]) -> dict[str, FieldType]:
    """Return the types of undeclared fields; a field that is null throughout has none yet."""
    found = {name: inferred([record.get(name) for record in records]) for name in sorted(names)}
    return {name: kind for name, kind in found.items() if kind is not None}


def widening(table: TargetTable, records: Sequence[Record]) -> dict[str, FieldType]:
    """Return the inferred columns that these records do not fit, with the type they need."""
    wider: dict[str, FieldType] = {}
    for column in table.columns.values():
        if column.origin != "inferred" or column.type is FieldType.TEXT:
            continue
        values = [record.get(column.name) for record in records]
        if _fits(column.type, values, table.stream.zone):
            continue
        kind = inferred([value for value in values if value != ""])
        if kind and widened(column.type, kind) is not column.type:
            wider[column.name] = widened(column.type, kind)
    return wider


def _fits(kind: FieldType, values: Row, zone: str) -> bool:
    """Tell by its shapes whether a column needs no wider type; a look at types and ranges."""
    if kind is FieldType.JSON:
        return kinds(values) <= {dict, list}
    if kind is FieldType.INTEGER and kinds(values) <= {int}:
        return all(value is None or value in INT64 for value in values)
    try:
        READY["postgresql"][kind](values, zone, kinds(values))
    except NotPlainError:
        return False
    return True


def made_rows(table: TargetTable, records: Sequence[Record], *, judge_all: bool = False) -> Rows:
    """Return the rows of a batch; of several records with one key the newest stays.

    A column that is not plain is judged value by value, the others are not. With
    `judge_all` every column is: the database has refused the batch and does not say which.
    """
    columns, overflowed = _layout(table)
    keyed, unkeyed = _with_key(table, records)
    unique = _one_per_key(table.stream, keyed)
    names = [column.name for column in columns]
    rows = _rows(names, unique)
    by_column: Sequence[Row] = list(zip(*rows, strict=True)) or [()] * len(names)
    only_text = set(map(type, chain.from_iterable(rows))) <= {str, NONE}
    ready = READY[table.warehouse.dialect]
    converted: list[Row] = []
    judge = _Judge(table, unique, every_value=judge_all)
    for column, values in zip(columns, by_column, strict=True):
        try:
            if judge_all:
                raise NotPlainError  # noqa: TRY301 - as if the fast path had met it
            found = {str} if only_text else kinds(values)
            converted.append(ready[column.type](values, table.stream.zone, found))
        except NotPlainError:
            judged = judge.column(column, values)
            converted.append(ready[column.type](judged, "UTC", kinds(judged)))
    if overflowed:
        converted.append(judge.overflow(overflowed))
    if overflowed or any(new is not old for new, old in zip(converted, by_column, strict=True)):
        rows = list(zip(*converted, strict=True))
    lost = judge.lost
    return Rows(
        columns=columns,
        extra=bool(overflowed),
        rows=rows,
        refused=[*unkeyed, *(item for of_row in lost.values() for item in of_row)],
        superseded=len(keyed) - len(unique),
        rejected=len(unkeyed),
        damaged=len(lost),
    )


def _rows(names: Sequence[str], records: Sequence[Record]) -> list[Row]:
    """Return the values of each record in the order of `names`."""
    if len(names) == 1:
        return [(record.get(names[0]),) for record in records]
    try:
        return list(map(itemgetter(*names), records))
    except KeyError:  # some record lacks a field: it is null there
        return [tuple(map(record.get, names)) for record in records]


class _Judge:
    """Looks at single values; what has no plain form is null in its row and kept in `lost`."""

    def __init__(self, table: TargetTable, records: Sequence[Record], *, every_value: bool) -> None:
        self.lost: dict[int, list[Refused]] = {}  # by row
        self._table = table
        self._records = records
        # SQLite must be told what does not exist; PostgreSQL finds a 30th of February itself
        self._every_value = every_value or table.warehouse.dialect == "sqlite"

    def column(self, column: Column, values: Row) -> list[Any]:
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
            return coerced(value, kind, self._table.stream.zone)
        except UnfitError as error:
            refused = refusal(self._table, self._records[at], column, str(error))
            self.lost.setdefault(at, []).append(refused)
            return None


def _with_key(
    table: TargetTable, records: Sequence[Record]
) -> tuple[Sequence[Record], list[Refused]]:
    """Part the records that have a usable key from those that are refused whole.

    Keys are compared in the plain form of their type: 7 and "7" are one text key.
    """
    keys = [table.columns[name] for name in table.stream.key]
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
                plain = coerced(value, key.type, table.stream.zone)
            except UnfitError as error:
                refused.append(refusal(table, record, None, f"has a key that {error}"))
                continue
            if plain in {None, ""}:
                refused.append(refusal(table, record, None, "has no key"))
                continue
            judged.append(record if plain == value else record | {key.name: plain})
        kept = judged
    return kept, refused


def refusal(table: TargetTable, record: Record, column: Column | None, reason: str) -> Refused:
    """Describe a refused value (or whole record) so that it can be found and re-applied."""
    key = [record.get(name) for name in table.stream.key]
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


def _layout(table: TargetTable) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    every = table.written
    return tuple(c for c in every if not c.overflow), tuple(c for c in every if c.overflow)


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
