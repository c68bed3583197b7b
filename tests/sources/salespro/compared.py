"""The warehouse beside SalesPro's ledger: equal or not, and where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.sandbox.salespro.tables import TABLES
from connectors.sources import salespro
from connectors.warehouse.engine import Warehouse
from tests.sources.salespro.export import TABLE, Account

NAMES = [stream.name for stream in salespro.STREAMS]
ITEMS = {"estimate_id": "VARCHAR", "job_type": "VARCHAR", "job_type_amount": "DECIMAL"}
CSV = {"objectId": "VARCHAR", "updatedAt": "CSV TIME"}


def meant(kind: str, value: Any) -> Any:
    """What a value of the export, as text, means to the warehouse."""
    if value is None or (value == "" and kind != "VARCHAR"):
        return None
    if kind.startswith(("DECIMAL", "DOUBLE")):
        return Decimal(value).normalize() + 0
    if kind in {"TIMESTAMP_MS", "CSV TIME"}:
        return datetime.fromisoformat(value.removesuffix("Z")).replace(tzinfo=UTC)
    return {"BOOLEAN": lambda: value == "true", "BIGINT": lambda: int(value)}.get(
        kind, lambda: value
    )()


def document(text: str | None) -> Any:
    """What a JSON column holds: the document, or the text that is none."""
    try:
        return json.loads(text) if text else text
    except ValueError:
        return text


def told(pretend: Account, name: str, rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The rows of a stream's ledger as comparable lines."""
    shape = TABLES[TABLE[name]] if name in TABLE else CSV
    shape = ITEMS if name == "lead_result_line_items" else shape
    lines: list[str] = []
    for row in rows.values():
        values = {column: meant(kind, row[column]) for column, kind in shape.items()}
        if name == "lead_results":
            values["lead_results"] = document(row["lead_results"])
        lines += [repr(sorted(values.items()))]
    return sorted(lines)


def stored(pretend: Account, warehouse: Warehouse, name: str) -> list[str]:
    """The live rows of a stream's table in the same form."""
    shape = TABLES[TABLE[name]] if name in TABLE else CSV
    shape = ITEMS if name == "lead_result_line_items" else shape
    found = pretend.stored(warehouse, name).values()
    return sorted(repr(sorted((column, row[column]) for column in shape)) for row in found)


def differences(pretend: Account, warehouse: Warehouse, *, ghosts: bool = False) -> dict[str, Any]:
    """Streams whose live rows are not those of the ledger; `ghosts`: deleted ones may remain."""
    found: dict[str, Any] = {}
    for name in NAMES:
        right = told(pretend, name, pretend.truth(name))
        held = stored(pretend, warehouse, name)
        gone = {e.id: e.record for e in pretend.sandbox.ledger("salespro", name) if e.deleted}
        if ghosts and name != "lead_result_line_items":
            right = sorted({*right, *told(pretend, name, gone)} & {*right, *held})
        if right != held:
            found[name] = (sorted(set(right) - set(held))[:2], sorted(set(held) - set(right))[:2])
    return found
