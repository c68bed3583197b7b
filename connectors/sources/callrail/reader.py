"""An open connection to CallRail: which accounts there are, and how each stream is read."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial

from connectors.context import Context
from connectors.errors import AccessError
from connectors.http import ApiClient
from connectors.model import FieldType, Page, Record, Request, Stream, Window
from connectors.sources.callrail.api import MAX_PAGE, USUAL_PAGE, Api, Manners, rates
from connectors.sources.callrail.days import Days
from connectors.sources.callrail.lists import turns
from connectors.sources.callrail.messages import may_have_more, messages_of
from connectors.sources.callrail.settings import Settings
from connectors.sources.callrail.streams import (
    ACCOUNTS,
    BY_STREAM,
    COMPANIES,
    CONVERSATIONS,
    LOOKBACK,
    MESSAGES,
    STREAMS,
    SUMMARIES,
    SUMMARY_FIELDS,
    Listed,
)
from connectors.sources.callrail.windows import DAY, WindowReader, bounds

SUMMARY_DAYS = 200  # CallRail gives no more points at once


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[CallRail]:
    """Open CallRail. All runs with one key share its budget."""
    key = settings.api_key.get_secret_value()
    who = hashlib.sha256(key.encode()).hexdigest()[:12]
    throttle = context.throttles.open(f"callrail:{who}", rates(settings))
    client = ApiClient(
        settings.base_url,
        context=context,
        throttle=throttle,
        headers={"Authorization": f'Token token="{key}"'},
        classify=Manners(throttle, context).classify,
    )
    with client:
        yield CallRail(Api(client, settings), settings)


class CallRail:
    """See `connectors.model.Reader`."""

    def __init__(self, api: Api, settings: Settings) -> None:
        self._api = api
        self._settings = settings

    def streams(self) -> Sequence[Stream]:
        """All streams, with the lookback that is set."""
        lookback = timedelta(days=self._settings.lookback_days)
        return [
            replace(stream, window=Window(lookback=lookback, lag=stream.window.lag))
            if stream.window and stream.window.lookback == LOOKBACK
            else stream
            for stream in STREAMS
        ]

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        """Nothing: CallRail describes its fields in prose only."""
        del stream
        return {}

    def read(self, request: Request) -> Iterator[Page]:
        """Yield a stream. Raises `SyncError`s; see the docstring of the package."""
        name = request.stream.name
        if name == MESSAGES.name:
            yield from self._messages(request)
            return
        if name == SUMMARIES.name:
            yield from self._summaries(request)
            return
        listed = BY_STREAM[name]
        if listed.time:
            yield from self._windows(listed, request)
        else:
            yield from self._whole(listed, request)
        if left_out := ", ".join(self._api.left_out(listed)):
            yield Page(notes=(f"{name}: CallRail does not know {left_out}; left out",))

    @cached_property
    def _accounts(self) -> Sequence[str]:
        """Ids of the accounts that the key sees; read once per run, with the zones of companies."""
        found = list(self._records_of(ACCOUNTS, ""))
        if not found:
            raise AccessError("callrail: the key sees no account. Give its user access to one")
        return sorted(str(record["id"]) for record in found if record.get("id"))

    @cached_property
    def _days(self) -> Days:
        zones = {
            str(company.get("time_zone"))
            for account in self._accounts
            for company in self._records_of(COMPANIES, account)
        }
        return Days(zones)

    def _records_of(self, listed: Listed, account: str) -> Iterator[Record]:
        """Yield a short list that other reads need. Raises `AccessError` when it keeps moving."""
        fetch = partial(self._api.listing, listed, account, per_page=MAX_PAGE)
        reading = turns(fetch, listed.stream.name)
        while True:
            try:
                turn = next(reading)
            except StopIteration as over:
                if over.value:
                    raise AccessError(f"callrail: {over.value}. Run again later") from None
                return
            yield from turn.records

    def _whole(self, listed: Listed, request: Request) -> Iterator[Page]:
        """Yield a list without dates, account by account; the last page carries the total."""
        accounts = [""] if listed is ACCOUNTS else self._accounts
        total: int | None = 0
        for account in accounts:
            fetch = partial(self._api.listing, listed, account, per_page=_per_page(request))
            reading = turns(fetch, listed.stream.name)
            told: int | None = None
            while True:
                try:
                    turn = next(reading)
                except StopIteration as over:
                    if over.value:
                        yield Page(incomplete=over.value)
                    break
                told = turn.progress.total
                if account:
                    for record in turn.records:
                        record["account_id"] = account
                yield Page(records=turn.records)
            total = None if told is None or total is None else total + told
        yield Page(total=total)

    def _windows(self, listed: Listed, request: Request) -> Iterator[Page]:
        return WindowReader(
            api=self._api,
            listed=listed,
            accounts=self._accounts,
            days=self._days,
            request=request,
            per_page=_per_page(request),
            history_months=self._settings.history_months,
        ).pages()

    def _messages(self, request: Request) -> Iterator[Page]:
        """Yield the messages of conversations that had one in the time asked for."""
        listed = BY_STREAM[CONVERSATIONS.name]
        since = request.since
        for page in self._windows(listed, request):
            found: list[Record] = []
            for conversation in page.records:
                account = str(conversation["account_id"])
                shown: Sequence[Record] = conversation.get("recent_messages") or ()
                if self._settings.messages == "full" and may_have_more(shown, since):
                    whole = self._api.conversation(account, str(conversation.get("id")))
                    shown = shown if whole is None else whole
                found += messages_of(conversation, shown, account)
            yield replace(page, records=found, closed=None)

    def _summaries(self, request: Request) -> Iterator[Page]:
        """Yield daily counts, 200 days at a time."""
        span = bounds(request, self._days, self._settings.history_months)
        for account in self._accounts:
            day = span.first
            while day <= span.last:
                end = min(day + DAY * (SUMMARY_DAYS - 1), span.last)
                rows = self._api.timeseries(
                    account,
                    SUMMARY_FIELDS,
                    interval="day",
                    start_date=day.isoformat(),
                    end_date=end.isoformat(),
                )
                yield Page(records=[_counted(row, account) for row in rows])
                day = end + DAY


def _counted(row: Record, account: str) -> Record:
    """Return daily counts with the day they are for, which comes with or without a time."""
    day = row.get("date") or row.get("key")
    return {**row, "account_id": account, "day": str(day)[:10] if day else None}


def _per_page(request: Request) -> int:
    return MAX_PAGE if request.page_size >= USUAL_PAGE else request.page_size
