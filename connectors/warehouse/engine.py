"""Open the warehouse and hide what differs between PostgreSQL and SQLite.

Tracking statements are written once, in the SQL both databases share, and run
through `execute`: names are unqualified (the session's search path holds the
schema), values are bound by name, and `clock_timestamp()` is the database's own
clock, never this machine's. Times are `timestamptz` in PostgreSQL and text like
`2026-01-31T09:00:00.000000Z` in SQLite, which sorts as time does; `stamp` writes
one, `moment` reads one back.
"""

from __future__ import annotations

import ipaddress
import logging
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError

from connectors.errors import ConfigError
from connectors.warehouse.failures import described, is_transient

__all__ = ["Dialect", "Warehouse", "described", "execute", "is_transient", "moment", "stamp"]

log = logging.getLogger(__name__)

Dialect = Literal["postgresql", "sqlite"]

SQLITE_NEEDED = (3, 37, 0)  # STRICT tables
POSTGRESQL_NEEDED = 15  # the oldest version the tests run on
MAX_IDENTIFIER_BYTES = 63  # PostgreSQL cuts longer names silently

SQLITE_NOW = "(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z')"  # SQLite's clock ticks in ms
SQLITE_BUSY_SECONDS = 60.0  # a batch of another run is over long before
LOCK_TIMEOUT = timedelta(seconds=30)
CONNECT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Warehouse:
    """An open warehouse. Safe to share between threads: each transaction has its connection."""

    engine: sa.Engine
    dialect: Dialect
    schema: str | None

    @classmethod
    def open(
        cls,
        url: str,
        schema: str | None = None,
        *,
        lock_timeout: timedelta = LOCK_TIMEOUT,
        statement_timeout: timedelta | None = None,
    ) -> Warehouse:
        """Connect to `postgresql://...`, `postgres://...` or `sqlite:///file`.

        `lock_timeout` and `statement_timeout` (None: none) bound PostgreSQL statements.
        Raises `ConfigError` for a URL, version or schema that cannot work, and
        `WarehouseError` when the database cannot be reached; neither names the password.
        """
        where = _parsed(url)
        if where.drivername == "sqlite":
            warehouse = cls(_sqlite(where, schema), "sqlite", None)
        else:
            limits = {"lock_timeout": lock_timeout, "statement_timeout": statement_timeout}
            warehouse = cls(_postgresql(where, schema, limits), "postgresql", schema or None)
        try:
            with warehouse.read() as conn:
                _check_version(conn)
        except BaseException:  # whatever ends us: no connection is left behind
            warehouse.close()
            raise
        return warehouse

    def begin(self) -> AbstractContextManager[sa.Connection]:
        """One transaction, committed at the end of the block, rolled back by an exception.

        SQLite takes its write lock at once. Driver errors come through as they are.
        """
        return self.engine.begin()

    @contextmanager
    def write(self) -> Generator[sa.Connection]:
        """As `begin`, with driver errors raised as `WarehouseError` in one sentence."""
        try:
            with self.engine.begin() as conn:
                yield conn
        except DBAPIError as error:
            raise described(error) from None  # the cause quotes rows

    @contextmanager
    def read(self) -> Generator[sa.Connection]:
        """Like `write`, for queries only: on SQLite it does not wait for a writer."""
        try:
            with self.engine.connect().execution_options(reads_only=True) as conn, conn.begin():
                yield conn
        except DBAPIError as error:
            raise described(error) from None  # the cause quotes rows

    def quote(self, name: str) -> str:
        """`name` as a quoted identifier. The only place where names enter a statement.

        Raises `ValueError` for what neither database can name. Statements with such
        names go through the driver (`exec_driver_sql`): `sa.text` would take a colon
        inside a name for a bind.
        """
        if not name or "\0" in name or len(name.encode()) > MAX_IDENTIFIER_BYTES:
            message = f"an identifier has 1 to {MAX_IDENTIFIER_BYTES} bytes and no NUL: {name!r}"
            raise ValueError(message)
        return '"' + name.replace('"', '""') + '"'

    def table(self, name: str) -> str:
        """`name` quoted, with the schema in front where there is one."""
        return f"{self.quote(self.schema)}.{self.quote(name)}" if self.schema else self.quote(name)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def execute(
    conn: sa.Connection, statement: str, binds: Mapping[str, Any] | None = None
) -> sa.CursorResult[Any]:
    """Run a tracking statement on either database."""
    return conn.execute(_text(conn.dialect.name, statement), dict(binds or {}))


@lru_cache(maxsize=256)
def _text(dialect: str, statement: str) -> sa.TextClause:
    if dialect == "sqlite":
        statement = statement.replace("clock_timestamp()", SQLITE_NOW)
    return sa.text(statement)


def stamp(conn: sa.Connection, value: datetime) -> datetime | str:
    """An aware time as this database stores it."""
    value = value.astimezone(UTC)
    if conn.dialect.name == "sqlite":
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


def moment(value: datetime | str) -> datetime:
    """A stored time as aware UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.astimezone(UTC)


def _parsed(url: str) -> sa.URL:
    try:
        where = sa.make_url(url)
    except (ArgumentError, ValueError):
        # Without the cause: it may quote the URL, and with it the password.
        message = "WAREHOUSE_URL is not a URL; use postgresql://... or sqlite:///warehouse.db"
        raise ConfigError(message) from None
    backend = where.drivername.partition("+")[0]
    if backend in {"postgresql", "postgres"}:
        return where.set(drivername="postgresql+psycopg")
    if where.drivername != "sqlite":
        message = (
            f"WAREHOUSE_URL names {where.drivername!r}, which is not supported; "
            "use postgresql://... or sqlite:///warehouse.db"
        )
        raise ConfigError(message)
    if where.database in {None, "", ":memory:"}:
        message = "WAREHOUSE_URL must name a file, as in sqlite:///warehouse.db"
        raise ConfigError(message)
    return where


def _sqlite(where: sa.URL, schema: str | None) -> sa.Engine:
    if schema:
        message = "SQLite has no schemas: unset WAREHOUSE_SCHEMA or use a PostgreSQL warehouse"
        raise ConfigError(message)
    if sqlite3.sqlite_version_info < SQLITE_NEEDED:
        needed = ".".join(map(str, SQLITE_NEEDED))
        message = f"SQLite {needed} or newer is needed, this Python has {sqlite3.sqlite_version}"
        raise ConfigError(message)
    engine = sa.create_engine(
        where,
        hide_parameters=True,
        connect_args={"timeout": SQLITE_BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin or commit by itself
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(conn: sa.Connection) -> None:
    # A transaction that starts by reading and writes later can fail for good where
    # one that asks for the write lock first merely waits.
    reads_only = conn.get_execution_options().get("reads_only", False)
    conn.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def _postgresql(
    where: sa.URL, schema: str | None, limits: Mapping[str, timedelta | None]
) -> sa.Engine:
    if schema and ("\0" in schema or len(schema.encode()) > MAX_IDENTIFIER_BYTES):
        message = f"WAREHOUSE_SCHEMA must be a name of at most {MAX_IDENTIFIER_BYTES} bytes"
        raise ConfigError(message)
    warn_when_unverified(where)
    defaults: dict[str, Any] = {
        "application_name": "crm-sync",
        "connect_timeout": CONNECT_SECONDS,
        # A prepared statement fails once another session has changed a table under it.
        "prepare_threshold": None,
        # A peer that vanished is noticed after a minute, not after two hours.
        "keepalives": 1,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    session = {
        "TimeZone": "UTC",
        "DateStyle": "ISO, YMD",
        "search_path": schema and _path(schema),
        # A run goes on from what it was told is committed. Where the server's default is
        # `off`, its crash would take back commits of a run that lives on: a silent gap.
        "synchronous_commit": "on",
    }
    session |= {
        name: f"{limit // timedelta(milliseconds=1)}ms" if limit else None
        for name, limit in limits.items()
    }
    engine = sa.create_engine(
        where,
        hide_parameters=True,
        pool_pre_ping=True,  # a server restarted between two batches costs nothing
        connect_args={k: v for k, v in defaults.items() if k not in where.query},
    )
    event.listen(engine, "connect", _Session({k: v for k, v in session.items() if v}))
    return engine


def _path(schema: str) -> str:
    return '"' + schema.replace('"', '""') + '"'


class _Session:
    """Sets a new PostgreSQL connection's parameters in one round trip."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        # Not as start-up options: connection poolers refuse those.
        self._statement = "SELECT " + ", ".join(["set_config(%s, %s, false)"] * len(parameters))
        self._binds = [part for pair in parameters.items() for part in pair]

    def __call__(self, connection: Any, _record: object) -> None:
        connection.autocommit = True
        connection.execute(self._statement, self._binds).close()
        connection.autocommit = False


def warn_when_unverified(where: sa.URL) -> None:
    """Log a warning when a server elsewhere is trusted without being verified."""
    named = where.query.get("host", where.host or "")
    hosts = named.split(",") if isinstance(named, str) else named
    remote = [host for host in hosts if not _is_local(host)]
    if remote and where.query.get("sslmode") != "verify-full":
        log.warning(
            "the connection to the warehouse on %s does not verify the server: "
            "add ?sslmode=verify-full to WAREHOUSE_URL",
            ", ".join(remote),
        )


def _is_local(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_version(conn: sa.Connection) -> None:
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("SELECT count(*) FROM sqlite_master")  # fails on a foreign file
        return
    version = cast("Sequence[int]", conn.dialect.server_version_info or (0,))
    if version[0] < POSTGRESQL_NEEDED:
        message = f"PostgreSQL {POSTGRESQL_NEEDED} or newer is needed, the server is {version[0]}"
        raise ConfigError(message)
