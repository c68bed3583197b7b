"""Queries that run in DuckDB and answer as Athena does: states, reasons, pages of text."""

import base64
import re
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import duckdb

KEPT = 60  # results; older ones are gone, as after a lifecycle rule of the bucket
MAX_ROWS = 1000  # most rows in one page, the header counted

TYPES = {
    "VARCHAR": ("varchar", 2_147_483_647, 0),
    "BOOLEAN": ("boolean", 0, 0),
    "BIGINT": ("bigint", 19, 0),
    "INTEGER": ("integer", 10, 0),
    "DOUBLE": ("double", 17, 0),
    "DATE": ("date", 0, 0),
    "TIMESTAMP": ("timestamp", 3, 0),
    "TIMESTAMP_MS": ("timestamp", 3, 0),
}
HIVE = {"varchar": "string", "integer": "int"}  # names of types in a table's metadata
DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
REASONS = (
    (
        re.compile(r"Table with name (\S+) does not exist"),
        "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{database}.{0}' does not exist",
        1006,
    ),
    (
        re.compile(r'Referenced column "(\S+)" not found'),
        (
            "COLUMN_NOT_FOUND: line 1:8: Column '{0}' cannot be resolved or requester is not"
            " authorized to access requested resources"
        ),
        1006,
    ),
)


class MalformedQueryError(ValueError):
    """What Athena refuses before it runs it."""


@dataclass(slots=True, kw_only=True)
class Execution:
    """One query and what became of it. `polls` left until it is done, by state."""

    id: str
    sql: str
    database: str
    location: str
    workgroup: str
    submitted: datetime
    queued: int = 0
    running: int = 0
    endless: bool = False
    outcome: str = "SUCCEEDED"
    state: str = "QUEUED"
    reason: str | None = None
    error_type: int = 0
    retryable: bool = False
    scanned: int = 0
    rows: int = 0
    columns: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def table(self) -> str:
        """Where its result rows are."""
        return f"result_{self.id.replace('-', '')}"

    @property
    def done(self) -> bool:
        """Whether its state can change no more."""
        return self.state in {"SUCCEEDED", "FAILED", "CANCELLED"}

    def poll(self) -> None:
        """Somebody looks: queued and running queries come one look nearer their end."""
        if self.done:
            return
        if self.queued > 0:
            self.queued -= 1
        elif self.running > 0 or self.endless:
            self.running -= 1
            self.state = "RUNNING"
        else:
            self.state = self.outcome


class Queries:
    """All queries of an account, and their results."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database
        self._executions: OrderedDict[str, Execution] = OrderedDict()

    def __getitem__(self, query_id: str) -> Execution:
        return self._executions[query_id]

    def all(self) -> list[Execution]:
        """Every query that is remembered, oldest first."""
        return list(self._executions.values())

    def start(self, execution: Execution) -> None:
        """Run a query; its state tells of it poll by poll.

        Raises `MalformedQueryError` for what is no query.
        """
        try:
            statements = self._database.extract_statements(execution.sql)
        except duckdb.ParserException as error:
            wrong = re.search(r'at or near "([^"]*)"', str(error))
            raise MalformedQueryError(
                f"line 1:1: mismatched input '{wrong[1] if wrong else execution.sql[:10]}'"
            ) from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise MalformedQueryError("Only one SQL statement is allowed, and here a SELECT")
        self._executions[execution.id] = execution
        self._run(execution)
        while len(self._executions) > KEPT:
            self.forget(next(iter(self._executions)))

    def forget(self, query_id: str) -> None:
        """Lose a query and its result."""
        gone = self._executions.pop(query_id)
        self._database.execute(f'DROP TABLE IF EXISTS "{gone.table}"')

    def page(
        self, execution: Execution, offset: int, limit: int
    ) -> tuple[list[dict[str, Any]], int | None]:
        """Rows from `offset` (the header is row 0) and where the next page begins."""
        end = min(offset + limit, execution.rows + 1)
        rows: list[dict[str, Any]] = []
        if offset == 0:
            rows.append({"Data": [{"VarCharValue": one["Name"]} for one in execution.columns]})
        found = self._database.execute(
            f'SELECT * FROM "{execution.table}" WHERE rowid >= ? AND rowid < ? ORDER BY rowid',  # noqa: S608
            [max(offset - 1, 0), end - 1],
        ).fetchall()
        doubles = [at for at, one in enumerate(execution.columns) if one["Type"] == "double"]
        for row in found:
            values: list[Any] = list(row)
            for at in doubles:
                values[at] = None if values[at] is None else java(values[at])
            rows.append({"Data": [{} if v is None else {"VarCharValue": v} for v in values]})
        return rows, end if end <= execution.rows else None

    def _run(self, execution: Execution) -> None:
        if execution.outcome != "SUCCEEDED":
            return
        try:
            described = self._database.execute(f"DESCRIBE {execution.sql}").fetchall()
            columns = [(str(row[0]), str(row[1])) for row in described]
            shown = ", ".join(_shown(name, kind) for name, kind in columns)
            self._database.execute(
                f'CREATE TEMP TABLE "{execution.table}" AS SELECT {shown} FROM ({execution.sql})'  # noqa: S608
            )
        except duckdb.Error as error:
            execution.outcome = "FAILED"
            execution.reason, execution.error_type = reason(error, execution.database)
            return
        execution.columns = [_column(name, kind) for name, kind in columns]
        counted = self._database.execute(f'SELECT count(*) FROM "{execution.table}"').fetchone()  # noqa: S608
        execution.rows = int(counted[0]) if counted else 0
        execution.scanned = self._scanned(execution.sql, len(columns))

    def _scanned(self, sql: str, columns: int) -> int:
        """Bytes of the tables that a query reads: all their rows, whatever it leaves out."""
        scanned = 0
        for table in self._database.get_table_names(sql):
            counted = self._database.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608
            scanned += 64 * columns * (int(counted[0]) if counted else 0)
        return scanned


def reason(error: duckdb.Error, database: str) -> tuple[str, int]:
    """Athena's sentence and error type for what DuckDB says."""
    for pattern, text, error_type in REASONS:
        if found := pattern.search(str(error)):
            return text.format(*found.groups(), database=database), error_type
    return f"GENERIC_USER_ERROR: {str(error).splitlines()[0]}", 1001


def java(number: float) -> str:
    """A double as Java writes it: `1.25E7` from ten million on, and below a thousandth."""
    if not isfinite(number):
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"  # noqa: PLR0124 - only NaN
    if number == 0 or 1e-3 <= abs(number) < 1e7:  # noqa: PLR2004 - Java's own bounds
        return repr(float(number))
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    first, *rest = map(str, digits)
    power = int(exponent) + len(rest)
    return f"{'-' * sign}{first}.{''.join(rest) or '0'}E{power}"


def new_id() -> str:
    """An id for a query."""
    return str(uuid.uuid4())


def token(execution: Execution, offset: int) -> str:
    """An opaque token for the page that begins at `offset`."""
    return base64.b64encode(f"{execution.id}/{offset}".encode()).decode()


def offset_of(execution: Execution, text: str) -> int | None:
    """Where a token's page begins; None when it is not one of this query."""
    try:
        owner, _, offset = base64.b64decode(text, validate=True).decode().partition("/")
        return int(offset) if owner == execution.id else None
    except ValueError:
        return None


def _shown(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if kind.startswith("TIMESTAMP"):
        return f"strftime({quoted}, '%Y-%m-%d %H:%M:%S.%g') AS {quoted}"
    return quoted if kind == "DOUBLE" else f"CAST({quoted} AS VARCHAR) AS {quoted}"


def hive(kind: str) -> str:
    """A DuckDB type as a table's metadata name it: `string`, `int`, `decimal(12,2)`."""
    if decimal := DECIMAL.fullmatch(kind):
        return f"decimal({decimal[1]},{decimal[2]})"
    athena = TYPES.get(kind, TYPES["VARCHAR"])[0]
    return HIVE.get(athena, athena)


def _column(name: str, kind: str) -> dict[str, Any]:
    decimal = DECIMAL.fullmatch(kind)
    athena, precision, scale = (
        ("decimal", int(decimal[1]), int(decimal[2]))
        if decimal
        else TYPES.get(kind, TYPES["VARCHAR"])
    )
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": athena,
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": athena == "varchar",
    }
