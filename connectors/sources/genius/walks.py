"""Ways through a table, page after page, by the last key seen: never by OFFSET.

A full read walks along the key. A read by time walks along (cursor, key) where an index
goes that way, so that a million rows stamped in the same second cost no more than others;
else along the key, past the rows that did not change. Rows whose cursor is NULL are in no
window: they have a walk of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.model import Request
from connectors.sources.genius.database import Bound, Column, Database, quote
from connectors.sources.genius.tables import Table
from connectors.sources.genius.times import Zone

FEW = 100_000
"""As many rows without a cursor are read again each time; of more, only the recent ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A condition and an order that an index follows."""

    name: str  # kept in the position, so that a resumed read knows where it was
    order: tuple[str, ...]
    hint: str
    where: tuple[str, ...] = ()
    values: tuple[Bound, ...] = ()

    def statement(
        self, table: Table, expressions: Sequence[str], after: Sequence[Bound] | None, limit: int
    ) -> tuple[str, tuple[Bound, ...]]:
        """Return the query of the rows that follow `after`, and what it binds."""
        columns = [f"t.{quote(name)}" for name in self.order]
        where, values = list(self.where), list(self.values)
        if after is not None:
            condition, bound = beyond(columns, after)
            where.append(condition)
            values += bound
        statement = (  # identifiers are quoted, values bound
            f"SELECT {', '.join(expressions)} FROM {quote(table.name)} t {self.hint} {table.join}"  # noqa: S608
            f" WHERE {' AND '.join(where) or '1 = 1'}"
            f" ORDER BY {', '.join(columns)} LIMIT {limit:d}"
        )
        return statement, tuple(values)


def beyond(columns: Sequence[str], after: Sequence[Bound]) -> tuple[str, list[Bound]]:
    """Return the condition for rows that come after a composite key, and what it binds.

    Written out, because neither MySQL nor MariaDB uses an index for `(a, b) > (x, y)`.
    """
    first, *rest = columns
    if not rest:
        return f"{first} > %s", [after[0]]
    inner, bound = beyond(rest, after[1:])
    return (
        f"({first} >= %s AND ({first} > %s OR ({first} = %s AND {inner})))",
        [after[0], after[0], after[0], *bound],
    )


@dataclass(frozen=True, slots=True)
class Route:
    """The walks of a read, and sentences for its report."""

    walks: tuple[Walk, ...]
    notes: tuple[str, ...] = ()


def route(
    database: Database, table: Table, columns: Sequence[Column], request: Request, zone: Zone
) -> Route:
    """Choose the walks that yield every record the request asks for."""
    by_key = Walk(name="key", order=table.key, hint=database.index(table.name, table.key) or "")
    if table.cursor is None or request.since is None:
        return Route((by_key,))
    declared = {column.name: column.declared.lower() for column in columns}
    if table.cursor not in declared:
        return Route((by_key,), (f"{table.name} has no {table.cursor} any more: read whole",))
    # The session's zone is UTC, and a TIMESTAMP is compared in it; a DATETIME as it stands.
    meant = Zone("UTC") if declared[table.cursor].startswith("timestamp") else zone
    return _by_time(database, table, by_key, _bounds(request, meant))


def _bounds(request: Request, zone: Zone) -> tuple[str, str]:
    assert request.since is not None
    until: datetime = request.until or request.started_at
    return zone.from_time(request.since), zone.to_time(until)


def _by_time(database: Database, table: Table, by_key: Walk, bounds: tuple[str, str]) -> Route:
    cursor = f"t.{quote(table.cursor or '')}"
    order = (table.cursor or "", *table.key)
    within = f"{cursor} >= %s AND {cursor} < %s"
    hint = database.index(table.name, order)
    if hint is None:
        changed = f"({within} OR {cursor} IS NULL)" if table.created else within
        walk = Walk(
            name="key-by-time", order=table.key, hint=by_key.hint, where=(changed,), values=bounds
        )
        note = f"{table.name} has no index that begins with {table.cursor}: walked by its key"
        return Route((walk,), (note,))
    walk = Walk(name="time", order=order, hint=hint, where=(within,), values=bounds)
    if table.created is None:
        return Route((walk,))
    never, notes = _never_changed(database, table, hint, bounds[0])
    return Route((walk, never), notes)


def _never_changed(
    database: Database, table: Table, hint: str, since: str
) -> tuple[Walk, tuple[str, ...]]:
    name, cursor = quote(table.name), f"t.{quote(table.cursor or '')}"
    ((count,),) = database.rows(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM {name} t {hint} WHERE {cursor} IS NULL"  # noqa: S608 - quoted
        f" LIMIT {FEW + 1:d}) s"
    )
    walk = Walk(name="no-time", order=table.key, hint=hint, where=(f"{cursor} IS NULL",))
    if int(count or b"0") <= FEW:
        return walk, ()
    created = f"t.{quote(table.created or '')}"
    recent = Walk(
        name=walk.name,
        order=walk.order,
        hint=hint,
        where=(*walk.where, f"({created} >= %s OR {created} IS NULL)"),
        values=(since,),
    )
    note = (
        f"{table.name} has more than {FEW} rows without {table.cursor}: of them only those with"
        f" a recent {table.created} were read"
    )
    return recent, (note,)
