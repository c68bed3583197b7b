"""The streams that `bench_sources` measures, and how the bare way asks for their pages."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from connectors.sources.leadconduit.settings import HEAVY

FORTY = (
    *("agent_email", "call_type", "campaign", "company_id", "company_name", "created_at"),
    *("device_type", "first_call", "formatted_duration", "gclid", "keywords", "landing_page_url"),
    *("lead_status", "medium", "milestones", "note", "person_id", "source", "source_name"),
    *("tags", "total_calls", "tracker_id", "value"),
)
"""With the 16 that always come and the account, a call of 40 fields."""
SOURCE_EVENTS = '[{"lhv": "type", "op": "is equal to", "rhv": "source"}]'
LISTS_OF_TASKS: tuple[dict[str, str], ...] = (
    {},
    {"unscheduled": "true"},
    {"tasks_with_no_datetime": "true"},
)
TASKS_A_PAGE = 500

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A stream to measure, and how the bare way asks for its pages."""

    vendor: str
    stream: str
    title: str
    rows_at_scale_one: int
    headers: Callable[[Environment], Mapping[str, str]]  # that let the bare way in
    pages: Callable[[httpx.Client], Iterator[bytes]]
    member: str | None = None  # of the answer that holds the rows
    environment: tuple[tuple[str, str], ...] = ()
    per_second: float | None = None  # the budget that is the tighter bound with a latency


class _Id(msgspec.Struct):
    id: str


class _Meta(msgspec.Struct, rename="camel"):
    more_pages: bool


class _Leads(msgspec.Struct):
    meta: _Meta


IDS = msgspec.json.Decoder(list[_Id])
LEADS = msgspec.json.Decoder(_Leads)
ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


def calls(client: httpx.Client) -> Iterator[bytes]:
    """Yield the pages of all calls of all accounts."""
    accounts = client.get("/a.json").json()["accounts"]
    today = datetime.now(UTC).date()
    asked = {
        "start_date": str(today - timedelta(days=745)),
        "end_date": str(today),
        "sort": "start_time",
        "order": "asc",
        "per_page": "250",
        "fields": ",".join(FORTY),
    }
    for account in accounts:
        page = 0
        while True:
            page += 1
            answer = client.get(f"/a/{account['id']}/calls.json", params=asked | {"page": page})
            yield answer.content
            if 'rel="next"' not in answer.headers.get("link", ""):
                break


def events(client: httpx.Client, rules: str | None = None) -> Iterator[bytes]:
    """Yield the pages of events, the heavy fields left out."""
    asked = [("sort", "asc"), ("limit", "1000"), *(("exclude", name) for name in HEAVY)]
    asked += [("rules", rules)] if rules else []
    after: list[tuple[str, str]] = []
    while True:
        content = client.get("/events", params=[*asked, *after]).content
        ids = [row.id for row in IDS.decode(content)]
        if not ids:
            return
        yield content
        after = [("after_id", ids[-1])]


def leads(client: httpx.Client) -> Iterator[bytes]:
    """Yield the pages of all leads."""
    page, more = 0, True
    while more:
        page += 1
        content = client.get("/leads", params={"page": page, "perPage": 2000}).content
        yield content
        more = LEADS.decode(content).meta.more_pages


def tasks(client: httpx.Client) -> Iterator[bytes]:
    """Yield the pages of the tasks on the schedule, off it and without a date."""
    for wished in LISTS_OF_TASKS:
        page, full = 0, True
        while full:
            page += 1
            asked = {**wished, "page": page, "items_per_page": TASKS_A_PAGE}
            content = client.get("/tasks", params=asked).content
            yield content
            full = len(ITEMS.decode(content)) == TASKS_A_PAGE


def _basic(environment: Environment) -> Mapping[str, str]:
    pair = f"API:{environment['LEADCONDUIT_API_KEY']}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


CASES = (
    Case(
        vendor="callrail",
        stream="calls",
        title="callrail calls",
        rows_at_scale_one=600,
        headers=lambda env: {"Authorization": f"Token token={env['CALLRAIL_API_KEY']}"},
        pages=calls,
        member="calls",
        environment=(("CALLRAIL_CALL_FIELDS", ",".join(FORTY)),),
    ),
    Case(
        vendor="leadconduit",
        stream="events",
        title="leadconduit events (one field is 2 kB of nested JSON)",
        rows_at_scale_one=750,
        headers=_basic,
        pages=events,
        per_second=2,
    ),
    Case(
        vendor="leadconduit",
        stream="leads",
        title="leadconduit leads (a typed lead of 2 kB unpacked)",
        rows_at_scale_one=250,
        headers=_basic,
        pages=lambda client: events(client, SOURCE_EVENTS),
        per_second=2,
    ),
    Case(
        vendor="salesrabbit",
        stream="leads",
        title="salesrabbit leads",
        rows_at_scale_one=300,
        headers=lambda env: {"Authorization": f"Bearer {env['SALESRABBIT_API_TOKEN']}"},
        pages=leads,
        member="data",
    ),
    Case(
        vendor="arrivy",
        stream="tasks",
        title="arrivy tasks",
        rows_at_scale_one=400,
        headers=lambda env: {
            "X-Auth-Key": env["ARRIVY_AUTH_KEY"],
            "X-Auth-Token": env["ARRIVY_API_KEY"],
        },
        pages=tasks,
    ),
)
