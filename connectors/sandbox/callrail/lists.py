"""Lists: dates, sorting, pages, fields, as CallRail answers them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from connectors.sandbox.callrail.book import ACCOUNT_ZONE, TIMES, Book
from connectors.sandbox.callrail.records import ALWAYS, EXTRA
from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sandbox.vendors import World

RESOURCES = {
    "companies.json": ("companies", "companies"),
    "trackers.json": ("trackers", "trackers"),
    "tags.json": ("tags", "tags"),
    "users.json": ("users", "users"),
    "calls.json": ("calls", "calls"),
    "form_submissions.json": ("form_submissions", "form_submissions"),
    "text-messages.json": ("text_conversations", "conversations"),
}
"""Last part of the path -> stream, member of the answer."""

SORTS = {
    "calls": {"start_time", "duration", "source", "customer_name"},
    "form_submissions": {"submitted_at", "created_at", "form_url"},
    "accounts": {"name"},
}
WITHOUT_PAGES = frozenset({"trackers", "tags", "users"})  # recorded answers lack `total_pages`
MAX_PAGE = 250
RECENT_DAYS = 7

Zone = Literal["company", "account", "utc"]
Totals = Literal["usual", "records", "pages", "none"]


class Refused(Exception):
    """The request is answered by this error instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.response = json_answer({"error": message}, status)


@dataclass(slots=True, kw_only=True)
class Dated:
    """A record with its instant and local day, kept while its stream does not change."""

    at: datetime
    day: date
    record: Mapping[str, Any]


class Lists:
    """Answers list requests. Attributes may be set by tests."""

    def __init__(self, book: Book, world: World) -> None:
        self.zone: Zone = "company"  # whose days the date filter cuts
        self.totals: Totals = "usual"
        self.months = 25
        self.max_page_refused = False  # else `per_page` above 250 is taken as 250
        self.unknown: set[str] = set()  # optional fields that were retired
        self._book = book
        self._world = world
        self._dated: dict[tuple[str, str, int, Zone], list[Dated]] = {}
        self._filtered: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}

    def answer(self, request: Request, account: str, stream: str, member: str) -> Response:
        """One page of a list."""
        query = request.query
        rows = self._rows(query, account, stream)
        fields = self._fields(query, stream)
        size = self._size(query)
        if query.get("relative_pagination") == "true" and stream == "calls":
            return self._relative(request, rows, fields, size)
        page = max(1, int(query.get("page") or 1))
        pages = -(-len(rows) // size)
        body: dict[str, Any] = {"page": page, "per_page": size}
        if self.totals == "pages" or (self.totals == "usual" and stream not in WITHOUT_PAGES):
            body["total_pages"] = pages
        if self.totals in {"usual", "records"}:
            body["total_records"] = len(rows)
        body[member] = [fields(row) for row in rows[(page - 1) * size : page * size]]
        headers: dict[str, str] = {}
        if page < pages and self.totals != "none":
            following = urlencode({**query, "page": page + 1})
            headers["Link"] = f'<{request.base_url}{request.path}?{following}>; rel="next"'
        return json_answer(body, headers=headers)

    def _rows(
        self, query: Mapping[str, str], account: str, stream: str
    ) -> Sequence[Mapping[str, Any]]:
        sort = query.get("sort")
        if sort and sort not in SORTS.get(stream, ()):
            raise Refused(400, f"Cannot sort by {sort}")
        if stream not in TIMES:
            rows = [
                row
                for row in self._book[stream].live()
                if stream == "accounts" or self._book.owner[stream, str(row["id"])] == account
            ]
            status, company = query.get("status"), query.get("company_id")
            return [
                row
                for row in rows
                if (not status or row.get("status") == status)
                and (not company or row.get("company_id") == company)
            ]
        chosen = self._dates(query)
        ascending = query.get("order") == "asc" and sort is not None
        generation = self._book[stream].generation
        key = (stream, account, generation, self.zone, chosen, sort, ascending)
        if key not in self._filtered:
            if len(self._filtered) > 16:  # noqa: PLR2004 - a few readers at once
                self._filtered.clear()
            rows = [one for one in self._all(stream, account) if within(one, *chosen)]
            if sort and sort != TIMES[stream]:
                rows.sort(key=lambda one: str(one.record.get(sort)))
            self._filtered[key] = [one.record for one in (rows if ascending else reversed(rows))]
        return self._filtered[key]

    def _all(self, stream: str, account: str) -> list[Dated]:
        """Records of an account, oldest first."""
        key = (stream, account, self._book[stream].generation, self.zone)
        if key not in self._dated:
            self._dated = {one: rows for one, rows in self._dated.items() if one[0] != stream}
            found: list[Dated] = []
            for record in self._book[stream].live():
                if self._book.owner[stream, str(record["id"])] == account:
                    at = datetime.fromisoformat(record[TIMES[stream]])
                    found.append(Dated(at=at, day=self._day(at), record=record))
            self._dated[key] = sorted(found, key=lambda one: one.at)
        return self._dated[key]

    def _day(self, at: datetime) -> date:
        if self.zone == "company":
            return at.date()  # the time is written with the company's offset
        return at.astimezone(ZoneInfo(ACCOUNT_ZONE) if self.zone == "account" else UTC).date()

    def _dates(self, query: Mapping[str, str]) -> tuple[date | datetime, date | datetime]:
        today = self._world.clock.now().date()
        named = query.get("date_range") or (
            "" if "start_date" in query or "end_date" in query else "recent"
        )
        back = {"recent": RECENT_DAYS, "today": 0, "last_7_days": 7, "last_30_days": 30}
        start: date | datetime = today - timedelta(days=back.get(named, 0))
        if "start_date" in query:
            start = moment(query["start_date"])
        end = moment(query["end_date"]) if "end_date" in query else today + timedelta(days=1)
        month = today.year * 12 + today.month - 1 - self.months
        oldest = date(month // 12, month % 12 + 1, min(today.day, 28))
        first = start.date() if isinstance(start, datetime) else start
        if first < oldest or named == "all_time":
            raise Refused(400, f"Please revise the date range: only {self.months} months are kept")
        return start, end

    def _size(self, query: Mapping[str, str]) -> int:
        size = int(query.get("per_page") or 100)
        if size > MAX_PAGE and self.max_page_refused:
            raise Refused(400, "per_page must not be larger than 250")
        return max(1, min(size, MAX_PAGE))

    def _fields(
        self, query: Mapping[str, str], stream: str
    ) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
        known = [field for field in EXTRA.get(stream, ()) if field not in self.unknown]
        wanted = set(filter(None, query.get("fields", "").split(",")))
        if strange := sorted(wanted - set(known) - set(ALWAYS)):
            raise Refused(400, f"Invalid field: {strange[0]}")
        hidden = {field for field in EXTRA.get(stream, ()) if field not in wanted}
        return lambda row: {name: value for name, value in row.items() if name not in hidden}

    def _relative(
        self,
        request: Request,
        rows: Sequence[Mapping[str, Any]],
        fields: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        size: int,
    ) -> Response:
        offset = int(request.query.get("offset") or 0)
        body: dict[str, Any] = {"calls": [fields(row) for row in rows[offset : offset + size]]}
        body["has_next_page"] = offset + size < len(rows)
        if body["has_next_page"]:
            following = urlencode({**request.query, "offset": offset + size})
            body["next_page"] = f"{request.base_url}{request.path}?{following}"
        return json_answer(body)


def moment(text: str) -> date | datetime:
    """A date, or a time when there is one. Raises `Refused` for anything else."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, "start_date or end_date is not a date") from None
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(ACCOUNT_ZONE))


def within(one: Dated, start: date | datetime, end: date | datetime) -> bool:
    """Whether a record lies in the range; both ends belong to it."""
    after = one.at >= start if isinstance(start, datetime) else one.day >= start
    return after and (one.at <= end if isinstance(end, datetime) else one.day <= end)
