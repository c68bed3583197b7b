"""Read events oldest first by id, and know that the end is the end.

An answer is a bare array: no count, no next link. The only sign of the end is a page that is
short or empty, and a failing proxy can look like that too: two such pages in a row are wanted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.answers import Answer
from connectors.errors import ContractError
from connectors.http import ApiClient
from connectors.model import Record
from connectors.paging import page_numbers

log = logging.getLogger(__name__)

MAX_PAGE = 1000
SIGNS = 2
OBJECT_ID = re.compile(r"[0-9a-f]{24}")
REPEATS = 2  # times that a page may come again before we give up
SECOND = timedelta(seconds=1)
BAD_REQUEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Events of one answer, the id to go on after, and a sentence when some may be missing."""

    events: Sequence[Record]
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

    def ask(self, client: ApiClient, after: str | None) -> Sequence[Record]:
        """Return one page. Raises `ContractError` when the answer is no list of events."""
        answer = self._get(client, [("after_id", after)] if after else self._start(self.since))
        if answer.status == BAD_REQUEST and after and after == self.after:
            log.info("leadconduit: the stored id is not known any more; reading from its time on")
            answer = self._get(client, self._start(begun(after)))
        if answer.status == BAD_REQUEST:
            said = answer.vendor_message()
            raise ContractError(f"{answer.where}: 400 ({said}). LeadConduit refuses the question")
        return rows_of(answer)

    def _get(self, client: ApiClient, where: Sequence[tuple[str, str]]) -> Answer:
        end = _second(self.until) + SECOND  # inclusive, in whole seconds as far as one knows
        asked = [
            *where,
            ("end", f"{end:%Y-%m-%dT%H:%M:%SZ}"),
            ("sort", "asc"),
            ("limit", str(self.limit)),
            *self.params,
        ]
        return client.get("/events", asked, accept=(200, BAD_REQUEST))

    @staticmethod
    def _start(since: datetime | None) -> Sequence[tuple[str, str]]:
        return [("start", f"{_second(since):%Y-%m-%dT%H:%M:%SZ}")] if since else []


def pages(client: ApiClient, question: Question) -> Iterator[EventPage]:
    """Yield the events asked for, page by page."""
    after, signs, repeats = question.after, 0, 0
    for _ in page_numbers("leadconduit.events"):
        found = question.ask(client, after)
        ids = [str(event["id"]) for event in found if event.get("id")]
        if found and not ids:
            raise ContractError("leadconduit.events: a page of events without ids")
        if after and ids and max(ids) <= after:
            repeats += 1
            if repeats > REPEATS:
                raise ContractError(
                    f"leadconduit.events: the page after {after} comes again and again"
                )
            continue
        inside = [event for event in found if not _begun_after(event, question.until)]
        if found:
            disorder = None if ids == sorted(ids) else "events came in another order than by id"
            after = max(ids)
            yield EventPage(events=inside, last=after, incomplete=disorder)
        if len(inside) < len(found):  # sorted: nothing of interest comes after these
            return
        signs = 0 if len(found) >= question.limit else signs + 1
        if signs == SIGNS:
            return


def begun(event_id: str) -> datetime | None:
    """Return the second in which an event's lead or step began; None for a foreign kind of id."""
    if not OBJECT_ID.fullmatch(event_id):
        return None
    return datetime.fromtimestamp(int(event_id[:8], 16), UTC)


def rows_of(answer: Answer) -> Sequence[Record]:
    """Return the objects of a bare array. Raises `ContractError` for anything else."""
    body: Any = answer.json()
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):  # pyright: ignore[reportUnknownVariableType] - being found out
        raise ContractError(f"{answer.where}: {answer.status}, but no list of objects in the body")
    return body  # pyright: ignore[reportUnknownVariableType] - just checked


def _begun_after(event: Mapping[str, Any], until: datetime) -> bool:
    at = begun(str(event.get("id")))
    return at is not None and at > until


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
