"""Reading an account: what changed, everything, and lists without dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import le

from connectors.errors import ConfigError
from connectors.http import ApiClient
from connectors.model import FieldType, Json, Page, Request, Stream
from connectors.shifting import listed, walk
from connectors.sources.salesrabbit.answers import Row, deleted, events, lead
from connectors.sources.salesrabbit.asking import (
    PER_PAGE,
    SURE_PER_PAGE,
    Dated,
    changed,
    whole,
    whole_seconds,
)
from connectors.sources.salesrabbit.settings import Settings
from connectors.sources.salesrabbit.streams import (
    ACTIVITIES,
    CUSTOM_FIELDS,
    HISTORIES,
    LEADS,
    ORG_UNITS,
    ROLES,
    STATUSES,
    STREAMS,
    USERS,
)

USUAL_PAGE = 200
"""From this page size on we ask for the largest page: fewer requests for the same rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows of a dated list, and what may be stored once they are committed."""

    rows: Sequence[Row]
    position: Json
    cursor: Json | None


class SalesRabbit:
    """An open connection to an account; a `connectors.model.Reader`."""

    def __init__(self, client: ApiClient, settings: Settings) -> None:
        self._client = client
        self._overlap = timedelta(minutes=settings.overlap_minutes)
        most = settings.activities_per_page
        self._dated = {
            LEADS.name: Dated(
                path="/leads",
                header="If-Modified-Since",
                order="dateCreated",
            ),
            HISTORIES.name: Dated(path="/leadStatusHistories", header="If-Status-Modified-Since"),
            ACTIVITIES.name: Dated(
                path="/leadStatusActivities",
                header="If-Status-Modified-Since",
                most=most,
                sure=min(SURE_PER_PAGE, most),
            ),
        }
        self._lists: Mapping[str, Sequence[str]] = {
            USERS.name: ("/users",),
            STATUSES.name: ("/leadStatuses", "/lead-statuses"),  # both were seen
            CUSTOM_FIELDS.name: (settings.custom_fields_path,),
            ORG_UNITS.name: (settings.org_units_path,),
            ROLES.name: (settings.roles_path,),
        }

    def streams(self) -> Sequence[Stream]:
        """See `Reader.streams`."""
        return STREAMS

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        """See `Reader.fields`: SalesRabbit describes none."""
        del stream
        return {}

    def read(self, request: Request) -> Iterator[Page]:
        """See `Reader.read`. Cursor: `{"since": time}`.

        Position: that of `walk`, under `closing` once the list itself was read; or `listed`'s.
        """
        name = request.stream.name
        if name in self._lists:
            yield from self._whole(request)
            return
        since, notes = self._since(request)
        if notes:
            yield Page(notes=notes)
        for found in self._found(request, self._dated[name], since):
            rows = found.rows
            if name == LEADS.name:
                rows = [lead(row) for row in rows]
            elif name == HISTORIES.name:
                rows = list(chain.from_iterable(map(events, rows)))
            yield Page(
                records=rows,
                deleted=deleted(rows) if name == LEADS.name else (),
                position=found.position,
                cursor=found.cursor,
            )

    def _found(self, request: Request, dated: Dated, since: datetime | None) -> Iterator[Found]:
        """Yield what changed since then, or everything; the last has the cursor.

        Everything is followed by what changed meanwhile, unless it was one page or in an order
        that no change touches: a change may have carried a row from a page not read yet to one
        that was, and a comparison of keys would take it for deleted.
        """
        begun = request.started_at - self._overlap
        cursor = {"since": whole_seconds(begun)}
        place = request.position or {}
        closes = "closing" in place
        if not closes:
            paged, steady = bool(place), not place
            for rows, position, more in self._walk(request, dated, since, place):
                paged = paged or more
                steady = steady and _rises(rows, dated.order)
                closes = not more and since is None and paged and not steady
                yield Found(
                    rows=rows,
                    position={"closing": {}} if closes else position,
                    cursor=None if more or closes else cursor,
                )
        if closes:
            moved = self._walk(request, dated, begun, place.get("closing", {}))
            for rows, position, more in moved:
                ended = None if more else cursor
                yield Found(rows=rows, position={"closing": position}, cursor=ended)

    def _walk(
        self, request: Request, dated: Dated, since: datetime | None, position: Json
    ) -> Iterator[tuple[Sequence[Row], Json, bool]]:
        pages = walk(
            f"salesrabbit.{request.stream.name}",
            changed(self._client, request.stream, dated, since),
            size=_page_size(request, dated.most),
            position=position or None,
        )
        for part, reached in pages:
            yield part.rows, reached, part.more

    def _whole(self, request: Request) -> Iterator[Page]:
        """Yield a list that has no dates."""
        size = _page_size(request, PER_PAGE)
        pages = listed(
            f"salesrabbit.{request.stream.name}",
            whole(self._client, request.stream, self._lists[request.stream.name], size),
            size=size,
            position=request.position,
        )
        for part, position in pages:
            yield Page(records=part.rows, position=position)

    def _since(self, request: Request) -> tuple[datetime | None, tuple[str, ...]]:
        """Return from when to ask, None for everything, and a note where the cursor is odd."""
        if request.since is not None or request.cursor is None:
            return request.since, ()
        try:
            since = datetime.fromisoformat(str(request.cursor["since"]))
        except (KeyError, ValueError) as error:
            raise ConfigError(
                f"the stored cursor of salesrabbit.{request.stream.name} is not one of this"
                " version: run once with mode full"
            ) from error
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
        if since > request.started_at:
            note = (
                f"the cursor ({since:%Y-%m-%d %H:%M} UTC) lies in the future;"
                " read from now less the overlap instead"
            )
            return request.started_at - self._overlap, (note,)
        return since, ()


def _rises(rows: Sequence[Row], order: str | None) -> bool:
    """Tell whether rows are sorted as was asked for; pages share a row, so this joins them."""
    values = [str(row.get(order)) for row in rows] if order else [""]
    return order is not None and all(map(le, values, values[1:]))


def _page_size(request: Request, most: int) -> int:
    return most if request.page_size >= USUAL_PAGE else min(request.page_size, most)
