"""Soft deletes: by the vendor's signal, or by comparing keys, behind a guard.

Comparing needs the keys of a whole read. They are collected in a side table in the
transactions of the batches, so that unchanged rows need no rewrite and a read that was
interrupted and resumed still compares completely.

The guard: a read that is empty, or would delete more than a set share of the rows it is
compared with (`DELETE_GUARD_SHARE`) and more than a few, deletes nothing and says so. A
failed or filtered read never gets here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connectors.model import Key, Range, Record, Whole
from connectors.warehouse.engine import stamp
from connectors.warehouse.merge import seen_table
from connectors.warehouse.schema import SQL_TYPES, TargetTable

GUARD_SHARE = 0.2
"""Default for the share of rows that one comparison may delete: a vendor's outage looks so."""
GUARD_ROWS = 20
"""In a window, this many may always go: a quiet day can lose all its few appointments."""
GUARD_FEW = 3
"""In a full read that saw anything, this many may always go: of four statuses one is retired."""

PARAMETERS = 500  # values per statement; SQLite before 3.32 takes 999

NOW = {
    "postgresql": "clock_timestamp()",
    "sqlite": "(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z')",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """How many rows a comparison deleted, and what a person should know about it."""

    deleted: int
    notes: tuple[str, ...] = ()


def prepare(db: sa.Connection, table: TargetTable, *, fresh: bool) -> None:
    """Make the side table for the keys of a read; empty it for a fresh one."""
    quote, types = table.warehouse.quote, SQL_TYPES[table.warehouse.dialect]
    keys = [table.columns[name] for name in table.stream.key]
    columns = ", ".join(f"{quote(k.column)} {types[k.type]} NOT NULL" for k in keys)
    primary = ", ".join(quote(k.column) for k in keys)
    db.exec_driver_sql(
        f"CREATE TABLE IF NOT EXISTS {seen_table(table)} ({columns}, PRIMARY KEY ({primary}))"
    )
    if fresh:
        clear(db, table)


def clear(db: sa.Connection, table: TargetTable) -> None:
    """Forget the collected keys."""
    db.exec_driver_sql(f"DELETE FROM {seen_table(table)}")


def by_signal(db: sa.Connection, table: TargetTable, keys: Sequence[Key], run_id: str) -> int:
    """Soft-delete the rows the vendor says are gone; return how many were alive."""
    if not keys:
        return 0
    types = SQL_TYPES[table.warehouse.dialect]
    if _postgresql(table):
        one, source = "k.value ->> {at}", "jsonb_array_elements(CAST(:keys AS jsonb)) AS k"
    else:
        one, source = "json_extract(k.value, '$[{at}]')", "json_each(:keys) AS k"
    parts = ", ".join(
        f"CAST({one.format(at=at)} AS {types[table.columns[name].type]})"
        for at, name in enumerate(table.stream.key)
    )
    columns = ", ".join(map(table.warehouse.quote, table.key_columns))
    statement = sa.text(
        f"UPDATE {table.sql} SET {_gone(table)}"
        f" WHERE _deleted_at IS NULL AND ({columns}) IN (SELECT {parts} FROM {source})"
    )
    named = json.dumps([[str(part) for part in key] for key in keys])
    return db.execute(statement, {"run": run_id, "keys": named}).rowcount


def unseen(
    db: sa.Connection, table: TargetTable, run_id: str, *, guard: float = GUARD_SHARE
) -> Compared:
    """After a complete read: soft-delete the rows whose keys it did not see."""
    gone, live = _count(db, table, "true" if _postgresql(table) else "1", {})
    if not gone:
        return Compared(0)
    seen = int(db.exec_driver_sql(f"SELECT count(*) FROM {seen_table(table)}").scalar() or 0)
    if (not seen and guard < 1) or gone > max(guard * live, GUARD_FEW):
        return Compared(0, (_guarded(table, gone, live, "the full read"),))
    return Compared(_delete(db, table, "1 = 1", {}, run_id))


def within(
    db: sa.Connection,
    table: TargetTable,
    closed: Range,
    run_id: str,
    *,
    guard: float = GUARD_SHARE,
) -> Compared:
    """Soft-delete the rows inside a re-read range whose keys the read did not see."""
    known = table.columns.get(closed.column)
    if known is None or known.overflow:
        return Compared(0)
    column = table.warehouse.quote(known.column)
    binds = {"since": stamp(db, closed.since), "until": stamp(db, closed.until)}
    condition = f"t.{column} >= :since AND t.{column} < :until"
    gone, live = _count(db, table, condition, binds)
    if not gone:
        return Compared(0)
    if gone > max(guard * live, GUARD_ROWS):
        window = f"the read of {closed.since:%Y-%m-%d %H:%M} to {closed.until:%Y-%m-%d %H:%M}"
        return Compared(0, (_guarded(table, gone, live, window),))
    return Compared(_delete(db, table, condition, binds, run_id))


def missing(
    db: sa.Connection, table: TargetTable, whole: Whole, records: Sequence[Record], run_id: str
) -> int:
    """Soft-delete the rows of groups that were read whole and are not among `records`.

    Returns how many. No guard: the source names each group of which the vendor spoke.
    """
    known = table.columns.get(whole.column)
    if known is None or known.overflow:
        return 0
    quote = table.warehouse.quote
    select = sa.text(
        f"SELECT {', '.join(map(quote, table.key_columns))} FROM {table.sql}"
        f" WHERE _deleted_at IS NULL AND {quote(known.column)} IN :values"
    ).bindparams(sa.bindparam("values", expanding=True))
    shown = {tuple(str(record.get(name)) for name in table.stream.key) for record in records}
    live: list[Key] = []
    for start in range(0, len(whole.values), PARAMETERS):
        rows = db.execute(select, {"values": list(whole.values[start : start + PARAMETERS])})
        live += [tuple(map(str, row)) for row in rows]
    return by_signal(db, table, [key for key in live if key not in shown], run_id)


def _guarded(table: TargetTable, gone: int, live: int, read: str) -> str:
    return (
        f"{GUARD_NOTE}: {read} did not show {gone} of {live} rows of {table.name};"
        " nothing was deleted. If they are really gone, set DELETE_GUARD_SHARE=1 for one run"
    )


GUARD_NOTE = "delete guard"


def _postgresql(table: TargetTable) -> bool:
    return table.warehouse.dialect == "postgresql"


def _gone(table: TargetTable) -> str:
    now = NOW[table.warehouse.dialect]
    return f"_deleted_at = {now}, _synced_at = {now}, _run_id = :run"


def _not_seen(table: TargetTable) -> str:
    keys = " AND ".join(f"s.{k} = t.{k}" for k in map(table.warehouse.quote, table.key_columns))
    return (
        f"t._deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM {seen_table(table)} s WHERE {keys})"
    )


def _count(
    db: sa.Connection, table: TargetTable, condition: str, binds: Mapping[str, object]
) -> tuple[int, int]:
    row = db.execute(
        sa.text(
            f"SELECT count(*) FILTER (WHERE {_not_seen(table)}), count(*) FROM {table.sql} t"
            f" WHERE t._deleted_at IS NULL AND {condition}"
        ),
        binds,
    ).one()
    return int(row[0]), int(row[1])


def _delete(
    db: sa.Connection,
    table: TargetTable,
    condition: str,
    binds: Mapping[str, object],
    run_id: str,
) -> int:
    return db.execute(
        sa.text(
            f"UPDATE {table.sql} AS t SET {_gone(table)} WHERE {_not_seen(table)} AND {condition}"
        ),
        {**binds, "run": run_id},
    ).rowcount
