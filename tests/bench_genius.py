"""A table of MariaDB into PostgreSQL: our sync beside dlt's fastest ways, in one run.

dlt is no dependency of this project. An interpreter that has it, with `connectorx`,
`pyarrow`, `pymysql` and `psycopg2-binary`, is named by `--dlt` or `BENCH_DLT_PYTHON`:

    python -m venv /elsewhere && /elsewhere/bin/pip install \
        'dlt[postgres,sql_database]' connectorx pyarrow pymysql

Its best case stands beside our usual one: it replaces the table, by COPY of CSV files,
from one SELECT; we walk along the key, join a table, track the run and upsert. Its upsert by
the key, which is our work, stands beside as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from connectors.sandbox.genius import Rows, insert, statements, tables
from tests import servers

ROOT = Path(__file__).parents[1]
TABLE, STREAM = "prospect", "prospects"  # 25 columns; the join gives one more
SEED = "made_by_the_generator"
TABLES = (TABLE, "third_party_source", "third_party_source_type")
MADE = 20_000  # rows of the generator; the rest are copies under other keys
TOGETHER = 100_000  # rows of one INSERT .. SELECT
NOTE = 200  # characters; one note in 500 has 60 kB, which would measure the network
TIMEOUT = 1_800  # seconds
GZIP, PLAIN = "gzip", "plain"
WAYS = (
    ("connectorx", "replace", GZIP),
    ("connectorx", "replace", PLAIN),
    ("connectorx", "upsert", PLAIN),
    ("pyarrow", "replace", PLAIN),
)
"""Backends of dlt, of which the default one is far slower, what it does with the table, and
its files: gzip is how it is installed, and takes two thirds of its time."""

DLT = """
import json, os, resource, sys, time, urllib.parse
backend, way, files, source, host, database, folder, table = sys.argv[1:]
os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
os.environ["DATA_WRITER__DISABLE_COMPRESSION"] = str(files != "gzip")
import dlt
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from dlt.sources.sql_database import sql_table
credentials = PostgresCredentials()
credentials.database, credentials.username, credentials.password = database, "postgres", "-"
credentials.host = urllib.parse.quote(host, safe="")  # a socket's folder
credentials.resolve()
kwargs = {}
if backend == "connectorx":
    kwargs = {"conn": source.replace("mysql+pymysql", "mysql"), "return_type": "arrow_stream"}
pipeline = dlt.pipeline(
    "bench", destination=postgres(credentials), dataset_name="dlt", pipelines_dir=folder
)
def cpu():
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)
began, before = time.perf_counter(), cpu()
rows = sql_table(source, table=table, backend=backend, chunk_size=50_000, backend_kwargs=kwargs)
writes = "replace" if way == "replace" else {"disposition": "merge", "strategy": way}
pipeline.run(
    rows, write_disposition=writes, primary_key="id", loader_file_format="csv"
).raise_on_failed_jobs()
print(json.dumps({
    "seconds": time.perf_counter() - began,
    "cpu": cpu() - before,
    "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "version": dlt.__version__,
}))
"""
"""Run by the other interpreter, so it is no module of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A table of `rows` rows in the database `name`, to be copied to the server of `admin`."""

    server: servers.MariaDb
    name: str
    admin: str
    rows: int


def figures(
    session: servers.Session, admin: str, rows: int, dlt: str | None, say: Callable[..., None]
) -> None:
    """Measure a full sync of `rows` rows and of a tenth of them, and dlt's of all of them."""
    try:
        with servers.mariadb(session) as server:
            work = Work(server=server, name=made(server), admin=admin, rows=rows)
            tenth = replace(work, rows=rows // 10)
            small, large = ours(tenth), ours(work)
            for size, found in ((tenth.rows, small), (rows, large)):
                say(
                    f"genius: {size:,} rows -> postgresql (goals: 30 us, 160 MB)",
                    load=load(),
                    **found,
                )
            say(
                f"genius: peak memory at {rows:,} rows less that at {tenth.rows:,} (goal: flat)",
                mb=round(large["peak_rss_mb"] - small["peak_rss_mb"], 1),
            )
            if dlt is None:
                say("genius: dlt not measured", reason="--dlt or BENCH_DLT_PYTHON names no Python")
            else:
                beside(work, large["rows_per_second"], dlt, say)
    except servers.UnavailableError as missing:
        say("genius: not measured", reason=str(missing))


def beside(work: Work, rate: float, dlt: str, say: Callable[..., None]) -> None:
    """Measure dlt's ways, and our `rate` in rows per second as a multiple of theirs."""
    best: dict[str, int] = {}
    for how in WAYS:
        backend, way, files = how
        what = f"dlt, {way} with {backend} and csv ({files})"
        try:
            found = theirs(work, how, dlt)
        except (OSError, subprocess.CalledProcessError) as error:
            said = (getattr(error, "stderr", None) or str(error)).strip()
            say(f"genius: {what} not measured", reason=said.splitlines()[-1])
            continue
        say(f"genius: the same table by {what}", load=load(), **found)
        kind = f"{way}, {files}"
        best[kind] = max(best.get(kind, 0), found["rows_per_second"])
    for kind, fastest in best.items():
        say(
            f"genius: our rows per second as a multiple of dlt's best ({kind}; goal 2)",
            ratio=round(rate / fastest, 2),
        )


def made(server: servers.MariaDb) -> str:
    """Make a database with the first rows of the generator; return its name."""
    name = server.new_database()
    rows = Rows(
        random=lambda *purpose: Random(repr(purpose)),
        before=datetime(2026, 11, 1, tzinfo=UTC),
        counts={TABLE: MADE},
    )
    with server.connect(name) as connection, connection.cursor() as cursor:
        for statement in statements():
            if any(f"table `{table}` " in statement for table in TABLES):
                cursor.execute(statement)
        cursor.execute("BEGIN")
        for table in TABLES:
            insert(cursor, tables()[table], rows.of(table), mark="%s")
        cursor.execute(f"UPDATE {TABLE} SET notes = REPLACE(LEFT(notes, {NOTE}), CHAR(0), '')")
        cursor.execute("COMMIT")
        cursor.execute(f"CREATE TABLE {SEED} (PRIMARY KEY (id)) SELECT * FROM {TABLE}")
    return name


def grow(work: Work) -> None:
    """Bring the table to exactly its rows, copies of those that the generator made."""
    names = [f"`{column.name}`" for column in tables()[TABLE].columns if column.name != "id"]
    copied = ", ".join(f"m.{name}" for name in names)
    with work.server.connect(work.name) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {TABLE}")
        ((there,),) = cursor.fetchall()
        for start in range(there, work.rows, TOGETHER):
            last = min(start + TOGETHER, work.rows) - 1
            cursor.execute(
                f"INSERT INTO {TABLE} (id, {', '.join(names)}) SELECT s.seq, {copied}"
                f" FROM seq_{start}_to_{last} s JOIN {SEED} m ON m.id = s.seq % {MADE}"
            )
        cursor.execute(f"DELETE FROM {TABLE} WHERE id >= {work.rows}")
        cursor.execute(f"ANALYZE TABLE {TABLE}")


def ours(work: Work) -> dict[str, Any]:
    """Sync the table in a process of its own, which starts no other; return its figures."""
    grow(work)
    access = {
        "GENIUS_DB_HOST": work.server.host,
        "GENIUS_DB_PORT": str(work.server.port),
        "GENIUS_DB_NAME": work.name,
        "GENIUS_DB_USER": work.server.user,
        "GENIUS_DB_PASSWORD": work.server.password,
    }
    with servers.postgres_database(work.admin) as url:
        command = [sys.executable, "-m", "tests.measured", "genius", url, "--streams", STREAM]
        found = last_line(command, os.environ | access)
        arrived(url, f"genius_{STREAM}", work.rows)
    return found


def theirs(work: Work, how: Sequence[str], dlt: str) -> dict[str, Any]:
    """Load the table with dlt in the interpreter `dlt`, as one of `WAYS`; return its figures."""
    server = work.server
    login = f"{server.user}:{server.password}@{server.host}:{server.port}"
    source = f"mysql+pymysql://{login}/{work.name}"
    with servers.postgres_database(work.admin) as url, tempfile.TemporaryDirectory() as folder:
        target = make_url(url)
        place = [str(target.query["host"]), str(target.database)]
        command = [dlt, "-c", DLT, *how, source, *place, folder, TABLE]
        found = last_line(command, os.environ)
        arrived(url, f"dlt.{TABLE}", work.rows)
    return {
        "rows": work.rows,
        "seconds": round(found["seconds"], 2),
        "rows_per_second": round(work.rows / found["seconds"]),
        "cpu_us_per_row": round(found["cpu"] / work.rows * 1e6, 1),
        "peak_rss_mb": round(found["peak_rss_mb"], 1),
        "version": found["version"],
    }


def last_line(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Run a process that prints its figures as its last line. Raises when it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT,
    )
    return json.loads(done.stdout.splitlines()[-1])


def load() -> float:
    """Return how many processes want to run: with others on the machine, seconds are theirs too."""
    return round(os.getloadavg()[0], 1)


def arrived(url: str, table: str, rows: int) -> None:
    """Fail unless the table holds exactly the rows of the source."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as db:
        found = db.execute(f"SELECT count(*), count(DISTINCT id) FROM {table}".encode()).fetchone()
    assert found == (rows, rows), (table, found)
