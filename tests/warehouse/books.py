"""Short ways to put runs into the books and to look at them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.warehouse import locks, runs
from connectors.warehouse.engine import Warehouse, execute, moment, stamp
from connectors.warehouse.runs import NewRun, RunRef


def pending(warehouse: Warehouse, run_id: str, source: str = "hubspot") -> None:
    """A run that waits for its slot."""
    runs.open_run(warehouse, NewRun(run_id=run_id, source=source, mode="incremental"))


def running(warehouse: Warehouse, run_id: str, source: str = "hubspot") -> RunRef:
    """A run that holds its source's lock and works."""
    pending(warehouse, run_id, source)
    lock = locks.acquire(warehouse, source, run_id)
    assert isinstance(lock, locks.Acquired)
    run = RunRef(run_id=run_id, source=source, fence=lock.fence)
    assert runs.start(warehouse, run)
    return run


def age(warehouse: Warehouse, run_id: str, by: timedelta) -> None:
    """Move a run's times into the past."""
    columns = ("created_at", "started_at", "heartbeat_at", "finished_at")
    with warehouse.write() as conn:
        row = execute(conn, "SELECT * FROM sync_runs WHERE run_id = :r", {"r": run_id}).one()
        for column in columns:
            if (value := getattr(row, column)) is not None:
                execute(
                    conn,
                    f"UPDATE sync_runs SET {column} = :at WHERE run_id = :r",
                    {"r": run_id, "at": stamp(conn, moment(value) - by)},
                )


def one(warehouse: Warehouse, statement: str, **binds: Any) -> Any:
    """The only row of a query."""
    with warehouse.read() as conn:
        return execute(conn, statement, binds).one()


def until_somebody_waits(url: str) -> None:
    """Return once a session of this PostgreSQL waits for a lock that another holds."""
    watcher = Warehouse.open(url)
    while one(watcher, "SELECT count(*) FROM pg_locks WHERE NOT granted") == (0,):
        pass
    watcher.close()
