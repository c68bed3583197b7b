"""Athena's protocol: operations, errors, and the switches of what goes wrong."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sandbox.salespro import signing
from connectors.sandbox.salespro.book import Book
from connectors.sandbox.salespro.queries import (
    MAX_ROWS,
    Execution,
    MalformedQueryError,
    Queries,
    hive,
    new_id,
    offset_of,
    token,
)
from connectors.sandbox.vendors import World

KEY, SECRET = "AKIASANDBOXSALESPRO1", "sandbox-salespro-secret"
DATABASE = "home_genius_db"
NOT_FOUND = "QueryExecution {} was not found"
SWITCHES = {"queued", "running", "fails", "retryable", "concurrent", "expired", "metadata"}


class ServiceError(Exception):
    """An error answer of the service."""

    def __init__(self, code: str, message: str, status: int = 400, **more: str) -> None:
        super().__init__(message)
        self.response = json_answer(
            {"__type": code, "message": message, "Message": message, **more},
            status,
            {"x-amzn-ErrorType": code, "x-amzn-RequestId": new_id()},
        )


class SalesPro:
    """The account. Attributes without underscore may be set by tests, or by `adjust`.

    `queued`, `running`: looks at a query that find it so (each of a new query). `fails`: reasons
    by text that a query contains; `retryable`: what Athena says of them. `cancels`, `endless`:
    texts likewise. `concurrent`: most queries at a time, then starting is throttled. `expired`: the
    session's token is. `metadata`: whether the key may ask for tables. `book` holds the rows,
    `queries` what ran.
    """

    name = "salespro"

    def __init__(self, world: World) -> None:
        self._world = world
        self.book = Book(world)
        self.queries = Queries(self.book.database)
        self.ledger = self.book.ledger
        self.secrets = {KEY: SECRET}
        self.queued, self.running = 0, 1
        self.fails: dict[str, str] = {}
        self.retryable = False
        self.cancels: set[str] = set()
        self.endless: set[str] = set()
        self.concurrent: int | None = None
        self.expired = False
        self.metadata = True
        self._tokens: dict[str, str] = {}  # ClientRequestToken -> query
        self._folder: Path | None = None

    def environment(self, base_url: str) -> dict[str, str]:
        """Base URL, a key, and the folder of CSV exports once it is there."""
        files = {
            f"SALESPRO_{stream.upper()}_CSV": str(self._folder / f"{stream}.csv")
            for stream in ("offices", "users")
            if self._folder
        }
        return {
            "ENABLE_SALESPRO": "true",
            "SALESPRO_BASE_URL": base_url,
            "SALESPRO_ACCESS_KEY_ID": KEY,
            "SALESPRO_SECRET_ACCESS_KEY": SECRET,
            "SALESPRO_S3_LOCATION": "s3://sandbox-results/athena-results/",
            "SALESPRO_SERVER_REGION": "us-east-1",
            "SALESPRO_DATABASE": DATABASE,
            **files,
        }

    def open(self) -> None:
        """Write the CSV exports into a folder of their own."""
        self._folder = Path(tempfile.mkdtemp(prefix="crm-sync-salespro-"))
        self.book.files(self._folder)

    def close(self) -> None:
        """Remove the folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)  # a reader may still hold it open
            self._folder = None

    def endpoint(self, request: Request) -> str:
        """The operation."""
        return request.headers.get("x-amz-target", "").partition(".")[2] or "none"

    def handle(self, request: Request) -> Response:
        """Answer a request, as JSON 1.1."""
        operations: Mapping[str, Callable[[dict[str, Any]], object]] = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._look,
            "GetQueryResults": self._results,
            "StopQueryExecution": self._stop,
            "GetTableMetadata": self._table,
        }
        try:
            self._believe(request)
            operation = operations.get(self.endpoint(request))
            if operation is None:
                raise ServiceError("UnknownOperationException", "")  # noqa: TRY301 - answered below
            return json_answer(operation(request.json()))
        except ServiceError as error:
            return error.response

    def step(self) -> None:
        """Let time pass; see `Book.step`."""
        self.book.step()
        if self._folder is not None:
            self.book.files(self._folder)

    def adjust(self, settings: dict[str, Any]) -> None:
        """Switches by name, as a JSON object. Raises `ValueError` for an unknown one."""
        for name, value in settings.items():
            if name in {"cancels", "endless"}:
                setattr(self, name, set(value))
            elif name in SWITCHES:
                setattr(self, name, value)
            else:
                raise ValueError(f"unknown switch {name!r}")

    def _believe(self, request: Request) -> None:
        if wrong := signing.refused(request, self.secrets):
            raise ServiceError(wrong.code, wrong.message)
        if self.expired:
            raise ServiceError(
                "ExpiredTokenException", "The security token included in the request is expired"
            )

    def _start(self, asked: dict[str, Any]) -> object:
        once = asked.get("ClientRequestToken")
        if once in self._tokens:
            if (
                self._execution({"QueryExecutionId": self._tokens[once]}).sql
                != asked["QueryString"]
            ):
                raise ServiceError("InvalidRequestException", "Idempotent parameters do not match")
            return {"QueryExecutionId": self._tokens[once]}
        active = sum(not execution.done for execution in self.queries.all())
        if self.concurrent is not None and active >= self.concurrent:
            raise ServiceError(
                "TooManyRequestsException",
                "You have exceeded the limit for the number of queries you can run concurrently."
                " Please reduce the number of concurrent queries submitted by this account.",
                Reason="CONCURRENT_QUERY_LIMIT_EXCEEDED",
            )
        result: dict[str, str] = asked.get("ResultConfiguration") or {}
        location = result.get("OutputLocation", "")
        if not location.startswith("s3://"):
            raise ServiceError(
                "InvalidRequestException",
                "No output location provided. An output location is required either through the"
                " Workgroup result configuration setting or as an API input.",
            )
        execution = self._made(asked, location)
        try:
            self.queries.start(execution)
        except MalformedQueryError as error:
            raise ServiceError(
                "InvalidRequestException", str(error), AthenaErrorCode="MALFORMED_QUERY"
            ) from error
        if once:
            self._tokens[once] = execution.id
        return {"QueryExecutionId": execution.id}

    def _made(self, asked: dict[str, Any], location: str) -> Execution:
        sql = asked["QueryString"]
        where: dict[str, str] = asked.get("QueryExecutionContext") or {}
        query_id = new_id()
        execution = Execution(
            id=query_id,
            sql=sql,
            database=where.get("Database", "default"),
            location=f"{location.rstrip('/')}/{query_id}.csv",
            workgroup=asked.get("WorkGroup", "primary"),
            submitted=self._world.clock.now(),
            queued=self.queued,
            running=self.running,
            endless=any(text in sql for text in self.endless),
        )
        for text, reason in self.fails.items():
            if text in sql:
                execution.outcome, execution.reason = "FAILED", reason
                execution.retryable = self.retryable
        if any(text in sql for text in self.cancels):
            execution.outcome, execution.reason = "CANCELLED", "Query cancelled by user"
        if execution.database != DATABASE:
            execution.outcome = "FAILED"
            execution.reason = f"SCHEMA_NOT_FOUND: Schema '{execution.database}' does not exist"
        return execution

    def _look(self, asked: dict[str, Any]) -> object:
        execution = self._execution(asked)
        execution.poll()
        now = self._world.clock.now().timestamp()
        status: dict[str, Any] = {
            "State": execution.state,
            "SubmissionDateTime": execution.submitted.timestamp(),
        }
        if execution.done:
            status["CompletionDateTime"] = now
        if execution.done and execution.reason:
            status["StateChangeReason"] = execution.reason
        if execution.state == "FAILED":
            status["AthenaError"] = {
                "ErrorCategory": 2,
                "ErrorType": execution.error_type,
                "Retryable": execution.retryable,
                "ErrorMessage": execution.reason,
            }
        statistics: dict[str, Any] = {"ServiceProcessingTimeInMillis": 7}
        if execution.done:
            statistics |= {
                "EngineExecutionTimeInMillis": 400,
                "TotalExecutionTimeInMillis": 600,
                "QueryQueueTimeInMillis": 90,
                "DataScannedInBytes": execution.scanned,
            }
        return {
            "QueryExecution": {
                "QueryExecutionId": execution.id,
                "Query": execution.sql,
                "StatementType": "DML",
                "SubstatementType": "SELECT",
                "ResultConfiguration": {"OutputLocation": execution.location},
                "QueryExecutionContext": {"Database": execution.database},
                "Status": status,
                "Statistics": statistics,
                "WorkGroup": execution.workgroup,
                "EngineVersion": {"EffectiveEngineVersion": "Athena engine version 3"},
            }
        }

    def _results(self, asked: dict[str, Any]) -> object:
        execution = self._execution(asked)
        if execution.state != "SUCCEEDED":
            raise ServiceError(
                "InvalidRequestException",
                f"Query has not yet finished. Current state: {execution.state}"
                if not execution.done
                else f"Query did not finish successfully. Final query state: {execution.state}",
                AthenaErrorCode="INVALID_QUERY_EXECUTION_STATE",
            )
        limit, text = asked.get("MaxResults", MAX_ROWS), asked.get("NextToken")
        if not 1 <= limit <= MAX_ROWS:
            raise ServiceError("InvalidRequestException", f"MaxResults is more than {MAX_ROWS}")
        offset = 0 if text is None else offset_of(execution, text)
        if offset is None:
            raise ServiceError("InvalidRequestException", "The pagination token is not valid")
        rows, following = self.queries.page(execution, offset, limit)
        answer: dict[str, Any] = {
            "UpdateCount": 0,
            "ResultSet": {
                "Rows": rows,
                "ResultSetMetadata": {"ColumnInfo": execution.columns},
            },
        }
        if following is not None:
            answer["NextToken"] = token(execution, following)
        return answer

    def _stop(self, asked: dict[str, Any]) -> object:
        execution = self._execution(asked)
        if not execution.done:
            execution.state, execution.reason = "CANCELLED", "Query cancelled by user"
        return {}

    def _table(self, asked: dict[str, Any]) -> object:
        if not self.metadata:
            raise ServiceError(
                "AccessDeniedException",
                "User: arn:aws:iam::000000000000:user/leap is not authorized to perform:"
                " athena:GetTableMetadata",
            )
        name = asked["TableName"]
        columns = self.book.columns(name) if asked["DatabaseName"] == DATABASE else None
        if columns is None:
            raise ServiceError("MetadataException", f"EntityNotFoundException: Table {name}")
        listed = [{"Name": column, "Type": hive(kind)} for column, kind in columns]
        return {
            "TableMetadata": {
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Columns": listed,
                "PartitionKeys": [],
            }
        }

    def _execution(self, asked: dict[str, Any]) -> Execution:
        query_id = asked["QueryExecutionId"]
        try:
            return self.queries[query_id]
        except KeyError:
            raise ServiceError("InvalidRequestException", NOT_FOUND.format(query_id)) from None
