"""`make bench`: speed and memory, one JSON line per figure. Ratios of one run, not records.

Every figure stands beside a bare yardstick measured in the same minute on the same
machine: machines are noisy, ratios are not. `--rows` scales the work.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from connectors.garbage import rarely_collected
from connectors.model import FieldType, Stream
from connectors.warehouse import locks, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch, StreamWriter
from connectors.warehouse.migrate import migrate
from connectors.warehouse.overlap import Commits
from tests import bench_genius, bench_sources, servers

ROOT = Path(__file__).parents[1]
PARTS = ("core", "destinations", "sources", "genius")
BATCH = 1_000
ROUNDS = 5
KINDS = (FieldType.TEXT, FieldType.NUMERIC, FieldType.TIMESTAMP, FieldType.BOOLEAN, FieldType.TEXT)
COLUMNS = {f"c{n:02}": KINDS[n % len(KINDS)] for n in range(60)}
WIDE = Stream(name="wide", fields=COLUMNS)
SQL = {
    FieldType.TEXT: "text",
    FieldType.NUMERIC: "numeric",
    FieldType.TIMESTAMP: "timestamptz",
    FieldType.BOOLEAN: "boolean",
}


def say(figure: str, **values: Any) -> None:
    """Print one figure."""
    print(json.dumps({"figure": figure} | values), flush=True)


def value(kind: FieldType, row: int, column: int) -> str | None:
    """Return a vendor's text for one cell; a seventh of them is null."""
    number = row * 61 + column
    if number % 7 == 0:
        return None
    return {
        FieldType.TEXT: f"value {number} of some length",
        FieldType.NUMERIC: f"{number % 10_000}.{number % 100:02}",
        FieldType.TIMESTAMP: (
            f"2026-01-{number % 28 + 1:02}T{number % 24:02}:00:00.{number % 1000:03}Z"
        ),
        FieldType.BOOLEAN: "true" if number % 2 else "false",
    }[kind]


def batches(rows: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the work in batches of records."""
    for start in range(0, rows, BATCH):
        yield [
            {"id": str(row)}
            | {name: value(kind, row, n) for n, (name, kind) in enumerate(COLUMNS.items())}
            for row in range(start, min(start + BATCH, rows))
        ]


def ours(warehouse: Warehouse, stream: Stream, work: list[list[dict[str, Any]]]) -> float:
    """Load `work` as a sync does, the next batch made ready meanwhile; return the seconds."""
    run_id = str(uuid.uuid4())
    runs.open_run(warehouse, runs.NewRun(run_id=run_id, source="bench", mode="full"))
    acquired = locks.acquire(warehouse, "bench", run_id)
    assert isinstance(acquired, locks.Acquired)
    run = runs.RunRef(run_id=run_id, source="bench", fence=acquired.fence)
    runs.start(warehouse, run)
    writer = StreamWriter(warehouse, run, stream)
    writer.open({}, track_keys=False, fresh_keys=True)
    began = time.perf_counter()
    with Commits(writer) as commits:
        for records in work:
            commits.begin(Batch(records=records), None)
    seconds = time.perf_counter() - began
    runs.finish(warehouse, run_id, runs.Status.SUCCESS)
    return seconds


def bare_postgres(url: str, work: list[list[dict[str, Any]]]) -> float:
    """COPY into a temporary table, INSERT .. ON CONFLICT: no checks, no tracking."""
    names = ["id", *COLUMNS]
    listed = ", ".join(names)
    changes = ", ".join(f"{n} = excluded.{n}" for n in COLUMNS)
    defined = ", ".join(f"{n} {SQL[k]}" for n, k in COLUMNS.items())
    with psycopg.connect(url, options="-c synchronous_commit=on") as db:  # as ours
        db.execute(
            "DROP TABLE IF EXISTS bare;"
            f" CREATE TABLE bare (id text PRIMARY KEY, {defined})".encode()
        )
        db.execute(b"CREATE TEMP TABLE stage (LIKE bare) ON COMMIT DELETE ROWS")
        db.commit()
        began = time.perf_counter()
        for records in work:
            with (
                db.cursor() as cursor,
                cursor.copy(f"COPY stage ({listed}) FROM STDIN".encode()) as copy,
            ):
                for record in records:
                    copy.write_row([record[n] for n in names])
            db.execute(
                f"INSERT INTO bare ({listed}) SELECT {listed} FROM stage"
                f" ON CONFLICT (id) DO UPDATE SET {changes}".encode()
            )
            db.commit()
        return time.perf_counter() - began


def bare_sqlite(path: str, work: list[list[dict[str, Any]]]) -> float:
    """Plain executemany upserts of the same text, one transaction a batch."""
    names = ["id", *COLUMNS]
    changes = ", ".join(f"{n} = excluded.{n}" for n in COLUMNS)
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(f"CREATE TABLE bare (id TEXT PRIMARY KEY, {', '.join(COLUMNS)})")
    upsert = (
        f"INSERT INTO bare VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT (id) DO UPDATE SET {changes}"
    )
    began = time.perf_counter()
    for records in work:
        db.executemany(upsert, [tuple(record[n] for n in names) for record in records])
        db.commit()
    seconds = time.perf_counter() - began
    db.close()
    return seconds


def wal_bytes(warehouse: Warehouse) -> int:
    """Return how far PostgreSQL's write-ahead log has come."""
    with warehouse.read() as db:
        position = db.exec_driver_sql("SELECT pg_current_wal_insert_lsn() - '0/0'").scalar_one()
    return int(Decimal(position))


def destinations(url: str, rows: int) -> None:
    """Measure both warehouses beside their bare yardsticks, in rounds that take turns."""
    work = list(batches(rows))
    gc.freeze()  # a sync never holds all its records: collecting these would be measured
    with rarely_collected():  # as in a sync, for both sides
        to_postgresql(url, work, rows)
        to_sqlite(work, rows)


def to_postgresql(url: str, work: list[list[dict[str, Any]]], rows: int) -> None:
    """Measure new rows in each round, and in the first one the same rows again."""
    plain = url.replace("postgresql+psycopg", "postgresql")
    warehouse = Warehouse.open(url)
    migrate(warehouse)
    taken: list[tuple[float, float]] = []
    wal: list[int] = []
    again = 0.0
    for number in range(ROUNDS):
        stream = replace(WIDE, name=f"wide_{number}")
        bare = bare_postgres(plain, work)
        wal.append(wal_bytes(warehouse))
        taken.append((bare, ours(warehouse, stream, work)))
        wal.append(wal_bytes(warehouse))
        if number == 0:
            again = ours(warehouse, stream, work)
            wal.append(wal_bytes(warehouse))
    warehouse.close()
    compare("postgresql: new rows of 60 columns, share of the bare rate (goal 0.70)", taken, rows)
    say(
        "postgresql: unchanged re-load, WAL as a share of the first load's (goal 0.10)",
        ratio=round((wal[2] - wal[1]) / (wal[1] - wal[0]), 3),
        first_mb=round((wal[1] - wal[0]) / 1e6, 1),
        again_mb=round((wal[2] - wal[1]) / 1e6, 1),
        seconds_ratio=round(again / taken[0][1], 2),
    )


def to_sqlite(work: list[list[dict[str, Any]]], rows: int) -> None:
    """Measure new rows in a new file in each round."""
    taken: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            bare = bare_sqlite(f"{folder}/bare.db", work)
            file = Warehouse.open(f"sqlite:///{folder}/ours.db")
            migrate(file)
            taken.append((bare, ours(file, WIDE, work)))
            file.close()
    compare("sqlite: new rows of 60 columns, share of plain executemany (goal 0.60)", taken, rows)


def compare(figure: str, taken: list[tuple[float, float]], rows: int) -> None:
    """Print the middle and the spread of the rounds' ratios; `taken` are seconds, bare and ours."""
    ratios = sorted(bare / mine for bare, mine in taken)
    say(
        figure,
        ratio=round(median(ratios), 2),
        from_to=[round(ratios[0], 2), round(ratios[-1], 2)],
        rows_per_second=round(rows / median(mine for _, mine in taken)),
        bare_rows_per_second=round(rows / median(bare for bare, _ in taken)),
    )


@contextmanager
def sandbox(scale: float) -> Generator[dict[str, str]]:
    """Start the pretend HubSpot in a process of its own; yield its environment."""
    process = subprocess.Popen(
        [sys.executable, "-m", "connectors.sandbox", "--only", "hubspot", "--scale", str(scale)],
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
        environment[name] = text
    try:
        yield environment
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def measured(url: str, environment: dict[str, str], *options: str) -> dict[str, Any]:
    """Sync HubSpot contacts in a process of its own; return its figures."""
    output = subprocess.run(
        [sys.executable, "-m", "tests.measured", "hubspot", url, "--streams", "contacts", *options],
        cwd=ROOT,
        env=os.environ | environment | {"HUBSPOT_BUDGET": "1000000"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(output.stdout)


def core(admin: str, sizes: tuple[int, ...]) -> None:
    """Measure the sync core on HubSpot contacts: CPU a row, and memory by size."""
    peaks: dict[int, float] = {}
    for size in sizes:
        with sandbox(size / 400) as environment, servers.postgres_database(admin) as url:
            found = measured(url, environment)
            peaks[size] = found["peak_rss_mb"]
            say(f"hubspot contacts -> postgresql, {size:,} rows (goal 120 us)", **found)
    smallest, largest = min(sizes), max(sizes)
    say(
        f"peak memory at {largest:,} rows less that at {smallest:,} (goal 20 MB)",
        mb=round(peaks[largest] - peaks[smallest], 1),
    )


def main() -> None:
    """Run the figures asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--dlt", default=os.environ.get("BENCH_DLT_PYTHON"))
    wished = parser.parse_args()
    parts = {wished.only} if wished.only else set(PARTS)
    session = servers.open_session()
    try:
        with servers.postgres(session, servers.wheel_binaries()) as admin:
            if "destinations" in parts:
                with servers.postgres_database(admin) as url:
                    destinations(url, wished.rows)
            if "core" in parts:
                core(admin, (wished.rows // 5, wished.rows, wished.rows * 4))
            if "sources" in parts:
                bench_sources.figures(admin, wished.rows // 2, say)
            if "genius" in parts:
                bench_genius.figures(session, admin, wished.rows, wished.dlt, say)
    finally:
        servers.close_session(session)
    say(
        "peak memory of the bench itself",
        mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


if __name__ == "__main__":
    main()
