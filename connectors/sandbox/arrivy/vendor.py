"""Routing, guards and switches of the pretend Arrivy."""

import re
from collections import deque
from datetime import datetime, timedelta
from typing import Any, cast

from connectors.sandbox.arrivy.book import Book
from connectors.sandbox.arrivy.lists import Lists, Refused
from connectors.sandbox.arrivy.records import utc
from connectors.sandbox.messages import Request, Response, html_answer, json_answer
from connectors.sandbox.vendors import World

KEY, TOKEN = "a1b2c3d4-5e6f", "sandboxArrivyToken0000"
MINUTE = timedelta(minutes=1)
WRITES = re.compile(r"/update-auth-keys|/upsert(/|$)|/book_slot")
PLAIN = frozenset(
    {
        *("entities", "groups", "customers", "bookings", "statuses", "crews"),
        *("resources", "templates"),
    }
)


class Arrivy:
    """The account. Attributes without underscore may be set by tests, or by `adjust`.

    `book` holds the records, `lists` the switches of list answers, `forbidden` lists answer
    403, `per_minute` requests are allowed in any minute of the sandbox's clock (None: any
    number); beyond it comes a 429, with `retry_after` seconds when that is set.
    """

    name = "arrivy"

    def __init__(self, world: World) -> None:
        self._world = world
        self.book = Book(world)
        self.ledger = self.book
        self.lists = Lists(self.book)
        self.keys = {(KEY, TOKEN)}
        self.forbidden: set[str] = set()
        self.per_minute: int | None = None
        self.retry_after: int | None = None
        self.fullest_minute = 0
        self._recent: deque[datetime] = deque()
        self._steps = 0

    def environment(self, base_url: str) -> dict[str, str]:
        """Base URL, the pair of keys, and a budget that lets a demo run at its own pace."""
        return {
            "ARRIVY_BASE_URL": f"{base_url}/api",
            "ARRIVY_API_KEY": TOKEN,
            "ARRIVY_AUTH_KEY": KEY,
            "ARRIVY_BUDGET": "6000",
        }

    def endpoint(self, request: Request) -> str:
        """The list that is asked for, `tasks/one` or `tasks/status` for parts of it."""
        parts = request.path.strip("/").removeprefix("api/").split("/")
        if parts[0] == "express":
            return "/".join(parts[:2])
        if len(parts) == 1:
            return parts[0]
        return f"{parts[0]}/{parts[2] if len(parts) > 2 else 'one'}"  # noqa: PLR2004 - list, id, part

    def handle(self, request: Request) -> Response:
        """Answer a request. Raises `RuntimeError` for one that would change something."""
        path = request.path
        if request.method != "GET" or WRITES.search(path):
            raise RuntimeError(f"{request.method} {path} changes the account")
        if self._too_many():
            wait = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            return json_answer({"message": "Too many requests"}, 429, wait)
        try:
            self._admit(request)
            return self._answer(request, path.strip("/").split("/"))
        except Refused as refused:
            return refused.response

    def step(self) -> None:
        """Let time pass.

        Tasks are made, edited, rescheduled, taken off the schedule and put on it, finished (one
        without its list showing so), rated and deleted; crew members move, one joins a crew;
        customers come and go; a group is renamed and has a field nobody announced.
        """
        self._steps += 1
        book, clock = self.book, self._world.clock
        dice = self._world.random("arrivy", "step", self._steps)
        soon = clock.now().replace(minute=0, second=0, microsecond=0)
        gone, later, off, done, quiet, *edited = dice.sample(book.near(), 7)
        for days in range(self._world.count(4)):
            book.new_task(soon + timedelta(days=days))
        book.new_task(None)
        book.delete_task(gone)
        book.reschedule(later, soon + timedelta(days=60 + self._steps))
        book.reschedule(book.loose()[0], soon + timedelta(days=2))
        book.reschedule(off, soon, unscheduled=True)
        book.report(done, "COMPLETE", clock.stamp())
        book.rate(done, clock.stamp())
        book.report(quiet, "EXCEPTION", clock.stamp(), stale=True)
        for key in edited:
            book.touch(key, title=f"Edited {self._steps}", customer_email="")
        for entity in book["entities"].live():
            book.new_reading(entity, clock.stamp())
        crew = dict(book["crews"].live()[0])
        crew["entities_data"] = [*crew["entities_data"][1:], crew["entities_data"][0]][:3]
        book.put_crew(crew)
        book.new_customer()
        book["customers"].delete(book["customers"].live_keys()[1])
        group = book["groups"].live_keys()[0]
        fresh = {f"surprise_{self._steps}": {"since": utc(clock.stamp())}}
        book.change("groups", group, name=f"Renamed {self._steps}", **fresh)

    def adjust(self, settings: dict[str, Any]) -> None:
        """Switches by name, of this class or of `Lists`. Raises `ValueError` for an unknown one."""
        for name, value in settings.items():
            owner = next((one for one in (self, self.lists) if name in vars(one)), None)
            if owner is None or name.startswith("_") or name in {"book", "ledger", "lists"}:
                raise ValueError(f"unknown switch {name!r}")
            many = cast("list[Any]", value) if isinstance(value, list) else None
            setattr(owner, name, value if many is None else set(many))

    def _admit(self, request: Request) -> None:
        pair = request.headers.get("x-auth-key"), request.headers.get("x-auth-token")
        if pair not in self.keys:
            raise Refused(401, "UNAUTHORIZED")

    def _too_many(self) -> bool:
        now = self._world.clock.now()
        while self._recent and self._recent[0] <= now - MINUTE:
            self._recent.popleft()
        self._recent.append(now)
        self.fullest_minute = max(self.fullest_minute, len(self._recent))
        return self.per_minute is not None and len(self._recent) > self.per_minute

    def _answer(self, request: Request, parts: list[str]) -> Response:
        match parts:
            case ["api", "users", "profile"]:
                return json_answer({"created": "2016-11-20T01:34:04.848640"})
            case ["api", "tasks"] | ["api", "express", "tasks"]:
                name = "/".join(parts[1:])
                self._allow(name)
                return self.lists.answer(request, name, self.lists.tasks(request, name))
            case ["api", "tasks", key, *part]:
                return self._task(request, key, part)
            case ["api", "entities", key, "readings"]:
                return self._readings(request, key)
            case ["api", name] if name in PLAIN:
                self._allow(name)
                return self.lists.answer(request, name, self.book[name].live())
            case _:
                return html_answer(200, "Arrivy")  # the single-page application

    def _allow(self, name: str) -> None:
        if name in self.forbidden:
            raise Refused(403, "FORBIDDEN")

    def _task(self, request: Request, key: str, part: list[str]) -> Response:
        task = self.book["tasks"].get(key)
        if task is None:
            raise Refused(404, "NOT_FOUND")
        match part:
            case []:
                return json_answer(task)
            case ["status"]:
                return self.lists.answer(request, "tasks/status", self.book.history[key])
            case ["rating"]:
                return json_answer(self.book.ratings[key])
            case _:
                return html_answer(200, "Arrivy")

    def _readings(self, request: Request, key: str) -> Response:
        if self.book["entities"].get(key) is None:
            raise Refused(404, "NOT_FOUND")
        after = request.query.get("time", "")[:19]
        rows = [
            row
            for row in self.book["location_readings"].live()
            if str(row["entity"]) == key and row["time"] > after
        ]
        return self.lists.answer(request, "entities/readings", rows)
