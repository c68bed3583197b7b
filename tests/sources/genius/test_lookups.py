"""Small tables of Genius, read whole each time: what a row that goes does to the delete guard.

They are read from a SQLite file, through the same code as a server's.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.outcomes import StreamReport, verdict
from connectors.sandbox.genius import statements
from connectors.sources import genius
from connectors.sync import Options, SourceSync, run
from connectors.warehouse import runs
from connectors.warehouse.deletes import GUARD_NOTE
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.genius.database import context
from tests.warehouse.loading import rows, start_run

STATUSES = next(stream for stream in genius.STREAMS if stream.name == "job_statuses")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A Genius of one empty lookup table."""
    path = tmp_path / "genius.sqlite3"
    change(path, next(one for one in statements() if "table `job_status`" in one))
    return path


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


def fill(file: Path, count: int) -> None:
    values = ", ".join(f"({key}, 'label {key}', 0)" for key in range(1, count + 1))
    change(file, f"INSERT INTO job_status (id, label, is_system) VALUES {values}")


def sync(file: Path, warehouse: Warehouse, **options: Any) -> StreamReport:
    """Run once, incrementally, as a schedule does; the lookup is read whole all the same."""
    ref = start_run(warehouse, "genius")
    settings = genius.Settings.model_validate(
        {"db_host": f"sqlite:///{file}", "db_name": "n", "db_user": "u", "db_password": "p"}
    )
    with SourceSync.open(
        genius.SOURCE,
        warehouse,
        ref,
        Options(streams=("job_statuses",), **options),
        context=context(),
        settings=settings,
    ) as opened:
        reports = run(opened)
    runs.finish(warehouse, ref.run_id, verdict(reports)[0])
    return reports[0]


def live(warehouse: Warehouse) -> set[int]:
    found = rows(warehouse, STATUSES, "genius")
    return {key for key, row in found.items() if not row["_deleted"]}


def test_of_four_rows_three_may_go(file: Path, warehouse: Warehouse) -> None:
    """Faults case 63: a share says little about a table of a few rows."""
    fill(file, 4)
    sync(file, warehouse)
    change(file, "DELETE FROM job_status WHERE id < 4")

    report = sync(file, warehouse)

    assert (report.status, report.counts.deleted) == (Status.SUCCESS, 3)
    assert live(warehouse) == {4}


def test_four_rows_of_ten_trip_the_guard_in_every_run_until_a_person_lifts_it(
    file: Path, warehouse: Warehouse
) -> None:
    fill(file, 10)
    sync(file, warehouse)
    change(file, "DELETE FROM job_status WHERE id < 5")

    for _ in range(2):
        guarded = sync(file, warehouse)

        assert (guarded.status, guarded.counts.deleted) == (Status.PARTIAL, 0)
        assert GUARD_NOTE in str(guarded.error)
        assert live(warehouse) == set(range(1, 11))

    lifted = sync(file, warehouse, delete_guard=1.0)

    assert (lifted.status, lifted.counts.deleted) == (Status.SUCCESS, 4)
    assert live(warehouse) == set(range(5, 11))


def test_an_emptied_lookup_keeps_its_rows(file: Path, warehouse: Warehouse) -> None:
    """A read that shows nothing is more often an accident than the truth."""
    fill(file, 3)
    sync(file, warehouse)
    change(file, "DELETE FROM job_status")

    report = sync(file, warehouse)

    assert (report.status, report.counts.deleted) == (Status.PARTIAL, 0)
    assert live(warehouse) == {1, 2, 3}
