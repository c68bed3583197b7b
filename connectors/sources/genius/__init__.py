"""Genius, the operations database of the company, read directly: MySQL or MariaDB.

Docs:     none exists; the schema is what earlier software read, checked against the
          information schema at the start of each read.
Auth:     `GENIUS_DB_HOST`, `GENIUS_DB_PORT`, `GENIUS_DB_NAME`, `GENIUS_DB_USER`,
          `GENIUS_DB_PASSWORD`, a user that may only SELECT. `GENIUS_DB_TLS` is `preferred`
          (encrypts where the server can), `verify` or `off`. One host, one connection.
Paging:   keyset, along the primary key or (updated_at, key). No OFFSET, no long transaction. A
          page is one query of up to 5,000 rows or 25,000 values; a page size below the usual 200
          is kept to.
Deltas:   `updated_at`, whole seconds, stamped by the database, naive in `GENIUS_DB_ZONE`. The
          window is cut at the database's clock; the lag of a minute covers clocks that differ
          by as much, the lookback of ten also late commits. NULL `updated_at` (leads,
          prospect_sources, marketing_source_types): see `walks`. Lookups are read whole.
Deletes:  leave no trace; a full read compares keys.
Limits:   none documented. Read-only session, `GENIUS_DB_STATEMENT_SECONDS` per query,
          `GENIUS_BUDGET` queries a minute where set.
Oddities: tinyint(1) is a boolean. bigint unsigned is numeric. A FLOAT has the six digits the
          server shows. TIME stays text: it may be negative or beyond 24 hours. Binary columns
          are hexadecimal text. A date with a zero in it becomes null and a reject, as do bytes
          that are not UTF-8. Key 0 exists, and 0 means "none" in references: kept as it is.
          Keys differ by case only in the warehouse, never in MySQL.
Secrets:  columns of `tables.Table.secrets`, and any whose name says so, are never selected.
Faults:   lost or killed connection, restart (2006, 2013, 1927, ...): opened again, read on
          after the last key. Deadlock and lock wait (1213, 1205): tried again. Wrong or expired
          password (1045, 1862), database (1044, 1049), missing table or grant (1146, 1142),
          column gone while reading (1054), slow query (1969, 3024): one sentence, no retry.
Tested:   against MariaDB only. What MySQL 8 alone has is written from its manual and never ran:
          `max_execution_time`, errors 3024, 3118, 3169, 3955 and 4031, and its usual way to log
          in (`caching_sha2_password`).
Demo:     `GENIUS_DB_HOST=sqlite:///file` reads a SQLite file through the same code.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager

from connectors.context import Context
from connectors.model import Reader, Source
from connectors.sources.genius.mysql import MySqlServer
from connectors.sources.genius.reading import GeniusReader
from connectors.sources.genius.settings import Settings
from connectors.sources.genius.sqlite import SqliteFile
from connectors.sources.genius.tables import STREAMS
from connectors.sources.genius.times import Zone

__all__ = ["SOURCE", "STREAMS", "Settings", "connect"]


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[Reader]:
    """Open the database.

    Raises `CredentialsError` or `ConfigError` when it refuses us, `TransientError` when it
    cannot be reached.
    """
    path = settings.sqlite_file
    database = SqliteFile(path, context) if path else MySqlServer(settings, context)
    with closing(database):
        database.now()  # a wrong password is known here, not at the first stream
        yield GeniusReader(database, Zone(settings.db_zone))


SOURCE = Source(
    name="genius",
    title="Genius",
    settings=Settings,
    streams=STREAMS,
    connect=connect,
)
