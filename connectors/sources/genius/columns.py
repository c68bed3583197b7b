"""What a column holds, how it is selected, and its values as the warehouse takes them.

Values arrive as the bytes that the server sent and leave column by column: whole numbers as
such, all others as text. Three things would not survive as text and are seen to: a date with
a zero in it, bytes that are no UTF-8, and times that need their offset from UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, TypeAlias, cast

from connectors.model import FieldType, Record, Refused
from connectors.sources.genius.database import Column, Row, quote
from connectors.sources.genius.tables import SECRET, Table
from connectors.sources.genius.times import Zone

Bytes: TypeAlias = Sequence[bytes | None]
Problem: TypeAlias = tuple[int, str, str]  # row, value as it can be shown, reason

INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "integer", "bigint", "year"})
NUMBERS = frozenset({"decimal", "numeric", "float", "double", "real"})
BINARY = frozenset(
    {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"}
    | {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring"}
    | {"multipolygon", "geometrycollection", "vector"}
)
FLAGS: dict[bytes | None, bool | None] = {b"0": False, b"1": True, None: None}
ZERO_DATE = re.compile(r"0000-|\d{4}-00|\d{4}-\d\d-00")
BITS_OF_INTEGER = 63
DIGITS = b"-0123456789"
DECLARED = re.compile(r"(\w+)\s*(?:\((\d+)[^)]*\))?")


def field_type(declared: str) -> FieldType:
    """Return what a column holds, from its declaration such as `tinyint(1) unsigned`.

    `tinyint(1)` is MySQL's BOOLEAN; another value than 0 and 1 in it is refused, not bent.
    """
    found = DECLARED.match(declared.lower())
    kind, size = (found[1], int(found[2] or 0)) if found else ("", 0)
    if kind == "bit":
        return _bits(size or 1)
    if kind == "tinyint" and size == 1:
        return FieldType.BOOLEAN
    if kind == "bigint" and "unsigned" in declared.lower():
        return FieldType.NUMERIC
    if kind in INTEGERS:
        return FieldType.INTEGER
    if kind in NUMBERS:
        return FieldType.NUMERIC
    return {
        "date": FieldType.DATE,
        "datetime": FieldType.TIMESTAMP,
        "timestamp": FieldType.TIMESTAMP,
        "json": FieldType.JSON,
    }.get(kind, FieldType.TEXT)  # `time` too: it may be negative or longer than a day


def _bits(size: int) -> FieldType:
    if size == 1:
        return FieldType.BOOLEAN
    return FieldType.INTEGER if size <= BITS_OF_INTEGER else FieldType.NUMERIC


def expression(column: Column) -> str:
    """Return how a column of table `t` is selected: bits as a number, binary as hexadecimal."""
    name = f"t.{quote(column.name)}"
    kind = column.declared.lower().partition("(")[0].split()[0] if column.declared else ""
    if kind == "bit":
        return f"{name} + 0"
    return f"HEX({name})" if kind in BINARY else name


@dataclass(slots=True)
class Found:
    """A converted column and what of it could not be kept."""

    values: Sequence[Any]
    problems: list[Problem] = field(default_factory=list[Problem])


Convert: TypeAlias = Callable[[Bytes], Found]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record: where it comes from, what it holds, how its bytes are read."""

    name: str
    expression: str
    type: FieldType
    convert: Convert


def fields_of(table: Table, columns: Iterable[Column], zone: Zone) -> list[Field]:
    """Return the fields of a table's records: its columns but the secrets, then the joined."""
    own = [
        Field(
            column.name,
            expression(column),
            field_type(column.declared),
            _converter(column.declared, zone),
        )
        for column in columns
        if not is_secret(table, column.name)
    ]
    names = {one.name for one in own}
    joined = [
        Field(name, made.expression, made.type, text)
        for name, made in table.joined.items()
        if name not in names
    ]
    return own + joined


def is_secret(table: Table, name: str) -> bool:
    """Tell whether a column is never selected."""
    return name.lower() in table.secrets or SECRET.search(name) is not None


def _converter(declared: str, zone: Zone) -> Convert:
    kind = field_type(declared)
    if kind is FieldType.INTEGER:
        return integers
    if kind is FieldType.BOOLEAN:
        return flags
    if kind is FieldType.DATE:
        return dates
    if kind is FieldType.TIMESTAMP:
        # The session's time zone is UTC, so a TIMESTAMP arrives in it; a DATETIME has none.
        add = zone.mark_utc if declared.lower().startswith("timestamp") else zone.add_offsets
        return lambda values: _timestamps(values, add)
    return text


def text(values: Bytes) -> Found:
    """Text as it came; bytes that are no UTF-8 are refused, their row stays."""
    try:
        # A column without nulls is decoded in one go, unless NUL bytes stand in its values.
        whole = b"\0".join(cast("Sequence[bytes]", values)).decode().split("\0")
        if len(whole) == len(values):
            return Found(whole)
    except (TypeError, UnicodeDecodeError):  # there are nulls, or worse
        pass
    try:
        return Found([None if value is None else value.decode() for value in values])
    except UnicodeDecodeError:
        return _judged_text(values)


def _judged_text(values: Bytes) -> Found:
    found: list[str | None] = []
    problems: list[Problem] = []
    for row, value in enumerate(values):
        try:
            found.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            found.append(None)
            shown = (value or b"").decode(errors="backslashreplace")
            problems.append((row, shown, "holds bytes that are not UTF-8"))
    return Found(found, problems)


def integers(values: Bytes) -> Found:
    """Whole numbers, whose keys the warehouse need not judge one by one as it does text.

    A SQLite file may hold anything in such a column: that stays text, and is judged, for
    Python reads numbers in `1_000` and ` 1 ` too.
    """
    if b"".join(filter(None, values)).translate(None, DIGITS):
        return text(values)
    try:
        return Found([None if value is None else int(value) for value in values])
    except ValueError:
        return text(values)


def flags(values: Bytes) -> Found:
    """0 and 1 as booleans; anything else stays text, which the warehouse refuses with a reason."""
    try:
        return Found([FLAGS[value] for value in values])
    except KeyError:
        return Found([FLAGS.get(value, value and value.decode()) for value in values])


def dates(values: Bytes) -> Found:
    """Dates as they came; one with a zero year, month or day is no date: null, and refused."""
    found = text(values)
    joined = b"\n".join([value for value in values if value is not None])
    if b"-00" not in joined and b"0000-" not in joined:
        return found
    kept = list(found.values)
    for row, value in enumerate(kept):
        if value is not None and ZERO_DATE.match(value):
            kept[row] = None
            found.problems.append((row, value, "is a date with a zero year, month or day"))
    return Found(kept, found.problems)


def _timestamps(
    values: Bytes, add: Callable[[Sequence[str | None]], Sequence[str | None]]
) -> Found:
    found = dates(values)
    return Found(add(found.values), found.problems)


def records_of(
    fields: Sequence[Field], key: Sequence[str], rows: Sequence[Row]
) -> tuple[list[Record], list[Refused]]:
    """Return the records of some rows and the values in them that could not be kept."""
    if not rows:
        return [], []
    names = [one.name for one in fields]
    found = [
        one.convert(values) for one, values in zip(fields, zip(*rows, strict=True), strict=True)
    ]
    by_row = zip(*(column.values for column in found), strict=True)
    records: list[Record] = list(map(dict, map(zip, repeat(names), by_row)))
    refused = [
        _refused(records[row], key, one.name, value, reason)
        for one, column in zip(fields, found, strict=True)
        for row, value, reason in column.problems
    ]
    return records, refused


def _refused(record: Record, key: Sequence[str], column: str, value: str, reason: str) -> Refused:
    parts = [record[name] for name in key]
    return Refused(
        key=None if None in parts else "/".join(map(str, parts)),
        column=column,
        value=value,
        reason=f"{column} {reason}",
        raw=record | {column: value},
    )
