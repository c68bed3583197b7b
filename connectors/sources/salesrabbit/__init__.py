"""SalesRabbit, REST, no version in the path.

Docs:    not public; facts from working clients and recorded data (tray.ai documents the token)
Auth:    bearer token of the account ("API TOKEN" under Integrations), no scopes, no expiry
Paging:  `page` from 1 and `perPage` up to 2000 (`limit` is ignored); `meta.morePages` says
         whether to go on. Users come whole, whatever page is asked for
Deltas:  `If-Modified-Since` (leads: dateModified), `If-Status-Modified-Since` (histories and
         activities: statusModified); inclusive, whole seconds, UTC; nothing newer is a 304
         without a body. Our cursor is the start of the last complete read less an overlap of
         five minutes (`SALESRABBIT_OVERLAP_MINUTES`)
Deletes: leads vanish from the list; found by comparing keys after a full read. A lead that
         says `deletedAt` goes at once
Limits:  none published: one request a second, one at a time (`SALESRABBIT_BUDGET` a minute)
Times:   UTC with offset; `currentOnDevice...` without one, also UTC
Oddities: "" beside null; empty objects as the text "{}"; ids as numbers and as text; `data` as an
         object keyed by lead (empty: `[]`); addresses flat or nested; status names with blanks;
         a status id is no event id; `active` marks a lead's current event, so it moves

What happens on each fault:
    401            the run fails: renew the token       403         the stream fails
    429            waits as Retry-After says, else with backoff; then the run ends, resumable
    5xx, HTML, a body cut short                    asked again, then the stream fails
    304 to a question without a date, JSON of another shape       the stream fails
    an empty first page                            asked for once more, then believed
    an empty page that follows a promise of more, a page repeated
                   asked for again, then the stream fails; the cursor stays
    `morePages` false on a full page               not believed: the next page is asked for
    missing `meta`                                 read on until a page is shorter than another
    rows that move between two pages               see `connectors.shifting`; a full read of many
                   pages ends with what changed meanwhile
    a record without its key                       refused by the warehouse, run PARTIAL
    unknown status, odd date, wrong type           stored as sent, or refused as one value
    400 or 422 for the knock log's page size       read 100 at a time instead
    404 for a list whose path is not confirmed     the stream fails and names the setting
A short page that says it is the last is believed: nothing else tells where a list ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from connectors.context import Context
from connectors.http import ApiClient
from connectors.model import Source
from connectors.sources.salesrabbit.reading import SalesRabbit
from connectors.sources.salesrabbit.settings import Settings
from connectors.sources.salesrabbit.streams import STREAMS
from connectors.throttle import Rate

MINUTE = 60


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[SalesRabbit]:
    """Open the account that `settings` name. All runs with one token share its budget."""
    token = settings.api_token.get_secret_value()
    who = hashlib.sha256(f"{settings.base_url} {token}".encode()).hexdigest()[:12]
    rates = [
        Rate(limit=max(1, settings.budget // MINUTE), period=timedelta(seconds=1)),
        Rate(limit=settings.budget, period=timedelta(minutes=1)),
    ]
    with ApiClient(
        settings.base_url,
        context=context,
        throttle=context.throttles.open(f"salesrabbit:{who}", {"default": rates}),
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
    ) as client:
        yield SalesRabbit(client, settings)


SOURCE = Source(
    name="salesrabbit",
    title="SalesRabbit",
    settings=Settings,
    streams=STREAMS,
    connect=connect,
)
