"""The tracking tables: made once, alike on both databases, by whoever comes first."""

from __future__ import annotations

import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from connectors.errors import ConfigError, WarehouseError
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.migrate import current_version, migrate, migrations
from tests.warehouse.books import one, running

KINDS = {
    "BIGINT": "INTEGER",
    "BOOLEAN": "INTEGER",
    "DOUBLE PRECISION": "REAL",
    "JSONB": "TEXT",
    "TIMESTAMP": "TEXT",
}
NEWEST = migrations("sqlite")[-1].version
OLD_COLUMNS = [
    "crm_source",
    "sync_type",
    "endpoint",
    "start_time",
    "end_time",
    "status",
    "records_processed",
    "records_created",
    "records_updated",
    "records_failed",
    "error_message",
    "configuration",
    "performance_metrics",
    "created_at",
]


def test_a_second_migration_has_nothing_to_do(warehouse_url: str) -> None:
    warehouse = Warehouse.open(warehouse_url)

    assert migrate(warehouse) == list(range(1, NEWEST + 1))
    assert migrate(warehouse) == []
    with warehouse.read() as conn:
        assert current_version(conn) == NEWEST
    warehouse.close()


def test_both_databases_have_the_same_tables(
    sqlite_warehouse_url: str, postgres_warehouse_url: str
) -> None:
    shapes = [_shape(url) for url in (sqlite_warehouse_url, postgres_warehouse_url)]

    assert shapes[0] == shapes[1]
    assert [m.version for m in migrations("postgresql")] == [
        m.version for m in migrations("sqlite")
    ]
    assert [m.name for m in migrations("postgresql")] == [m.name for m in migrations("sqlite")]


def _shape(url: str) -> dict[str, Any]:
    """Tables with columns, keys, indexes and constraints, types in SQLite's words."""
    warehouse = Warehouse.open(url)
    migrate(warehouse)
    seen = sa.inspect(warehouse.engine)
    shape: dict[str, Any] = {"views": {v: _columns(seen, v) for v in seen.get_view_names()}}
    shape["views"] = {view: [c[0] for c in columns] for view, columns in shape["views"].items()}
    for table in seen.get_table_names():
        shape[table] = {
            "columns": _columns(seen, table),
            "key": seen.get_pk_constraint(table)["constrained_columns"],
            "unique": [u["column_names"] for u in seen.get_unique_constraints(table)],
            "indexes": sorted(
                (i["name"] or "", *i["column_names"])
                for i in seen.get_indexes(table)
                if not i.get("duplicates_constraint")
            ),
            "checks": sorted(
                c["name"] for c in seen.get_check_constraints(table) if c["name"] is not None
            ),
            "parents": [f["referred_table"] for f in seen.get_foreign_keys(table)],
        }
    warehouse.close()
    return shape


def _columns(seen: sa.Inspector, table: str) -> list[tuple[str, str, bool]]:
    key = seen.get_pk_constraint(table)["constrained_columns"]
    return [
        (
            column["name"],
            KINDS.get(str(column["type"]), str(column["type"])),
            column["nullable"] and column["name"] not in key,
        )
        for column in seen.get_columns(table)
    ]


def test_processes_that_start_together_migrate_once(warehouse_url: str) -> None:
    warehouses = [Warehouse.open(warehouse_url) for _ in range(4)]

    with ThreadPoolExecutor(len(warehouses)) as pool:
        applied = list(pool.map(migrate, warehouses))

    assert sorted(applied) == [[], [], [], list(range(1, NEWEST + 1))]
    for warehouse in warehouses:
        warehouse.close()


def test_a_warehouse_of_a_newer_version_is_refused(warehouse: Warehouse) -> None:
    with warehouse.write() as conn:
        execute(
            conn,
            "INSERT INTO sync_schema_version (version, applied_at) VALUES (99, clock_timestamp())",
        )

    with pytest.raises(ConfigError, match=r"version 99, this program knows .*install the newer"):
        migrate(warehouse)


def test_a_migration_that_fails_leaves_nothing(warehouse_url: str) -> None:
    warehouse = Warehouse.open(warehouse_url)
    with warehouse.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE sync_heartbeats (mine integer)")

    with pytest.raises(WarehouseError, match="already exists"):
        migrate(warehouse)

    assert sa.inspect(warehouse.engine).get_table_names() == ["sync_heartbeats"]
    warehouse.close()


def test_the_files_run_in_the_databases_own_shells(
    sqlite_warehouse_url: str, tmp_path: Path
) -> None:
    script = tmp_path / "all.sql"
    script.write_text("".join(m.script for m in migrations("sqlite")))

    # `executescript` is what the sqlite3 shell does with a file.
    with sqlite3.connect(tmp_path / "shell.sqlite3") as connection:
        connection.executescript(script.read_text())
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()

    assert {"sync_runs", "sync_history", "sync_schema_version"} <= tables


def test_a_schema_is_made_and_used_for_everything(postgres_warehouse_url: str) -> None:
    warehouse = Warehouse.open(postgres_warehouse_url, "crm %s")
    migrate(warehouse)
    running(warehouse, "a")

    tables = sa.inspect(warehouse.engine).get_table_names(schema="crm %s")
    assert "sync_runs" in tables
    assert sa.inspect(warehouse.engine).get_table_names(schema="public") == []
    assert warehouse.table("contacts") == '"crm %s"."contacts"'
    warehouse.close()


def test_a_role_without_ddl_rights_works_on_an_up_to_date_warehouse(
    postgres_warehouse_url: str,
) -> None:
    owner = Warehouse.open(postgres_warehouse_url, "crm")
    migrate(owner)
    role = f"loader_{sa.make_url(postgres_warehouse_url).database}"
    with owner.begin() as conn:
        conn.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        conn.exec_driver_sql(f"GRANT USAGE ON SCHEMA crm TO {role}")
        conn.exec_driver_sql(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA crm TO {role}"
        )
    url = sa.make_url(postgres_warehouse_url).set(username=role)
    loader = Warehouse.open(url.render_as_string(hide_password=False), "crm")

    assert migrate(loader) == []
    assert running(loader, "a").fence == 1
    with owner.begin() as conn:
        execute(conn, "DELETE FROM sync_schema_version")
    with pytest.raises(WarehouseError, match=r"42501.*roles\.sql|already exists"):
        migrate(loader)
    loader.close()
    with owner.begin() as conn:
        conn.exec_driver_sql(f"DROP OWNED BY {role}")
        conn.exec_driver_sql(f"DROP ROLE {role}")
    owner.close()


def test_every_column_is_explained(warehouse: Warehouse) -> None:
    if warehouse.dialect == "sqlite":
        for line in migrations("sqlite")[0].script.splitlines():
            if line.startswith("    ") and line.split()[0].islower() and "," in line:
                assert line.startswith(("    id ", "        ")) or " -- " in line or "AS" in line
        return
    with warehouse.read() as conn:
        silent = execute(
            conn,
            """
            SELECT c.relname, a.attname FROM pg_class AS c
            INNER JOIN pg_attribute AS a ON a.attrelid = c.oid
            WHERE c.relkind = 'r' AND c.relnamespace = (
                SELECT oid FROM pg_namespace WHERE nspname = 'public'
            ) AND a.attnum > 0 AND col_description(c.oid, a.attnum) IS NULL
            """,
        ).all()
    assert silent == [("sync_rejects", "id")]


def test_old_reports_find_their_columns_and_words(warehouse: Warehouse) -> None:
    from connectors.model import Counts
    from connectors.warehouse import stream_runs
    from connectors.warehouse.runs import Status
    from connectors.warehouse.stream_runs import StreamEnd

    run = running(warehouse, "a")
    stream_runs.open_stream(warehouse, run, "contacts")
    with warehouse.begin() as conn:
        runs.count_batch(conn, run, "contacts", Counts(read=7, inserted=4, updated=2, rejected=1))
    stream_runs.finish_stream(warehouse, run, "contacts", StreamEnd(status=Status.PARTIAL))
    runs.finish(warehouse, "a", Status.PARTIAL, "1 row was refused")
    runs.open_run(warehouse, runs.NewRun(run_id="b", source="five9", mode="full"))
    runs.open_run(warehouse, runs.NewRun(run_id="c", source="genius", mode="full"))
    runs.finish(warehouse, "c", Status.SKIPPED, "another run works")

    with warehouse.read() as conn:
        found = execute(conn, "SELECT * FROM sync_history ORDER BY crm_source DESC")
        assert list(found.keys()) == OLD_COLUMNS
        rows = found.mappings().all()
    assert [(r["crm_source"], r["sync_type"], r["status"]) for r in rows] == [
        ("hubspot", "contacts", "partial"),
        ("five9", "all", "running"),
    ]
    assert [rows[0][f"records_{n}"] for n in ("processed", "created", "updated", "failed")] == [
        7,
        4,
        2,
        1,
    ]
    assert rows[0]["error_message"] == "1 row was refused"
    assert "duration_seconds" in str(rows[0]["performance_metrics"])


@pytest.mark.parametrize(
    "change",
    [
        "status = 'SUCCESSFUL'",
        "mode = 'delta'",
        "status = 'SUCCESS'",  # without the time it ended
        "rows_read = 5",  # counts that do not add up
    ],
)
def test_the_database_itself_refuses_a_row_that_lies(warehouse: Warehouse, change: str) -> None:
    running(warehouse, "a")

    with pytest.raises(WarehouseError, match=r"sync_runs_|constraint"), warehouse.write() as conn:
        execute(conn, f"UPDATE sync_runs SET {change} WHERE run_id = 'a'")
    assert one(warehouse, "SELECT status, mode, rows_read FROM sync_runs") == (
        "RUNNING",
        "incremental",
        0,
    )


def test_psql_runs_the_file(postgres_warehouse_url: str) -> None:
    url = sa.make_url(postgres_warehouse_url).set(drivername="postgresql")
    plain = url.render_as_string(hide_password=False)
    script = "".join(m.script for m in migrations("postgresql"))
    try:
        done = subprocess.run(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-1", plain],
            input=script,
            text=True,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("no psql on PATH: apt-get install postgresql-client")

    assert (done.returncode, done.stderr) == (0, "")
    with psycopg.connect(plain) as connection:
        assert connection.execute("SELECT count(*) FROM sync_history").fetchone() == (0,)
