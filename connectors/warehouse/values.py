"""Single vendor values: brought into the plain form of a type, or refused with a reason.

`coerced` does it; no value is ever changed to make it fit. The texts made here are those
of every database: what a widened column shows, and what compares as its values do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from connectors.model import FieldType

EDGE_DAYS = ("0001-01-01", "9999-12-31")  # an offset can carry these out of the calendar
EXACT_DIGITS = 15  # decimal digits that survive a float64 there and back
NUMERIC_DIGITS = 131_072  # PostgreSQL's numeric holds no more before the point
NUMERIC_SCALE = 16_383  # nor more after it
INT64 = range(-(2**63), 2**63)

ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
DOCUMENT = msgspec.json.Decoder(float_hook=Decimal)
ANY_JSON = msgspec.json.Decoder(msgspec.Raw)  # checks, makes no objects
JSON = msgspec.json.Encoder(decimal_format="number", order="sorted")


class UnfitError(ValueError):
    """A single value cannot be stored in a column of its type; the text says why."""


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
