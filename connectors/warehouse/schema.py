"""The table of a stream: made on first sight, grown by new fields, only ever widened.

`<source>_<stream>` has the key as primary key, a typed column for each field the
vendor has shown, and bookkeeping: `_synced_at` (when the row last changed here),
`_run_id` (which run changed it), `_deleted_at` (when the vendor was found not to have
it any more; null while it lives), all UTC. Fields beyond the column budget share one
JSON column `_extra`. `sync_columns` maps vendors' names to columns.

All statements run in the caller's transaction: a batch that fails takes its columns
back with it (`TargetTable.reload`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Literal, TypeAlias

import sqlalchemy as sa

from connectors.model import FieldType, Stream
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.identifiers import RESERVED, identifier, original, stored
from connectors.warehouse.values import widened

Origin: TypeAlias = Literal["vendor", "declared", "inferred"]

COLUMN_BUDGET = 1_000
"""Columns per table. PostgreSQL allows 1,600, but counts dropped ones for ever."""

SQL_TYPES: Mapping[str, Mapping[FieldType, str]] = {
    "postgresql": {
        FieldType.TEXT: "text",
        FieldType.INTEGER: "bigint",
        FieldType.NUMERIC: "numeric",
        FieldType.BOOLEAN: "boolean",
        FieldType.DATE: "date",
        FieldType.TIMESTAMP: "timestamptz",
        FieldType.JSON: "jsonb",
    },
    "sqlite": {  # STRICT tables: ANY keeps a long number as the text it is
        FieldType.TEXT: "TEXT",
        FieldType.INTEGER: "INT",  # INTEGER as a key would become the row id
        FieldType.NUMERIC: "ANY",
        FieldType.BOOLEAN: "INTEGER",
        FieldType.DATE: "TEXT",
        FieldType.TIMESTAMP: "TEXT",
        FieldType.JSON: "TEXT",
    },
}
BOOKKEEPING = {
    "postgresql": "_synced_at timestamptz NOT NULL, _run_id text NOT NULL, _deleted_at timestamptz",
    "sqlite": "_synced_at TEXT NOT NULL, _run_id TEXT NOT NULL, _deleted_at TEXT",
}
ISO_UTC = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""
WIDENING: Mapping[str, Mapping[tuple[FieldType, FieldType], str]] = {
    "postgresql": {
        (FieldType.BOOLEAN, FieldType.INTEGER): "{c}::int::bigint",
        (FieldType.BOOLEAN, FieldType.NUMERIC): "{c}::int::numeric",
        (FieldType.DATE, FieldType.TIMESTAMP): "{c}::timestamp AT TIME ZONE 'UTC'",
        (FieldType.TIMESTAMP, FieldType.TEXT): f"to_char({{c}} AT TIME ZONE 'UTC', {ISO_UTC})",
    },
    "sqlite": {
        (FieldType.BOOLEAN, FieldType.TEXT): "CASE {c} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END",
        (FieldType.INTEGER, FieldType.TEXT): "CAST({c} AS TEXT)",
        (FieldType.NUMERIC, FieldType.TEXT): (
            "CASE WHEN typeof({c}) = 'real' AND {c} = CAST({c} AS INTEGER)"
            " THEN CAST(CAST({c} AS INTEGER) AS TEXT) ELSE CAST({c} AS TEXT) END"
        ),
        (FieldType.DATE, FieldType.TIMESTAMP): "{c} || 'T00:00:00.000000Z'",
    },
}
"""How a column's values are carried into a wider type; a plain cast where not listed."""


GENERATIONS = count(1)
"""Numbers each layout of each table in this process, so that no staging table of an
earlier layout is taken for the current one on a pooled connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A vendor's field and where it is kept."""

    name: str  # the vendor's
    column: str  # ours; for overflowed fields the name it would have
    type: FieldType
    origin: Origin
    overflow: bool = False  # kept under `name` in `_extra`


class TargetTable:
    """The table of one stream, as it stands in the warehouse now."""

    def __init__(
        self, warehouse: Warehouse, source: str, stream: Stream, *, budget: int = COLUMN_BUDGET
    ) -> None:
        self.warehouse = warehouse
        self.source = source
        self.stream = stream
        self.budget = budget
        self.name = identifier(f"{source}_{stream.name}", taken=())
        self.columns: dict[str, Column] = {}
        self.retired: frozenset[str] = frozenset()
        """Fields the vendor's metadata no longer lists: their columns keep what they hold."""
        self.generation = next(GENERATIONS)

    @property
    def sql(self) -> str:
        """The quoted, schema-qualified name."""
        return self.warehouse.table(self.name)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The primary key's columns, in the order of `Stream.key`."""
        return tuple(self.columns[name].column for name in self.stream.key)

    def reload(self, db: sa.Connection) -> None:
        """Read the columns as committed (or as this transaction made them)."""
        rows = execute(
            db,
            "SELECT name, column_name, type, origin, overflow FROM sync_columns"
            " WHERE source = :source AND stream = :stream ORDER BY first_seen_at, column_name",
            {"source": self.source, "stream": self.stream.name},
        )
        self.columns = {
            original(row.name): Column(
                name=original(row.name),
                column=row.column_name,
                type=FieldType(row.type),
                origin=row.origin,
                overflow=bool(row.overflow),
            )
            for row in rows
        }
        self.generation = next(GENERATIONS)

    @property
    def overflowed(self) -> int:
        """How many fields share the JSON column `_extra`."""
        return sum(column.overflow for column in self.columns.values())

    @property
    def written(self) -> list[Column]:
        """The columns that a merge writes."""
        return [c for name, c in self.columns.items() if name not in self.retired]

    def retire(self, listed: Iterable[str]) -> None:
        """Leave alone the columns of fields that the vendor's metadata does not list any more."""
        gone = {c.name for c in self.columns.values() if c.origin == "vendor"} - set(listed)
        self.retired = frozenset(gone - set(self.stream.key))
        self.generation = next(GENERATIONS)

    def unretire(self, seen: Iterable[str]) -> None:
        """Write columns again whose fields the vendor does show, listed or not."""
        if back := self.retired & set(seen):
            self.retired -= back
            self.generation = next(GENERATIONS)

    def ensure(self, db: sa.Connection, fields: Mapping[str, FieldType], origin: Origin) -> None:
        """Make the table and the columns of `fields`; widen those that need it."""
        if not self.columns:
            self._create(db)
        for name, kind in fields.items():
            known = self.columns.get(name)
            if known is None:
                self._add(db, name, kind, origin)
            elif name not in self.stream.key and widened(known.type, kind) is not known.type:
                self.widen(db, name, widened(known.type, kind))

    def widen(self, db: sa.Connection, name: str, to: FieldType) -> None:
        """Change a column to a wider type without losing a value.

        Raises the driver's error where a view depends on the column.
        """
        known = self.columns[name]
        if not known.overflow:
            carried = WIDENING[self.warehouse.dialect].get((known.type, to))
            if self.warehouse.dialect == "postgresql":
                self._alter_type(db, known, to, carried)
            elif SQL_TYPES["sqlite"][known.type] != SQL_TYPES["sqlite"][to] or carried:
                self._rebuild(db, known, to, carried)
        execute(
            db,
            "UPDATE sync_columns SET type = :type"
            " WHERE source = :source AND stream = :stream AND name = :name",
            {"type": to, "source": self.source, "stream": self.stream.name, "name": stored(name)},
        )
        self.reload(db)

    def _create(self, db: sa.Connection) -> None:
        quote = self.warehouse.quote
        types = SQL_TYPES[self.warehouse.dialect]
        taken: set[str] = set(RESERVED)
        keys: list[Column] = []
        for name in self.stream.key:
            kind = self.stream.fields.get(name, FieldType.TEXT)
            column = Column(name=name, column=identifier(name, taken), type=kind, origin="declared")
            taken.add(column.column)
            keys.append(column)
        columns = ", ".join(f"{quote(k.column)} {types[k.type]} NOT NULL" for k in keys)
        primary = ", ".join(quote(k.column) for k in keys)
        strict = " STRICT" if self.warehouse.dialect == "sqlite" else ""
        db.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {self.sql} ({columns}, "
            f"{BOOKKEEPING[self.warehouse.dialect]}, PRIMARY KEY ({primary})){strict}"
        )
        for key in keys:
            self._register(db, key)

    def _add(self, db: sa.Connection, name: str, kind: FieldType, origin: Origin) -> None:
        taken = {column.column for column in self.columns.values()} | RESERVED
        overflow = sum(not c.overflow for c in self.columns.values()) >= self.budget
        column = Column(
            name=name, column=identifier(name, taken), type=kind, origin=origin, overflow=overflow
        )
        if not overflow:
            self._add_column(db, column.column, kind)
        elif not any(c.overflow for c in self.columns.values()):
            self._add_column(db, "_extra", FieldType.JSON)
        self._register(db, column)

    def _add_column(self, db: sa.Connection, column: str, kind: FieldType) -> None:
        db.exec_driver_sql(
            f"ALTER TABLE {self.sql} ADD COLUMN {self.warehouse.quote(column)} "
            f"{SQL_TYPES[self.warehouse.dialect][kind]}"
        )

    def _register(self, db: sa.Connection, column: Column) -> None:
        execute(
            db,
            "INSERT INTO sync_columns (source, stream, name, column_name, type, origin, overflow,"
            " first_seen_at, last_seen_at) VALUES (:source, :stream, :name, :column, :type,"
            " :origin, :overflow, clock_timestamp(), clock_timestamp())",
            {
                "source": self.source,
                "stream": self.stream.name,
                "name": stored(column.name),
                "column": column.column,
                "type": column.type,
                "origin": column.origin,
                "overflow": column.overflow,
            },
        )
        self.columns[column.name] = column
        self.generation = next(GENERATIONS)

    def _alter_type(
        self, db: sa.Connection, known: Column, to: FieldType, carried: str | None
    ) -> None:
        column, kind = self.warehouse.quote(known.column), SQL_TYPES["postgresql"][to]
        using = carried.format(c=column) if carried else f"{column}::{kind}"
        db.exec_driver_sql(
            f"ALTER TABLE {self.sql} ALTER COLUMN {column} TYPE {kind} USING {using}"
        )

    def _rebuild(
        self, db: sa.Connection, known: Column, to: FieldType, carried: str | None
    ) -> None:
        """Copy the table into one with the wider column: SQLite cannot alter a type."""
        quote, types = self.warehouse.quote, SQL_TYPES["sqlite"]
        wide = [c for c in self.columns.values() if not c.overflow]
        defined = [
            f"{quote(c.column)} {types[to if c.name == known.name else c.type]}"
            f"{' NOT NULL' if c.name in self.stream.key else ''}"
            for c in wide
        ]
        copied = [
            carried.format(c=quote(c.column))
            if carried and c.name == known.name
            else quote(c.column)
            for c in wide
        ]
        extra = ["_synced_at", "_run_id", "_deleted_at"]
        if any(c.overflow for c in self.columns.values()):
            defined.append(f"_extra {types[FieldType.JSON]}")
            extra.append("_extra")
        primary = ", ".join(map(quote, self.key_columns))
        new = self.warehouse.table(f"{self.name[:50]}__widened")
        into = ", ".join([quote(c.column) for c in wide] + extra)
        db.exec_driver_sql(
            f"CREATE TABLE {new} ({', '.join(defined)}, {BOOKKEEPING['sqlite']},"
            f" PRIMARY KEY ({primary})) STRICT"
        )
        db.exec_driver_sql(
            f"INSERT INTO {new} ({into}) SELECT {', '.join(copied + extra)} FROM {self.sql}"
        )
        db.exec_driver_sql(f"DROP TABLE {self.sql}")
        db.exec_driver_sql(f"ALTER TABLE {new} RENAME TO {quote(self.name)}")

    def touch(self, db: sa.Connection, names: Iterable[str]) -> None:
        """Note that the vendor still shows these fields."""
        for name in sorted(self.columns.keys() & set(names)):
            execute(
                db,
                "UPDATE sync_columns SET last_seen_at = clock_timestamp()"
                " WHERE source = :source AND stream = :stream AND name = :name",
                {"source": self.source, "stream": self.stream.name, "name": stored(name)},
            )
