"""A SQLite file with the tables of Genius: what the demo reads where no server is."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from connectors.context import Context
from connectors.errors import ConfigError, ContractError
from connectors.sources.genius.database import Bound, Column, Row, quote


class SqliteFile:
    """A `Database` in a file. Its clock is ours."""

    def __init__(self, path: str, context: Context) -> None:
        """Raises `ConfigError` when the file is not there or is no database."""
        self._context = context
        if not Path(path).is_file():
            raise ConfigError(f"GENIUS_DB_HOST: there is no file {path}")
        self._connection = sqlite3.connect(
            f"{Path(path).resolve().as_uri()}?mode=ro",
            uri=True,
            check_same_thread=False,  # opened in one thread, read by the fetching one
        )
        self._connection.text_factory = bytes

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def rows(self, statement: str, values: Sequence[Bound] = ()) -> Sequence[Row]:
        """See `Database.rows`."""
        self._context.meter.requests += 1
        try:
            found = self._connection.execute(statement % (("?",) * len(values)), values).fetchall()
        except sqlite3.Error as error:
            raise ContractError(f"Genius in SQLite: {error}") from error
        return [tuple(map(_as_bytes, row)) for row in found]

    def columns(self, table: str) -> Sequence[Column]:
        """See `Database.columns`."""
        described = self.rows(f"PRAGMA table_info({quote(table)})")
        return [Column((row[1] or b"").decode(), (row[2] or b"").decode()) for row in described]

    def index(self, table: str, order: Sequence[str]) -> str | None:
        """See `Database.index`: SQLite finds its own way, no hint is needed."""
        del table, order
        return ""

    def now(self) -> datetime:
        """See `Database.now`."""
        return self._context.clock()

    def warning(self, zone: str) -> str | None:
        """See `Database.warning`: a file has no clock that could disagree."""
        del zone
        return None


def _as_bytes(value: object) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else str(value).encode()
