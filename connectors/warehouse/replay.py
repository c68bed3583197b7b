"""Apply kept rejects again, after a mapping or schema fix, and mark them resolved.

Nothing newer is overwritten: a value only fills the gap it left, in the version of the
row that it belongs to; a whole record only enters where its key is free or older.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connectors.model import Counts, Record, Stream
from connectors.warehouse import runs
from connectors.warehouse.batch import age
from connectors.warehouse.columns import READY, kinds
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.load import StreamWriter
from connectors.warehouse.rejects import RAW
from connectors.warehouse.runs import RunRef
from connectors.warehouse.schema import SQL_TYPES, Column, TargetTable
from connectors.warehouse.values import UnfitError, coerced

PER_TRANSACTION = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many rejects of a stream are resolved now, and how many are still refused."""

    resolved: int
    refused: int


def replay(warehouse: Warehouse, run: RunRef, stream: Stream) -> Replayed:
    """Re-apply the open rejects of one stream, some hundred to a transaction.

    `run` must hold the source's lock. Raises `FencedOff` when it lost it, `WarehouseError`
    when the database fails.
    """
    resolved = refused = 0
    last = 0
    while True:
        with warehouse.write() as db:
            rejects = _open_rejects(db, run.source, stream.name, after=last)
            if not rejects:
                return Replayed(resolved, refused)
            table = TargetTable(warehouse, run.source, stream)
            table.reload(db)
            for reject in rejects:
                if _applied(db, table, run, reject):
                    _resolve(db, reject.id, run.run_id)
                    resolved += 1
                else:
                    refused += 1
            last = rejects[-1].id
            runs.count_batch(db, run, stream.name, Counts())


def _open_rejects(
    db: sa.Connection, source: str, stream: str, *, after: int
) -> Sequence[sa.Row[Any]]:
    return execute(
        db,
        "SELECT id, key, column_name, raw FROM sync_rejects"
        " WHERE source = :source AND stream = :stream AND resolved_at IS NULL AND id > :after"
        " ORDER BY id LIMIT :limit",
        {"source": source, "stream": stream, "after": after, "limit": PER_TRANSACTION},
    ).all()


def _resolve(db: sa.Connection, reject: int, run_id: str) -> None:
    execute(
        db,
        "UPDATE sync_rejects SET resolved_at = clock_timestamp(), resolved_by = :run"
        " WHERE id = :id",
        {"id": reject, "run": run_id},
    )


def _applied(db: sa.Connection, table: TargetTable, run: RunRef, reject: sa.Row[Any]) -> bool:
    """Apply one reject; True when it is dealt with, by itself or by a later sighting."""
    if reject.raw is None or not table.columns:
        return False
    record: Record = RAW.decode(reject.raw)
    if reject.column_name is None:
        return _record_applied(db, table, run, record)
    column = table.columns.get(reject.column_name)
    return column is not None and _value_applied(db, table, run, record, column)


def _record_applied(db: sa.Connection, table: TargetTable, run: RunRef, record: Record) -> bool:
    writer = StreamWriter(table.warehouse, run, table.stream)
    writer.table = table
    if table.stream.version is None and _stored(db, table, record) is not None:
        return True  # seen again since, and without a version the later sighting is the truth
    return writer.reapply(db, record)


def _value_applied(
    db: sa.Connection, table: TargetTable, run: RunRef, record: Record, column: Column
) -> bool:
    stream, quote = table.stream, table.warehouse.quote
    stored = _stored(db, table, record)
    if stored is None:
        return False
    if stream.version in table.columns:
        version = table.columns[stream.version].column
        held = {stream.version: stored[version]}
        if age(stream, held) != age(stream, record):
            return True  # the vendor has sent a newer version, with its own value or reject
    if column.overflow or stored[column.column] is not None:
        return stored.get(column.column) is not None
    try:
        value = coerced(record.get(column.name), column.type, stream.zone)
    except UnfitError:
        return False
    dialect = table.warehouse.dialect
    ready = READY[dialect][column.type]([value], "UTC", kinds([value]))[0]
    where, binds = _by_key(table, record)
    new = f"CAST(:value AS {SQL_TYPES[dialect][column.type]})" if dialect != "sqlite" else ":value"
    db.execute(
        sa.text(
            f"UPDATE {table.sql} SET {quote(column.column)} = {new}, _run_id = :run WHERE {where}"
        ),
        {
            **binds,
            "run": run.run_id,
            "value": ready if dialect == "sqlite" or ready is None else _bound(ready),
        },
    )
    return True


def _bound(value: Any) -> str:
    """Return a value as the text that PostgreSQL casts to the column's type."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _stored(db: sa.Connection, table: TargetTable, record: Record) -> dict[str, Any] | None:
    where, binds = _by_key(table, record)
    if any(value is None for value in binds.values()):
        return None
    row = db.execute(sa.text(f"SELECT * FROM {table.sql} WHERE {where}"), binds).mappings().first()
    return dict(row) if row else None


def _by_key(table: TargetTable, record: Record) -> tuple[str, dict[str, Any]]:
    quote, types = table.warehouse.quote, SQL_TYPES[table.warehouse.dialect]
    keys = [table.columns[name] for name in table.stream.key]
    where = " AND ".join(
        f"{quote(key.column)} = CAST(:k{at} AS {types[key.type]})" for at, key in enumerate(keys)
    )
    parts = [record.get(key.name) for key in keys]
    return where, {f"k{at}": None if part is None else str(part) for at, part in enumerate(parts)}
