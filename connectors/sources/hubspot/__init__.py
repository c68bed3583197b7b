"""HubSpot CRM, REST: dated versions (2026-09, 2026-03) or v3 with v4 associations.

Docs:    https://developers.hubspot.com/docs/api-reference
Auth:    bearer token of a private app or service key (`HUBSPOT_API_TOKEN`), or OAuth, whose
         access tokens live 30 minutes and whose refresh tokens serve once (see `oauth`)
Paging:  lists: opaque `paging.next.after`, 100 a page; only its absence ends a list, a short
         or empty page does not. Search: 200 a page and 10,000 results a query, so each query
         starts behind the largest id seen (see `search`)
Deltas:  records: search on `lastmodifieddate` (contacts) or `hs_lastmodifieddate` (all others),
         both ends inclusive, in milliseconds, UTC. The index trails writes by seconds to an hour:
         a window ends 60 s before now and starts an hour before the last one's end.
         Archiving, restoring, recomputed calculated properties, links and list members leave
         that time alone, hence the archive pass, the re-reading of links and full reads
Deletes: archived records are listed for 90 days, without a filter by time; merged ones are named
         by the survivor (`hs_merged_object_ids`); erased ones just miss from a full read
Limits:  100 or 190 requests / 10 s per app, 250,000 to 1,000,000 a day per account, searches
         5 / s per account; 110 / 10 s and no day for OAuth. Headers tell, but not on searches
Oddities:
- all values are text or null, whatever their property's type; "" clears one
- the envelope beside `properties` (createdAt, updatedAt, archived, url) repeats properties and
  is not stored; `id` is, and a customer's own property `id` becomes `property_id`
- property names of one type can exceed what a URL may hold (414): then the list gives ids and a
  batch read the records. New properties appear any day and are looked for every five minutes
- association batches name `from.id` as text and `toObjectId` as a number; ids without a link
  come as errors with status 207, which is normal
Faults:  401 one refresh (OAuth), else the run fails; 403 that stream fails; 429 waits as its
         policy says, a spent day ends the run; 477 (portal moves) ends the run; 530 is a malformed
         token; 414 and 400 fail the stream; part of a batch failing is asked for again, then
         named in the report, its old values kept
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

from connectors.context import Context
from connectors.http import ApiClient
from connectors.model import Source
from connectors.sources.hubspot import associations, catalog
from connectors.sources.hubspot.dialect import Dialect
from connectors.sources.hubspot.kinds import KINDS
from connectors.sources.hubspot.manners import Manners, account, daily_requests, rates
from connectors.sources.hubspot.oauth import OAuth
from connectors.sources.hubspot.portal import Portal
from connectors.sources.hubspot.reader import HubSpot
from connectors.sources.hubspot.settings import PAIRS, Settings

STREAMS = (
    *(kind.stream for kind in KINDS),
    *(stream for stream, _ in catalog.CATALOG),
    *(associations.stream(*pair.split(":")) for pair in PAIRS),
)


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[HubSpot]:
    """Open the portal that `settings` name; with OAuth, get an access token first."""
    throttle = context.throttles.open(account(settings), rates(settings))
    client = partial(
        ApiClient,
        settings.base_url,
        context=context,
        throttle=throttle,
        classify=Manners(throttle, context).classify,
    )
    if settings.api_token is not None:
        headers = {"Authorization": f"Bearer {settings.api_token.get_secret_value()}"}
        with client(headers=headers) as asking:
            yield HubSpot(Portal(asking, settings, context.clock))
        return
    token_path = Dialect(settings.api_version).token
    with client() as tokens:
        oauth = OAuth(tokens, token_path, settings, context.clock)
        with client(headers=oauth.headers(), reauthorize=oauth.headers) as asking:
            yield HubSpot(Portal(asking, settings, context.clock))


SOURCE = Source(
    name="hubspot",
    title="HubSpot",
    settings=Settings,
    streams=STREAMS,
    connect=connect,
    daily_requests=daily_requests,
)
