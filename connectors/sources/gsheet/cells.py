"""Whole columns of cells, made into what a declared type can hold.

Sheets sends a date as days since 1899-12-30 in the spreadsheet's own zone, and people write
dates, money and percentages as text. Columns without a declared type are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from connectors.model import FieldType

LOADING = "Loading..."
ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#ERROR!", LOADING}
)
EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - local time of the spreadsheet, by definition
LAST_SERIAL = 2_958_465  # 9999-12-31
MONTHS = 12
CENTURY_TURN = 70  # two-digit years below it are of this century
POINT_LANGUAGES = frozenset({"en", "zh", "ja", "ko", "th", "he"})  # that write 1,234.50
NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)")
WRITTEN = re.compile(
    r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})"
    r"(?:[ ,T]+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:([AaPp])\.?[Mm]\.?)?)?"
)


class UnfitError(ValueError):
    """A cell does not hold what its column is declared to hold; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a spreadsheet's people write: zone, order of day and month, decimal sign."""

    zone: ZoneInfo
    day_first: bool
    comma: bool  # 1.234,50

    @classmethod
    def of(cls, locale: str, zone: str, *, day_first: bool | None) -> Manner:
        """Return the manner of a locale such as `en_US`."""
        return cls(
            zone=ZoneInfo(zone),
            day_first=locale not in {"en_US", "en", ""} if day_first is None else day_first,
            comma=locale.partition("_")[0] not in POINT_LANGUAGES and locale != "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A cell that could not be kept: which of its column, what it held, why."""

    at: int
    value: Any
    reason: str


def converted(
    values: Sequence[Any], kind: FieldType | None, manner: Manner
) -> tuple[Sequence[Any], list[Lost]]:
    """Return a column in a form its type can hold, and the cells that cannot be kept.

    Blank cells are null, formula errors too. What a type cannot hold but the warehouse can
    judge stays as it is.
    """
    lost: list[Lost] = []
    there = set(values)
    if "" in there:
        values = [None if value == "" else value for value in values]
    if there & ERRORS:
        lost += [
            Lost(at=at, value=value, reason="is a formula's error")
            for at, value in enumerate(values)
            if value in ERRORS
        ]
        values = [None if value in ERRORS else value for value in values]
    convert = CONVERT.get(kind) if kind else None
    if convert is None:
        return values, lost
    made = list(_each(values, convert, manner, lost))
    return made, lost


def _each(
    values: Sequence[Any],
    convert: Callable[[Any, Manner], Any],
    manner: Manner,
    lost: list[Lost],
) -> Iterator[Any]:
    for at, value in enumerate(values):
        try:
            yield None if value is None else convert(value, manner)
        except UnfitError as error:
            lost.append(Lost(at=at, value=value, reason=str(error)))
            yield None


def serial(number: int | Decimal) -> datetime:
    """Return the local time of a serial date, to the millisecond. Raises `UnfitError`."""
    if not 0 <= number <= LAST_SERIAL:
        raise UnfitError("is a number, but not one of a date")
    milliseconds = int((Decimal(number) * 86_400_000).to_integral_value())
    return EPOCH + timedelta(milliseconds=milliseconds)


def _moment(value: Any, manner: Manner) -> datetime:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        moment = serial(value)
    else:
        moment = _written(str(value).strip(), manner)
    return moment if moment.tzinfo else moment.replace(tzinfo=manner.zone)


def _written(text: str, manner: Manner) -> datetime:
    found = WRITTEN.fullmatch(text)
    if found is None and not re.match(r"\d{4}-\d\d-\d\d", text):
        raise UnfitError("is not a date we can read")
    try:
        if found is None:
            return datetime.fromisoformat(text)
        first, sign, second, year, hour, minute, seconds, half = found.groups()
        day_first = manner.day_first or sign == "." or int(first) > MONTHS
        day, month = (int(first), int(second)) if day_first else (int(second), int(first))
        if month > MONTHS:
            day, month = month, day
        full_year = int(year)
        if full_year < 100:  # noqa: PLR2004 - written with two digits
            full_year += 2000 if full_year < CENTURY_TURN else 1900
        hours = int(hour or 0)
        if half:
            hours = hours % 12 + (12 if half in "Pp" else 0)
        return datetime(full_year, month, day, hours, int(minute or 0), int(seconds or 0))  # noqa: DTZ001 - the zone comes with the spreadsheet
    except ValueError as error:
        raise UnfitError("is not a date of the calendar") from error


def _timestamp(value: Any, manner: Manner) -> str:
    try:
        moment = _moment(value, manner).astimezone(UTC)
    except OverflowError as error:
        raise UnfitError("is a time outside the years 1 to 9999") from error
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0")[:23] + "Z"


def _date(value: Any, manner: Manner) -> str:
    """Return the day; a time of day that the cell's format does not show is left out."""
    moment = _moment(value, manner)
    day: date = moment.astimezone(manner.zone).date()
    return day.isoformat()


def _number(value: Any, manner: Manner) -> Any:
    """Return the number that a text says, with currency, percent sign or brackets."""
    if not isinstance(value, str):
        return value
    text = "".join(value.split()).replace("\N{MINUS SIGN}", "-")
    negative = (text.startswith("(") and text.endswith(")")) or text.endswith("-")
    text = re.sub(r"[()$€£¥]|-$|USD|EUR|GBP", "", text)
    percent = text.endswith("%")
    text = text.removesuffix("%")
    if not NUMBER.fullmatch(text):
        raise UnfitError("is not a number")
    try:
        number = Decimal(_plain(text, comma=manner.comma))
    except InvalidOperation as error:
        raise UnfitError("is not a number") from error
    number = number / 100 if percent else number
    return -number if negative else number


def _plain(text: str, *, comma: bool) -> str:
    """Return a number's text with a point as its only sign."""
    if "," in text and "." in text:  # the later one is the decimal sign
        comma = text.rfind(",") > text.rfind(".")
    thousands, decimal = (".", ",") if comma else (",", ".")
    return text.replace(thousands, "").replace(decimal, ".")


CONVERT: dict[FieldType, Callable[[Any, Manner], Any]] = {
    FieldType.TIMESTAMP: _timestamp,
    FieldType.DATE: _date,
    FieldType.NUMERIC: _number,
    FieldType.INTEGER: _number,
}
