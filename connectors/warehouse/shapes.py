"""Whole columns of vendor text, judged by their shapes.

The fast path never looks at single values in Python. It maps a column's digits to
`0` in one C call; what is left are the few distinct *shapes* of the column
(`0000-00-00T00:00:00.000Z`, `-00.0`), and those are compared with the shapes that
are known to mean the same to every database. PostgreSQL itself would read
`1767221201` as a date in the year 176722, `1_000` as 1000, `now` as today: a value
whose shape is not plain never reaches it.

A column that is not plain goes to `coerced`, value by value, where each value is
either turned into its plain form or refused with a reason. The shapes also tell the type
of a column that nobody declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, reduce
from typing import Any

from connectors.model import FieldType
from connectors.warehouse.values import INT64, UnfitError, coerced, widened

NONE = type(None)
SHAPE = bytes.maketrans(b"123456789", b"000000000")
PLAIN_NUMBER = re.compile(r"-?0+(\.0+)?([eE][+-]?0{1,4})?")
PLAIN_INTEGER = re.compile(r"-?0{1,18}")  # 18 digits always fit 64 bit
PLAIN_DATE = re.compile(r"0000-00-00")
PLAIN_TIMESTAMP = re.compile(r"0000-00-00[T ]00:00:00(\.0{1,6})?(Z|[+-]00(:?00)?)?")
ZONED_TIMESTAMP = re.compile(r"0000-00-00[T ]00:00:00(\.0{1,6})?(Z|[+-]00(:?00)?)")


class NotPlainError(ValueError):
    """A column holds values that only the slow path can judge."""


def shapes(values: Iterable[str | None]) -> set[str]:
    """Return the distinct shapes of a column of text: its values with every digit as `0`.

    Raises `NotPlainError` for text that no plain form has: other than ASCII, or of two lines.
    """
    present = [value for value in values if value is not None]
    if not present:
        return {""}
    try:
        mapped = "\n".join(present).encode("ascii").translate(SHAPE)
    except UnicodeEncodeError as error:
        raise NotPlainError from error
    if mapped.count(b"\n") >= len(present):
        raise NotPlainError
    first, _, _ = mapped.partition(b"\n")
    if mapped == b"\n".join([first] * len(present)):
        return {first.decode("ascii")}  # as most columns of times: no need to look at each
    return set(mapped.decode("ascii").split("\n"))


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
