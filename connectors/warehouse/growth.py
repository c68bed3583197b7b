"""What a batch needs of its table before it can be stored: columns to add, to widen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from connectors.model import FieldType, Record
from connectors.warehouse.batch import Layout
from connectors.warehouse.columns import Values, kinds, made_ready
from connectors.warehouse.shapes import NotPlainError, inferred
from connectors.warehouse.values import INT64, widened


def fields_of(records: Iterable[Record]) -> set[str]:
    """Return the names of all fields that any of `records` has."""
    return set[str]().union(*records)


def inferred_fields(names: set[str], records: Sequence[Record]) -> dict[str, FieldType]:
    """Return the types of undeclared fields; a field that is null throughout has none yet."""
    found = {name: inferred([record.get(name) for record in records]) for name in sorted(names)}
    return {name: kind for name, kind in found.items() if kind is not None}


def widening(layout: Layout, records: Sequence[Record]) -> dict[str, FieldType]:
    """Return the inferred columns that these records do not fit, with the type they need."""
    wider: dict[str, FieldType] = {}
    for column in layout.known.values():
        if column.origin != "inferred" or column.type is FieldType.TEXT:
            continue
        values = [record.get(column.name) for record in records]
        if _fits(column.type, values, layout.stream.zone):
            continue
        kind = inferred([value for value in values if value != ""])
        if kind and widened(column.type, kind) is not column.type:
            wider[column.name] = widened(column.type, kind)
    return wider


def suits(layout: Layout, records: Sequence[Record]) -> bool:
    """Tell whether a table can take `records` as it is: no column to add, widen or write again."""
    missing = fields_of(records) - {c.name for c in chain(layout.columns, layout.overflowed)}
    return (
        missing.isdisjoint(layout.known)
        and not inferred_fields(missing, records)
        and not widening(layout, records)
    )


def _fits(kind: FieldType, values: Values, zone: str) -> bool:
    """Tell by its shapes whether a column needs no wider type; a look at types and ranges."""
    if kind is FieldType.JSON:
        return kinds(values) <= {dict, list}
    if kind is FieldType.INTEGER and kinds(values) <= {int}:
        return all(value is None or value in INT64 for value in values)
    try:
        made_ready("postgresql", kind, values, zone)
    except NotPlainError:
        return False
    return True
