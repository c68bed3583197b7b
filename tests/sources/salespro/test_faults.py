"""SalesPro: what a faulty Athena leads to. Everything here goes over a real socket."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import (
    AccessError,
    ContractError,
    RateLimited,
    Stopped,
    TransientError,
)
from tests.sources.salespro.export import Account

START, LATER_PAGE, LOOK = "QueryString", "NextToken", "QueryExecutionId"
"""Words that only such bodies hold: of a start, of a page after the first, of any look."""


def refusal(code: str, message: str = "no") -> dict[str, Any]:
    return {"status": 400, "body": json.dumps({"__type": code, "message": message})}


@pytest.mark.parametrize(
    ("reason", "retryable", "error"),
    [
        ("HIVE_CURSOR_ERROR: Row is not a valid JSON Object", False, ContractError),
        ("COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved", False, ContractError),
        ("Query exhausted resources at this scale factor", False, TransientError),
        ("HIVE_FILESYSTEM_ERROR: it moved", True, TransientError),
        ("Insufficient permissions to execute the query. glue:GetDatabase", False, AccessError),
    ],
)
def test_a_query_that_failed_is_a_failure_with_athena_s_reason(
    pretend: Account, reason: str, error: type[Exception], *, retryable: bool
) -> None:
    pretend.vendor.fails = {"FROM estimate": reason}
    pretend.vendor.retryable = retryable

    gathered = pretend.read("estimates")

    assert type(gathered.error) is error
    assert f"salespro.estimates: query {pretend.queries()[0].id} failed: {reason}" in str(
        gathered.error
    )
    assert gathered.records == []
    assert pretend.asked("StartQueryExecution") == 1


def test_a_reason_does_not_show_what_stands_in_a_row(pretend: Account) -> None:
    value = "O'Neil, 5 Main St"
    pretend.vendor.fails = {
        "FROM estimate": f"HIVE_BAD_DATA: Error parsing field value '{value}' for field 3:"
        f' For input string: "{value}"'
    }

    said = str(pretend.read("estimates").error)

    assert "HIVE_BAD_DATA: Error parsing field value" in said
    assert "Neil" not in said
    assert "Main St" not in said


def test_a_cancelled_query_is_a_failure(pretend: Account) -> None:
    pretend.vendor.cancels = {"FROM estimate"}

    error = pretend.read("estimates").error

    assert isinstance(error, TransientError)
    assert "was cancelled (Query cancelled by user)" in str(error)


@pytest.mark.parametrize("where", ["queued", "running"])
def test_a_query_that_never_ends_is_stopped_and_said(pretend: Account, where: str) -> None:
    setattr(pretend.vendor, where, 10**9)

    error = pretend.read("estimates", settings={"query_minutes": 2}).error

    assert isinstance(error, TransientError)
    assert "did not end within 2 minutes and was stopped" in str(error)
    assert "SALESPRO_QUERY_MINUTES" in str(error)
    assert [query.state for query in pretend.queries()] == ["CANCELLED"]
    assert 120 <= sum(pretend.stopping.waits) < 130
    assert max(pretend.stopping.waits) <= 5


def test_a_run_that_is_stopped_stops_its_query(pretend: Account) -> None:
    """Case 5 of the fault list."""
    pretend.vendor.endless = {"FROM estimate"}
    pretend.fault(contains=LOOK, nth=3, call=pretend.stopping.set)

    error = pretend.read("estimates").error

    assert isinstance(error, Stopped)
    assert [query.state for query in pretend.queries()] == ["CANCELLED"]
    assert pretend.asked("GetQueryExecution") == 3


def test_a_run_that_is_stopped_between_pages_asks_for_no_more(pretend: Account) -> None:
    """Case 5 of the fault list."""
    pretend.fault(contains=LATER_PAGE, nth=2, call=pretend.stopping.set)

    gathered = pretend.read("estimates", page_size=10)

    assert isinstance(gathered.error, Stopped)
    assert pretend.asked("GetQueryResults") == 3
    assert len(gathered.pages) == 3


def test_a_stop_that_is_lost_is_sent_again(pretend: Account) -> None:
    pretend.vendor.endless = {"FROM estimate"}
    pretend.fault(contains=LOOK, nth=3, status=500, body="")

    pretend.read("estimates", settings={"query_minutes": 0.001})

    assert pretend.asked("StopQueryExecution") == 2
    assert [query.state for query in pretend.queries()] == ["CANCELLED"]


def test_a_stop_that_does_not_get_through_is_logged_and_hides_nothing(
    pretend: Account, caplog: pytest.LogCaptureFixture
) -> None:
    pretend.vendor.endless = {"FROM estimate"}
    pretend.fault(contains=LOOK, nth=3, times=None, status=500, body="")

    with caplog.at_level(logging.WARNING):
        error = pretend.read("estimates", settings={"query_minutes": 0.001}).error

    assert "did not end within" in str(error)
    assert "could not be stopped and may be billed" in caplog.text


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ThrottlingException"])
def test_a_throttled_start_is_tried_again_and_counted(pretend: Account, code: str) -> None:
    """Case 36 of the fault list."""
    pretend.fault(contains=START, times=2, **refusal(code))

    assert pretend.complete(pretend.read("estimates"), "estimates")
    assert pretend.asked("StartQueryExecution") == 3
    assert len(pretend.queries()) == 1
    assert pretend.context.meter.retries == 2
    assert pretend.context.meter.throttled_seconds >= 1.5


def test_a_start_that_stays_throttled_ends_the_run_with_a_time(pretend: Account) -> None:
    """Case 37 of the fault list."""
    pretend.vendor.concurrent = 0

    error = pretend.read("estimates").error

    assert isinstance(error, RateLimited)
    assert error.resume_at - pretend.context.clock() == timedelta(minutes=5)
    assert "You have exceeded the limit for the number of queries" in str(error)
    assert pretend.asked("StartQueryExecution") == 6


def test_a_run_that_is_stopped_while_it_waits_for_its_start_starts_nothing(
    pretend: Account,
) -> None:
    pretend.vendor.concurrent = 0
    pretend.fault(contains=START, nth=2, call=pretend.stopping.set)

    assert isinstance(pretend.read("estimates").error, Stopped)
    assert pretend.asked("StartQueryExecution") == 2
    assert pretend.queries() == []


@pytest.mark.parametrize("trouble", [{"reset": "headers"}, {"cut": 0.5}], ids=str)
def test_a_start_whose_answer_was_lost_starts_no_second_query(
    pretend: Account, trouble: dict[str, Any]
) -> None:
    """Cases 24 and 25 of the fault list."""
    pretend.fault(contains=START, **trouble)

    assert pretend.complete(pretend.read("estimates"), "estimates")
    assert pretend.asked("StartQueryExecution") == 2
    assert len(pretend.queries()) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500, "body": ""},
        {"status": 503, "html": True},
        {"status": 200, "html": True},
        {"status": 200, "body": "{}"},
        {"status": 200, "body": "nonsense"},
        {"cut": 0.5},
        {"reset": "before"},
        {"reset": "headers"},
    ],
    ids=str,
)
def test_a_lost_result_page_is_asked_for_again_and_never_taken_for_the_end(
    pretend: Account, trouble: dict[str, Any]
) -> None:
    """Cases 24 to 26, 39 and 44 of the fault list."""
    pretend.fault(contains=LATER_PAGE, times=2, **trouble)
    assert pretend.complete(pretend.read("estimates", page_size=10), "estimates")
    assert len(pretend.queries()) == 1

    pretend.fault(contains=LATER_PAGE, nth=2, times=None, **trouble)
    gathered = pretend.read("estimates", page_size=10)
    assert isinstance(gathered.error, TransientError)
    assert len(gathered.pages) == 2


def test_a_result_that_vanishes_while_it_is_read_fails_the_stream(pretend: Account) -> None:
    def vanish() -> None:
        pretend.vendor.queries.forget(pretend.queries()[0].id)

    pretend.fault(contains=LATER_PAGE, nth=2, call=vanish)

    error = pretend.read("estimates", page_size=10).error

    assert isinstance(error, TransientError)
    assert "was not found" in str(error)
    assert "the next run reads again" in str(error)


def test_a_page_token_that_comes_twice_ends_the_read(pretend: Account) -> None:
    """Case 46 of the fault list."""
    pretend.fault(contains=LATER_PAGE, repeat=True, times=None)

    gathered = pretend.read("estimates", page_size=10)

    assert isinstance(gathered.error, ContractError)
    assert "the same page token twice" in str(gathered.error)
    assert "estimate_id" not in gathered.by("estimate_id")  # its header is no row


def test_an_empty_page_is_not_the_last(pretend: Account) -> None:
    """Case 45 of the fault list."""
    nothing = (r'"Rows":\[.*\],"ResultSetMetadata"', '"Rows":[],"ResultSetMetadata"')
    pretend.fault(contains=LATER_PAGE, edit=nothing)

    gathered = pretend.read("estimates", page_size=10)

    assert gathered.error is None
    assert len(gathered.records) == len(pretend.truth("estimates")) - 10


@pytest.mark.parametrize(
    "edit",
    [
        (r'"ColumnInfo":\[.*\]', '"ColumnInfo":[]'),
        (r'\{"Data":\[\{"VarCharValue":"[^"]*"\},', '{"Data":['),
    ],
)
def test_values_that_cannot_be_told_apart_are_refused(
    pretend: Account, edit: tuple[str, str]
) -> None:
    pretend.fault(contains="MaxResults", edit=edit, times=None)

    gathered = pretend.read("estimates")

    assert isinstance(gathered.error, ContractError)
    assert gathered.records == []


def test_anything_else_that_athena_refuses_is_told_in_its_words(pretend: Account) -> None:
    pretend.fault(contains=START, **refusal("InvalidRequestException", "Query too long"))

    error = pretend.read("estimates").error

    assert isinstance(error, ContractError)
    assert 'InvalidRequestException ("Query too long")' in str(error)
