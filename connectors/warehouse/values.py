"""Whole columns of vendor values, made fit for the database or refused.

The fast path never looks at single values in Python. It maps a column's digits to
`0` in one C call; what is left are the few distinct *shapes* of the column
(`0000-00-00T00:00:00.000Z`, `-00.0`), and those are compared with the shapes that
are known to mean the same to every database. PostgreSQL itself would read
`1767221201` as a date in the year 176722, `1_000` as 1000, `now` as today: a value
whose shape is not plain never reaches it.

A column that is not plain goes to `coerced`, value by value, where each value is
either turned into its plain form or refused with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache, reduce
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from connectors.model import FieldType

NONE = type(None)
SHAPE = bytes.maketrans(b"123456789", b"000000000")
PLAIN_NUMBER = re.compile(r"-?0+(\.0+)?([eE][+-]?0{1,4})?")
PLAIN_INTEGER = re.compile(r"-?0{1,18}")  # 18 digits always fit 64 bit
PLAIN_DATE = re.compile(r"0000-00-00")
PLAIN_TIMESTAMP = re.compile(r"0000-00-00[T ]00:00:00(\.0{1,6})?(Z|[+-]00(:?00)?)?")
ZONED_TIMESTAMP = re.compile(r"0000-00-00[T ]00:00:00(\.0{1,6})?(Z|[+-]00(:?00)?)")
EDGE_DAYS = ("0001-01-01", "9999-12-31")  # an offset can carry these out of the calendar
EXACT_DIGITS = 15  # decimal digits that survive a float64 there and back
NUMERIC_DIGITS = 131_072  # PostgreSQL's numeric holds no more before the point
NUMERIC_SCALE = 16_383  # nor more after it
INT64 = range(-(2**63), 2**63)

ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
DOCUMENT = msgspec.json.Decoder(float_hook=Decimal)
ANY_JSON = msgspec.json.Decoder(msgspec.Raw)  # checks, makes no objects
JSON = msgspec.json.Encoder(decimal_format="number", order="sorted")


class NotPlainError(ValueError):
    """A column holds values that only the slow path can judge."""


class UnfitError(ValueError):
    """A single value cannot be stored in a column of its type; the text says why."""


def shapes(values: Iterable[str | None]) -> set[str]:
    """Return the distinct shapes of a column of text: its values with every digit as `0`."""
    joined = "\n".join([value for value in values if value is not None])
    if not joined:
        return {""}
    try:
        return set(joined.encode("ascii").translate(SHAPE).decode("ascii").split("\n"))
    except UnicodeEncodeError as error:
        raise NotPlainError from error


@lru_cache(maxsize=4096)
def is_plain(pattern: re.Pattern[str], shape: str) -> bool:
    """Tell whether a shape is one of the plain forms; shapes repeat, so answers are kept."""
    return pattern.fullmatch(shape) is not None


def plain_text_column(
    values: Sequence[Any], pattern: re.Pattern[str]
) -> tuple[Sequence[Any], set[str]]:
    """Return a column of text values of plain shape, `""` as None, and its shapes.

    Vendors clear fields with `""`. Raises `NotPlainError` for any other shape.
    """
    found = shapes(values)
    if not all(is_plain(pattern, shape) for shape in found if shape):
        raise NotPlainError
    return ([value or None for value in values] if "" in found else values), found


def as_text(value: Any) -> str:
    """Return the text form of any decoded value: what a widened column shows."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return as_json(value)
    if isinstance(value, datetime):
        return timestamp_text(value if value.tzinfo else value.replace(tzinfo=UTC))
    return str(value)


def as_json(value: Any) -> str:
    """Encode a value as JSON with sorted keys and exact numbers.

    Raises `UnfitError` for what JSON cannot say: NaN, infinities, lone surrogates.
    """
    try:
        encoded = JSON.encode(value)
    except (UnicodeEncodeError, RecursionError, TypeError, ValueError) as error:
        raise UnfitError(f"cannot be written as JSON ({type(error).__name__})") from error
    if b"NaN" in encoded or b"Infinity" in encoded:
        try:
            msgspec.json.decode(encoded)
        except msgspec.DecodeError as error:
            raise UnfitError("holds NaN or Infinity, which JSON does not have") from error
    return encoded.decode()


def timestamp_text(moment: datetime) -> str:
    """Return an aware time as UTC text of fixed width, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def epoch(number: Decimal) -> datetime:
    """Read an epoch in seconds, milliseconds or microseconds, told apart by magnitude.

    Up to 1e11 is seconds (year 5138), up to 1e14 milliseconds, above microseconds.
    """
    size = abs(number)
    scale = 1 if size < 10**11 else 1_000 if size < 10**14 else 1_000_000
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        microseconds=int(number * (1_000_000 // scale))
    )


def _coerce_boolean(value: Any, _zone: str) -> bool:
    word = as_text(value).strip().lower()
    if word in {"true", "t", "yes", "y", "on", "1"}:
        return True
    if word in {"false", "f", "no", "n", "off", "0"}:
        return False
    raise UnfitError("is not a boolean")


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        return Decimal(int(value))
    text = repr(value) if isinstance(value, float) else as_text(value).strip()
    if "_" in text:
        raise UnfitError("is not a number")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise UnfitError("is not a number") from error
    if not number.is_finite():
        raise UnfitError("is not a finite number")
    exponent = number.as_tuple().exponent
    too_fine = isinstance(exponent, int) and -exponent > NUMERIC_SCALE
    if number.adjusted() >= NUMERIC_DIGITS or too_fine:
        raise UnfitError("is a number too large to store")
    return number


def _coerce_numeric(value: Any, _zone: str) -> Decimal:
    return _decimal(value)


def _coerce_integer(value: Any, _zone: str) -> int:
    number = _decimal(value)
    if number.adjusted() > EXACT_DIGITS * 2 or number != number.to_integral_value():
        raise UnfitError("is not a whole number of 64 bit")
    if int(number) not in INT64:
        raise UnfitError("is beyond 64 bit")
    return int(number)


def _moment(value: Any, zone: str) -> datetime:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, int | Decimal | float) and not isinstance(value, bool):
        moment = _epoch_or_refuse(value)
    else:
        text = as_text(value).strip()
        if re.fullmatch(r"-?\d{9,17}(\.\d+)?([eE]\+?\d+)?", text) or "e+" in text.lower():
            moment = _epoch_or_refuse(text)
        else:
            moment = _iso_or_refuse(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise UnfitError("is a time outside the years 1 to 9999") from error


def _epoch_or_refuse(value: Any) -> datetime:
    try:
        return epoch(_decimal(value))
    except (OverflowError, ValueError) as error:
        raise UnfitError("is an epoch outside the years 1 to 9999") from error


def _iso_or_refuse(text: str) -> datetime:
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        raise UnfitError("is not an ISO 8601 time")
    # fromisoformat knows 3 or 6 fraction digits and no space before the offset
    text = re.sub(r"\s+(?=(?:Z|UTC|[+-]\d\d:?\d\d)$)", "", text).removesuffix("UTC")
    text = re.sub(r"\.(\d+)", lambda m: "." + m[1][:6].ljust(6, "0"), text, count=1)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise UnfitError("is not an ISO 8601 time") from error


def _coerce_timestamp(value: Any, zone: str) -> str:
    return timestamp_text(_moment(value, zone))


def _coerce_date(value: Any, zone: str) -> str:
    if type(value) is date:
        return value.isoformat()
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip()).isoformat()
        except ValueError:
            pass  # not a bare date: a midnight time may still mean one
    moment = _moment(value, zone).astimezone(ZoneInfo(zone))
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        raise UnfitError("is a time of day where a date is expected")
    return moment.date().isoformat()


def _coerce_text(value: Any, _zone: str) -> str:
    text = as_text(value)
    if "\x00" in text:
        raise UnfitError("holds a NUL byte")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnfitError("holds half of a surrogate pair") from error
    return text


def document(value: Any) -> Any:
    """Return what a JSON column should hold: text that is a JSON object or list is parsed."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return DOCUMENT.decode(value)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            return value  # text that only looks like JSON stays text
    return value


def document_text(value: Any) -> str:
    """Return JSON text of what a JSON column should hold: text that is JSON already as it is.

    For a database that brings JSON into one form by itself. Raises `UnfitError`.
    """
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            ANY_JSON.decode(value)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            pass  # text that only looks like JSON
        else:
            return value
    return as_json(value)


def holds_nul(encoded: str) -> bool:
    r"""Tell whether JSON text has a NUL in it (`\u0000`, not an escaped backslash before u)."""
    return "\\u0000" in encoded and ESCAPED_NUL.search(encoded) is not None


def _coerce_json(value: Any, _zone: str) -> Any:
    parsed = document(value)
    if holds_nul(as_json(parsed)):
        raise UnfitError("holds a NUL byte")
    return parsed


COERCE: dict[FieldType, Callable[[Any, str], Any]] = {
    FieldType.TEXT: _coerce_text,
    FieldType.INTEGER: _coerce_integer,
    FieldType.NUMERIC: _coerce_numeric,
    FieldType.BOOLEAN: _coerce_boolean,
    FieldType.DATE: _coerce_date,
    FieldType.TIMESTAMP: _coerce_timestamp,
    FieldType.JSON: _coerce_json,
}


def coerced(value: Any, kind: FieldType, zone: str) -> Any:
    """Return `value` in the plain form of its type. Raises `UnfitError` with the reason.

    `""` is null in every type but text and JSON. Naive times are read in `zone`.
    """
    if value is None or (value == "" and kind not in {FieldType.TEXT, FieldType.JSON}):
        return None
    return COERCE[kind](value, zone)


ORDER: dict[FieldType, int] = {
    FieldType.BOOLEAN: 0,
    FieldType.INTEGER: 1,
    FieldType.NUMERIC: 2,
}


def widened(one: FieldType, other: FieldType) -> FieldType:
    """Return the narrowest type that holds the values of both.

    bool -> integer -> numeric -> text; date -> timestamp -> text; json -> text.
    """
    if one is other:
        return one
    if one in ORDER and other in ORDER:
        return max(one, other, key=ORDER.__getitem__)
    if {one, other} == {FieldType.DATE, FieldType.TIMESTAMP}:
        return FieldType.TIMESTAMP
    return FieldType.TEXT


def inferred(values: Sequence[Any]) -> FieldType | None:
    """Return the narrowest type of a column that nobody declared; None when all are null.

    Text that looks like a number stays text: zip codes and phone numbers are not numbers.
    """
    found = [
        _inferred_of(kind, [value for value in values if type(value) is kind])
        for kind in set(map(type, values)) - {NONE}
    ]
    return reduce(widened, found) if found else None


TYPE_OF: dict[type, FieldType] = {
    bool: FieldType.BOOLEAN,
    Decimal: FieldType.NUMERIC,
    float: FieldType.NUMERIC,
    dict: FieldType.JSON,
    list: FieldType.JSON,
    datetime: FieldType.TIMESTAMP,
    date: FieldType.DATE,
}


def _inferred_of(kind: type, values: Sequence[Any]) -> FieldType:
    if kind is int:
        return FieldType.INTEGER if all(v in INT64 for v in values) else FieldType.NUMERIC
    return TYPE_OF.get(kind) or _inferred_text(values)


def _inferred_text(values: Sequence[str]) -> FieldType:
    try:
        found = shapes(values)
    except NotPlainError:
        return FieldType.TEXT
    if found != {""}:
        found = found - {""}  # cleared fields say nothing about the type
    dates = {shape for shape in found if is_plain(PLAIN_DATE, shape)}
    times = {shape for shape in found if is_plain(ZONED_TIMESTAMP, shape)}
    if found - dates - times:
        return FieldType.TEXT
    kind = FieldType.TIMESTAMP if times else FieldType.DATE
    try:
        for value in values:
            _ = coerced(value, kind, "UTC")
    except UnfitError:  # the shape of a date, but not one of the calendar
        return FieldType.TEXT
    return kind
