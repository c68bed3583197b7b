"""MariaDB into both kinds of warehouse: typed, complete, resumable, each change once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.context import Context
from connectors.errors import TransientError
from connectors.outcomes import StreamReport, verdict
from connectors.sandbox.genius import STREAMS as TABLES
from connectors.sources import genius
from connectors.sources.genius.mysql import MySqlServer
from connectors.sync import Options, SourceSync, run
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests import servers
from tests.sources.genius.database import Database, ago
from tests.warehouse.loading import rows, start_run

BY_NAME = {stream.name: stream for stream in genius.STREAMS}


@pytest.fixture
def database(mariadb: servers.MariaDb) -> Database:
    made = Database.make(mariadb)
    made.fill(0.2)
    return made


def sync(
    database: Database, warehouse: Warehouse, context: Context | None = None, **options: Any
) -> tuple[Status, Mapping[str, StreamReport]]:
    """Run once from start to end, as the flow does."""
    ref = start_run(warehouse, "genius")
    status, reports = Status.FAILED, list[StreamReport]()
    try:
        with SourceSync.open(
            genius.SOURCE,
            warehouse,
            ref,
            replace(Options(page_size=10, batch_size=20), **options),
            context=context or database.context,
            settings=database.settings(),
        ) as opened:
            reports = run(opened)
        status, _ = verdict(reports)
    finally:
        runs.finish(warehouse, ref.run_id, status)
    return status, {report.stream: report for report in reports}


def held(warehouse: Warehouse, name: str) -> dict[Any, dict[str, Any]]:
    """Rows of a stream that are not deleted."""
    found = rows(warehouse, BY_NAME[name], "genius")
    return {key: row for key, row in found.items() if not row["_deleted"]}


def test_every_table_arrives_typed_and_a_change_between_two_runs_arrives_once(
    database: Database, warehouse: Warehouse
) -> None:
    database.run(
        "UPDATE job SET contract_amount = 1234.50, sold_date = '2026-01-02' WHERE id = 1",
        "UPDATE user_data SET is_inactive = 1, updated_at = '2026-01-02 03:04:05'"
        " WHERE user_id = 1",
    )

    status, first = sync(database, warehouse)

    assert status is Status.SUCCESS, {n: r.error for n, r in first.items() if r.error}
    assert len(first) == 30
    for name, report in first.items():
        ((count,),) = database.run(f"SELECT COUNT(*) FROM `{TABLES[name]}`")
        assert report.counts.inserted == report.source_count == len(held(warehouse, name)) == count
    job, user = held(warehouse, "jobs")[1], held(warehouse, "user_data")[1]
    assert Decimal(str(job["contract_amount"])) == Decimal("1234.5")
    assert str(job["sold_date"]) == str(date(2026, 1, 2))
    assert user["is_inactive"] == True  # noqa: E712 - SQLite has 1
    assert str(user["updated_at"]).replace("T", " ").startswith("2026-01-02 03:04:05")

    status, quiet = sync(database, warehouse)
    assert status is Status.SUCCESS
    assert not any(report.counts.updated for report in quiet.values())

    for name in first:
        _change_one(database, name)
    for changes in (1, 0):  # the second of these runs reads the same window again
        status, reports = sync(database, warehouse)

        assert status is Status.SUCCESS
        found = {name: report.counts.updated for name, report in reports.items()}
        assert found == dict.fromkeys(first, changes)
        assert not any(report.counts.inserted for report in reports.values())


def _change_one(database: Database, name: str) -> None:
    """Change the first row of a table in a way that its stream can see."""
    table, key = TABLES[name], BY_NAME[name].key
    columns = [
        row[0]
        for row in database.run(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
            f" AND TABLE_NAME = '{table}'"
        )
    ]
    order = ", ".join(f"`{part}`" for part in key)
    if "updated_at" in columns:
        change = f"updated_at = '{ago()}'"
    else:
        text = {"job_financings": "applicant", "division_regions": "name"}.get(name, "label")
        change = f"`{text}` = 'changed'"
    database.run(f"UPDATE `{table}` SET {change} ORDER BY {order} LIMIT 1")


def test_rows_deleted_at_the_source_go_with_the_next_full_read(
    database: Database, warehouse: Warehouse
) -> None:
    wished = ("quotes", "appointment_services")
    sync(database, warehouse, streams=wished)
    database.run(
        "DELETE FROM quote WHERE id IN (2, 9)",
        "DELETE FROM appointment_to_service ORDER BY appointment_id LIMIT 1",
    )

    _, incremental = sync(database, warehouse, streams=wished)
    status, full = sync(database, warehouse, streams=wished, mode="full")

    assert status is Status.SUCCESS
    assert sum(report.counts.deleted for report in incremental.values()) == 0
    assert {name: report.counts.deleted for name, report in full.items()} == {
        "quotes": 2,
        "appointment_services": 1,
    }
    assert {2, 9}.isdisjoint(held(warehouse, "quotes"))


@pytest.mark.parametrize("name", ["leads", "appointment_services"])
def test_a_read_that_broke_off_is_resumed_after_its_last_committed_row(
    database: Database, warehouse: Warehouse, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes away in mid-read and does not come back in time; the next run goes on."""
    ask = MySqlServer.rows
    asked: list[str] = []

    def until_the_fourth(server: MySqlServer, statement: str, values: Any = ()) -> Any:
        if "LIMIT 10" in statement:
            asked.append(statement)
            if len(asked) == 4:
                raise TransientError("the server stays away")
        return ask(server, statement, values)

    with monkeypatch.context() as broken:
        broken.setattr(MySqlServer, "rows", until_the_fourth)
        status, first = sync(database, warehouse, streams=(name,))
    assert status is Status.FAILED
    assert first[name].counts.inserted == 30

    status, second = sync(database, warehouse, streams=(name,))

    ((count,),) = database.run(f"SELECT COUNT(*) FROM `{TABLES[name]}`")
    assert status is Status.SUCCESS
    assert second[name].counts.inserted == second[name].counts.read == count - 30
    assert len(held(warehouse, name)) == count


def test_what_could_not_be_kept_stands_in_the_rejects(
    database: Database, warehouse: Warehouse
) -> None:
    database.run("SET sql_mode = ''", "UPDATE job SET sold_date = '0000-00-00' WHERE id = 3")

    status, reports = sync(database, warehouse, streams=("jobs",))

    assert status is Status.PARTIAL  # one row of sixteen is more than a hundredth
    assert "1 of 16 rows lost a value" in str(reports["jobs"].error)
    assert reports["jobs"].counts.values_rejected == 1
    assert held(warehouse, "jobs")[3]["sold_date"] is None
    with warehouse.read() as db:
        found = db.exec_driver_sql("SELECT key, column_name, value FROM sync_rejects").all()
    assert [tuple(row) for row in found] == [("3", "sold_date", "0000-00-00")]


def test_a_new_column_arrives_and_a_dropped_one_does_no_harm(
    database: Database, warehouse: Warehouse
) -> None:
    sync(database, warehouse, streams=("job_statuses",))
    database.run("ALTER TABLE job_status DROP label, ADD color VARCHAR(9) DEFAULT 'red'")

    status, _ = sync(database, warehouse, streams=("job_statuses",))

    row = held(warehouse, "job_statuses")[1]
    assert status is Status.SUCCESS
    assert row["color"] == "red"
    assert "label" in row
