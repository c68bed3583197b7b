"""Lists as Arrivy answers them: bare arrays, filters by schedule, pages."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from connectors.sandbox.arrivy.book import Book
from connectors.sandbox.arrivy.records import utc
from connectors.sandbox.messages import Request, Response, json_answer

Paging = Literal["usual", "page ignored", "size ignored", "all"]
DEFAULT_SIZE = {"tasks": 500, "express/tasks": 500, "customers": 500}
SMALL_DEFAULT = 100
UNDATED = "tasks_with_no_datetime"


class Refused(Exception):
    """The request is answered by this error instead. The shape of the body is a guess."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.response = json_answer({"message": code, "description": code}, status)


class Lists:
    """Answers list requests. Attributes may be set by tests.

    `paging` says which lists do not page as documented: `page ignored` sends the same page
    again, `size ignored` pages of the default size, `all` everything at once. `cap` is the most
    records of a page. `edges` are the ends of `from` and `to` that belong to a window.
    """

    def __init__(self, book: Book) -> None:
        self.paging: dict[str, Paging] = {"entities": "all", "statuses": "all", "crews": "all"}
        self.cap = 500
        self.ignored: set[str] = set()  # further parameters without effect
        self.edges: Literal["both", "from", "to", "none"] = "from"
        self.overlapping = False  # a task that only reaches into the window counts as well
        self.raw_plus: Literal["refuse", "ignore"] = "refuse"  # a `+` that arrives as a space
        self.wrapped = False  # `{"results": [...]}`
        self.updated_shown = True
        self.details: Literal["both", "statuses", "where any", "none"] = "both"
        self.express_needs_external_id = False
        self._book = book
        self._sorted: tuple[int, list[str], list[Mapping[str, Any]]] = (-1, [], [])

    def answer(self, request: Request, name: str, rows: Sequence[Mapping[str, Any]]) -> Response:
        """One page of `rows`."""
        query = self._query(request)
        size = min(int(query.get("items_per_page") or self._default(name)), self.cap)
        page = max(1, int(query.get("page") or 1))
        match self.paging.get(name, "usual"):
            case "all":
                shown = list(rows)
            case "page ignored":
                shown = list(rows[:size])
            case "size ignored":
                size = self._default(name)
                shown = list(rows[(page - 1) * size : page * size])
            case "usual":
                shown = list(rows[(page - 1) * size : page * size])
        if name == "express/tasks" and query.get("show_details") == "true":
            shown = [self._detailed(row) for row in shown]
        if not self.updated_shown:
            shown = [{key: row[key] for key in row if key != "updated"} for row in shown]
        if self.wrapped:
            return json_answer({"results": shown, "has_next": False, "total_count": 3})
        return json_answer(shown)

    def tasks(self, request: Request, name: str) -> list[Mapping[str, Any]]:
        """The tasks a request asks for, by start and id."""
        query = self._query(request)
        if query.get("unscheduled") == "true":
            rows = [row for row in self._book["tasks"].live() if row["unscheduled"]]
        elif query.get(UNDATED) == "true":
            rows = [row for row in self._book["tasks"].live() if row["start_datetime"] is None]
        else:
            rows = self._scheduled(self._moment(query, "from"), self._moment(query, "to"))
        if name == "express/tasks" and self.express_needs_external_id:
            rows = [row for row in rows if row["external_id"]]
        return rows

    def _query(self, request: Request) -> Mapping[str, str]:
        return {name: text for name, text in request.query.items() if name not in self.ignored}

    def _default(self, name: str) -> int:
        return min(DEFAULT_SIZE.get(name, SMALL_DEFAULT), self.cap)

    def _scheduled(self, since: str | None, until: str | None) -> list[Mapping[str, Any]]:
        starts, rows = self._by_start()
        low, high = since or "", until or "~"
        found = rows[bisect_left(starts, low) : bisect_left(starts, high + "~")]
        inside = [row for row in found if self._within(row["start_datetime"], low, high)]
        if self.overlapping:
            before = rows[: bisect_left(starts, low)]
            inside = [row for row in before if row["end_datetime"] > low] + inside
        return inside

    def _within(self, start: str, low: str, high: str) -> bool:
        if start[:19] == low and len(start) == len(low):
            return self.edges in {"both", "from"}
        if start[:19] == high and len(start) == len(high):
            return self.edges in {"both", "to"}
        return low <= start < high

    def _by_start(self) -> tuple[list[str], list[Mapping[str, Any]]]:
        tasks = self._book["tasks"]
        if self._sorted[0] != tasks.generation:
            rows = [row for row in tasks.live() if not row["unscheduled"] and row["start_datetime"]]
            rows.sort(key=lambda row: (row["start_datetime"], row["id"]))
            self._sorted = (tasks.generation, [row["start_datetime"] for row in rows], rows)
        return self._sorted[1], self._sorted[2]

    def _moment(self, query: Mapping[str, str], name: str) -> str | None:
        text = query.get(name)
        if text is None:
            return None
        if " " in text:  # a raw `+`
            if self.raw_plus == "refuse":
                raise Refused(400, "INVALID_DATETIME")
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise Refused(400, "INVALID_DATETIME") from None
        return utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    def _detailed(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        full = self._book.detailed(row)
        hidden = {
            "both": set[str](),
            "statuses": {"ratings"},
            "where any": {name for name in ("statuses", "ratings") if not full[name]},
            "none": {"statuses", "ratings"},
        }[self.details]
        return {name: value for name, value in full.items() if name not in hidden}
