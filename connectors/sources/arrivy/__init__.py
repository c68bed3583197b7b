"""Arrivy, REST, no version in the path.

Docs:    https://app.arrivy.com/developer-portal (behind a login); facts from the older public docs
Auth:    `X-Auth-Key` and `X-Auth-Token`, one pair per account with full rights. The names of
         our settings are the old system's and crossed: ARRIVY_API_KEY is the token
Paging:  `page` from 1 and `items_per_page` (500; `page_size` is ignored). Bare arrays without a
         total: a page with fewer records than asked for is the last. Lists other than tasks may
         not be paged at all, see `lists`
Deltas:  none. `from`/`to` filter by when a task happens, so each run reads a part of the
         schedule again, see `schedule`. Unscheduled and undated tasks are lists of their own
Deletes: what a window that was read again does not show; else by comparing whole lists. A
         deleted task is gone for good, a cancelled one is a task with that status
Limits:  none published, 30 a minute is what others report (`ARRIVY_BUDGET`); one at a time
Times:   UTC without offset; `*_original_iso_str` as entered, kept as text
Oddities: `/users/update-auth-keys` rotates the keys although it is a GET: denied, as are the
         other paths that write; JSON as objects, text or null; ids and phones as numbers and as
         text; a task's `status` may be stale (the newest of task_statuses is the truth)

What happens on each fault:
    401            the run fails: renew the keys        403, 404    the stream fails
    429            waited for as long as it says, else up to two minutes; then the run fails
    5xx, a web page (also with 200), a body cut short
                   asked again, then the stream fails
    an empty first page
                   asked again, then believed
    an empty or repeated page in the middle
                   asked again, then the stream fails
    a page of more records than asked for
                   the stream fails; in a list other than tasks see `lists`
    tasks of other days than asked for
                   asked again, then the stream fails
    `unscheduled` or `tasks_with_no_datetime` ignored
                   the run is PARTIAL
    rows that move between two pages
                   see `connectors.shifting`
    a record without its key
                   refused by the warehouse, run PARTIAL, nothing of its window is deleted
    unknown status, wrong type
                   stored as sent, or refused as one value
    odd date       repaired where only digits lack, else refused as one value
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from connectors.context import Context
from connectors.http import ApiClient
from connectors.model import Source
from connectors.sources.arrivy.api import Api
from connectors.sources.arrivy.reading import Arrivy
from connectors.sources.arrivy.settings import Settings
from connectors.sources.arrivy.streams import STREAMS
from connectors.throttle import Rate

WRITING = (r"/update-auth-keys", r"/upsert(/|$)", r"/book_slot")
"""Paths that change something, the first of them by GET. We send nothing but GET."""
FIRST_BACKOFF = 4.0
"""Seconds: six attempts then span two minutes. A 429 need not say when its minute is over."""


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[Arrivy]:
    """Open the account that `settings` name."""
    token, key = settings.api_key.get_secret_value(), settings.auth_key.get_secret_value()
    who = hashlib.sha256(f"{settings.base_url} {key} {token}".encode()).hexdigest()[:12]
    rates = [Rate(limit=settings.budget, period=timedelta(minutes=1))]
    with ApiClient(
        settings.base_url,
        context=context,
        throttle=context.throttles.open(f"arrivy:{who}", {"default": rates}),
        headers={"X-Auth-Key": key, "X-Auth-Token": token, "Accept": "application/json"},
        deny=WRITING,
        first_backoff=FIRST_BACKOFF,
    ) as client:
        yield Arrivy(Api(client), settings, context.clock)


SOURCE = Source(
    name="arrivy",
    title="Arrivy",
    settings=Settings,
    streams=STREAMS,
    connect=connect,
)
