"""An open connection to LeadConduit, and how each stream is read."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connectors import secrets
from connectors.answers import Answer
from connectors.context import Context
from connectors.errors import AccessError, ContractError, CredentialsError
from connectors.http import ApiClient
from connectors.model import FieldType, Page, Record, Request, Stream, Window
from connectors.sources.leadconduit.events import MAX_PAGE, Question, pages
from connectors.sources.leadconduit.opening import Event, Opener
from connectors.sources.leadconduit.settings import Settings
from connectors.sources.leadconduit.streams import BY_STREAM, EVENTS, LEADS, STREAMS, Listed
from connectors.sources.leadconduit.values import (
    DECLARED,
    PLAIN,
    event_record,
    lead_record,
    without_secrets,
)
from connectors.throttle import Rate

PER_SECOND = 2  # no limit is documented; this is polite and reads a million events in minutes
TIMEOUT = 120.0  # seconds; pages of whole events are slow
MAX_BYTES = 128 * 2**20  # a thousand events of 50 KB each, and as much again
USUAL_PAGE = 200
"""From this page size on we ask for the largest page: fewer requests for the same rows."""
DENIED = (r"/credentials\b", r"/firehose\b", r"/submit\b", r"/exports\b")
ONLY_SOURCE = json.dumps([{"lhv": "type", "op": "is equal to", "rhv": "source"}])


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[LeadConduit]:
    """Open LeadConduit. All runs with one key share its budget."""
    key = settings.api_key.get_secret_value()
    pair = base64.b64encode(f"{settings.username}:{key}".encode()).decode()
    secrets.register(pair)
    who = hashlib.sha256(key.encode()).hexdigest()[:12]
    rate = Rate(limit=settings.budget or PER_SECOND, period=timedelta(seconds=1))
    client = ApiClient(
        settings.base_url,
        context=context,
        throttle=context.throttles.open(f"leadconduit:{who}", {"default": [rate]}),
        headers={"Authorization": f"Basic {pair}", "Accept": "application/json"},
        deny=DENIED,
        timeout=TIMEOUT,
        max_bytes=MAX_BYTES,
    )
    with client:
        yield LeadConduit(client, settings)


class LeadConduit:
    """See `connectors.model.Reader`."""

    def __init__(self, client: ApiClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def streams(self) -> Sequence[Stream]:
        """All streams, with the overlap that is set."""
        overlap = timedelta(minutes=self._settings.overlap_minutes)
        return [
            replace(stream, window=Window(lookback=overlap, lag=stream.window.lag))
            if stream.window
            else stream
            for stream in STREAMS
        ]

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        """Nothing: the catalogue's types are those of what was submitted, not of `normal`."""
        del stream
        return {}

    def read(self, request: Request) -> Iterator[Page]:
        """Yield a stream. Raises `SyncError`s; see the docstring of the package."""
        name = request.stream.name
        if name == EVENTS.name:
            yield from self._events(request, event_record)
        elif name == LEADS.name:
            yield from self._events(request, lead_record, only_source=True)
        else:
            yield Page(records=self._whole(BY_STREAM[name]))

    def _events(
        self,
        request: Request,
        shape: Callable[[Event], Record],
        *,
        only_source: bool = False,
    ) -> Iterator[Page]:
        yield from self._forgotten(request)
        params = [("exclude", name) for name in self._settings.exclude]
        if only_source:
            params.append(("rules", ONLY_SOURCE))
        question = Question(
            since=request.since,
            until=request.until or request.started_at,
            after=str(request.position["after_id"]) if request.position else None,
            limit=MAX_PAGE if request.page_size >= USUAL_PAGE else request.page_size,
            params=params,
        )
        for page in pages(self._client, question, Opener(PLAIN, DECLARED)):
            yield Page(
                records=[
                    shape(event)
                    for event in page.events
                    if not only_source or event.type == "source"
                ],
                position={"after_id": page.last} if page.last else None,
                incomplete=page.incomplete,
            )

    def _forgotten(self, request: Request) -> Iterator[Page]:
        """Say so when the time to catch up with is longer than LeadConduit remembers."""
        kept = request.started_at - timedelta(days=self._settings.retention_days)
        if request.since and request.since < kept and request.position is None:
            yield Page(
                incomplete=f"LeadConduit keeps events for {self._settings.retention_days} days:"
                f" those from {request.since:%Y-%m-%d} to {kept:%Y-%m-%d} can no longer be read"
            )

    def _whole(self, listed: Listed) -> Sequence[Record]:
        """Return a short list. `null` stands for an empty one."""
        try:
            answer = self._client.get(listed.path, listed.params)
        except CredentialsError as refused:
            self._client.get("/events", {"limit": 1})  # a bad key is refused here as well
            raise AccessError(
                f"leadconduit: the key is good, but this account may not read {listed.path}."
                " Free accounts cannot; deselect the stream or upgrade"
            ) from refused
        if listed.single:
            body = answer.json()
            if not isinstance(body, dict):
                raise ContractError(f"{answer.where}: {answer.status}, but no object in the body")
            return [without_secrets(body)]
        if answer.json() is None:
            return []
        return [without_secrets(row) for row in rows_of(answer)]


def rows_of(answer: Answer) -> Sequence[Record]:
    """Return the objects of a bare array. Raises `ContractError` for anything else."""
    body: Any = answer.json()
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):  # pyright: ignore[reportUnknownVariableType] - being found out
        raise ContractError(f"{answer.where}: {answer.status}, but no list of objects in the body")
    return body  # pyright: ignore[reportUnknownVariableType] - just checked
