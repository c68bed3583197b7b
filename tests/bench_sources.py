"""Figures of the HTTP sources CallRail and LeadConduit; part of `make bench`, `--only sources`.

Each sandbox runs in a process of its own, each sync in another: the CPU is ours alone. Beside
each figure stands the bare way in the same minute: fetch, decode, COPY, upsert; no checks, no
tracking, no types. With a latency the yardstick is requests x latency, or the budget where
that is the tighter bound, and the same pages fetched by a bare client, one after the other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from connectors.sources.leadconduit.settings import HEAVY
from tests import servers

ROOT = Path(__file__).parents[1]
LATENCY = 0.08  # seconds before each answer, as between two continents
GOAL = 120  # microseconds of CPU a row of 40 fields
FORTY = (
    *("agent_email", "call_type", "campaign", "company_id", "company_name", "created_at"),
    *("device_type", "first_call", "formatted_duration", "gclid", "keywords", "landing_page_url"),
    *("lead_status", "medium", "milestones", "note", "person_id", "source", "source_name"),
    *("tags", "total_calls", "tracker_id", "value"),
)
"""With the 16 that always come and the account, a call of 40 fields."""
UNLIMITED = "1000000"

Say = Callable[..., None]
Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A stream to measure, and how the bare way asks for its pages."""

    vendor: str
    stream: str
    title: str
    rows_at_scale_one: int
    pages: Callable[[httpx.Client], Iterator[bytes]]
    member: str | None = None  # of the answer that holds the rows
    environment: tuple[tuple[str, str], ...] = ()
    per_second: float | None = None  # the budget that is the tighter bound with a latency


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


class _Id(msgspec.Struct):
    id: str


IDS = msgspec.json.Decoder(list[_Id])
SOURCE_EVENTS = '[{"lhv": "type", "op": "is equal to", "rhv": "source"}]'
CASES = (
    Case(
        vendor="callrail",
        stream="calls",
        title="callrail calls of 40 fields",
        rows_at_scale_one=600,
        pages=calls,
        member="calls",
        environment=(("CALLRAIL_CALL_FIELDS", ",".join(FORTY)),),
    ),
    Case(
        vendor="leadconduit",
        stream="events",
        title="leadconduit events (36 columns, one of them 2 kB of nested JSON)",
        rows_at_scale_one=750,
        pages=events,
        per_second=2,
    ),
    Case(
        vendor="leadconduit",
        stream="leads",
        title="leadconduit leads (50 columns, a typed lead of 2 kB unpacked)",
        rows_at_scale_one=250,
        pages=lambda client: events(client, SOURCE_EVENTS),
        per_second=2,
    ),
)


@contextmanager
def sandbox(vendor: str, scale: float, latency: float = 0) -> Generator[dict[str, str]]:
    """Serve one pretend vendor in a process of its own; yield its environment."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as rules:
        json.dump({"times": None, "latency": latency} if latency else [], rules)
        rules.flush()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "connectors.sandbox", "--only", vendor),
                *("--scale", str(scale), "--faults", rules.name),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        environment: dict[str, str] = {}
        for line in process.stdout:
            if line.strip() == "ready":
                break
            name, _, text = line.removeprefix("export ").strip().partition("=")
            environment[name] = text.strip("'")
        try:
            yield environment
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def client_of(case: Case, environment: dict[str, str]) -> httpx.Client:
    """Return a bare client of the sandbox."""
    prefix = case.vendor.upper()
    key = environment[f"{prefix}_API_KEY"]
    basic = httpx.BasicAuth("API", key) if case.vendor == "leadconduit" else None
    headers = {"Accept": "application/json", "Authorization": f"Token token={key}"}
    if basic:
        del headers["Authorization"]
    return httpx.Client(base_url=environment[f"{prefix}_BASE_URL"], auth=basic, headers=headers)


def measured(
    case: Case, url: str, environment: dict[str, str], budget: str | None
) -> dict[str, Any]:
    """Sync the stream in a process of its own; return its figures."""
    lifted = {f"{case.vendor.upper()}_BUDGET": budget} if budget else {}
    chosen = {**os.environ, **environment, **dict(case.environment), **lifted}
    if not budget:
        chosen.pop(f"{case.vendor.upper()}_BUDGET", None)
    output = subprocess.run(
        [sys.executable, "-m", "tests.measured", case.vendor, url, "--streams", case.stream],
        cwd=ROOT,
        env=chosen,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(output.stdout)


def bare(case: Case, url: str, environment: dict[str, str]) -> float:
    """Load the same pages the bare way; return the CPU in microseconds a row."""
    decoder = msgspec.json.Decoder()
    count, names = 0, list[str]()
    began = time.process_time()
    with client_of(case, environment) as client, psycopg.connect(url) as db:
        for content in case.pages(client):
            body = decoder.decode(content)
            rows: Rows = body[case.member] if case.member else body
            if not names and rows:
                names = sorted(set[str]().union(*rows) - {"id"})
                make_bare(db, len(names))
            copy_bare(db, rows, names)
            count += len(rows)
    return (time.process_time() - began) / max(1, count) * 1e6


def make_bare(db: psycopg.Connection[Any], width: int) -> None:
    """Make a table of text columns, and one like it to copy into."""
    columns = ", ".join(f"c{n} text" for n in range(width))
    db.execute(f"CREATE TABLE bare (id text PRIMARY KEY, {columns})".encode())
    db.execute(b"CREATE TEMP TABLE stage (LIKE bare) ON COMMIT DELETE ROWS")
    db.commit()


def copy_bare(db: psycopg.Connection[Any], rows: Rows, names: Sequence[str]) -> None:
    """COPY a page, nested values as JSON, and upsert it."""
    encode = msgspec.json.encode
    with db.cursor() as cursor, cursor.copy(b"COPY stage FROM STDIN") as copy:
        for row in rows:
            values = [row.get(name) for name in names]
            copy.write_row(
                (
                    row["id"],
                    *(encode(v).decode() if isinstance(v, dict | list) else v for v in values),
                )
            )
    changes = ", ".join(f"c{n} = excluded.c{n}" for n in range(len(names)))
    db.execute(
        f"INSERT INTO bare SELECT * FROM stage ON CONFLICT (id) DO UPDATE SET {changes}".encode()
    )
    db.commit()


def cpu(case: Case, admin: str, rows: int, say: Say) -> None:
    """Measure the CPU a row, beside the bare way, and the memory."""
    with sandbox(case.vendor, rows / case.rows_at_scale_one) as environment:
        with servers.postgres_database(admin) as url:
            plain = bare(case, url.replace("postgresql+psycopg", "postgresql"), environment)
        with servers.postgres_database(admin) as url:
            found = measured(case, url, environment, UNLIMITED)
    say(
        f"{case.title} -> postgresql, {found['rows']:,} rows (goal {GOAL} us)",
        bare_cpu_us_per_row=round(plain, 1),
        ratio=round(found["cpu_us_per_row"] / plain, 2),
        load=round(os.getloadavg()[0], 1),
        **found,
    )


def latency(case: Case, admin: str, rows: int, say: Say) -> None:
    """Measure the wall time with a latency beside its bounds (goal 1.15)."""
    with sandbox(case.vendor, rows / case.rows_at_scale_one, LATENCY) as environment:
        with client_of(case, environment) as client:
            began = time.perf_counter()
            fetched = sum(1 for _ in case.pages(client))
            bare_seconds = (time.perf_counter() - began) / fetched
        for budget in (UNLIMITED, None) if case.per_second else (UNLIMITED,):
            with servers.postgres_database(admin) as url:
                found = measured(case, url, environment, budget)
            each = LATENCY if budget else max(LATENCY, 1 / (case.per_second or 1e9))
            bound = found["requests"] * each
            say(
                f"{case.title}: wall time at 80 ms over"
                f" {'requests x latency' if budget else 'the budget'} (goal 1.15)",
                ratio=round(found["seconds"] / bound, 2),
                ratio_to_bare_fetch=round(found["seconds"] / found["requests"] / bare_seconds, 2),
                requests=found["requests"],
                seconds=found["seconds"],
                load=round(os.getloadavg()[0], 1),
            )


def figures(admin: str, rows: int, say: Say) -> None:
    """Say every figure. `admin` is a PostgreSQL server's URL."""
    for case in CASES:
        cpu(case, admin, rows, say)
    for case in CASES:
        latency(case, admin, rows // 2, say)
