"""Report times: text without an offset, in a zone where an hour comes twice in autumn."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SLICE = timedelta(days=31)  # Five9 advises weeks or months; few reports a day are allowed
SECOND = timedelta(seconds=1)  # times are printed in whole ones
PRINTED = re.compile(r"[A-Z][a-z]{2}, (\d{1,2}) ([A-Z][a-z]{2}) (\d{4})(?: (\d\d:\d\d:\d\d))?")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Slice = tuple[datetime, datetime]


def slices(since: datetime, until: datetime, zone: ZoneInfo) -> list[Slice]:
    """Cut a window into months, and where the clock in `zone` changes. Whole seconds, UTC."""
    start = since.astimezone(UTC).replace(microsecond=0)
    last = until.astimezone(UTC)
    if last.microsecond:
        last = last.replace(microsecond=0) + SECOND
    found: list[Slice] = []
    while start < last:
        end = min(start + SLICE, last)
        change = _change(start, end, zone)
        found.append((start, change or end))
        start = change or end
    return found


def halved(window: Slice) -> list[Slice]:
    """Return the halves of a slice, which share an edge; none when it is a second long."""
    start, end = window
    seconds = int((end - start).total_seconds())
    if seconds <= 1:
        return []
    middle = start + timedelta(seconds=seconds // 2)
    return [(start, middle), (middle, end)]


def printed(text: str) -> datetime | None:
    """Read `Mon, 23 Nov 2026 08:15:00`, with or without the time of day; None for all else."""
    match = PRINTED.fullmatch(text.strip())
    if match is None or match[2] not in MONTHS:
        return None
    try:
        return datetime.fromisoformat(
            f"{match[3]}-{MONTHS.index(match[2]) + 1:02}-{int(match[1]):02}"
            f"T{match[4] or '00:00:00'}"
        )
    except ValueError:
        return None


def following(local: datetime, zone: ZoneInfo, begun: datetime | None) -> datetime:
    """Return the UTC time of a local one; of two, the first that is not before `begun`."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if begun is None or first >= begun:
        return first
    return local.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _change(start: datetime, end: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the first instant in the slice at which the zone's offset is another."""

    def offset(moment: datetime) -> timedelta | None:
        return moment.astimezone(zone).utcoffset()

    if offset(start) == offset(end - SECOND):
        return None
    low, high = start, end - SECOND
    while high - low > SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if offset(middle) == offset(start):
            low = middle
        else:
            high = middle
    return high
