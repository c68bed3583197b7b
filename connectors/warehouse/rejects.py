"""Values and records that could not be stored, kept with their reason.

A reject of the same value of the same record replaces the one of an earlier run, so
that a record read again every hour is one row here, not one for each hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.model import Refused
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.runs import RunRef
from connectors.warehouse.values import UnfitError, as_json, as_text

RAW = msgspec.json.Decoder(float_hook=Decimal)


def save(db: sa.Connection, run: RunRef, stream: str, refused: Sequence[Refused]) -> None:
    """Keep what was refused, in the transaction of its batch."""
    for item in refused:
        binds: dict[str, Any] = {
            "run_id": run.run_id,
            "source": run.source,
            "stream": stream,
            "key": item.key,
            "column": item.column,
            "value": item.value,
            "reason": item.reason,
            "raw": None if item.raw is None else storable(item.raw),
        }
        if item.key is not None:
            execute(
                db,
                "DELETE FROM sync_rejects WHERE source = :source AND stream = :stream"
                " AND key = :key AND resolved_at IS NULL"
                " AND coalesce(column_name, '') = coalesce(CAST(:column AS text), '')",
                {name: binds[name] for name in ("source", "stream", "key", "column")},
            )
        execute(
            db,
            "INSERT INTO sync_rejects"
            " (run_id, source, stream, key, column_name, value, reason, raw, created_at)"
            " VALUES (:run_id, :source, :stream, :key, :column, :value, :reason, :raw,"
            " clock_timestamp())",
            binds,
        )


def storable(record: dict[str, Any]) -> str:
    """Return a record as JSON text that every database stores.

    What JSON cannot say (NUL, half surrogates, NaN) is kept escaped inside text.
    """
    try:
        encoded = as_json(record)
    except UnfitError:
        return as_json({_safe(name): _safe(_plain(value)) for name, value in record.items()})
    return encoded.replace("\\u0000", "\\\\u0000") if "\\u0000" in encoded else encoded


def _plain(value: Any) -> str:
    try:
        return as_text(value)
    except UnfitError:
        return repr(value)


def _safe(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii").replace("\x00", "\\u0000")


def streams_with_open(warehouse: Warehouse, source: str) -> list[str]:
    """Return the streams of a source that have open rejects, by name."""
    with warehouse.read() as db:
        found = execute(
            db,
            "SELECT DISTINCT stream FROM sync_rejects"
            " WHERE source = :source AND resolved_at IS NULL ORDER BY stream",
            {"source": source},
        )
        return list(found.scalars())
