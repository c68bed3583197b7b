"""CallRail filters by whole local days; we think in UTC instants. Here one becomes the other.

A day is cut in the zone of the record's company, or of the account: the documentation does
not say. Every record lies on one day of its own zone, so consecutive ranges of days hold each
record exactly once, whatever the zone; only the outer ends and the instants up to which a
range is complete must allow for all zones that may apply.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ANY_ZONE = ("Etc/GMT+12", "Etc/GMT-14")  # every zone lies between these two
INSTANT = timedelta(microseconds=1)
SPACE_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")


class Days:
    """Local days in all zones that may apply."""

    def __init__(self, zones: Iterable[object]) -> None:
        """`zones` are names as CallRail gives them; a name that is not IANA stands for any zone."""
        self._zones: set[ZoneInfo] = {ZoneInfo("UTC")}
        for name in zones:
            try:
                self._zones.add(ZoneInfo(str(name)))
            except (ZoneInfoNotFoundError, ValueError, OSError):  # a Rails name, null, a folder
                self._zones.update(map(ZoneInfo, ANY_ZONE))

    def first(self, since: datetime) -> date:
        """Return the earliest day that `since` falls on."""
        return min(since.astimezone(zone).date() for zone in self._zones)

    def last(self, until: datetime) -> date:
        """Return the latest day that the instant before `until` falls on."""
        return max((until - INSTANT).astimezone(zone).date() for zone in self._zones)

    def opens(self, day: date) -> datetime:
        """Return when `day` begins in the first zone: all before it lies on earlier days."""
        return min(self._midnights(day))

    def open(self, day: date) -> datetime:
        """Return when `day` has begun in every zone: all after it lies on this day or later."""
        return max(self._midnights(day))

    def _midnights(self, day: date) -> list[datetime]:
        return [datetime.combine(day, time(0), zone).astimezone(UTC) for zone in self._zones]


def months_before(day: date, months: int) -> date:
    """Return the same day `months` earlier, or the last of a month that is too short."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def instant(value: object) -> datetime | None:
    """Read a time in any of CallRail's shapes; None when it has no zone or is not a time."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(SPACE_BEFORE_OFFSET.sub("", value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
