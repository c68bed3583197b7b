"""Asking CallRail: its budget, its errors, one page of one of its lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from connectors.answers import Answer
from connectors.context import Context
from connectors.errors import ContractError, RateLimited, SyncError
from connectors.http import ApiClient
from connectors.model import Record
from connectors.sources.callrail.settings import Settings
from connectors.sources.callrail.streams import Listed
from connectors.throttle import Rate, Throttle

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURLY = 1_000  # requests per account; the day's limit is ten times that
MAX_PAGE = 250
USUAL_PAGE = 200
"""From this page size on we ask for the largest page: CallRail counts requests, not rows."""
BAD_REQUEST, TOO_MANY = 400, 429


class Refused(ContractError):
    """CallRail does not accept the question (400): a field it does not know, a date too old."""


def rates(settings: Settings) -> dict[str, list[Rate]]:
    """Return the budget. Rolling windows keep inside it wherever CallRail's hours begin."""
    return {
        "default": [
            Rate(limit=settings.budget or HOURLY, period=HOUR, name="hourly"),
            Rate(limit=daily_requests(settings), period=DAY, name="daily"),
        ]
    }


def daily_requests(settings: Settings) -> int:
    """Return the account's requests a day."""
    return (settings.budget or HOURLY) * 10


class Manners:
    """What answers say beside their body: how much of the budget is used."""

    def __init__(self, throttle: Throttle, context: Context) -> None:
        self._throttle = throttle
        self._clock = context.clock

    def classify(self, answer: Answer) -> SyncError | None:
        """Learn the limits; a 429 with the hour or the day used up ends the run at once."""
        used_up: list[datetime] = []
        now = self._clock()
        for name, period, ends in (("hourly", HOUR, next_hour), ("daily", DAY, next_day)):
            allowed = answer.headers.get(f"x-rate-limit-{name}-allowed", "")
            used = answer.headers.get(f"x-rate-limit-{name}-used", "")
            if not (allowed.isdigit() and used.isdigit() and int(allowed)):
                continue
            remaining = max(0, int(allowed) - int(used))
            self._throttle.learn(
                "default", Rate(limit=int(allowed), period=period, name=name), remaining
            )
            if not remaining:
                used_up.append(ends(now))
        if answer.status != TOO_MANY or "retry-after" in answer.headers or not used_up:
            return None
        resume_at = max(used_up)
        return RateLimited(
            f"{answer.where}: 429, the account's requests are used up. Run again after"
            f" {resume_at:%Y-%m-%d %H:%M} UTC",
            resume_at=resume_at,
        )


def next_hour(now: datetime) -> datetime:
    """Return the top of the next hour, where CallRail's hourly count is taken to start again."""
    return now.replace(minute=0, second=0, microsecond=0) + HOUR


def next_day(now: datetime) -> datetime:
    """Return the next midnight UTC, where the daily count is taken to start again."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of a list. `more`: anything in the answer says that another one follows."""

    records: Sequence[Record]
    total: int | None
    more: bool


class Api:
    """CallRail's lists. Remembers which optional fields each of them refused."""

    def __init__(self, client: ApiClient, settings: Settings) -> None:
        self._client = client
        self._known: dict[str, tuple[str, ...]] = {"calls": settings.call_fields}
        self._unknown: dict[str, list[str]] = {}

    def left_out(self, listed: Listed) -> Sequence[str]:
        """Return the optional fields that CallRail does not know (any more)."""
        return self._unknown.get(listed.stream.name, ())

    def listing(
        self, listed: Listed, account: str, page: int, per_page: int, **params: str
    ) -> Listing:
        """Return a page of `listed` in `account`, with every optional field that CallRail knows.

        Raises `Refused` where even the plain question is refused, `ContractError` for an answer
        without the list.
        """
        path = listed.path if listed.path.startswith("/") else f"/a/{account}/{listed.path}"
        question = {**params, "page": str(page), "per_page": str(per_page)}

        def ask(fields: Sequence[str], **other: str) -> Answer:
            wanted = {"fields": ",".join(fields)} if fields else {}
            return self._client.get(
                path, {**question, **other, **wanted}, accept=(200, BAD_REQUEST)
            )

        name = listed.stream.name
        fields = self._known.get(name, listed.fields)
        answer = ask(fields)
        if answer.status == BAD_REQUEST and fields:
            wished, fields = fields, self._accepted(ask, fields)
            self._unknown[name] = [one for one in wished if one not in fields]
            self._known[name] = fields
            answer = ask(fields)
        if answer.status == BAD_REQUEST:
            raise _refused(answer)
        return read_listing(answer, listed.rows, page, per_page)

    def timeseries(self, account: str, fields: Sequence[str], **params: str) -> Sequence[Record]:
        """Return the daily counts of calls; CallRail gives 200 days at most."""
        answer = self._client.get(
            f"/a/{account}/calls/timeseries.json", {"fields": ",".join(fields), **params}
        )
        return rows_of(answer, "data")

    def conversation(self, account: str, conversation: str) -> Sequence[Record] | None:
        """Return all messages of a conversation; None when it is gone meanwhile."""
        path = f"/a/{account}/text-messages/{conversation}.json"
        answer = self._client.get(path, accept=(200, 404))
        return rows_of(answer, "messages") if answer.status == 200 else None  # noqa: PLR2004 - HTTP's own

    def _accepted(self, ask: Callable[..., Answer], fields: Sequence[str]) -> tuple[str, ...]:
        """Return the fields that are not to blame for a 400, by asking for fewer at a time."""
        plain = ask((), per_page="1")
        if plain.status == BAD_REQUEST:
            raise _refused(plain)
        named = set(re.findall(r"\w+", ask(fields, per_page="1").vendor_message()))
        fields = [field for field in fields if field not in named]

        def sound(part: Sequence[str]) -> list[str]:
            if not part or ask(part, per_page="1").status != BAD_REQUEST:
                return list(part)
            middle = len(part) // 2
            return sound(part[:middle]) + sound(part[middle:]) if middle else []

        return tuple(sound(fields))


def _refused(answer: Answer) -> Refused:
    message = answer.vendor_message()
    return Refused(
        f"{answer.where}: 400{f', {message!r}' if message else ''}. CallRail refuses the question;"
        " check CALLRAIL_HISTORY_MONTHS and CALLRAIL_CALL_FIELDS"
    )


def rows_of(answer: Answer, member: str) -> Sequence[Record]:
    """Return the list `member` of an answer. Raises `ContractError` when there is none."""
    body: object = answer.json()
    rows = cast("Mapping[str, Any]", body).get(member) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) for row in cast("list[object]", rows)
    ):
        raise ContractError(f"{answer.where}: {answer.status}, but no list {member!r} in the body")
    return cast("list[Record]", rows)


def read_listing(answer: Answer, member: str, page: int, per_page: int) -> Listing:
    """Return a page; `more` errs to True, for a list that ends too early loses records.

    Counts come as `total_records`, `total_pages`, both or neither, the next page also in a
    `Link` header. A full page is followed by a look at the next whatever the counts say.
    """
    records = rows_of(answer, member)
    body = cast("Mapping[str, Any]", answer.json())
    total, pages, size = (
        _number(body.get(name)) for name in ("total_records", "total_pages", "per_page")
    )
    size = size or per_page  # smaller than asked for where CallRail caps it
    return Listing(
        records=records,
        total=total,
        more=len(records) >= size
        or (total is not None and page * size < total)
        or (pages is not None and page < pages)
        or 'rel="next"' in answer.headers.get("link", ""),
    )


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
