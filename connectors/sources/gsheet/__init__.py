"""Google Sheets: API v4, with Drive v3 to see whether anything changed.

Docs:    https://developers.google.com/workspace/sheets/api/reference/rest
Auth:    service account (`GSHEET_CREDENTIALS`), with which each spreadsheet must be shared, or an
         API key for spreadsheets that anyone with the link may read
Streams: one per tab, of one or several spreadsheets, as `GSHEET_SPREADSHEETS` says; a tab is
         found by its number (`#gid=`), so that renaming it does no harm
Paging:  none; by rows up to the grid's `rowCount`, 200,000 cells a request. A short or empty
         answer is no end: empty cells and rows at the end of each block are left out
Deltas:  none by row. A spreadsheet whose Drive version has not moved is not read, for a day at
         most: recomputed formulas (IMPORTRANGE, TODAY) change cells without a new version
Deletes: by comparing keys after each reading
Limits:  60 reads a minute and user, which a service account is; 300 a minute and project.
         Google does not say when to go on: the quota refills with each minute
Oddities:
- a date is a number of days since 1899-12-30 in the spreadsheet's zone; nothing but the
  declared type tells it from a number
- numbers that people see with leading zeros come without them; ids of more than 15 digits are
  rounded by Sheets itself
- only the first of merged cells has a value: it is put into each
- reads of several requests are not of one moment: nothing is handed on before the version
  was seen to be the same, and a tab that changed is read again
Faults:  401 one new token, a refused one ends the run; 403 and 404 that stream fails, its rows
         stay; 429 waits for the next minute; a declared header or a tab that is gone fails the
         stream; an empty tab deletes nothing; protected ranges are read like any other
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from urllib.parse import urlsplit

from connectors.context import Context
from connectors.http import ApiClient
from connectors.model import Source
from connectors.sources.gsheet.api import Google
from connectors.sources.gsheet.manners import Manners, account, rates
from connectors.sources.gsheet.presets import PRESETS
from connectors.sources.gsheet.reader import GSheet, stream_of
from connectors.sources.gsheet.settings import Settings, Tab
from connectors.sources.gsheet.tokens import Tokens, refusal

ATTEMPTS = 4  # a block that is too heavy fails each time: it is better halved than asked again
STREAMS = tuple(
    stream_of(Tab.model_validate({"preset": name, "spreadsheets": ["example"]})) for name in PRESETS
)


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[GSheet]:
    """Get a token for the service account and open both APIs."""
    throttle = context.throttles.open(account(settings), rates(settings))
    client = partial(ApiClient, context=context, throttle=throttle)
    service = settings.service_account()
    manners = Manners(throttle, context.clock, service.client_email if service else None)
    with ExitStack() as stack:
        if service is None:
            who = {"headers": {"X-Goog-Api-Key": settings.credentials.get_secret_value().strip()}}
            open_api = partial(client, **who)
        else:
            origin = "{0.scheme}://{0.netloc}".format(urlsplit(service.token_uri))
            asking = stack.enter_context(client(origin, classify=refusal))
            tokens = Tokens(asking, service, context.clock)
            open_api = partial(client, headers=tokens.headers(), reauthorize=tokens.headers)
        sheets = stack.enter_context(
            open_api(settings.base_url, classify=manners.sheets, max_attempts=ATTEMPTS)
        )
        drive = stack.enter_context(open_api(settings.drive_url, classify=manners.drive))
        yield GSheet(Google(sheets, drive), settings, context.clock)


SOURCE = Source(
    name="gsheet",
    title="Google Sheets",
    settings=Settings,
    streams=STREAMS,
    connect=connect,
)
