"""Records that changed within a window, by search: none lost, none for ever.

A search shows at most 10,000 results, its offsets move when a record is edited, and its
order by time is not kept exactly. So the window is fixed before the first query, and each
query starts behind the largest id seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.errors import ContractError
from connectors.model import Json, Request
from connectors.paging import NoRepeat
from connectors.sources.hubspot.kinds import Kind
from connectors.sources.hubspot.portal import Portal, Row, after

PAGE = 200  # most that one search gives
WALL = 10_000  # results of one query that can be paged to
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = EPOCH + timedelta(seconds=1)  # the epoch itself is answered with 500
MILLISECOND = timedelta(milliseconds=1)
ISO_MILLISECONDS = len("2026-01-02T03:04:05.678Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of changed records; `position` is where to go on once they are stored."""

    rows: Sequence[Row]
    position: Json | None


def changed(
    portal: Portal, kind: Kind, request: Request, names: Callable[[], Sequence[str]]
) -> Iterator[Found]:
    """Yield the records whose cursor property lies in the request's window, by ascending id.

    `names` gives the properties to ask for, before each page. By offset, a record that is
    edited while we read would leave the window and the one after it would be skipped; so
    offsets are used only after a page that was not sorted as asked, where going on behind
    its largest id would cut records off. Raises `ContractError` when ids are no numbers.
    """
    window = Bounds(request)
    tokens = NoRepeat(f"hubspot.{request.stream.name}")
    last_id = highest = int((request.position or {}).get("last_id", 0))
    offset = 0
    limit = min(request.page_size, PAGE)
    while True:
        tokens.check((last_id, offset))
        query = _query(kind, window, names(), last_id=last_id, offset=offset, limit=limit)
        page = portal.search(kind, query)
        ids = _numbers(kind, page.results)
        highest = max([highest, *ids])
        following = after(page.paging)
        behind_highest = bool(ids) and (
            (offset == 0 and ids == sorted(ids)) or offset + 2 * limit > WALL
        )
        yield Found(
            rows=[row for row in page.results if window.holds(row.properties.get(kind.cursor))],
            position={"last_id": highest} if behind_highest else None,
        )
        if following is None:
            return
        if behind_highest:
            last_id, offset = highest, 0
        else:
            offset = int(following)


def _query(
    kind: Kind, window: Bounds, names: Sequence[str], *, last_id: int, offset: int, limit: int
) -> dict[str, Any]:
    """Return a search body; the dated versions demand all five members."""
    return {
        "filterGroups": [
            {
                "filters": [
                    {
                        "propertyName": kind.cursor,
                        "operator": "BETWEEN",
                        "value": str(window.first),
                        "highValue": str(window.last),
                    },
                    {"propertyName": "hs_object_id", "operator": "GT", "value": str(last_id)},
                ]
            }
        ],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": names,
        "limit": limit,
        "after": str(offset),
    }


def due(every_hours: float, request: Request) -> bool:
    """Tell whether this read does what is to be done every so many hours, 0: in every run.

    A full read always does, a backfill never. An incremental one does when the time since
    the last checkpoint passes a multiple of `every_hours`: nothing has to be remembered
    for that, and a run that fails before its checkpoint moves leaves it due for the next.
    """
    if request.mode != "incremental":
        return request.mode == "full"
    window = request.stream.window
    if not every_hours or request.since is None or request.until is None or window is None:
        return True
    every = timedelta(hours=every_hours)
    checkpoint = request.since + window.lookback
    return (checkpoint - EPOCH) // every != (request.until - EPOCH) // every


class Bounds:
    """A read's window in whole milliseconds since 1970, both ends inclusive."""

    def __init__(self, request: Request) -> None:
        since, until = request.since or EARLIEST, request.until or request.started_at
        self.first = (max(since, EARLIEST) - EPOCH) // MILLISECOND
        self.last = (until - EPOCH - timedelta(microseconds=1)) // MILLISECOND
        self._first, self._last = _iso(self.first), _iso(self.last)

    def holds(self, stamp: Any) -> bool:
        """Tell whether a record changed within the window.

        One edited since the query began shows its newer time and comes with the next
        window. What cannot be read as a time is kept: HubSpot said that it belongs here.
        """
        if isinstance(stamp, str) and len(stamp) == ISO_MILLISECONDS:
            return self._first <= stamp <= self._last
        try:
            moment = datetime.fromisoformat(stamp)
        except (TypeError, ValueError):
            return True
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return self.first <= (moment - EPOCH) // MILLISECOND <= self.last


def _iso(milliseconds: int) -> str:
    moment = EPOCH + milliseconds * MILLISECOND
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _numbers(kind: Kind, rows: Sequence[Row]) -> list[int]:
    try:
        return [int(row.id) for row in rows]
    except (TypeError, ValueError):
        raise ContractError(
            f"hubspot.{kind.name}: a search result has an id that is no number; reading on"
            " behind it would lose records"
        ) from None
