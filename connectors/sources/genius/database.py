"""What reading Genius needs of a database; a MySQL server and a SQLite file both give it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

Row: TypeAlias = tuple[bytes | None, ...]
Bound: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the database describes it."""

    name: str
    declared: str  # such as `tinyint(1)` or `bigint(20) unsigned`


class Database(Protocol):
    """An open, read-only connection. Statements bind values at `%s`; see `quote`."""

    def rows(self, statement: str, values: Sequence[Bound] = ()) -> Sequence[Row]:
        """Run a query; values as the bytes the database shows them by.

        Raises the `SyncError` that says who must act.
        """
        ...

    def columns(self, table: str) -> Sequence[Column]:
        """Columns of a table in their order; none when there is no such table."""
        ...

    def index(self, table: str, order: Sequence[str]) -> str | None:
        """Return the hint that makes a query follow `order`; None when no index does."""
        ...

    def now(self) -> datetime:
        """Return the database's own time, aware UTC."""
        ...

    def warning(self, zone: str) -> str | None:
        """Return what a person should know when naive times are said to be in `zone`."""
        ...


def quote(identifier: str) -> str:
    """Quote an identifier for both databases; `%` is doubled, since statements bind at `%s`."""
    return "`" + identifier.replace("`", "``").replace("%", "%%") + "`"
