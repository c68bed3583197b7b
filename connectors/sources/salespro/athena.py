"""Athena by boto3: start a query, wait for it, page its result, stop it.

Boto3's own retries are off: they sleep without watching the stop signal and do not count. Every
call takes from the account's budget and is tried again as `connectors.http` does.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from connectors.context import Context
from connectors.errors import ContractError, Stopped, SyncError, TransientError
from connectors.paging import NoRepeat, page_numbers
from connectors.retries import Again, Backoff
from connectors.sources.salespro.refusals import failed, judged
from connectors.sources.salespro.settings import Settings
from connectors.throttle import Rate, Throttle

log = logging.getLogger(__name__)

MAX_ROWS = 1000  # most rows a page may have
ATTEMPTS = 6
FIRST_BACKOFF = 0.5  # seconds
FIRST_LOOK, LONGEST_LOOK = 0.25, 5.0  # seconds between looks at a query; each is half as long again
START, LOOK = "start", "look"
STARTS_PER_SECOND, LOOKS_PER_SECOND = 20, 100  # documented, per account and region
SECOND = timedelta(seconds=1)
SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A query that succeeded. `scanned` is what it is billed for, in bytes."""

    id: str
    scanned: int
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One page of a result. `token` asked for it, `following` asks for the next."""

    types: Mapping[str, str]  # column -> Athena's type, in order
    values: list[list[str | None]]
    token: str | None
    following: str | None


class ResultGoneError(Exception):
    """An earlier query or its result can no longer be read."""


class Athena:
    """The open connection. Used by one thread."""

    def __init__(self, client: Any, settings: Settings, context: Context) -> None:
        self._client = client
        self._settings = settings
        self._context = context
        self._throttle: Throttle = context.throttles.open(account(settings), rates(settings))
        self._running: str | None = None
        self._retrying = Retrying(
            retry=retry_if_exception_type(Again),
            stop=stop_after_attempt(ATTEMPTS),
            wait=Backoff(FIRST_BACKOFF),
            sleep=lambda _seconds: None,  # `_before_retry` waits, it knows why
            before_sleep=self._before_retry,
            reraise=True,
        )

    def run(self, sql: str, where: str) -> Result:
        """Run a query to its end; `where` names the stream in messages.

        Raises `Stopped` and `TransientError` (it took too long) after stopping the query, and
        what a query that failed or was cancelled means.
        """
        started = self._call(
            "start_query_execution",
            START,
            where,
            QueryString=sql,
            ClientRequestToken=str(uuid.uuid4()),  # tried again, it starts nothing twice
            QueryExecutionContext={"Database": self._settings.database},
            ResultConfiguration={"OutputLocation": self._settings.s3_location},
            WorkGroup=self._settings.workgroup,
        )
        self._running = str(started["QueryExecutionId"])
        try:
            execution = self._wait(self._running, where)
        except BaseException:  # whatever ends us, the query must not run on and be billed
            self.stop()
            raise
        self._running = None
        if execution["Status"]["State"] != SUCCEEDED:
            raise failed(execution, where)
        return _result(execution)

    def again(self, query_id: str, sql: str, where: str) -> Result:
        """Return an earlier query's result. Raises `ResultGoneError` if it is not to be had."""
        try:
            execution = self._look(query_id, where)
        except ContractError as error:  # Athena forgot it
            raise ResultGoneError from error
        if execution["Status"]["State"] != SUCCEEDED or execution.get("Query") != sql:
            raise ResultGoneError
        return _result(execution)

    def pages(
        self, query_id: str, where: str, *, token: str | None = None, limit: int = MAX_ROWS
    ) -> Iterator[Rows]:
        """Yield a result page by page from `token` on, without the header row.

        Raises `ResultGoneError` when the first page asked for is gone, `TransientError` when a
        later one is.
        """
        repeats = NoRepeat(where)
        for number in page_numbers(where):
            asked = {"NextToken": token} if token else {}
            try:
                answer = self._call(
                    "get_query_results",
                    LOOK,
                    where,
                    QueryExecutionId=query_id,
                    MaxResults=limit,
                    **asked,
                )
            except ContractError as error:
                if number == 1:
                    raise ResultGoneError from error
                raise TransientError(
                    f"{error}: the result is gone; the next run reads again"
                ) from error
            page = _rows(answer, token)
            yield page
            if page.following is None:
                return
            repeats.check(page.following)
            token = page.following

    def stop(self) -> None:
        """Stop the query that is running, if one is; failing to is logged, Athena ends it too."""
        query_id, self._running = self._running, None
        if query_id is None:
            return
        try:
            self._context.meter.requests += 1
            self._client.stop_query_execution(QueryExecutionId=query_id)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            log.warning("query %s could not be stopped: %s", query_id, type(error).__name__)

    def _wait(self, query_id: str, where: str) -> Mapping[str, Any]:
        waited, pause = 0.0, FIRST_LOOK
        while True:
            execution = self._look(query_id, where)
            if execution["Status"]["State"] not in {"QUEUED", "RUNNING"}:
                return execution
            if waited >= self._settings.query_minutes * 60:
                raise TransientError(
                    f"{where}: query {query_id} did not end within"
                    f" {self._settings.query_minutes:g} minutes and was stopped."
                    " Run again later, or raise SALESPRO_QUERY_MINUTES"
                )
            if self._context.stopping.wait(pause):
                raise Stopped(f"{where}: asked to stop while query {query_id} ran; it was stopped")
            waited += pause
            pause = min(pause * 1.5, LONGEST_LOOK)

    def _look(self, query_id: str, where: str) -> Mapping[str, Any]:
        answer = self._call("get_query_execution", LOOK, where, QueryExecutionId=query_id)
        return answer["QueryExecution"]

    def _call(self, name: str, cost_class: str, where: str, **asked: Any) -> Mapping[str, Any]:
        try:
            return self._retrying(self._attempt, name, cost_class, where, asked)
        except Again as last:
            raise last.error from last.__cause__

    def _attempt(
        self, name: str, cost_class: str, where: str, asked: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        context = self._context
        place = f"{where}: athena {name}"
        if context.stopping.is_set():
            raise Stopped(f"{place}: the run was asked to stop")
        context.meter.throttled_seconds += self._throttle.take(cost_class)
        context.meter.requests += 1
        try:
            answer: Mapping[str, Any] = getattr(self._client, name)(**asked)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            verdict: SyncError | Again = judged(error, place, context.clock())
            raise verdict from error
        if ANSWERS[name] not in answer:  # boto3 reads a web page as an answer without members
            unknown = ContractError(f"{place}: an answer that is not Athena's. Check the base URL")
            raise Again(unknown)
        return answer

    def _before_retry(self, state: RetryCallState) -> None:
        seconds = state.upcoming_sleep
        failure = state.outcome.exception() if state.outcome else None
        if not isinstance(failure, Again):
            return
        if failure.throttled:
            self._throttle.pause(seconds, state.args[1])
            self._context.meter.throttled_seconds += seconds
        self._context.meter.retries += 1
        log.debug("%s; asking again in %.1f s", failure, seconds)
        if self._context.stopping.wait(seconds):
            raise Stopped(f"{failure}: the run was asked to stop while it waited")


ANSWERS = {
    "start_query_execution": "QueryExecutionId",
    "get_query_execution": "QueryExecution",
    "get_query_results": "ResultSet",
}
"""The member that every answer of a call has."""


@contextmanager
def open_athena(settings: Settings, context: Context) -> Generator[Athena]:
    """Open Athena; a query that still runs at the end is stopped."""
    secret, session = settings.secret_access_key, settings.session_token
    library: Any = import_module("boto3")  # untyped, and a second to import: only here
    client: Any = library.session.Session(
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        aws_session_token=session.get_secret_value() if session else None,
        region_name=settings.server_region,
    ).client(
        "athena",
        endpoint_url=settings.base_url,
        config=Config(
            retries={"total_max_attempts": 1},
            connect_timeout=10,
            read_timeout=60,
            parameter_validation=False,  # Athena judges; here it would cost each page time
        ),
    )
    athena = Athena(client, settings, context)
    try:
        yield athena
    finally:
        athena.stop()
        client.close()


def account(settings: Settings) -> str:
    """Name whose budget is spent: the key's, or the machine's identity's."""
    who = f"{settings.access_key_id or 'machine'}:{settings.server_region}"
    return f"salespro:{hashlib.sha256(who.encode()).hexdigest()[:12]}"


def rates(settings: Settings) -> dict[str, list[Rate]]:
    """Return the windows of both classes of call."""
    starts = settings.budget or STARTS_PER_SECOND
    return {
        START: [Rate(limit=starts, period=SECOND)],
        LOOK: [Rate(limit=LOOKS_PER_SECOND, period=SECOND)],
    }


def _result(execution: Mapping[str, Any]) -> Result:
    statistics: Mapping[str, Any] = execution.get("Statistics") or {}
    return Result(
        id=str(execution["QueryExecutionId"]),
        scanned=int(statistics.get("DataScannedInBytes") or 0),
        sql=str(execution.get("Query", "")),
    )


def _rows(answer: Mapping[str, Any], token: str | None) -> Rows:
    found: Mapping[str, Any] = answer["ResultSet"]
    about: Mapping[str, Any] = found.get("ResultSetMetadata") or {}
    types: dict[str, str] = {one["Name"]: one["Type"] for one in about.get("ColumnInfo", [])}
    rows: list[Any] = found.get("Rows", [])
    if token is None:
        rows = rows[1:]  # the header, on the first page only
    values = [[value.get("VarCharValue") for value in row["Data"]] for row in rows]
    return Rows(types=types, values=values, token=token, following=answer.get("NextToken"))
