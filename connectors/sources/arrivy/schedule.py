"""The schedule, window by window: Arrivy filters tasks by when they happen, not by change.

A full read goes from 1970 to 2100. An incremental one re-reads the schedule from some days
before the last run on, to its far end, so that tasks moved into the future are seen. Tasks that
are unscheduled or have no date are in none of those lists and are asked for first.

What a window does not show any more is gone, but only the end of the read can tell: a task
may have moved into a later window. So windows are closed when all of them were read, and only
by reads that would have seen where a task went: none of a chosen time, none after a long pause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.errors import ConfigError
from connectors.model import Json, Record, Request
from connectors.sources.arrivy.settings import Settings
from connectors.sources.arrivy.streams import DAY, SLOT, TASK_TIMES
from connectors.sources.arrivy.times import bare, midnight, repair, repaired, written

LOOSE = ("unscheduled", "tasks_with_no_datetime")
"""Parameters of the two lists beside the schedule."""
RESTED = (
    "the read rested for more than an hour, in which tasks may have moved: it deletes nothing,"
    " the next one does"
)
NOWHERE = "1900-01-01T00:00:00Z"
"""The slot of tasks in those: they have one, so that their deletion can be told as well."""
NOWHERE_SPAN = (datetime(1900, 1, 1, tzinfo=UTC), datetime(1900, 1, 2, tzinfo=UTC))
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
FOUNDED = datetime(2010, 1, 1, tzinfo=UTC)  # before Arrivy: one window for what was mistyped
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)
FULL_WINDOW, LONGEST_WINDOW = 28 * DAY, 366 * DAY
RICH = 2_000  # tasks per window, four pages: windows grow below half of it and shrink above
CLOSED_TOGETHER = 10_000  # tasks compared at once: each comparison looks through the table
EDGE = timedelta(seconds=1)  # whether `from` itself belongs to its window is not documented
PAUSE = timedelta(hours=1)  # an interrupted read may rest so long and still tell what is gone


class Closed(msgspec.Struct, kw_only=True):
    """A range whose tasks have all been seen, and how many they were."""

    since: datetime
    until: datetime
    tasks: int


class Place(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where a read of the schedule is: what is stored with its pages, and resumed from."""

    at: datetime  # where the current window begins
    span: timedelta
    told: datetime  # when this was stored
    loose: int = 0  # how many of the two lists beside the schedule are read
    beside: bool = True  # both showed all they have
    walk: dict[str, Any] | None = None  # where in the current list, see `shifting.walk`
    count: int = 0  # tasks of the current list so far
    sound: bool = True  # nothing of it was missed so far
    tells: bool = True  # the read may say what is gone
    closed: list[Closed] = msgspec.field(default_factory=list[Closed])

    def position(self, now: datetime) -> Json:
        """The place as JSON."""
        self.told = now
        position: Json = msgspec.to_builtins(self)
        return position

    def end_list(self) -> bool:
        """Leave the current list; return whether all of it was seen."""
        seen_all, self.walk, self.count, self.sound = self.sound, None, 0, True
        return seen_all


class Windows:
    """Which windows a read has, and where it is in them."""

    def __init__(self, request: Request, settings: Settings, now: datetime) -> None:
        """`now` is the present, later than `request.started_at` where a read is resumed."""
        self._horizon = midnight(request.started_at) + settings.days_ahead * DAY
        self._chosen = request.since is not None or request.mode == "backfill"
        self.notes: tuple[str, ...] = ()
        self.end = FOREVER
        span = settings.window_days * DAY
        if request.mode == "backfill":
            self.end = request.until or FOREVER
        start = request.since
        if start is None and request.cursor is not None:
            start = midnight(last_read(request)) - settings.days_back * DAY
        if start is None:
            start, span = BEGINNING, FULL_WINDOW
        self._start = start
        loose = len(LOOSE) if request.mode == "backfill" else 0
        self.place = Place(at=start, span=span, told=now, loose=loose, tells=not self._chosen)
        if request.position is not None:
            self.place = msgspec.convert(dict(request.position), Place)
            if self.place.tells and now - self.place.told > PAUSE:
                self.place.tells = False
                self.notes = (RESTED,)

    def __iter__(self) -> Iterator[tuple[datetime, datetime]]:
        """Yield windows until the end; tell each one's end to `done`."""
        while self.place.at < self.end:
            at = self.place.at
            until = at + self.place.span
            if at < FOUNDED:
                until = FOUNDED
            elif at >= self._horizon:
                until = self.end
            elif until > self._horizon:
                until = self._horizon
            yield at, min(until, self.end)

    def done(self, until: datetime) -> None:
        """The window up to `until` was read."""
        place, count = self.place, self.place.count
        at = place.at
        if at == self._start != BEGINNING:  # a day to spare: in which zone Arrivy cuts is unknown
            at += DAY
        place.at = until
        if place.end_list() and place.tells:
            self._close(at, until, count)
        if not count:
            place.span = min(place.span * 4, LONGEST_WINDOW)
        elif count < RICH / 2:
            place.span = min(place.span * 2, LONGEST_WINDOW)
        elif count > RICH:
            place.span = max(place.span // 2, DAY)

    def beside_done(self) -> None:
        """One of the lists beside the schedule was read; only both together tell what is gone."""
        place, count = self.place, self.place.count
        place.loose += 1
        place.beside = place.end_list() and place.beside
        if place.loose == len(LOOSE) and place.beside and place.tells:
            place.closed.append(Closed(since=NOWHERE_SPAN[0], until=NOWHERE_SPAN[1], tasks=count))

    def closed(self) -> Sequence[Closed]:
        """After the last window: the ranges whose missing tasks are gone."""
        return self.place.closed if self.place.tells else ()

    def _close(self, since: datetime, until: datetime, count: int) -> None:
        if since >= until:
            return
        before = self.place.closed[-1] if self.place.closed else None
        if before and before.until == since and before.tasks + count <= CLOSED_TOGETHER:
            before.until = until
            before.tasks += count
        else:
            self.place.closed.append(Closed(since=since, until=until, tasks=count))


def slot(task: Record) -> Any:
    """Return under which time a task is listed: its start, or `NOWHERE`."""
    start = task.get("start_datetime")
    unscheduled = str(task.get("unscheduled")).lower() == "true"
    return NOWHERE if unscheduled or not start else repaired(start)


def slotted(tasks: Sequence[Record]) -> list[Record]:
    """Repair the times of tasks and give each its slot."""
    for task in tasks:
        repair(task, TASK_TIMES)
        task[SLOT] = slot(task)
    return list(tasks)


def bounds(since: datetime, until: datetime) -> dict[str, str]:
    """Return the parameters of a window."""
    return {"from": written(since - EDGE), "to": written(until)}


def belong(tasks: Sequence[Record], since: datetime, until: datetime) -> bool:
    """Whether most of `tasks` touch a window, give or take a day.

    A page of other days is an answer to another question, or to one without `from` and `to`.
    """
    low, high = bare(since - DAY), bare(until + DAY)
    strange = sum(_outside(task, low, high) for task in tasks)
    return strange * 2 <= len(tasks)


def _outside(task: Record, low: str, high: str) -> bool:
    start, end = task.get("start_datetime"), task.get("end_datetime")
    if not isinstance(start, str) or not start:
        return False
    return start > high or max(start, end if isinstance(end, str) else start) < low


def last_read(request: Request) -> datetime:
    """Return when the stream was last read to its end, never later than this read's start.

    Raises `ConfigError` for a cursor of another version.
    """
    try:
        moment = datetime.fromisoformat(str((request.cursor or {})["read"]))
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"the stored cursor of arrivy.{request.stream.name} is not one of this version:"
            " run once with mode full"
        ) from error
    return min(moment, request.started_at)


def read_at(request: Request) -> dict[str, Any]:
    """Return the cursor of a read that came to its end."""
    return {"read": request.started_at.astimezone(UTC).isoformat()}
