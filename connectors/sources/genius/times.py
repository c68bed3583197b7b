"""Naive local times and UTC: a DATETIME says the hour on the wall, not where the wall stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)
LONGEST_CHANGE = timedelta(hours=3)  # no zone has ever moved its clocks further at once
HOUR = 13  # length of `2025-01-02 03`


class Zone:
    """The zone that a database's naive times are meant in.

    Values get their offset as text (`2025-01-02 03:04:05-08:00`), found once for each hour:
    the warehouse then takes whole columns without looking at single values. Of the hour that
    comes twice in autumn the first is meant, as `datetime` has it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._zone = ZoneInfo(name)
        self._offsets: dict[str, str | None] = {}

    def add_offsets(self, values: Sequence[str | None]) -> Sequence[str | None]:
        """Append the offset to naive local times. A value that is no time stays as it is."""
        if self.name == "UTC":
            return values
        offsets = self._offsets
        for hour in {value[:HOUR] for value in values if value is not None} - offsets.keys():
            offsets[hour] = self._offset_of_hour(hour)
        return [
            None if value is None else value + (offsets[value[:HOUR]] or self._offset(value))
            for value in values
        ]

    def mark_utc(self, values: Sequence[str | None]) -> Sequence[str | None]:
        """Say of times in UTC that they are, where the stream's own zone is another."""
        if self.name == "UTC":
            return values
        return [None if value is None else f"{value}Z" for value in values]

    def from_time(self, moment: datetime) -> str:
        """Return the earliest naive time that a row changed at or after `moment` can have.

        Whole seconds, rounded down. Where clocks go back soon after, it lies that much before.
        """
        local = moment.astimezone(self._zone)
        return _text(local.replace(tzinfo=None) - self._back(moment, moment + LONGEST_CHANGE))

    def to_time(self, moment: datetime) -> str:
        """Return a naive time that no row changed before `moment` can have reached.

        Whole seconds, rounded up. Where clocks went back just before, it lies that much after.
        """
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        rounded = local if not local.microsecond else local.replace(microsecond=0) + SECOND
        return _text(rounded + self._back(moment - LONGEST_CHANGE, moment))

    def offset(self, moment: datetime) -> timedelta:
        """Return the zone's distance from UTC at a moment."""
        return moment.astimezone(self._zone).utcoffset() or timedelta(0)

    def _back(self, before: datetime, after: datetime) -> timedelta:
        return max(self.offset(before) - self.offset(after), timedelta(0))

    def _offset_of_hour(self, hour: str) -> str | None:
        """Return an hour's offset; None when it changes within the hour."""
        first, last = self._offset(f"{hour}:00:00"), self._offset(f"{hour}:59:59")
        return first if first == last else None

    def _offset(self, value: str) -> str:
        try:
            local = datetime.fromisoformat(value)
        except ValueError:  # not a time of the calendar: the warehouse refuses it, whole
            return ""
        offset = (local.replace(tzinfo=self._zone).utcoffset() or timedelta(0)) // SECOND
        minutes, seconds = divmod(abs(offset), 60)
        sign = "-" if offset < 0 else "+"
        tail = f":{seconds:02d}" if seconds else ""  # local mean time, before standard zones
        return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}{tail}"


def _text(local: datetime) -> str:
    return local.strftime("%Y-%m-%d %H:%M:%S")


def utc_from_text(text: str) -> datetime:
    """Read a UTC time as a database writes it."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
