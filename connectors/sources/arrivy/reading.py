"""Reading an account: lists that come whole, locations; the schedule is in `tasks`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from connectors.errors import ContractError
from connectors.model import FieldType, Json, Page, Record, Request, Stream
from connectors.shifting import Part, walk
from connectors.sources.arrivy.api import Api, page_size
from connectors.sources.arrivy.lists import whole
from connectors.sources.arrivy.schedule import last_read, read_at
from connectors.sources.arrivy.settings import Settings
from connectors.sources.arrivy.streams import LISTS, LONG_LIST, MEMBERS, STREAMS
from connectors.sources.arrivy.tasks import ScheduleReader
from connectors.sources.arrivy.times import repair, written

READINGS_MARGIN = timedelta(hours=1)  # phones send readings late


class Arrivy:
    """An open connection to an account; a `connectors.model.Reader`."""

    def __init__(self, api: Api, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._nameless: set[str] = set()

    def streams(self) -> Sequence[Stream]:
        """See `Reader.streams`."""
        return STREAMS

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        """See `Reader.fields`: Arrivy describes none."""
        del stream
        return {}

    def read(self, request: Request) -> Iterator[Page]:
        """See `Reader.read`.

        Positions: `schedule.Place`, a place in a list, or the entity whose locations are next.
        Cursors: when the read that came to its end began, and how many pages a list has.
        """
        name = request.stream.name
        if name in LISTS:
            return self._list(request, LISTS[name][0])
        if name == "location_readings":
            return self._readings(request)
        return ScheduleReader(
            self._api, self._settings, request, clock=self._clock, nameless=self._nameless
        ).pages()

    def _list(self, request: Request, path: str) -> Iterator[Page]:
        """Yield a list, unless it is long and was read not long ago."""
        cursor = request.cursor
        if cursor and request.since is None and int(cursor.get("pages", 0)) > LONG_LIST:
            age = request.started_at - last_read(request)
            if age < timedelta(hours=self._settings.lists_every_hours):
                due = last_read(request) + timedelta(hours=self._settings.lists_every_hours)
                note = f"long, and read whole not long ago: next from {due:%Y-%m-%d %H:%M} UTC on"
                yield Page(notes=(note,))
                return
        pages = 0
        for rows, position in whole(
            f"arrivy.{request.stream.name}",
            lambda page, size: self._api.sure_page(path, page, size),
            size=page_size(request.page_size),
            position=(request.position or {}).get("walk"),
        ):
            pages += 1
            records = _members(rows) if request.stream is MEMBERS else rows
            for record in records:
                repair(record, ("created", "updated"))
            yield Page(records=records, position={"walk": position} if position else None)
        yield Page(cursor={**read_at(request), "pages": pages}, everything=True)

    def _readings(self, request: Request) -> Iterator[Page]:
        """Yield where each entity was, from the last run on; entities in the order of their ids."""
        since = request.since
        if since is None and request.cursor is not None:
            since = last_read(request) - READINGS_MARGIN
        params = {"time": written(since)} if since else {}
        size = page_size(request.page_size)
        entities = whole(
            "arrivy.entities",
            lambda page, size: self._api.sure_page("/entities", page, size),
            size=size,
        )
        ids = sorted({str(one["id"]) for rows, _ in entities for one in rows if "id" in one})
        begin = str((request.position or {}).get("entity", ""))
        for entity in ids:
            if entity < begin:
                continue
            for part, _ in walk(
                "arrivy.location_readings",
                lambda page, size, entity=entity: self._one_page(entity, page, size, params),
                size=size,
            ):
                rows = [{"entity": entity, **row} for row in part.rows]
                for row in rows:
                    repair(row, ("time",))
                position: Json = {"entity": entity}
                yield Page(records=rows, position=position)
        yield Page(cursor=read_at(request))

    def _one_page(
        self, entity: str, page: int, size: int, params: Mapping[str, Any]
    ) -> Part[Record]:
        part = self._api.page(f"/entities/{entity}/readings", page, size, params, key="time")
        assert part is not None
        return part


def _members(crews: Sequence[Record]) -> list[Record]:
    """Return the members that crews show, each with its crew.

    Raises `ContractError` when a crew shows something else than a list of them.
    """
    members: list[Record] = []
    for crew in crews:
        value = crew.get("entities_data")
        try:
            shown: Any = msgspec.json.decode(value) if isinstance(value, str) and value else value
        except msgspec.DecodeError:
            shown = value
        inside = cast("list[Any]", shown) if isinstance(shown, list) else None
        if not shown:
            continue
        if inside is None or not all(isinstance(one, dict) for one in inside):
            raise ContractError(
                "arrivy.crew_members: entities_data of a crew is no list of objects"
            )
        mine = {"crew_id": crew.get("id"), "crew_name": crew.get("name")}
        members += [{**one, **mine} for one in inside]
    return members
