"""Routing, guards and switches of the pretend CallRail."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from connectors.sandbox.callrail.book import TIMES, Book, summary
from connectors.sandbox.callrail.lists import RESOURCES, Lists, Refused
from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sandbox.vendors import World

KEY = "sandbox-callrail-key"
TOKEN = re.compile(r'Token token="?([^"]+)"?')
EDITABLE = timedelta(days=25)  # steps touch records that a rolling month still shows
MAX_POINTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Requests per clock hour and UTC day; None switches one off. Real: 1,000 and 10,000."""

    hourly: int | None = None
    daily: int | None = None
    retry_after: bool = False  # undocumented
    headers: bool = True  # seen on one endpoint


class CallRail:
    """The accounts. Attributes without underscore may be set by tests, or by `adjust`.

    `book` holds the records, `lists` the switches of list answers, `forbidden` resources (`calls`)
    answer 403.
    """

    name = "callrail"

    def __init__(self, world: World) -> None:
        self._world = world
        self.book = Book(world)
        self.ledger = self.book
        self.lists = Lists(self.book, world)
        self.limits = Limits()
        self.forbidden: set[str] = set()
        self.keys = {KEY}
        self._hours: dict[datetime, int] = {}
        self._steps = 0

    def environment(self, base_url: str) -> dict[str, str]:
        """Base URL and a key."""
        return {
            "CALLRAIL_BASE_URL": f"{base_url}/v3",
            "CALLRAIL_API_KEY": KEY,
        }

    def endpoint(self, request: Request) -> str:
        """The resource that is asked for."""
        parts = request.path.strip("/").split("/")
        if parts[-1] == "a.json":
            return "accounts"
        if len(parts) > 4:  # noqa: PLR2004 - v3, a, account, resource
            return f"{parts[3]}/one" if parts[3] != "calls" else parts[4].removesuffix(".json")
        return parts[-1].removesuffix(".json")

    def handle(self, request: Request) -> Response:
        """Answer a request. Raises `RuntimeError` for one that would change something."""
        if request.method != "GET":
            raise RuntimeError(f"{request.method} {request.path} would change the account")
        used = self._count()
        try:
            response = self._guarded(request, used)
        except Refused as refused:
            response = refused.response
        return replace(response, headers={**self._headers(used), **response.headers})

    def step(self) -> None:
        """Let time pass.

        Calls, forms and messages arrive; recent ones are edited without any date moving; one
        call is marked as spam and vanishes; a tag and a user are deleted, a company and a
        tracker switched off.
        """
        self._steps += 1
        book, stamp = self.book, self._world.clock.stamp
        dice = self._world.random("callrail", "step", self._steps)
        for _ in range(self._world.count(5)):
            book.new_call(stamp())
        book.new_form(stamp())
        for key in dice.sample(book["text_conversations"].live_keys(), 2):
            book.say(key, stamp())
        book.new_conversation(stamp())
        recent = dice.sample(self._recent("calls"), min(4, len(self._recent("calls"))))
        for key in recent[1:]:
            book.change("calls", key, note=f"edited {self._steps}", value="99.50", tags=[])
        for key in recent[:1]:
            book["calls"].delete(key)
        for key in self._recent("form_submissions")[:1]:
            book.change("form_submissions", key, lead_status="good_lead")
        tags = book["tags"].live_keys()
        book["tags"].delete(tags[0])
        book.change("tags", tags[1], name=f"Renamed {self._steps}")
        users = book["users"].live_keys()
        if self._steps % 2 and len(users) > 6:  # noqa: PLR2004 - one of fewer looks like an outage
            book["users"].delete(users[-1])
        self._switch_off("trackers", dice.choice(book["trackers"].live_keys()))
        if self._steps == 1:
            self._switch_off("companies", book["companies"].live_keys()[-2])

    def adjust(self, settings: dict[str, Any]) -> None:
        """Switches by name, as a JSON object. Raises `ValueError` for an unknown one.

        `limits` (fields of `Limits`), `forbidden` (resources), `unknown_fields`, `zone`, `totals`.
        """
        for name, value in settings.items():
            match name:
                case "limits":
                    self.limits = msgspec.convert(value, Limits)
                case "forbidden":
                    self.forbidden = set(value)
                case "unknown_fields":
                    self.lists.unknown = set(value)
                case "zone":
                    self.lists.zone = value
                case "totals":
                    self.lists.totals = value
                case _:
                    raise ValueError(f"unknown switch {name!r}")

    def _recent(self, stream: str) -> list[str]:
        edge = self._world.clock.now() - EDITABLE
        return [
            str(record["id"])
            for record in self.book[stream].live()
            if datetime.fromisoformat(record[TIMES[stream]]) > edge
        ]

    def _switch_off(self, stream: str, key: str) -> None:
        at = self._world.clock.stamp().isoformat(timespec="milliseconds")
        self.book.change(stream, key, status="disabled", disabled_at=at)

    def _guarded(self, request: Request, used: tuple[int, int]) -> Response:
        token = TOKEN.fullmatch(request.headers.get("authorization", ""))
        if token is None or token[1] not in self.keys:
            raise Refused(401, "HTTP Token: Access denied.")
        for limit, count in zip((self.limits.hourly, self.limits.daily), used, strict=True):
            if limit is not None and count > limit:
                seconds = {"Retry-After": "1"} if self.limits.retry_after else {}
                return json_answer({"error": "Too many requests"}, 429, seconds)
        match request.path.strip("/").split("/"):
            case ["v3", "a.json"]:
                self._allow("accounts")
                return self.lists.answer(request, "", "accounts", "accounts")
            case ["v3", "a", account, resource] if resource in RESOURCES:
                self._known(account)
                self._allow(resource.removesuffix(".json"))
                return self.lists.answer(request, account, *RESOURCES[resource])
            case ["v3", "a", account, "calls", "timeseries.json"]:
                self._known(account)
                return self._timeseries(request, account)
            case ["v3", "a", account, "text-messages", conversation]:
                self._known(account)
                return self._conversation(account, conversation.removesuffix(".json"))
            case _:
                raise Refused(404, "Not found")

    def _known(self, account: str) -> None:
        if self.book["accounts"].get(account) is None:
            raise Refused(404, "Account not found")

    def _allow(self, resource: str) -> None:
        if resource in self.forbidden:
            raise Refused(403, "You do not have permission to access this resource")

    def _timeseries(self, request: Request, account: str) -> Response:
        start, end = (
            date.fromisoformat(request.query[name]) for name in ("start_date", "end_date")
        )
        points = (end - start).days + 1
        if request.query.get("interval", "day") != "day" or points > MAX_POINTS:
            raise Refused(400, f"at most {MAX_POINTS} points of interval day")
        known = self.book.daily(account)
        days = [start + timedelta(days=number) for number in range(points)]
        wanted = {"key", "date", *request.query.get("fields", "total_calls").split(",")}
        rows = [known.get(day) or summary(day, []) for day in days]
        data = [{name: row[name] for name in row if name in wanted} for row in rows]
        return json_answer({"start_date": f"{days[0]}", "end_date": f"{days[-1]}", "data": data})

    def _conversation(self, account: str, key: str) -> Response:
        record = self.book["text_conversations"].get(key)
        if record is None or self.book.owner["text_conversations", key] != account:
            raise Refused(404, "Conversation not found")
        shown = {name: value for name, value in record.items() if name != "recent_messages"}
        return json_answer({**shown, "messages": list(reversed(self.book.said[key]))})

    def _count(self) -> tuple[int, int]:
        """Count this request; how many the present clock hour and UTC day have now."""
        hour = self._world.clock.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        self._hours[hour] = self._hours.get(hour, 0) + 1
        today = sum(count for at, count in self._hours.items() if at.date() == hour.date())
        return self._hours[hour], today

    def _headers(self, used: tuple[int, int]) -> dict[str, str]:
        headers = {"x-request-id": "00000000-0000-4000-8000-000000000000"}
        limits = (("hourly", self.limits.hourly), ("daily", self.limits.daily))
        for (name, limit), count in zip(limits, used, strict=True):
            if self.limits.headers and limit is not None:
                headers[f"x-rate-limit-{name}-allowed"] = str(limit)
                headers[f"x-rate-limit-{name}-used"] = str(count)
        return headers
