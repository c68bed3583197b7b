"""What the tests of the warehouse share: a run that may write, and reading back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from connectors.model import Counts, FieldType, Stream
from connectors.warehouse import locks, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch, StreamWriter
from connectors.warehouse.runs import RunRef
from connectors.warehouse.schema import TargetTable

SOURCE = "acme"
CONTACTS = Stream(name="contacts")
TYPED = Stream(
    name="typed",
    fields={
        "amount": FieldType.NUMERIC,
        "count": FieldType.INTEGER,
        "done": FieldType.BOOLEAN,
        "day": FieldType.DATE,
        "at": FieldType.TIMESTAMP,
        "more": FieldType.JSON,
        "note": FieldType.TEXT,
    },
)
VERSIONED = Stream(name="versioned", version="changed", fields={"changed": FieldType.TIMESTAMP})


def start_run(warehouse: Warehouse, source: str = SOURCE) -> RunRef:
    """Open, lock and start a run."""
    run_id = str(uuid.uuid4())
    runs.open_run(warehouse, runs.NewRun(run_id=run_id, source=source, mode="full"))
    acquired = locks.acquire(warehouse, source, run_id)
    assert isinstance(acquired, locks.Acquired), acquired
    run = RunRef(run_id=run_id, source=source, fence=acquired.fence)
    assert runs.start(warehouse, run)
    return run


def opened(warehouse: Warehouse, run: RunRef, stream: Stream, **settings: Any) -> StreamWriter:
    """Return a writer that has made its table."""
    writer = StreamWriter(warehouse, run, stream, **settings)
    writer.open({}, track_keys=False, fresh_keys=True)
    return writer


def load(warehouse: Warehouse, stream: Stream, *batches: Sequence[dict[str, Any]]) -> Counts:
    """Load batches of records in a run of their own and close it."""
    run = start_run(warehouse)
    writer = opened(warehouse, run, stream)
    counts = Counts()
    for records in batches:
        counts += writer.write(Batch(records=list(records)), None)
    runs.finish(warehouse, run.run_id, runs.Status.SUCCESS)
    return counts


def rows(warehouse: Warehouse, stream: Stream, source: str = SOURCE) -> dict[Any, dict[str, Any]]:
    """Return the table by key (the value itself where the key has one part), values decoded.

    Vendors' names; both databases give equal Python values for equal vendor values.
    """
    table = TargetTable(warehouse, source, stream)
    with warehouse.read() as db:
        table.reload(db)
        found = db.exec_driver_sql(f"SELECT * FROM {table.sql}").mappings().all()
    decoded: dict[Any, dict[str, Any]] = {}
    for row in found:
        record = {
            c.name: decode(row[c.column], c.type) for c in table.columns.values() if not c.overflow
        }
        extra = row.get("_extra")
        record |= (json.loads(extra) if isinstance(extra, str) else extra) or {}
        record["_deleted"] = row["_deleted_at"] is not None
        key = tuple(record[name] for name in stream.key)
        decoded[key[0] if len(key) == 1 else key] = record
    return decoded


def decode(value: Any, kind: FieldType) -> Any:
    """Return a stored value as the Python value it stands for."""
    if value is None or kind not in DECODE:
        return value
    return DECODE[kind](value)


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.astimezone(UTC)


def _document(value: Any) -> Any:
    """PostgreSQL's driver has decoded it already: a text may then be any text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return value


DECODE: dict[FieldType, Callable[[Any], Any]] = {
    FieldType.BOOLEAN: bool,
    FieldType.NUMERIC: lambda value: Decimal(str(value)).normalize() + 0,
    FieldType.DATE: lambda value: value if isinstance(value, date) else date.fromisoformat(value),
    FieldType.TIMESTAMP: _moment,
    FieldType.JSON: _document,
}


def rejects(warehouse: Warehouse) -> list[sa.RowMapping]:
    """Return the open rejects, oldest first."""
    with warehouse.read() as db:
        return list(
            db.exec_driver_sql(
                "SELECT key, column_name, value, reason, raw FROM sync_rejects"
                " WHERE resolved_at IS NULL ORDER BY id"
            ).mappings()
        )


def types(warehouse: Warehouse, stream: Stream) -> dict[str, FieldType]:
    """Return the column types by the vendor's names."""
    table = TargetTable(warehouse, SOURCE, stream)
    with warehouse.read() as db:
        table.reload(db)
    return {column.name: column.type for column in table.columns.values()}
