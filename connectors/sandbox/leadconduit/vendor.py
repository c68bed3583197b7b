"""Routing, guards and switches of the pretend LeadConduit."""

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from connectors.sandbox.clock import epoch_ms
from connectors.sandbox.leadconduit.book import Book, begun_ms
from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sandbox.vendors import World

KEY = "5a8f0c2e4b6d8091a3b5c7d9e1f30214"
MAX_PAGE = 1000
BY_PATH = {
    "/flows": "flows",
    "/entities": "entities",
    "/fields": "fields",
    "/destinations": "destinations",
    "/vars": "vars",
}
SINGLE = {"/user": "users", "/account": "accounts"}
PAID = frozenset({"/flows", "/fields"})  # a free account's good key gets 401 here
LATE = timedelta(minutes=20)  # how long ago a lead began that a step finishes now


class Refused(Exception):
    """The request is answered by this error instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.response = json_answer({"error": message}, status)


class LeadConduit:
    """The account. Attributes without underscore may be set by tests, or by `adjust`.

    `book` holds the records.
    """

    name = "leadconduit"

    def __init__(self, world: World) -> None:
        self._world = world
        self.book = Book(world)
        self.ledger = self.book
        self.keys = {KEY}
        self.free = False  # a free account
        self.entities_null = False  # `null` for an empty list
        self.clamps_limit = False  # else more than 1,000 is a 400
        self.ignores_rules = False
        self.forgets_ids = False  # an `after_id` that has expired is a 400
        self.retention = timedelta(days=90)
        self.dated_by: Literal["id", "end"] = "id"  # what `start` and `end` compare
        self._steps = 0

    def environment(self, base_url: str) -> dict[str, str]:
        """Base URL, a key, and a budget that lets a demo run at its own pace."""
        return {
            "LEADCONDUIT_BASE_URL": base_url,
            "LEADCONDUIT_API_KEY": KEY,
            "LEADCONDUIT_BUDGET": "100",
        }

    def endpoint(self, request: Request) -> str:
        """The first part of the path."""
        return request.path.strip("/").partition("/")[0] or "root"

    def handle(self, request: Request) -> Response:
        """Answer a request. Raises `RuntimeError` for what a reader must never ask for."""
        path = request.path.rstrip("/")
        if path.startswith(("/credentials", "/firehose")) or (
            request.method != "GET" and path != "/events"
        ):
            raise RuntimeError(f"{request.method} {path} changes something or shows secrets")
        try:
            self._admit(request, path)
            return self._answer(request, path)
        except Refused as refused:
            return refused.response

    def step(self) -> None:
        """Let time pass.

        Leads come, one of them began 20 minutes ago; feedback and a retry for older ones; a flow
        is renamed, a field deleted, another made.
        """
        self._steps += 1
        stamp = self._world.clock.stamp
        dice = self._world.random("leadconduit", "step", self._steps)
        older = dice.sample(self.book.leads, 3)
        self.book.submit(stamp() - LATE)
        for _ in range(self._world.count(4)):
            self.book.submit(stamp())
        for lead_id in older[:2]:
            self.book.feedback(lead_id, stamp())
        self.book.retry(older[2], stamp())
        self.book.turn_over(self._steps, stamp())

    def adjust(self, settings: dict[str, Any]) -> None:
        """Switches by name, as a JSON object. Raises `ValueError` for an unknown one.

        `free`, `entities_null`, `clamps_limit`, `ignores_rules`, `forgets_ids` (booleans),
        `retention_days`, `dated_by`.
        """
        switches = {"free", "entities_null", "clamps_limit", "ignores_rules", "forgets_ids"}
        for name, value in settings.items():
            if name in switches:
                setattr(self, name, bool(value))
            elif name == "retention_days":
                self.retention = timedelta(days=value)
            elif name == "dated_by":
                self.dated_by = value
            else:
                raise ValueError(f"unknown switch {name!r}")

    def amend(self, lead_id: str, **fields: Any) -> None:
        """Change fields of a lead in its event, which the real one hardly ever does."""
        event: Any = self.book["events"].get(lead_id)
        lead = {**event["vars"]["lead"], **fields}
        self.book.add({**event, "vars": {**event["vars"], "lead": lead}})

    def _admit(self, request: Request, path: str) -> None:
        if "application/json" not in request.headers.get("accept", ""):
            raise Refused(403, "misconfigured csrf: check Accept header is set properly")
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        try:
            key = base64.b64decode(pair).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
        if scheme != "Basic" or key not in self.keys or (self.free and path in PAID):
            raise Refused(401, "not authorized")

    def _answer(self, request: Request, path: str) -> Response:
        if path == "/events":
            return json_answer(self._events(_asked(request)))
        if path.startswith("/events/"):
            event = self.book["events"].get(path.rpartition("/")[2])
            if event is None:
                raise Refused(404, "event not found")
            return json_answer(event)
        if path in BY_PATH:
            rows = self.book[BY_PATH[path]].live()
            return json_answer(None if path == "/entities" and self.entities_null else rows)
        if path in SINGLE:
            shown = self.book[SINGLE[path]].live()[0]
            return json_answer({**shown, "api_key": KEY})
        raise Refused(404, "not found")

    def _events(self, asked: Mapping[str, list[str]]) -> Sequence[Mapping[str, Any]]:
        last = {name: values[-1] for name, values in asked.items()}
        limit = int(last.get("limit", 100))
        if limit < 1 or (limit > MAX_PAGE and not self.clamps_limit):
            raise Refused(400, "limit must be between 1 and 1000")
        if "include" in asked and "exclude" in asked:
            raise Refused(400, "include and exclude are mutually exclusive")
        after, before = last.get("after_id"), last.get("before_id")
        for event_id in filter(None, (after, before)):
            self._check_id(event_id)
        low = _ms(last.get("start"), 0)
        high = _ms(last.get("end"), 2**62)
        rules = self._rules(last)
        found: list[Mapping[str, Any]] = []
        first = bisect_right(self.book.ids, after) if after else 0
        stop = bisect_left(self.book.ids, before) if before else len(self.book.ids)
        ids = self.book.ids[first:stop]
        for event_id in ids if last.get("sort") == "asc" else reversed(ids):
            event = self.book["events"].get(event_id)
            if event is None or not low <= self._dated(event) <= high:
                continue
            if self._kept(event) and all(event.get(name) == value for name, value in rules):
                found.append(event)
                if len(found) == min(limit, MAX_PAGE):
                    break
        return [_chosen(event, asked) for event in found]

    def _rules(self, last: Mapping[str, str]) -> list[tuple[str, str]]:
        rules: Any = msgspec.json.decode(last.get("rules", "[]"))
        if self.ignores_rules:
            return []
        if any(rule["op"] != "is equal to" for rule in rules):
            raise Refused(400, "the sandbox knows the operator `is equal to` only")
        return [(rule["lhv"], rule["rhv"]) for rule in rules]

    def _dated(self, event: Mapping[str, Any]) -> int:
        return begun_ms(event["id"]) if self.dated_by == "id" else int(event["end_timestamp"])

    def _kept(self, event: Mapping[str, Any]) -> bool:
        return begun_ms(event["id"]) >= epoch_ms(self._world.clock.now() - self.retention)

    def _check_id(self, event_id: str) -> None:
        try:
            at = begun_ms(event_id)
        except ValueError:
            raise Refused(400, "not an id") from None
        if self.forgets_ids and at < epoch_ms(self._world.clock.now() - self.retention):
            raise Refused(400, "unknown id")


def _asked(request: Request) -> Mapping[str, list[str]]:
    """The parameters, from the query or for an export from the body."""
    if request.method == "GET":
        return request.queries
    body: dict[str, Any] = request.json()
    return {
        name: [str(one) for one in value] if isinstance(value, list) else [str(value)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - any JSON
        for name, value in body.items()
    }


def _ms(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, "start and end are date-times") from None
    return epoch_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _chosen(event: Mapping[str, Any], asked: Mapping[str, list[str]]) -> Mapping[str, Any]:
    include, exclude = asked.get("include"), set(asked.get("exclude", ()))
    return {
        name: value
        for name, value in event.items()
        if name not in exclude and (include is None or name in include)
    }
