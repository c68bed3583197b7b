"""Asking for pages of the account's lists, and what is tried where a first answer will not do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.answers import Answer
from connectors.errors import ContractError
from connectors.http import ApiClient
from connectors.model import Stream
from connectors.shifting import Fetch, Part
from connectors.sources.salesrabbit.answers import NOT_MODIFIED, Envelope, Listing, Row

PER_PAGE = 2000  # more is silently cut to this
SURE_PER_PAGE = 100  # of the knock log: what was seen to work
NOT_FOUND = 404
REFUSED = (400, 422)


@dataclass(slots=True, kw_only=True)
class Dated:
    """A list that knows what changed: its path, the header that asks for it, its page size.

    `order`: a time that no change touches, to be sorted by; None where no such wish is known.
    """

    path: str
    header: str
    order: str | None = None
    most: int = PER_PAGE
    sure: int = PER_PAGE  # to fall back on where `most` is refused


def changed(client: ApiClient, stream: Stream, dated: Dated, since: datetime | None) -> Fetch[Row]:
    """Return what fetches a page of the rows changed since then; None: of all rows.

    Only a question with a time may be answered "nothing newer" (304).
    """
    listing = Listing(stream)
    headers = {dated.header: whole_seconds(since)} if since else {}
    expected = (200, NOT_MODIFIED) if since else (200,)
    wished = {"sortBy": dated.order, "order": "asc"} if dated.order else {}

    def ask(page: int, size: int, accept: Collection[int]) -> Answer:
        params = {"page": page, "perPage": size, **wished}
        return client.get(dated.path, params, headers=headers, accept=accept, shape=Envelope)

    def fetch(page: int, size: int) -> Part[Row]:
        size = min(size, dated.most)
        refusable = REFUSED if page == 1 and size > dated.sure else ()
        answer = ask(page, size, (*expected, *refusable))
        if answer.status in REFUSED:
            dated.most = size = dated.sure
            answer = ask(page, size, expected)
        part = listing.part(answer, size)
        if page == 1 and not part.rows and answer.status != NOT_MODIFIED:
            part = listing.part(ask(page, size, expected), size)  # an outage can look so
        return part

    return fetch


def whole(
    client: ApiClient, stream: Stream, paths: Sequence[str], size: int
) -> Callable[[int], Part[Row]]:
    """Return what fetches a page of a list without dates, found under one of `paths`.

    Raises `ContractError` where it is under none.
    """
    listing = Listing(stream)
    found: list[str] = list(paths)

    def ask(page: int) -> Answer:
        while found:
            answer = client.get(
                found[0],
                {"page": page, "perPage": size},
                accept=(200, NOT_FOUND),
                shape=Envelope,
            )
            if answer.status != NOT_FOUND:
                return answer
            del found[0]
        raise ContractError(
            f"salesrabbit.{stream.name}: 404 for {' and '.join(paths)}. The account has no such"
            " list, or it lies elsewhere: see the SALESRABBIT_..._PATH settings"
        )

    def fetch(page: int) -> Part[Row]:
        part = listing.part(ask(page), size)
        if page == 1 and not part.rows:
            part = listing.part(ask(page), size)
        return part

    return fetch


def whole_seconds(moment: datetime) -> str:
    """Return a time as SalesRabbit reads and writes it: UTC, `2026-01-05T00:46:34+00:00`."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()
