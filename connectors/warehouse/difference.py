"""Hold a table of the warehouse against one that another system keeps of the same records.

For a parallel run before the other is switched off. Both are read once, sorted by key, and
walked side by side: memory does not grow with rows. Only keys and counts leave this module,
no value.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import NoSuchTableError

from connectors.errors import ConfigError
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.identifiers import BOOKKEEPING

Key: TypeAlias = tuple[str, ...]
Row: TypeAlias = tuple[Key, Sequence[Any]]

FETCHED_AT_ONCE = 2_000  # rows
EXAMPLES = 10  # keys shown of each kind
WHOLE_TIME = len("2026-01-02T03:04:05")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two tables, and how the compared columns are called there."""

    warehouse: Warehouse
    table: str  # a name, or schema.name
    key: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(slots=True)
class Difference:
    """What differs. Keys are examples, at most `EXAMPLES` of each kind."""

    old: int = 0
    new: int = 0
    equal: int = 0
    only_old: int = 0
    only_new: int = 0
    columns: Counter[str] = field(default_factory=Counter[str])
    keys: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @property
    def differing(self) -> int:
        """Rows that both have, with at least one other value."""
        return self.old - self.only_old - self.equal

    def example(self, kind: str, key: Key) -> None:
        """Note the key of a row that differs in the way `kind` says."""
        held = self.keys.setdefault(kind, [])
        if len(held) < EXAMPLES:
            held.append("/".join(key))


def sides(
    old: Warehouse,
    old_table: str,
    new: Warehouse,
    new_table: str,
    *,
    key: Mapping[str, str],
    columns: Mapping[str, str],
) -> tuple[Side, Side]:
    """Return the two tables to compare. `key` and `columns` map names here to names there.

    Without `key` it is the primary key here, called alike there; without `columns` all that
    both have. Raises `ConfigError` for a table or column that does not exist.
    """
    here, there = _columns(new, new_table), _columns(old, old_table)
    keys = key or {name: name for name in _primary_key(new, new_table)}
    shared = columns or {
        name: name for name in here if name in there and name not in {*BOOKKEEPING, *keys}
    }
    for table, known, wanted in (
        (new_table, here, [*keys, *shared]),
        (old_table, there, [*keys.values(), *shared.values()]),
    ):
        if missing := [name for name in wanted if name not in known]:
            raise ConfigError(
                f"{table} has no column {', '.join(missing)}; it has {', '.join(sorted(known))}"
            )
    return (
        Side(
            warehouse=old, table=old_table, key=tuple(keys.values()), columns=tuple(shared.values())
        ),
        Side(warehouse=new, table=new_table, key=tuple(keys), columns=tuple(shared)),
    )


def compare(old: Side, new: Side) -> Difference:
    """Walk both tables by key. Rows that are deleted softly here count as gone."""
    found = Difference()
    theirs, ours = _rows(old), _rows(new)
    one, other = next(theirs, None), next(ours, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            found.old, found.only_old = found.old + 1, found.only_old + 1
            found.example("only old", one[0])
            one = next(theirs, None)
        elif one is None or other[0] < one[0]:
            found.new, found.only_new = found.new + 1, found.only_new + 1
            found.example("only new", other[0])
            other = next(ours, None)
        else:
            found.old, found.new = found.old + 1, found.new + 1
            _compare_row(found, new.columns, one, other)
            one, other = next(theirs, None), next(ours, None)
    return found


def _compare_row(found: Difference, columns: Sequence[str], one: Row, other: Row) -> None:
    differing = [
        column
        for column, theirs, ours in zip(columns, one[1], other[1], strict=True)
        if theirs != ours and not alike(theirs, ours)
    ]
    found.columns.update(differing)
    found.equal += not differing
    for column in differing:
        found.example(column, one[0])


def alike(one: Any, other: Any) -> bool:
    """Tell whether two values mean the same in the types that two systems chose for them.

    `""` and null, 12.5 and "12.50", true and "true", equal moments, equal JSON. Two texts
    must be the same text, unless both are whole times: the zip codes 02134 and 2134 differ.
    """
    if one in (None, "") or other in (None, ""):
        return one in (None, "") and other in (None, "")
    if _plain(one) == _plain(other):
        return True
    if isinstance(one, str) and isinstance(other, str):
        whole = min(len(one), len(other)) >= WHOLE_TIME
        return whole and _moment(one) is not None and _moment(one) == _moment(other)
    return any(
        read(one) is not None and read(one) == read(other) for read in (_number, _moment, _word)
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, default=str)
    return str(value)


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(value: Any) -> datetime | None:
    try:
        text = value.isoformat() if isinstance(value, date) else str(value)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _word(value: Any) -> str | None:
    """A truth value in one spelling; SQLite has 1 and 0 for it."""
    return {"true": "true", "1": "true", "false": "false", "0": "false"}.get(str(value).lower())


def _rows(side: Side) -> Iterator[Row]:
    """Yield a table's rows by ascending key. Raises `ConfigError` for a key that repeats."""
    warehouse = side.warehouse
    quote, size = warehouse.quote, len(side.key)
    collate = ' COLLATE "C"' if warehouse.dialect == "postgresql" else ""  # order of code points
    keys = [f"CAST({quote(name)} AS text){collate}" for name in side.key]
    listed = ", ".join([*keys, *map(quote, side.columns)])
    live = " WHERE _deleted_at IS NULL" if "_deleted_at" in _columns(warehouse, side.table) else ""
    order = ", ".join(keys)
    statement = f"SELECT {listed} FROM {_quoted(side)}{live} ORDER BY {order}"  # noqa: S608 - names, all quoted
    last: Key | None = None
    with warehouse.read() as db:
        streamed = db.execution_options(yield_per=FETCHED_AT_ONCE).exec_driver_sql(statement)
        for row in streamed:
            key = tuple(str(part) for part in row[:size])
            if key == last:
                raise ConfigError(f"{side.table} has several rows with the key {'/'.join(key)}")
            last = key
            yield key, row[size:]


def _quoted(side: Side) -> str:
    return ".".join(map(side.warehouse.quote, side.table.split(".")))


def _columns(warehouse: Warehouse, table: str) -> set[str]:
    schema, _, name = table.rpartition(".")
    try:
        found = sa.inspect(warehouse.engine).get_columns(name, schema or warehouse.schema)
    except NoSuchTableError:
        raise ConfigError(f"there is no table {table}: has it been synced?") from None
    return {column["name"] for column in found}


def _primary_key(warehouse: Warehouse, table: str) -> list[str]:
    schema, _, name = table.rpartition(".")
    found = sa.inspect(warehouse.engine).get_pk_constraint(name, schema or warehouse.schema)
    return found["constrained_columns"]
