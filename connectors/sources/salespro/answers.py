"""What Athena answers: a query that ended, a page of its result, the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.errors import ContractError
from connectors.model import FieldType

KINDS = {
    "boolean": FieldType.BOOLEAN,
    "tinyint": FieldType.INTEGER,
    "smallint": FieldType.INTEGER,
    "int": FieldType.INTEGER,
    "integer": FieldType.INTEGER,
    "bigint": FieldType.INTEGER,
    "float": FieldType.NUMERIC,
    "real": FieldType.NUMERIC,
    "double": FieldType.NUMERIC,
    "decimal": FieldType.NUMERIC,
    "date": FieldType.DATE,
    "timestamp": FieldType.TIMESTAMP,
    "timestamp with time zone": FieldType.TIMESTAMP,
    "json": FieldType.JSON,
}
"""Types by name, as results (Presto's) and table metadata (Hive's) call them. Whatever else
there is stays text: arrays and rows come in a form that is not JSON."""


class Cell(msgspec.Struct, rename="pascal"):
    """A value: NULL is a cell without one."""

    var_char_value: str | None = None


class Row(msgspec.Struct, rename="pascal"):
    """A row of a result."""

    data: list[Cell] = []


class Column(msgspec.Struct, rename="pascal"):
    """A column of a result."""

    name: str = ""
    type: str = ""


class Metadata(msgspec.Struct, rename="pascal"):
    """What a result says of its columns."""

    column_info: list[Column] = []


class ResultSet(msgspec.Struct, rename="pascal"):
    """Rows and columns of one page."""

    rows: list[Row] = []
    result_set_metadata: Metadata | None = None


class ResultsPage(msgspec.Struct, rename="pascal"):
    """The answer to GetQueryResults."""

    result_set: ResultSet | None = None
    next_token: str | None = None


PAGE = msgspec.json.Decoder(ResultsPage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A query that succeeded. `scanned` is what it is billed for, in bytes."""

    id: str
    scanned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One page of a result, without the header. `token` asked for it, `following` for the next."""

    names: tuple[str, ...]
    types: Mapping[str, FieldType]
    values: list[list[str | None]]  # NULL is None, "" is ""
    token: str | None
    following: str | None


def kind_of(athena: str) -> FieldType:
    """Return our type for one of Athena's: `decimal(12,2)` and `decimal` are the same."""
    return KINDS.get(athena.partition("(")[0].strip().lower(), FieldType.TEXT)


def state_of(execution: Mapping[str, Any]) -> str:
    """Return QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED, or "" when none is said."""
    status: Mapping[str, Any] = execution.get("Status") or {}
    return str(status.get("State", ""))


def result_of(query_id: str, execution: Mapping[str, Any]) -> Result:
    """Return what a query that succeeded left."""
    statistics: Mapping[str, Any] = execution.get("Statistics") or {}
    return Result(id=query_id, scanned=int(statistics.get("DataScannedInBytes") or 0))


def rows_of(answer: Mapping[str, Any], token: str | None, where: str) -> Rows:
    """Return a page of a result; its first row is the header when no token asked for it.

    Raises `ContractError` for a page whose values cannot be told apart.
    """
    found: ResultSet = answer["ResultSet"]
    columns = found.result_set_metadata.column_info if found.result_set_metadata else []
    names = tuple(column.name for column in columns)
    if not names or len(set(names)) < len(names):
        raise ContractError(
            f"{where}: a result with {len(names)} columns of {len(set(names))} names, so that"
            " values cannot be told apart. Look what was added to the export"
        )
    rows = found.rows[1:] if token is None else found.rows
    values = [[cell.var_char_value for cell in row.data] for row in rows]
    if any(len(row) != len(names) for row in values):
        raise ContractError(
            f"{where}: a row with more or fewer values than the result's {len(names)} columns."
            " Run again; if it stays so, report it to AWS"
        )
    return Rows(
        names=names,
        types={column.name: kind_of(column.type) for column in columns},
        values=values,
        token=token,
        following=answer.get("NextToken"),
    )


def columns_of(answer: Mapping[str, Any]) -> dict[str, FieldType]:
    """Return the columns of a table, partitions too, with our types."""
    table: Mapping[str, Any] = answer["TableMetadata"]
    listed: list[Mapping[str, Any]] = [
        *(table.get("Columns") or ()),
        *(table.get("PartitionKeys") or ()),
    ]
    return {str(one["Name"]): kind_of(str(one.get("Type", ""))) for one in listed if "Name" in one}
