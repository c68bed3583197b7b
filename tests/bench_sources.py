"""Figures of HTTP sources, each against its sandbox; part of `make bench`, `--only sources`.

Each sandbox runs in a process of its own, each sync in another: the CPU is ours alone. Beside
each figure stands the bare way in the same minute: fetch, decode, COPY, upsert; no checks, no
tracking, no types. The goal is for 40 fields: a wider record is told both ways. With a latency
the yardstick is requests x latency, or the budget where that is the tighter bound, or the same
sync without a latency where that takes longer, and the same pages fetched by a bare client, one
after the other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from tests import servers
from tests.bench_cases import CASES, Case, Environment

ROOT = Path(__file__).parents[1]
LATENCY = 0.08  # seconds before each answer, as between two continents
GOAL, FIELDS = 120, 40  # microseconds of CPU a row of so many fields
UNLIMITED = "1000000"

Say = Callable[..., None]
Rows = Sequence[dict[str, Any]]


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


def client_of(case: Case, environment: Environment) -> httpx.Client:
    """Return a bare client of the sandbox."""
    return httpx.Client(
        base_url=environment[f"{case.vendor.upper()}_BASE_URL"],
        headers={"Accept": "application/json", **case.headers(environment)},
    )


def measured(case: Case, url: str, environment: Environment, budget: str | None) -> dict[str, Any]:
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


def bare(case: Case, url: str, environment: Environment) -> float:
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


def width(case: Case, url: str) -> int:
    """Return how many fields the stream's table has, our own bookkeeping left out."""
    with psycopg.connect(plain_url(url)) as db:
        found = db.execute(
            "SELECT count(*) FROM information_schema.columns"
            " WHERE table_name = %s AND column_name NOT LIKE %s",
            (f"{case.vendor}_{case.stream}", r"\_%"),
        ).fetchone()
    assert found is not None
    return found[0]


def plain_url(url: str) -> str:
    """Return the URL as psycopg reads it."""
    return url.replace("postgresql+psycopg", "postgresql")


def cpu(case: Case, admin: str, rows: int, say: Say) -> dict[str, Any]:
    """Measure the CPU a row beside the bare way; return the figures of the sync."""
    with sandbox(case.vendor, rows / case.rows_at_scale_one) as environment:
        with servers.postgres_database(admin) as url:
            bare_cpu = bare(case, plain_url(url), environment)
        with servers.postgres_database(admin) as url:
            found = measured(case, url, environment, UNLIMITED)
            fields = width(case, url)
    say(
        f"{case.title} -> postgresql, {found['rows']:,} rows (goal {GOAL} us for {FIELDS} fields)",
        fields=fields,
        cpu_us_per_40_fields=round(found["cpu_us_per_row"] * min(1, FIELDS / fields), 1),
        bare_cpu_us_per_row=round(bare_cpu, 1),
        ratio=round(found["cpu_us_per_row"] / bare_cpu, 2),
        load=round(os.getloadavg()[0], 1),
        **found,
    )
    return found


def latency(case: Case, admin: str, rows: int, without: float, say: Say) -> None:
    """Measure the wall time with a latency beside its bounds (goal 1.15).

    `without`: seconds of the same sync without a latency. Where pages are so large that these
    are the longer time, it is them that the latency must not be added to.
    """
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
                ratio_to_longer_bound=round(found["seconds"] / max(bound, without), 2),
                seconds_without_latency=without,
                ratio_to_bare_fetch=round(found["seconds"] / found["requests"] / bare_seconds, 2),
                requests=found["requests"],
                seconds=found["seconds"],
                load=round(os.getloadavg()[0], 1),
            )


def figures(admin: str, rows: int, say: Say) -> None:
    """Say every figure. `admin` is a PostgreSQL server's URL."""
    for case in CASES:
        small, large = (cpu(case, admin, size, say) for size in (rows, rows * 2))
        say(
            f"{case.title}: peak memory at {rows * 2:,} rows less that at {rows:,} (goal: flat)",
            mb=round(large["peak_rss_mb"] - small["peak_rss_mb"], 1),
        )
        latency(case, admin, rows, small["seconds"], say)
