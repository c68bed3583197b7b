"""Five9, Configuration Web Services (SOAP 1.1), v13.

Docs:    https://documentation.five9.com, "Configuration Web Services API Reference Guide"
Auth:    HTTP Basic of an administrator user (`FIVE9_USERNAME`, `FIVE9_PASSWORD`) with the
         permission for Administrator Services. One user works in one session at a time, so give
         the sync a user that nobody logs in as. Repeated refusals lock the account: refused
         credentials are not sent again in the run, and after a second run not at all (`refusals`)
Paging:  none. Contacts: 1,000 an answer in no order, cut without a word, hence `partition`.
         Reports: 50,000 rows, cut likewise, hence ever shorter windows (`reports`)
Deltas:  contacts: a field mapped to LastModifiedDateTime, if the domain has one, matched by
         pattern; else the numbers of the call log, else everything. Calls and logins: report by
         time, re-read for two days since dispositions come late. The rest is read whole
Deletes: contacts are erased without a trace: only a full read shows it. The rest is compared
Limits:  per user and class of operation, by the clock's minute, hour and day: queries 450,
         15,000 and 172,800; reports run 16, 120 and 800; results fetched 20, 200 and 1,000.
         `getCallCountersState` is free and tells the true limits and counts
Key:     `contact_key`: the internal record id if `contactIdField` gives it; else what
         `FIVE9_CONTACT_KEY` names (a field of the domain that is unique); else number1,
         first_name and last_name. number1 alone is not unique
Oddities:
- all contact values are text, "" is empty; columns come in another order with each answer
- DATE_TIME values have no zone: UTC was seen, `FIVE9_CONTACT_ZONE` says otherwise
- report times are the data centre's (Pacific in the US) across daylight saving time
- names in reports are those of the user's locale: it has to be English
- users come with a password: dropped
Faults:  faults have status 500, 200 or 403, and none but their name is trusted. Quota: the next
         minute is waited for; a used-up hour or day ends the run with the time it may go on.
         Service down, session closed, changed meanwhile: retried. User logged in elsewhere:
         retried each minute. Bad account, 401: the run ends. No permission, unknown field or
         report: that stream fails. A DTD or entity in an answer: refused
"""

from __future__ import annotations

import base64
from collections.abc import Generator
from contextlib import contextmanager

from connectors.context import Context
from connectors.http import ApiClient
from connectors.model import Source
from connectors.sources.five9 import quotas
from connectors.sources.five9.faults import classify
from connectors.sources.five9.reader import Five9
from connectors.sources.five9.settings import Settings
from connectors.sources.five9.soap import Five9Api
from connectors.sources.five9.streams import STREAMS


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[Five9]:
    """Log in. Raises `CredentialsError`, without asking when they were refused before."""
    rates = quotas.rates(settings, context.clock())
    throttle = context.throttles.open(quotas.account(settings), rates)
    with ApiClient(
        settings.base_url,
        context=context,
        throttle=throttle,
        headers={"Authorization": _basic(settings)},
        classify=classify,
    ) as client:
        api = Five9Api(client, settings, context, throttle)
        api.log_in()
        yield Five9(api, settings, context)
        api.log_out()


def _basic(settings: Settings) -> str:
    pair = f"{settings.username}:{settings.password.get_secret_value()}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


SOURCE = Source(
    name="five9",
    title="Five9",
    settings=Settings,
    streams=STREAMS,
    connect=connect,
    daily_requests=quotas.daily_requests,
)
