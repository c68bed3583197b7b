"""Read a dated list in closed ranges of days, account by account, resumable at each page."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec

from connectors.model import Page, Range, Record, Request
from connectors.sources.callrail.api import Api, Listing, Refused
from connectors.sources.callrail.days import Days, instant, months_before
from connectors.sources.callrail.lists import Progress, turns
from connectors.sources.callrail.streams import Listed

RECORDS_A_WINDOW = 10_000
"""About this many records are read as one list: 40 pages, so that a pass is cheap to repeat."""
EDGE_DAYS = 3  # how far CallRail's idea of its 25 months may lie from ours
DAY = timedelta(days=1)
UNKNOWN_STEP = 31  # days per window where CallRail does not say how many records there are


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a windowed read stands: what is stored with its pages, and resumed from."""

    start: date  # first day of the whole read
    step: int  # days per window
    day: date  # first day of the current window
    account: str = ""  # current account; "" for the first
    page: int = 1  # next page of its list
    size: int = 0  # records to a page: with another size the number is another place
    count: int = 0  # different records of that list so far
    total: int | None = None  # what CallRail said the list has
    sound: bool = True  # nothing was missed in this window so far
    joined: bool = True  # nor in the one before it
    trouble: str | None = None  # what was missed so far in the whole read


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What to read: instants `[since, until)`, the local days that hold them."""

    since: datetime
    until: datetime
    first: date
    last: date


def bounds(request: Request, days: Days, history_months: int) -> Bounds:
    """Return the days to read. CallRail refuses anything older than `history_months`."""
    until = request.until or request.started_at
    oldest = months_before(request.started_at.astimezone(UTC).date(), history_months)
    start = datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC)
    since = max(request.since or start, start)
    return Bounds(
        since=since,
        until=until,
        first=max(days.first(since), oldest),
        last=days.last(until),
    )


class WindowReader:
    """Reads one dated list."""

    def __init__(
        self,
        *,
        api: Api,
        listed: Listed,
        accounts: Sequence[str],
        days: Days,
        request: Request,
        per_page: int,
        history_months: int,
    ) -> None:
        self._api = api
        self._listed = listed
        self._accounts = accounts
        self._days = days
        self._request = request
        self._per_page = per_page
        self._range = bounds(request, days, history_months)
        if listed.moves:  # what was in the range may by now be anywhere after it
            self._last = days.last(request.started_at + DAY)
        else:
            self._last = self._range.last
        self._kept: dict[str, Listing] = {}  # first pages that planning has already fetched

    def pages(self) -> Iterator[Page]:
        """Yield the list's records of the time asked for, window by window, and close each."""
        if self._range.since >= self._range.until or not self._accounts:
            yield Page(notes=("nothing of the time asked for is inside CallRail's history",))
            return
        place = self._resumed() or self._planned()
        if place.trouble:
            yield Page(incomplete=place.trouble)
        while place.day <= self._last:
            end = min(place.day + DAY * (place.step - 1), self._last)
            place = yield from self._window(place, end)
            following = Place(
                start=place.start,
                step=place.step,
                day=end + DAY,
                joined=place.sound,
                trouble=place.trouble,
            )
            closed = None if self._listed.moves else self._closed(place, end)
            yield Page(closed=closed, position=msgspec.to_builtins(following))
            place = following
        if self._listed.moves and not place.trouble and self._request.mode != "backfill":
            since, until = self._range.since, self._range.until
            yield Page(closed=Range(column=self._listed.time or "", since=since, until=until))

    def _window(self, place: Place, end: date) -> Generator[Page, None, Place]:
        """Read the days `place.day` to `end` of all accounts; return the place with the outcome."""
        waiting = self._accounts
        if place.account in waiting:
            waiting = waiting[waiting.index(place.account) :]
        for account in waiting:
            if account != place.account:
                place = msgspec.structs.replace(place, account=account, page=1, count=0, total=None)
            reason = yield from self._list(place, end)
            if reason:
                trouble = "; ".join(filter(None, (place.trouble, reason)))
                place = msgspec.structs.replace(place, sound=False, trouble=trouble)
                yield Page(incomplete=reason)
        return place

    def _list(self, place: Place, end: date) -> Generator[Page, None, str | None]:
        """Yield one account's pages of one window; return what went wrong, if anything."""

        def fetch(page: int) -> Listing:
            kept = self._kept.pop(place.account, None) if page == 1 else None
            return kept or self._fetch(place.account, place.day, end, page)

        what = f"{self._listed.stream.name} of {place.account} from {place.day} to {end}"
        before = Progress(before=place.count, total=place.total)
        reading = turns(fetch, what, page=place.page, progress=before)
        while True:
            try:
                turn = next(reading)
            except StopIteration as over:
                return over.value
            after = msgspec.structs.replace(
                place,
                page=turn.page + 1,
                size=self._per_page,
                count=turn.progress.count,
                total=turn.progress.total,
            )
            if turn.progress.fault:  # an interrupted run must not go on from here either
                after = msgspec.structs.replace(place, page=1, count=0, total=None)
            yield Page(
                records=list(self._inside(turn.records, place.account)),
                position=msgspec.to_builtins(after),
            )

    def _inside(self, records: Iterable[Record], account: str) -> Iterator[Record]:
        """Keep what lies in the time asked for, and what does not say when it was."""
        since, until = self._range.since, self._range.until
        for record in records:
            at = instant(record.get(self._listed.time or ""))
            if at is None or self._listed.moves or since <= at < until:
                record["account_id"] = account
                yield record

    def _closed(self, place: Place, end: date) -> Range | None:
        """Return the range that is complete with this window; None when something was missed."""
        if not place.sound:
            return None
        since, until = self._range.since, self._range.until
        if place.day > place.start:
            opens = self._days.opens if place.joined else self._days.open
            since = max(since, opens(place.day))
        elif self._request.since != since:  # cut off at a day that begins later in some zone
            since = max(since, self._days.open(place.day))
        if end < self._last:
            until = min(until, self._days.opens(end + DAY))
        return (
            Range(column=self._listed.time or "", since=since, until=until)
            if since < until
            else None
        )

    def _resumed(self) -> Place | None:
        if self._request.position is None:
            return None
        place = msgspec.convert(dict(self._request.position), Place)
        if place.size != self._per_page:  # the list's earlier pages are read again
            place = msgspec.structs.replace(place, page=1, count=0, total=None)
        return place

    def _planned(self) -> Place:
        """Ask each account for its first page of it all, and divide by what they say they have."""
        start = self._opening_day()
        days = (self._last - start).days + 1
        told = [listing.total for listing in self._kept.values()]
        records = sum(total or 0 for total in told)
        step = -(-days // max(1, -(-records // RECORDS_A_WINDOW)))
        if None in told:
            step = min(days, UNKNOWN_STEP)
        if step < days:
            self._kept.clear()
        return Place(start=start, step=step, day=start)

    def _opening_day(self) -> date:
        """Return the first day that CallRail accepts, the first pages from there on kept."""
        day = self._range.first
        spare = EDGE_DAYS if self._request.since != self._range.since else 0
        while True:
            try:
                for account in self._accounts:
                    self._kept[account] = self._fetch(account, day, self._last, 1)
            except Refused:
                if not spare:
                    raise
                day, spare = day + DAY, spare - 1
            else:
                return day

    def _fetch(self, account: str, first: date, last: date, page: int) -> Listing:
        params = {"start_date": first.isoformat(), "end_date": last.isoformat()}
        if self._listed.sort:  # oldest first: new records go to the end, not under the reader
            params |= {"sort": self._listed.sort, "order": "asc"}
        return self._api.listing(self._listed, account, page, self._per_page, **params)
