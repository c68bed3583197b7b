"""What is stored of SalesRabbit beside what its ledger holds, value by value."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from connectors.model import FieldType, Stream
from connectors.sources.salesrabbit.streams import STREAMS
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.schema import TargetTable
from tests.sources.pretend import Pretend
from tests.warehouse.loading import decode

BY_NAME = {stream.name: stream for stream in STREAMS}
READ = [stream.name for stream in STREAMS if not stream.optional]


def stored(warehouse: Warehouse, name: str) -> dict[str, dict[str, Any]]:
    """The live rows by the ledger's key. JSON is read as text: a word is a document as well."""
    table = TargetTable(warehouse, "salesrabbit", BY_NAME[name])
    with warehouse.read() as db:
        table.reload(db)
        columns = [
            f"CAST({warehouse.quote(column.column)} AS text)"
            if column.type is FieldType.JSON
            else warehouse.quote(column.column)
            for column in table.columns.values()
        ]
        found = db.exec_driver_sql(
            f"SELECT {', '.join(columns)} FROM {table.sql} WHERE _deleted_at IS NULL"
        ).all()
    rows = [
        {
            column.name: json.loads(value)
            if column.type is FieldType.JSON and value is not None
            else decode(value, column.type)
            for column, value in zip(table.columns.values(), row, strict=True)
        }
        for row in found
    ]
    return {":".join(_part(row[part]) for part in table.stream.key): row for row in rows}


def expected(stream: Stream, record: Mapping[str, Any]) -> dict[str, Any]:
    """The declared fields of a vendor's record as they should be stored."""
    return {
        name: None
        if value is None or (value == "" and kind is not FieldType.TEXT)
        else MEANT.get(kind, lambda meant: meant)(value)
        for name, value in record.items()
        if (kind := stream.fields.get(name))
    }


def differences(pretend: Pretend, warehouse: Warehouse) -> dict[str, Any]:
    """What of the streams is not as in the ledger: keys, else the first wrong values."""
    wrong: dict[str, Any] = {}
    for name in READ:
        truth, rows = pretend.truth(name), stored(warehouse, name)
        if keys := truth.keys() ^ rows.keys():
            wrong[name] = sorted(keys)[:5]
            continue
        for key, record in truth.items():
            meant = expected(BY_NAME[name], record)
            if odd := {n: (v, rows[key][n]) for n, v in meant.items() if rows[key][n] != v}:
                wrong[f"{name} {key}"] = odd
                break
    return wrong


def _part(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _document(value: Any) -> Any:
    return json.loads(value) if value == "{}" else value


MEANT: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.TEXT: str,
    FieldType.NUMERIC: lambda value: Decimal(str(value)).normalize() + 0,
    FieldType.TIMESTAMP: _moment,
    FieldType.DATE: date.fromisoformat,
    FieldType.JSON: _document,
}
