"""Routing, paging and switches of the pretend SalesRabbit."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, cast

from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sandbox.salesrabbit.book import Book
from connectors.sandbox.vendors import World

TOKEN = "5a1e" * 32  # a long hex string, like the real ones
CAP = 2000
ACTIVITIES_DEFAULT = 50
ADDRESS = ("street1", "street2", "city", "state", "zip", "country")
COORDINATES = ("latitude", "longitude")
LISTS = {
    "leads": "leads",
    "leadStatusHistories": "lead_status_histories",
    "leadStatusActivities": "lead_status_activities",
    "users": "users",
    "leadStatuses": "lead_statuses",
    "leadCustomFields": "lead_custom_fields",
    "orgUnits": "org_units",
    "roles": "roles",
}
OF_A_LEAD = {
    "if-modified-since": "dateModified",
    "if-status-modified-since": "statusModified",
}
DATES = {
    "leads": OF_A_LEAD,
    "leadStatusHistories": OF_A_LEAD,
    "leadStatusActivities": {"if-status-modified-since": "currentOnDeviceStatusModified"},
}
MODIFIED = {
    "leads": "dateModified",
    "leadStatusHistories": "statusModified",
    "leadStatusActivities": "currentOnDeviceStatusModified",
}
Order = Literal["id", "oldest", "newest"]


class SalesRabbit:
    """The account. Attributes without underscore may be set by tests, or by `adjust`.

    `book` holds the records.
    """

    name = "salesrabbit"

    def __init__(self, world: World) -> None:
        self._world = world
        self.book = self.ledger = Book(world)
        self.tokens = {TOKEN}
        self.forbidden: set[str] = set()  # first parts of paths that answer 403
        self.cap = CAP  # rows of a page at most; more is silently cut
        self.activities_limit = CAP  # more than this is a 400
        self.nested = False  # addresses and coordinates in objects of their own
        self.marks_deleted = False  # deleted leads stay, with `deletedAt`
        self.order: Order = "id"  # of lists that nobody asked to be sorted: by id, or by change
        self.sorts = True  # whether `sortBy` is known
        self.no_meta = False
        self.empty_list = False  # nothing newer: 200 with an empty list, no 304
        self.ignore_dates = False  # knows neither header
        self.users_paged = False  # else every page of users is the whole list
        self.dashed = False  # the statuses are under their other path
        self._switches = set(vars(self)) - {"_world", "book", "ledger"}
        self._steps = 0

    def environment(self, base_url: str) -> dict[str, str]:
        """Base URL, a token, and a budget that does not make the demo wait."""
        return {
            "SALESRABBIT_BASE_URL": base_url,
            "SALESRABBIT_API_TOKEN": TOKEN,
            "SALESRABBIT_BUDGET": "6000",
        }

    def endpoint(self, request: Request) -> str:
        """The list that is asked for."""
        return request.path.strip("/").partition("/")[0] or "none"

    def handle(self, request: Request) -> Response:
        """Answer a request. Raises `RuntimeError` for one that would change something."""
        if request.method != "GET":
            raise RuntimeError(f"{request.method} {request.path} would change the account")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return json_answer({"status": "error", "message": "invalid token"}, 401)
        name, _, one = request.path.strip("/").partition("/")
        if self.dashed and name in {"leadStatuses", "lead-statuses"}:
            name = "leadStatuses" if name == "lead-statuses" else ""
        if name in self.forbidden:
            return json_answer({"status": "error", "message": "not in your plan"}, 403)
        if name not in LISTS:
            return json_answer({"status": 404, "message": "not found"}, 404)
        if not one:
            return self._list(name, request)
        record = self.book[LISTS[name]].get(one)
        if record is None:
            return json_answer({"status": 404, "message": "not found"}, 404)
        return json_answer({"data": self._shown(name, record)})

    def step(self) -> None:
        """Let time pass: leads are added, and see `Book.turn_over`."""
        self._steps += 1
        dice = self._world.random("salesrabbit", "step", self._steps)
        for _ in range(self._world.count(5)):
            self.book.add_lead(dice, self._world.clock.stamp())
        self.book.turn_over(self._steps, dice)

    def adjust(self, settings: dict[str, Any]) -> None:
        """Switches by name, as a JSON object. Raises `ValueError` for an unknown one."""
        for name, value in settings.items():
            if name not in self._switches:
                raise ValueError(f"unknown switch {name!r}")
            several = isinstance(value, list)
            setattr(self, name, set(cast("list[str]", value)) if several else value)

    def _list(self, name: str, request: Request) -> Response:
        page = max(1, int(request.query.get("page", 1)))
        default = ACTIVITIES_DEFAULT if name == "leadStatusActivities" else self.cap
        size = max(1, int(request.query.get("perPage", default)))
        if name == "leadStatusActivities" and size > self.activities_limit:
            return json_answer({"status": 400, "message": "perPage is too large"}, 400)
        try:
            rows, dated = self._changed(name, self._sorted(name, request), request)
        except ValueError:
            return json_answer({"status": 400, "message": "not a time"}, 400)
        if dated and not rows and not self.empty_list:
            return Response(status=304)
        size = min(size, self.cap)
        start = (page - 1) * size
        if name == "users" and not self.users_paged:
            start, size = 0, len(rows)
        data: object = [self._shown(name, row) for row in rows[start : start + size]]
        if name == "leadStatusHistories":
            data = dict(cast("list[tuple[str, Any]]", data))
            data = data if data or page == 1 else []  # PHP's empty object
        more = start + size < len(rows)
        return json_answer(
            {"data": data} if self.no_meta else {"meta": {"morePages": more}, "data": data}
        )

    def _sorted(self, name: str, request: Request) -> Sequence[Mapping[str, Any]]:
        """Everything a list holds, in order; of histories, the leads."""
        stream = "leads" if name == "leadStatusHistories" else LISTS[name]
        rows = self.book[stream].live()
        if name == "leads" and self.marks_deleted:
            rows += [entry.record for entry in self.book[stream].entries() if entry.deleted]
        if name == "leads" and self.sorts and request.query.get("sortBy") == "dateCreated":
            rows.sort(key=lambda row: (row["dateCreated"], row["id"]))
        elif name in MODIFIED and self.order != "id":
            rows.sort(key=lambda row: row[MODIFIED[name]], reverse=self.order == "newest")
        return rows

    def _changed(
        self, name: str, rows: Sequence[Mapping[str, Any]], request: Request
    ) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """The rows that the headers ask for, and whether there was such a header.

        Inclusive, in whole seconds. Raises `ValueError` for what is no time.
        """
        dated = False
        for header, field in DATES.get(name, {}).items():
            text = request.headers.get(header)
            if text is None or self.ignore_dates:
                continue
            since = moment(text).replace(microsecond=0)
            rows = [row for row in rows if moment(row[field]) >= since]
            dated = True
        return rows, dated

    def _shown(self, name: str, record: Mapping[str, Any]) -> Any:
        if name == "leadStatusHistories":
            return str(record["id"]), self.book.events[record["id"]]
        if name != "leads" or not self.nested:
            return record
        apart = {*ADDRESS, *COORDINATES}
        return {
            **{field: value for field, value in record.items() if field not in apart},
            "address": {field: record[field] for field in ADDRESS},
            "coordinates": {field: record[field] for field in COORDINATES},
        }


def moment(text: str) -> datetime:
    """Read a time in one of the three accepted forms; naive ones are UTC.

    Raises `ValueError` for anything else.
    """
    if re.match(r"[A-Z][a-z]{2},", text):
        return parsedate_to_datetime(text)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
