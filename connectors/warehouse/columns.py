"""The fast path: a column of plain values in the form each database takes as it is.

PostgreSQL parses text itself, so text stays text and COPY does the rest. SQLite checks
next to nothing, so there times are brought to one UTC form and numbers to int, float
(up to 15 digits, which float64 keeps exactly) or text (beyond).

Every function raises `NotPlainError` for a column that needs the slow path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from connectors.model import FieldType
from connectors.warehouse.shapes import (
    NONE,
    PLAIN_DATE,
    PLAIN_INTEGER,
    PLAIN_NUMBER,
    PLAIN_TIMESTAMP,
    ZONED_TIMESTAMP,
    NotPlainError,
    plain_text_column,
)
from connectors.warehouse.values import (
    EDGE_DAYS,
    EXACT_DIGITS,
    INT64,
    UnfitError,
    as_json,
    as_text,
    document,
    document_text,
    holds_nul,
    timestamp_text,
)

Values: TypeAlias = Sequence[Any]
Kinds: TypeAlias = AbstractSet[type]
"""The Python types in a column, None left out; may name types that are not in it."""
BOOLEANS = {"true", "false", "", None}
SQLITE_BOOLEANS = {"true": 1, "false": 0, "": None, None: None, True: 1, False: 0}
MILLISECONDS_Z = "0000-00-00T00:00:00.000Z"  # the shape of nearly every vendor's times


def kinds(values: Values) -> set[type]:
    """Return the Python types in a column, None left out."""
    return set(map(type, values)) - {NONE}


def text(values: Values, _zone: str, found: Kinds) -> Values:
    """Text as it is; other decoded values in their text form."""
    if found <= {str}:
        return values
    try:
        return [None if value is None else as_text(value) for value in values]
    except UnfitError as error:
        raise NotPlainError from error


def sqlite_text(values: Values, zone: str, found: Kinds) -> Values:
    """Text, which SQLite would also take with a NUL byte that PostgreSQL refuses."""
    ready = text(values, zone, found)
    if "\x00" in "".join(filter(None, ready)):
        raise NotPlainError
    return ready


def integer(values: Values, _zone: str, found: Kinds) -> Values:
    """Ints, or text of at most 18 digits."""
    if found <= {int}:
        return values
    if found == {str}:
        return plain_text_column(values, PLAIN_INTEGER)[0]
    raise NotPlainError


def sqlite_integer(values: Values, zone: str, found: Kinds) -> Values:
    """Ints of 64 bit."""
    ready = integer(values, zone, found)
    if found == {str}:
        return [None if value is None else int(value) for value in ready]
    if not all(value is None or value in INT64 for value in ready):
        raise NotPlainError
    return ready


def numeric(values: Values, _zone: str, found: Kinds) -> Values:
    """Exact numbers: ints, finite decimals, or text that every PostgreSQL reads alike."""
    if found == {str}:
        return plain_text_column(values, PLAIN_NUMBER)[0]
    if not found <= {int, Decimal}:
        raise NotPlainError
    if Decimal in found and not all(
        value.is_finite() for value in values if type(value) is Decimal
    ):
        raise NotPlainError
    return values


def sqlite_numeric(values: Values, zone: str, found: Kinds) -> Values:
    """Numbers as int or float where those are exact, as text where they are not."""
    if found == {str}:
        ready, shapes = plain_text_column(values, PLAIN_NUMBER)
        exponents = any("e" in shape.lower() for shape in shapes)
        if max(map(len, shapes)) <= EXACT_DIGITS and not exponents:
            return [None if value is None else float(value) for value in ready]
    else:
        ready = numeric(values, zone, found)
    return [None if value is None else sqlite_number(value) for value in ready]


def sqlite_number(value: str | int | Decimal) -> int | float | str:
    """Return the exact SQLite form of one number; `1.50` and `1.5` are the same value."""
    if isinstance(value, int):
        return value if value in INT64 else str(value)
    number = Decimal(value)
    if len(number.as_tuple().digits) <= EXACT_DIGITS and -300 < number.adjusted() < 300:  # noqa: PLR2004 - float64's range
        return float(number)
    return format(number.normalize(), "f")


def boolean(values: Values, _zone: str, found: Kinds) -> Values:
    """Bools, or the words `true` and `false`."""
    if found <= {bool}:
        return values
    if found == {str} and (words := set(values)) <= BOOLEANS:
        return [value or None for value in values] if "" in words else values
    raise NotPlainError


def sqlite_boolean(values: Values, zone: str, found: Kinds) -> Values:
    """1 and 0."""
    return [SQLITE_BOOLEANS[value] for value in boolean(values, zone, found)]


def calendar_date(values: Values, _zone: str, found: Kinds) -> Values:
    """Dates as `yyyy-mm-dd`."""
    if not found <= {str}:
        raise NotPlainError
    return plain_text_column(values, PLAIN_DATE)[0]


def sqlite_date(values: Values, zone: str, found: Kinds) -> Values:
    """Dates that exist."""
    ready = calendar_date(values, zone, found)
    _must_parse(date.fromisoformat, ready)
    return ready


def timestamp(values: Values, zone: str, found: Kinds) -> Values:
    """ISO 8601 times; without an offset only where the stream's zone is UTC."""
    ready, shapes = _plain_times(values, zone, found)
    shifted = any("+" in shape or "-" in shape[len("0000-00-00") :] for shape in shapes)
    if shifted and any(v and v[:10] in EDGE_DAYS and not v.endswith("Z") for v in ready):
        raise NotPlainError
    return ready


def _plain_times(values: Values, zone: str, found: Kinds) -> tuple[Values, set[str]]:
    if not found <= {str}:
        raise NotPlainError
    return plain_text_column(values, PLAIN_TIMESTAMP if zone == "UTC" else ZONED_TIMESTAMP)


def sqlite_timestamp(values: Values, zone: str, found: Kinds) -> Values:
    """Times in UTC with microseconds, so that text order is time order."""
    ready, shapes = _plain_times(values, zone, found)
    moments = _must_parse(datetime.fromisoformat, ready)
    if shapes <= {MILLISECONDS_Z, ""}:
        return [value and value.replace("Z", "000Z") for value in ready]
    if any(moment.tzinfo is None for moment in moments):
        raise NotPlainError
    rest = iter(moments)
    return [None if value is None else timestamp_text(next(rest)) for value in ready]


def _must_parse(parse: Callable[[str], Any], values: Values) -> list[Any]:
    present: Iterable[str] = filter(None, values)
    try:
        return list(map(parse, present))
    except ValueError as error:
        raise NotPlainError from error


def json(values: Values, _zone: str, _found: Kinds) -> Values:
    """JSON text; jsonb has one form for equal values. Text that is JSON stays as it is."""
    try:
        return [None if value is None else document_text(value) for value in values]
    except UnfitError as error:
        raise NotPlainError from error


def sqlite_json(values: Values, _zone: str, _found: Kinds) -> Values:
    """JSON text with sorted keys, so that equal values are equal text; no NUL, as in jsonb."""
    try:
        ready = [None if value is None else as_json(document(value)) for value in values]
    except UnfitError as error:
        raise NotPlainError from error
    if any(holds_nul(value) for value in ready if value):
        raise NotPlainError
    return ready


READY: Mapping[str, Mapping[FieldType, Callable[[Values, str, Kinds], Values]]] = {
    "postgresql": {
        FieldType.TEXT: text,
        FieldType.INTEGER: integer,
        FieldType.NUMERIC: numeric,
        FieldType.BOOLEAN: boolean,
        FieldType.DATE: calendar_date,
        FieldType.TIMESTAMP: timestamp,
        FieldType.JSON: json,
    },
    "sqlite": {
        FieldType.TEXT: sqlite_text,
        FieldType.INTEGER: sqlite_integer,
        FieldType.NUMERIC: sqlite_numeric,
        FieldType.BOOLEAN: sqlite_boolean,
        FieldType.DATE: sqlite_date,
        FieldType.TIMESTAMP: sqlite_timestamp,
        FieldType.JSON: sqlite_json,
    },
}
"""By dialect and type: the function that makes a whole column ready for the database."""

SHAPED = {FieldType.INTEGER, FieldType.NUMERIC, FieldType.DATE, FieldType.TIMESTAMP}
"""Types whose functions find out by themselves, with a `TypeError`, that values are not text."""


def made_ready(dialect: str, kind: FieldType, values: Values, zone: str) -> Values:
    """Return a column as the database takes it. Raises `NotPlainError`."""
    make = READY[dialect][kind]
    if kind in SHAPED:
        try:
            return make(values, zone, {str})
        except TypeError:
            pass
    return make(values, zone, kinds(values))
