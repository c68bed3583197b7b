"""The pretend Genius: a SQLite file with its tables, and the truth about it."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from connectors.sandbox.genius.rows import Row, Rows
from connectors.sandbox.genius.schema import Table, statements, tables
from connectors.sandbox.genius.values import naive
from connectors.sandbox.ledger import Ledger
from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sandbox.vendors import World

STREAMS: Mapping[str, str] = {
    "division_groups": "division_group",
    "user_titles": "user_title",
    "services": "service",
    "appointment_types": "appointment_type",
    "appointment_outcome_types": "appointment_outcome_type",
    "appointment_outcomes": "appointment_outcome",
    "marketing_source_types": "marketing_source_type",
    "marketsharp_sources": "marketsharp_source",
    "marketsharp_marketing_source_maps": "marketsharp_marketing_source_map",
    "job_statuses": "job_status",
    "job_financings": "job_financing",
    "job_change_order_types": "job_change_order_type",
    "job_change_order_statuses": "job_change_order_status",
    "job_change_order_reasons": "job_change_order_reason",
    "integration_field_definitions": "integration_field_definition",
    "divisions": "division",
    "division_regions": "division_region",
    "marketing_sources": "marketing_source",
    "user_data": "user_data",
    "user_associations": "users_userassociations",
    "prospects": "prospect",
    "leads": "lead",
    "integration_fields": "integration_field",
    "prospect_sources": "prospect_source",
    "appointments": "appointment",
    "quotes": "quote",
    "jobs": "job",
    "appointment_services": "appointment_to_service",
    "job_change_order_items": "job_change_order_item",
    "job_change_orders": "job_change_order",
    "third_party_source_types": "third_party_source_type",
    "third_party_sources": "third_party_source",
}
SILENT = frozenset({"third_party_source_types", "third_party_sources"})  # a step leaves them alone
GROWS = frozenset({"prospects", "leads", "prospect_sources", "appointments", "quotes", "jobs"})
CHANGED = 0.03  # share of a table that a step changes


class Cursor(Protocol):
    """What filling needs of a database driver."""

    def executemany(self, query: str, args: Iterable[Any], /) -> object:
        """Run a statement once for each set of values."""
        ...


def insert(cursor: Cursor, table: Table, rows: Iterable[Row], mark: str = "?") -> None:
    """Put rows into a table. `mark` stands for a value: `?` in SQLite, `%s` in MySQL's drivers."""
    names = ", ".join(f"`{column.name}`" for column in table.columns)
    marks = ", ".join([mark] * len(table.columns))
    statement = f"INSERT INTO `{table.name}` ({names}) VALUES ({marks})"  # noqa: S608 - names of the schema
    cursor.executemany(statement, [tuple(row[c.name] for c in table.columns) for row in rows])


class Genius:
    """A database behind no server: clients read its file, whose path `environment` gives.

    Deletions leave no trace in it. The ledger's records are rows of the tables, before any join.
    """

    name = "genius"

    def __init__(self, world: World) -> None:
        self._world = world
        self._tables = tables()
        self._rows = Rows(random=world.random, before=world.start, scale=world.scale)
        self._dice = world.random("genius", "steps")
        self._folder: Path | None = None
        self._numbers: dict[str, int] = {}  # how many rows a stream ever had
        self.ledger = Ledger(*STREAMS)
        for stream, table in STREAMS.items():
            for row in self._rows.of(table):
                self.ledger[stream].put(self._key(stream, row), row)
            self._numbers[stream] = len(self.ledger[stream])

    def environment(self, base_url: str) -> dict[str, str]:
        """The file, and credentials that nobody checks."""
        del base_url
        return {
            "GENIUS_DB_HOST": f"sqlite:///{self.file}",
            "GENIUS_DB_NAME": "genius",
            "GENIUS_DB_USER": "sandbox",
            "GENIUS_DB_PASSWORD": "sandbox-genius-password",
        }

    @property
    def file(self) -> Path:
        """Where the database is. Raises `RuntimeError` before `open`."""
        if self._folder is None:
            raise RuntimeError("the Genius sandbox is not open")
        return self._folder / "genius.sqlite3"

    def open(self) -> None:
        """Make the file and fill it."""
        self._folder = Path(tempfile.mkdtemp(prefix="crm-sync-genius-"))
        with self._connect() as connection:
            for statement in statements():
                connection.execute(statement)
            for stream, table in STREAMS.items():
                live = [dict(record) for record in self.ledger[stream].live()]
                insert(connection.cursor(), self._tables[table], live)
        connection.close()

    def close(self) -> None:
        """Remove the file."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)  # a reader may still hold it open
            self._folder = None

    def endpoint(self, request: Request) -> str:
        """There is one class of request: the mistaken one."""
        del request
        return "http"

    def handle(self, request: Request) -> Response:
        """Genius is no web service."""
        del request
        return json_answer({"error": "Genius is a database: see GENIUS_DB_HOST"}, 404)

    def step(self) -> None:
        """Change some rows of each table, add to the large ones, delete a quote for good."""
        with self._connect() as connection:
            for stream in STREAMS:
                if stream not in SILENT:
                    self._change(connection, stream)
            for stream in sorted(GROWS):
                self._add(connection, stream)
            self._delete(connection, "quotes")
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file)

    def _key(self, stream: str, row: Row) -> str:
        return ":".join(str(row[name]) for name in self._tables[STREAMS[stream]].key)

    def _change(self, connection: sqlite3.Connection, stream: str) -> None:
        table, records = self._tables[STREAMS[stream]], self.ledger[stream]
        dice = self._world.random("genius", stream, records.generation)
        for key in self._world.some(dice, records.live_keys(), CHANGED):
            old = dict(records.get(key) or {})
            row = self._rows.row(table.name, 0, dice) | {name: old[name] for name in table.key}
            for name in ("created_at", "label"):
                if name in old:
                    row[name] = old[name]
            if table.has_time:
                row["updated_at"] = naive(self._world.clock.stamp())
            self._erase(connection, table, row)
            insert(connection.cursor(), table, [row])
            records.put(key, row)

    def _add(self, connection: sqlite3.Connection, stream: str) -> None:
        table = self._tables[STREAMS[stream]]
        dice = self._world.random("genius", stream, "new", self._numbers[stream])
        row = self._rows.row(table.name, self._numbers[stream], dice)
        stamp = naive(self._world.clock.stamp())
        row |= {name: stamp for name in ("created_at", "updated_at") if name in row}
        insert(connection.cursor(), table, [row])
        self.ledger[stream].put(self._key(stream, row), row)
        self._numbers[stream] += 1

    def _delete(self, connection: sqlite3.Connection, stream: str) -> None:
        table, records = self._tables[STREAMS[stream]], self.ledger[stream]
        key = self._dice.choice(records.live_keys())
        self._erase(connection, table, dict(records.get(key) or {}))
        records.delete(key)

    def _erase(self, connection: sqlite3.Connection, table: Table, row: Row) -> None:
        condition = " AND ".join(f"`{name}` = ?" for name in table.key)
        statement = f"DELETE FROM `{table.name}` WHERE {condition}"  # noqa: S608 - names of the schema
        connection.execute(statement, [row[name] for name in table.key])
