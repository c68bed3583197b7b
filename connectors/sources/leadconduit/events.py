"""Read events oldest first by id, and know that the end is the end.

An answer is a bare array: no count, no next link. The only sign of the end is a page that is
short or empty, and a failing proxy can look like that too: two such pages in a row are wanted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from connectors.answers import ITEMS, Answer
from connectors.errors import ContractError
from connectors.http import ApiClient
from connectors.paging import page_numbers
from connectors.sources.leadconduit.opening import Event, Opener

log = logging.getLogger(__name__)

MAX_PAGE = 1000
PART = 250  # events handed on at once: as many again wait in each place of the loader's queue
SIGNS = 2
OBJECT_ID = re.compile(r"[0-9a-f]{24}")
REPEATS = 2  # times that a page may come again before we give up
SECOND = timedelta(seconds=1)
BAD_REQUEST = 400
LAST_OF_IDS = 0xFFFFFFFF  # the last second that an id can begin with, in 2106


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Events of (a part of) one answer and a sentence when some may be missing.

    `last` is the id to go on after; None: not from here.
    """

    events: Sequence[Event]
    last: str | None
    incomplete: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which events: begun in `[since, until]`, after the id `after`; fixed parameters beside."""

    since: datetime | None
    until: datetime
    after: str | None
    limit: int
    params: Sequence[tuple[str, str]] = ()

    def ask(self, client: ApiClient, after: str | None) -> Sequence[Any]:
        """Return one page of events, not opened yet.

        Raises `ContractError` when the answer is no list.
        """
        answer = self._get(client, [("after_id", after)] if after else self._start(self.since))
        if answer.status == BAD_REQUEST and after and after == self.after:
            log.info("leadconduit: the stored id is not known any more; reading from its time on")
            answer = self._get(client, self._start(begun(after)))
        if answer.status == BAD_REQUEST:
            said = answer.vendor_message()
            raise ContractError(f"{answer.where}: 400 ({said}). LeadConduit refuses the question")
        items = answer.decode_as(ITEMS)
        if not isinstance(items, list):
            raise ContractError(f"{answer.where}: {answer.status}, but no list in the body")
        return cast("list[Any]", items)

    def _get(self, client: ApiClient, where: Sequence[tuple[str, str]]) -> Answer:
        end = _second(self.until) + SECOND  # inclusive, in whole seconds as far as one knows
        asked = [
            *where,
            ("end", f"{end:%Y-%m-%dT%H:%M:%SZ}"),
            ("sort", "asc"),
            ("limit", str(self.limit)),
            *self.params,
        ]
        return client.get("/events", asked, accept=(200, BAD_REQUEST), shape=ITEMS)

    @staticmethod
    def _start(since: datetime | None) -> Sequence[tuple[str, str]]:
        return [("start", f"{_second(since):%Y-%m-%dT%H:%M:%SZ}")] if since else []


def pages(client: ApiClient, question: Question, opener: Opener) -> Iterator[EventPage]:
    """Yield the events asked for, page by page."""
    after, signs, repeats = question.after, 0, 0
    last_second = f"{min(int(question.until.timestamp()), LAST_OF_IDS):08x}"
    for _ in page_numbers("leadconduit.events"):
        found = [opener.open(item) for item in question.ask(client, after)]
        ids = [str(event.id) for event in found if event.id]
        if found and not ids:
            raise ContractError("leadconduit.events: a page of events without ids")
        if after and ids and max(ids) <= after:
            repeats += 1
            if repeats > REPEATS:
                raise ContractError(
                    f"leadconduit.events: the page after {after} comes again and again"
                )
            continue
        inside = [event for event in found if not _begun_after(event, last_second)]
        if found:
            after = max(ids)
            if ids == sorted(ids):
                yield from parts(inside, after)
            else:
                disorder = "events came in another order than by id"
                yield EventPage(events=inside, last=after, incomplete=disorder)
        if len(inside) < len(found):  # sorted: nothing of interest comes after these
            return
        signs = 0 if len(found) >= question.limit else signs + 1
        if signs == SIGNS:
            return


def parts(events: Sequence[Event], after: str) -> Iterator[EventPage]:
    """Yield the events of an answer a few at a time, so that few wait in memory to be loaded."""
    for start in range(0, max(1, len(events)), PART):
        some = events[start : start + PART]
        over = start + PART >= len(events)
        last = after if over else str(some[-1].id) if some[-1].id else None
        yield EventPage(events=some, last=last)


def begun(event_id: str) -> datetime | None:
    """Return the second in which an event's lead or step began; None for a foreign kind of id."""
    if not OBJECT_ID.fullmatch(event_id):
        return None
    return datetime.fromtimestamp(int(event_id[:8], 16), UTC)


def _begun_after(event: Event, last_second: str) -> bool:
    """Tell by its id, which begins with the second that it began in."""
    event_id = str(event.id)
    return event_id[:8] > last_second and OBJECT_ID.fullmatch(event_id) is not None


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
