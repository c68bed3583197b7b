"""Athena by boto3: start a query, wait for it, page its result, stop it.

Boto3's own retries are off: they sleep without watching the stop signal and do not count. Every
call takes from the account's budget and is tried again as `connectors.http` does.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from connectors.context import Context
from connectors.errors import (
    AccessError,
    ContractError,
    Stopped,
    SyncError,
    TransientError,
)
from connectors.model import FieldType
from connectors.paging import NoRepeat, page_numbers
from connectors.retries import Again, Backoff
from connectors.sources.salespro.account import LOOK, START, account, open_client, rates
from connectors.sources.salespro.answers import (
    Result,
    Rows,
    columns_of,
    result_of,
    rows_of,
    state_of,
)
from connectors.sources.salespro.refusals import NEXT_RUN, failed, judged
from connectors.sources.salespro.settings import Settings
from connectors.throttle import Throttle

log = logging.getLogger(__name__)

MAX_ROWS = 1000  # most rows a page may have
ATTEMPTS = 6
FIRST_BACKOFF = 0.5  # seconds
STOPS = 2  # attempts to stop a query, without a pause: the process may have a second left
FIRST_LOOK, LONGEST_LOOK = 0.25, 5.0  # seconds between looks at a query; each is half as long again
SUCCEEDED = "SUCCEEDED"
CATALOG = "AwsDataCatalog"  # the one that every account has


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
        self._running = query_id = str(started["QueryExecutionId"])
        try:
            execution = self._wait(query_id, where)
        except BaseException:  # whatever ends us, the query must not run on and be billed
            self.stop()
            raise
        self._running = None
        if state_of(execution) != SUCCEEDED:
            raise failed(execution, where)
        return result_of(query_id, execution)

    def again(self, query_id: str, sql: str, where: str) -> None:
        """Make sure of an earlier query. Raises `ResultGoneError` if it is not to be had."""
        try:
            execution = self._look(query_id, where)
        except ContractError as error:  # Athena forgot it
            raise ResultGoneError from error
        if state_of(execution) != SUCCEEDED or execution.get("Query") != sql:
            raise ResultGoneError

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
            page = rows_of(answer, token, where)
            if page.following is not None:
                repeats.check(page.following)
            yield page
            if page.following is None:
                return
            token = page.following

    def columns(self, table: str, where: str) -> Mapping[str, FieldType]:
        """Return a table's columns; nothing when they are not to be had, with a line in the log.

        They cost no query. A key that may run queries need not be allowed to ask for them.
        """
        try:
            answer = self._call(
                "get_table_metadata",
                LOOK,
                where,
                CatalogName=CATALOG,
                DatabaseName=self._settings.database,
                TableName=table,
                WorkGroup=self._settings.workgroup,
            )
        except (AccessError, ContractError) as error:
            log.info("%s; columns that left the export cannot be told from empty ones", error)
            return {}
        return columns_of(answer)

    def stop(self) -> None:
        """Stop the query that is running, if one is; failing to is logged, Athena ends it too."""
        query_id, self._running = self._running, None
        if query_id is None:
            return
        failure = ""
        for _ in range(STOPS):
            try:
                self._context.meter.requests += 1
                self._client.stop_query_execution(QueryExecutionId=query_id)
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                failure = type(error).__name__
            else:
                return
        log.warning("query %s could not be stopped and may be billed: %s", query_id, failure)

    def _wait(self, query_id: str, where: str) -> Mapping[str, Any]:
        waited, pause = 0.0, FIRST_LOOK
        while True:
            execution = self._look(query_id, where)
            if state_of(execution) not in {"QUEUED", "RUNNING"}:
                return execution
            if waited >= self._settings.query_minutes * 60:
                raise TransientError(
                    f"{where}: query {query_id} did not end within"
                    f" {self._settings.query_minutes:g} minutes and was stopped."
                    " Run again later, or raise SALESPRO_QUERY_MINUTES",
                    retry_after=NEXT_RUN,
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
    "get_table_metadata": "TableMetadata",
}
"""The member that every answer of a call has."""


@contextmanager
def open_athena(settings: Settings, context: Context) -> Generator[Athena]:
    """Open Athena; a query that still runs at the end is stopped. Raises `ConfigError`."""
    client = open_client(settings)
    athena = Athena(client, settings, context)
    try:
        yield athena
    finally:
        athena.stop()
        client.close()
