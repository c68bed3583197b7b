"""Reading the schedule for tasks, their status history or their ratings."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeAlias

from connectors.errors import ContractError
from connectors.model import Page, Range, Record, Request, Whole
from connectors.shifting import Part, walk
from connectors.sources.arrivy.api import Api, page_size
from connectors.sources.arrivy.details import Details, Found
from connectors.sources.arrivy.schedule import (
    LOOSE,
    NOWHERE,
    Windows,
    belong,
    bounds,
    read_at,
    slot,
    slotted,
)
from connectors.sources.arrivy.settings import Settings
from connectors.sources.arrivy.streams import SLOT, TASKS

Find: TypeAlias = Callable[[Sequence[Record]], Iterator[Found]]


class _Ignored(ContractError):
    """Arrivy answered as if a parameter had not been there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One list of tasks: its parameters, and whether tasks can be an answer to them."""

    params: dict[str, str]
    suits: Callable[[Sequence[Record]], bool]


class ScheduleReader:
    """One read of one of the three streams.

    `nameless` is shared by the reads of a connection: the paths that have shown a task without
    an external id. The express list is documented as addressed by those ids; whether it also
    shows tasks without is not.
    """

    def __init__(
        self,
        api: Api,
        settings: Settings,
        request: Request,
        *,
        clock: Callable[[], datetime],
        nameless: set[str],
    ) -> None:
        self._api = api
        self._request = request
        self._clock = clock
        self._nameless = nameless
        self._what = f"arrivy.{request.stream.name}"
        self._inline = request.stream is not TASKS and settings.details == "inline"
        self._path = "/express/tasks" if self._inline else "/tasks"
        self._find: Find = _tasks if request.stream is TASKS else Details(api, request).of
        self._windows = Windows(request, settings, clock())
        self._before: Sequence[Hashable] = ()  # ids of the answer before

    def pages(self) -> Iterator[Page]:
        """Yield the lists beside the schedule, its windows, and last which ranges are complete."""
        windows, place = self._windows, self._windows.place
        if windows.notes:
            yield Page(notes=windows.notes)
        while place.loose < len(LOOSE):
            try:
                yield from self._list(
                    _Question(params={LOOSE[place.loose]: "true"}, suits=SUITS[place.loose])
                )
            except _Ignored as ignored:
                place.sound = False
                yield Page(incomplete=str(ignored))
            windows.beside_done()
            yield Page(position=place.position(self._clock()))
        for since, until in windows:
            suits = partial(belong, since=since, until=until)
            yield from self._list(_Question(params=bounds(since, until), suits=suits))
            windows.done(until)
            yield Page(position=place.position(self._clock()))
        if self._inline and self._request.position is None and self._nameless == {"/tasks"}:
            yield Page(
                incomplete=f"{self._what}: the express list shows only tasks with an external id,"
                " the account has others too: set ARRIVY_DETAILS=calls"
            )
        for closed in windows.closed():
            yield Page(closed=Range(column=SLOT, since=closed.since, until=closed.until))
        yield Page(cursor=read_at(self._request))

    def _list(self, question: _Question) -> Iterator[Page]:
        """Yield a list of tasks from its place on.

        Raises `_Ignored` when Arrivy answers another question, also when asked again.
        """
        place = self._windows.place
        parts = walk(
            self._what,
            lambda page, size: self._asked(question, page, size),
            size=page_size(self._request.page_size),
            position=place.walk,
        )
        for part, walked in parts:
            place.count += len(part.rows)
            if not all(task.get("external_id") for task in part.rows):
                self._nameless.add(self._path)
            last = Page()
            for found in self._find(part.rows):
                if last != Page():
                    yield last
                keyed = all(record.get("id") is not None for record in found.records)
                place.sound = place.sound and found.seen_all and keyed
                gone = Whole(column="task_id", values=found.whole) if found.whole else None
                last = Page(records=found.records, whole=gone)
            place.walk = dict(walked)
            yield replace(last, position=place.position(self._clock()))

    def _asked(self, question: _Question, page: int, size: int) -> Part[Record]:
        params = question.params | {"show_details": "true"} if self._inline else question.params
        part = self._api.sure_page(self._path, page, size, params)
        old_answer = page == 1 and bool(part.rows) and part.ids == self._before
        if old_answer or not question.suits(part.rows):
            part = self._api.sure_page(self._path, page, size, params)
        self._before = part.ids
        if not question.suits(part.rows):
            raise _Ignored(
                f"{self._what}: Arrivy answered as if {' and '.join(question.params)} had not"
                " been asked for"
            )
        return part


def _tasks(tasks: Sequence[Record]) -> Iterator[Found]:
    yield Found(records=slotted(tasks))


def _any_loose(tasks: Sequence[Record]) -> bool:
    return not tasks or any(slot(task) == NOWHERE for task in tasks)


def _any_undated(tasks: Sequence[Record]) -> bool:
    return not tasks or any(not task.get("start_datetime") for task in tasks)


SUITS = (_any_loose, _any_undated)
"""Whether tasks can be an answer to each of `LOOSE`."""
