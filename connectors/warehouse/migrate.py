"""Bring the warehouse's tracking tables up to date from numbered SQL files.

`migrations/<dialect>/NNNN_name.sql` is plain SQL that psql or sqlite3 runs as well.
What is missing is applied in one transaction, one process at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import sqlalchemy as sa

from connectors.errors import ConfigError
from connectors.warehouse.engine import Dialect, Warehouse, execute

LOCK_KEY = 0x63726D2D73796E63  # "crm-sync" as 64 bit: the advisory lock of migrations


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    script: str


def migrate(wh: Warehouse) -> list[int]:
    """Apply what the warehouse lacks; return the versions applied, oldest first.

    An up-to-date warehouse is only read, so a role without DDL rights will do. Creates
    the schema where one is set and missing. Raises `ConfigError` when the warehouse is
    newer than this program, `WarehouseError` when the database refuses.
    """
    known = migrations(wh.dialect)
    with wh.read() as conn:
        if not _pending(conn, known):
            return []
    with wh.write() as conn:
        _one_at_a_time(conn)
        if wh.schema:
            _create_schema(conn, wh)
        pending = _pending(conn, known)
        for migration in pending:
            _apply(conn, migration)
        return [migration.version for migration in pending]


def current_version(conn: sa.Connection) -> int:
    """The newest migration the warehouse has seen, 0 for an empty one."""
    present = {
        # Not `to_regclass`: it may answer from before another process committed the table.
        "postgresql": """
            SELECT 1 FROM pg_tables
            WHERE tablename = 'sync_schema_version' AND schemaname = ANY (current_schemas(false))
        """,
        "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'sync_schema_version'",
    }
    if execute(conn, present[conn.dialect.name]).scalar() is None:
        return 0
    return execute(conn, "SELECT coalesce(max(version), 0) FROM sync_schema_version").scalar_one()


def migrations(dialect: Dialect) -> list[Migration]:
    """Every migration of this program, in order."""
    folder = resources.files("connectors.warehouse") / "migrations" / dialect
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [
        Migration(int(file.name.partition("_")[0]), file.name, file.read_text(encoding="utf-8"))
        for file in files
    ]


def _pending(conn: sa.Connection, known: list[Migration]) -> list[Migration]:
    current = current_version(conn)
    newest = known[-1].version
    if current > newest:
        message = (
            f"the warehouse has schema version {current}, this program knows {newest}: "
            "install the newer crm-sync that migrated it"
        )
        raise ConfigError(message)
    return [migration for migration in known if migration.version > current]


def _one_at_a_time(conn: sa.Connection) -> None:
    # SQLite's transaction holds the write lock from its start.
    if conn.dialect.name == "postgresql":
        execute(conn, "SELECT pg_advisory_xact_lock(:key)", {"key": LOCK_KEY})


def _create_schema(conn: sa.Connection, wh: Warehouse) -> None:
    # Asked first: IF NOT EXISTS wants the right to create even where nothing is created.
    present = "SELECT 1 FROM pg_namespace WHERE nspname = :schema"
    if execute(conn, present, {"schema": wh.schema}).first() is None:
        conn.exec_driver_sql(
            f"CREATE SCHEMA {wh.quote(wh.schema or '')}", execution_options={"no_parameters": True}
        )


def _apply(conn: sa.Connection, migration: Migration) -> None:
    for statement in _statements(conn.dialect.name, migration.script):
        # Without parameters a percent sign is just that, and psycopg takes a whole script.
        conn.exec_driver_sql(statement, execution_options={"no_parameters": True})
    execute(
        conn,
        "INSERT INTO sync_schema_version (version, applied_at) VALUES (:v, clock_timestamp())",
        {"v": migration.version},
    )


def _statements(dialect: str, script: str) -> Iterator[str]:
    """The script in pieces its driver takes.

    psycopg takes it whole. sqlite3 takes one statement at a time, and knows by itself
    where one ends (`executescript` would commit first).
    """
    if dialect == "postgresql":
        yield script
        return
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement  # a comment, or a statement without its semicolon
