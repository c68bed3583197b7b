"""Killed, stopped or cut off at any moment: the next run makes the warehouse whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.migrate import migrate
from connectors.warehouse.sweep import sweep
from tests.acme import ORDERS
from tests.warehouse.loading import rows

ROOT = Path(__file__).parents[2]


@contextmanager
def child(url: str, count: int, *options: str) -> Generator[subprocess.Popen[str]]:
    """Start a sync in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crashing", url, str(count), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def until(process: subprocess.Popen[str], line: str, times: int = 1) -> list[str]:
    """Read the child's lines up to the `times`-th that begins with `line`."""
    seen: list[str] = []
    assert process.stdout is not None
    for text in process.stdout:
        seen.append(text.strip())
        times -= text.startswith(line)
        if not times:
            return seen
    pytest.fail(f"the process ended before {line!r}: {seen}")


def finished(url: str, count: int) -> str:
    """Run a sync to its end; return its last line."""
    with child(url, count) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return output.splitlines()[-1]


def close_dead(warehouse: Warehouse) -> None:
    """Sweep as after `STALE_AFTER_SECONDS`, without waiting for them."""
    assert len(sweep(warehouse, timedelta(0))) == 1


@pytest.fixture
def crash_url(warehouse_url: str) -> str:
    opened = Warehouse.open(warehouse_url)
    migrate(opened)
    opened.close()
    return warehouse_url


@pytest.mark.parametrize("batches", [1, 7])
def test_a_run_killed_after_any_commit_is_continued_from_there(
    crash_url: str, batches: int
) -> None:
    """Cases 1, 2 and 3 of the fault list: kill -9, then one more run."""
    with child(crash_url, 100, "--slow", "0.02") as process:
        until(process, "committed", batches)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    warehouse = Warehouse.open(crash_url)
    close_dead(warehouse)
    kept = len(rows(warehouse, ORDERS))
    assert kept >= 10 * batches

    last = finished(crash_url, 100)

    assert last == f"SUCCESS {100 - kept}"  # read again: what was not committed, no more
    assert {k: int(r["amount"]) for k, r in rows(warehouse, ORDERS).items()} == {
        f"{n:05}": n for n in range(100)
    }
    with warehouse.read() as db:
        counted = execute(db, "SELECT sum(rows_inserted) FROM sync_runs").scalar_one()
    assert counted == 100  # nothing was counted twice
    warehouse.close()


def test_a_crash_loop_converges(sqlite_warehouse_url: str) -> None:
    """Case 10 of the fault list, seeded."""
    warehouse = Warehouse.open(sqlite_warehouse_url)
    migrate(warehouse)
    dice = random.Random(7)
    for _ in range(5):
        with child(sqlite_warehouse_url, 200, "--slow", "0.01") as process:
            until(process, "committed", dice.randint(1, 2))
            process.kill()
            process.wait()
        close_dead(warehouse)

    finished(sqlite_warehouse_url, 200)

    assert len(rows(warehouse, ORDERS)) == 200
    with warehouse.read() as db:
        read = execute(db, "SELECT sum(rows_read) FROM sync_runs").scalar_one()
    assert read == 200
    warehouse.close()


def test_the_crash_test_bites_when_rows_and_checkpoint_commit_apart(
    sqlite_warehouse_url: str,
) -> None:
    """Case 4 of the fault list: the same kill loses rows on a build with two transactions."""
    warehouse = Warehouse.open(sqlite_warehouse_url)
    migrate(warehouse)
    with child(sqlite_warehouse_url, 100, "--two-transactions") as process:
        until(process, "torn", 4)
        process.kill()
        process.wait()
    close_dead(warehouse)

    finished(sqlite_warehouse_url, 100)

    assert len(rows(warehouse, ORDERS)) < 100
    warehouse.close()


def test_a_process_that_slept_through_a_takeover_commits_nothing(crash_url: str) -> None:
    """Case 8 of the fault list: SIGSTOP, a second run takes over and finishes, SIGCONT."""
    warehouse = Warehouse.open(crash_url)
    with child(crash_url, 100, "--slow", "0.05") as zombie:
        until(zombie, "committed", 3)
        os.kill(zombie.pid, signal.SIGSTOP)
        close_dead(warehouse)
        finished(crash_url, 100)
        with warehouse.write() as db:
            db.exec_driver_sql('UPDATE "acme_orders" SET amount = 7')
        os.kill(zombie.pid, signal.SIGCONT)
        seen = until(zombie, "FencedOff")

    assert "no longer owns acme" in seen[-1]
    assert {int(row["amount"]) for row in rows(warehouse, ORDERS).values()} == {7}
    warehouse.close()


def test_a_connection_cut_in_mid_load_costs_a_retry_not_a_row(postgres_warehouse_url: str) -> None:
    """Cases 13 and 18 of the fault list: the server ends every session of the database."""
    warehouse = Warehouse.open(postgres_warehouse_url)
    migrate(warehouse)
    with child(postgres_warehouse_url, 100, "--slow", "0.05") as process:
        until(process, "committed", 3)
        with warehouse.begin() as db:
            db.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 0, output
    assert len(rows(warehouse, ORDERS)) == 100
    warehouse.close()
