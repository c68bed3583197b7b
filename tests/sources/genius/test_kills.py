"""Genius read by a process that is killed in the middle: the next run makes the warehouse whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from connectors.sandbox.genius import STREAMS as TABLES
from connectors.sources import genius
from connectors.warehouse import checkpoints
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.sweep import sweep
from tests import servers
from tests.sources.genius.database import Database
from tests.sources.genius.relay import Relay
from tests.warehouse.loading import rows

ROOT = Path(__file__).parents[3]
PAGE = 20
STREAM = "appointment_services"  # its key has two parts
TABLE = TABLES[STREAM]
ROWS = 200


@contextmanager
def child(database: Database, url: str, port: int) -> Generator[subprocess.Popen[str]]:
    """Start a full read of the table, a page a batch, in a process of its own."""
    access = database.server
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sources.genius.process", url, STREAM, str(PAGE)],
        cwd=ROOT,
        env=os.environ
        | {
            "GENIUS_DB_HOST": access.host,
            "GENIUS_DB_PORT": str(port),
            "GENIUS_DB_NAME": database.name,
            "GENIUS_DB_USER": access.user,
            "GENIUS_DB_PASSWORD": access.password,
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kill_in_mid_read(database: Database, warehouse: Warehouse, url: str) -> None:
    """kill -9 while the process waits for its fifth page, with some before it committed."""
    told, started = threading.Event(), threading.Event()
    processes: list[subprocess.Popen[str]] = []

    def kill() -> None:
        started.wait()
        while not checkpoints.load(warehouse, "genius", STREAM).reads:
            told.wait(0.01)
        os.kill(processes[0].pid, signal.SIGKILL)

    query = f"FROM `{TABLE}` t ".encode()
    with (
        Relay(database.server, query=query, nth=5, call=kill) as relay,
        child(database, url, relay.port) as process,
    ):
        processes.append(process)
        started.set()
        process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert len(sweep(warehouse, timedelta(0))) == 1


def test_a_read_killed_in_the_middle_of_a_table_goes_on_after_its_last_committed_key(
    mariadb: servers.MariaDb, warehouse: Warehouse, warehouse_url: str
) -> None:
    """Faults cases 1, 2 and 6: no row twice, none missing, those before the kill not read again."""
    database = Database.make(mariadb, TABLE)
    database.fill(appointment=ROWS // 2, appointment_to_service=ROWS)
    kill_in_mid_read(database, warehouse, warehouse_url)
    kept = held(warehouse)
    assert PAGE <= kept <= 4 * PAGE

    with child(database, warehouse_url, mariadb.port) as process:
        said, _ = process.communicate(timeout=120)

    assert said.strip() == "SUCCESS"
    assert held(warehouse) == ROWS
    with warehouse.read() as db:
        found = db.exec_driver_sql("SELECT rows_read, rows_inserted FROM sync_stream_runs").all()
    rest = ROWS - kept
    assert sorted(map(tuple, found)) == sorted([(kept, kept), (rest, rest)])


def held(warehouse: Warehouse) -> int:
    """How many rows have arrived."""
    (stream,) = [stream for stream in genius.STREAMS if stream.name == STREAM]
    return len(rows(warehouse, stream, "genius"))
