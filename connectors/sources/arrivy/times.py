"""Times as Arrivy writes them: UTC without an offset, now and then a digit short."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any

from connectors.model import Record

PLAIN_LENGTHS = frozenset({19, 26})  # `2017-10-14T06:23:33`, and with microseconds
ODD = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)[T ](\d\d?):(\d\d?)(?::(\d\d?)(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?"
)
"""The documentation's own samples hold `2016-11-21T09:00:7-08:00`."""


def repaired(value: Any) -> Any:
    """Return a time with its missing digits; anything else as it is."""
    if not isinstance(value, str):
        return value
    if len(value) in PLAIN_LENGTHS and value[17:19].isdecimal():
        return value
    found = ODD.fullmatch(value)
    if found is None:
        return value
    year, month, day, hour, minute, second, fraction, offset = found.groups(default="")
    return (
        f"{year}-{month:0>2}-{day:0>2}T{hour:0>2}:{minute:0>2}:{second:0>2}"
        f"{fraction}{offset or 'Z'}"
    )


def repair(record: Record, names: Iterable[str]) -> None:
    """Repair the times of a record in place."""
    for name in names:
        value = record.get(name)
        if value is not None:
            record[name] = repaired(value)


def midnight(moment: datetime) -> datetime:
    """Return the start of the UTC day: windows do not know local days or their clock changes."""
    return datetime.combine(moment.astimezone(UTC), time(), UTC)


def written(moment: datetime) -> str:
    """Return a time as Arrivy takes it. The `+` is percent-encoded once, by the client."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def bare(moment: datetime) -> str:
    """Return a time in the form, and so in the order, of the times that Arrivy sends."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
