"""Merge rows into a stream's table: COPY + upsert on PostgreSQL, upsert on SQLite.

Unchanged rows are not rewritten, older versions never overwrite newer ones, a row
that was soft-deleted and is seen again lives again. All of it happens in the caller's
transaction, and driver errors come through as they are: the caller tells a refused
value from a lost connection.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import psycopg
import sqlalchemy as sa

from connectors.warehouse.batch import Rows
from connectors.warehouse.identifiers import identifier
from connectors.warehouse.schema import TargetTable

STAGE = "stage_"


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the rows of one merge; they add up to its number of rows."""

    inserted: int
    updated: int
    unchanged: int
    superseded: int  # older than what the warehouse holds


def seen_table(table: TargetTable) -> str:
    """Return the quoted side table that collects the keys of a read until it is compared."""
    return table.warehouse.table(identifier(f"{table.name}__seen", taken=()))


def merge(
    db: sa.Connection,
    table: TargetTable,
    rows: Rows,
    *,
    run_id: str,
    track_keys: bool,
    handed_over: Callable[[], None],
) -> Merged:
    """Merge `rows`; with `track_keys`, also note their keys as seen in this read.

    `handed_over` is called when PostgreSQL has the rows and works by itself. SQLite works
    in this process, row by row, and never does.
    """
    if not len(rows):
        return Merged(0, 0, 0, 0)
    statement = Statement(table, rows)
    if table.warehouse.dialect == "postgresql":
        merged = _merge_postgresql(db, statement, rows, run_id, handed_over)
    else:
        merged = _merge_sqlite(db, statement, rows, run_id)
    if track_keys:
        statement.note_keys(db, rows)
    return merged


class Statement:
    """The SQL of one table's merge, for one layout of its columns."""

    def __init__(self, table: TargetTable, rows: Rows) -> None:
        quote = table.warehouse.quote
        self.table = table
        layout = rows.layout
        self.names = [column.column for column in layout.columns]
        if layout.overflowed:
            self.names.append("_extra")
        self.columns = ", ".join(map(quote, self.names))
        self.keys = [quote(column) for column in table.key_columns]
        values = [quote(name) for name in self.names if name not in table.key_columns]
        self.values = values
        version = table.columns.get(table.stream.version or "")
        self.version = quote(version.column) if version and version.column in self.names else None
        self.stage = quote(identifier(f"{STAGE}{table.generation}_{table.name}", taken=()))
        self.positions = [self.names.index(column) for column in table.key_columns]

    def upsert(self, select: str, differs: str) -> str:
        """Return INSERT .. ON CONFLICT that changes only what is newer and different."""
        assignments = "".join(f"{c} = excluded.{c}, " for c in self.values)
        newer = (
            f"(t.{self.version} IS NULL OR excluded.{self.version} IS NULL"
            f" OR excluded.{self.version} >= t.{self.version}) AND "
            if self.version
            else ""
        )
        return (
            f"INSERT INTO {self.table.sql} AS t"
            f" ({self.columns}, _synced_at, _run_id, _deleted_at) {select}"
            f" ON CONFLICT ({', '.join(self.keys)}) DO UPDATE SET {assignments}"
            "_synced_at = excluded._synced_at, _run_id = excluded._run_id, _deleted_at = NULL"
            f" WHERE {newer}({differs} OR t._deleted_at IS NOT NULL)"
        )

    def note_keys(self, db: sa.Connection, rows: Rows) -> None:
        """Add the keys of the merged rows to the side table of seen keys."""
        keys, seen = ", ".join(self.keys), seen_table(self.table)
        if self.table.warehouse.dialect == "postgresql":
            db.exec_driver_sql(
                f"INSERT INTO {seen} ({keys}) SELECT {keys} FROM {self.stage}"
                " ON CONFLICT DO NOTHING"
            )
            return
        marks = ", ".join("?" * len(self.keys))
        _sqlite(db).executemany(
            f"INSERT OR IGNORE INTO {seen} ({keys}) VALUES ({marks})",
            zip(*[rows.values[at] for at in self.positions], strict=True),
        )


def _merge_postgresql(
    db: sa.Connection, s: Statement, rows: Rows, run_id: str, handed_over: Callable[[], None]
) -> Merged:
    connection = cast("psycopg.Connection[Any]", db.connection.driver_connection)
    with connection.cursor() as cursor:

        def one(query: str, *binds: str) -> tuple[int, ...]:
            row = cursor.execute(query.encode(), binds or None).fetchone()
            return row or (0, 0)

        if not one("SELECT count(to_regclass(%s))", f"pg_temp.{s.stage}")[0]:
            _create_stage(cursor, s)
        cursor.execute(f"DELETE FROM {s.stage}".encode())  # a divided batch merges more than once
        with cursor.copy(f"COPY {s.stage} ({s.columns}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
        handed_over()
        old = ", ".join(f"t.{c}" for c in s.values)
        new = ", ".join(f"excluded.{c}" for c in s.values)
        upsert = s.upsert(
            f"SELECT {s.columns}, statement_timestamp(), %s, NULL FROM {s.stage}",
            f"({old}) IS DISTINCT FROM ({new})" if s.values else "false",
        )
        inserted, changed = one(
            f"WITH merged AS ({upsert} RETURNING (t.xmax = 0) AS inserted)"
            " SELECT count(*) FILTER (WHERE inserted), count(*) FROM merged",
            run_id,
        )
        left = len(rows) - changed
        superseded = 0
        if left and s.version:
            superseded = one(
                f"SELECT count(*) FROM {s.stage} s JOIN {s.table.sql} t"
                f" USING ({', '.join(s.keys)}) WHERE s.{s.version} < t.{s.version}"
            )[0]
    return Merged(inserted, changed - inserted, left - superseded, superseded)


def _create_stage(cursor: psycopg.Cursor[Any], s: Statement) -> None:
    """Make the session's staging table, in place of those of other tables and layouts.

    Every commit empties all staging tables of its session, at a millisecond each.
    """
    earlier = cursor.execute(
        b"SELECT string_agg(oid::regclass::text, ', ') FROM pg_class"
        b" WHERE relnamespace = pg_my_temp_schema() AND starts_with(relname, %s) AND relkind = 'r'",
        [STAGE],
    ).fetchone()
    if earlier and earlier[0]:
        cursor.execute(f"DROP TABLE {earlier[0]}".encode())
    cursor.execute(
        f"CREATE TEMP TABLE {s.stage} ON COMMIT DELETE ROWS AS"
        f" SELECT {s.columns} FROM {s.table.sql} WITH NO DATA".encode()
    )


def _merge_sqlite(db: sa.Connection, s: Statement, rows: Rows, run_id: str) -> Merged:
    connection = _sqlite(db)
    now = connection.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'").fetchone()[0]
    marks = ", ".join("?" * len(s.names))
    upsert = s.upsert(
        f"VALUES ({marks}, '{now}', {_literal(run_id)}, NULL)",
        " OR ".join(f"t.{c} IS NOT excluded.{c}" for c in s.values) or "0",
    )
    last_row = f"SELECT coalesce(max(rowid), 0) FROM {s.table.sql}"
    rows_before = connection.execute(last_row).fetchone()[0]
    changes_before = connection.total_changes
    connection.executemany(upsert, iter(rows))
    changed = connection.total_changes - changes_before
    # rows are never removed from a target table, so its last row id counts insertions
    inserted = connection.execute(last_row).fetchone()[0] - rows_before
    left = len(rows) - changed
    superseded = _older_sqlite(connection, s, rows) if left and s.version else 0
    return Merged(inserted, changed - inserted, left - superseded, superseded)


def _older_sqlite(connection: Any, s: Statement, rows: Rows) -> int:
    at = [*s.positions, s.names.index((s.version or "").strip('"'))]
    keyed = json.dumps(list(zip(*[rows.values[position] for position in at], strict=True)))
    joined = " AND ".join(
        f"t.{key} = json_extract(s.value, '$[{place}]')" for place, key in enumerate(s.keys)
    )
    return connection.execute(
        f"SELECT count(*) FROM json_each(?) s JOIN {s.table.sql} t ON {joined}"
        f" WHERE json_extract(s.value, '$[{len(s.keys)}]') < t.{s.version}",
        (keyed,),
    ).fetchone()[0]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sqlite(db: sa.Connection) -> Any:
    return db.connection.driver_connection
