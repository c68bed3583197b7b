"""SalesRabbit: what a faulty answer leads to. Never a complete read with rows missing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import (
    AccessError,
    ContractError,
    CredentialsError,
    RateLimited,
    SyncError,
    TransientError,
)
from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sources import salesrabbit
from tests.sources.pretend import NOW, Pretend

NAMES = [stream.name for stream in salesrabbit.STREAMS]
PATHS = {
    "leads": "/leads$",
    "lead_status_histories": "/leadStatusHistories$",
    "lead_status_activities": "/leadStatusActivities$",
}
EVERY_LIST = pytest.mark.parametrize("name", PATHS)
EMPTY = '{"meta":{"morePages":%s},"data":[]}'
CURSOR = {"since": (NOW - timedelta(days=800)).isoformat()}


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_token_ends_the_run(pretend: Pretend, name: str) -> None:
    pretend.vendor.tokens = {"another"}

    assert isinstance(pretend.read(name).error, CredentialsError)


def test_a_403_fails_its_stream_only(pretend: Pretend) -> None:
    """Case 42 of the fault list."""
    pretend.vendor.adjust({"forbidden": ["leadStatusActivities"]})

    assert isinstance(pretend.read("lead_status_activities").error, AccessError)
    assert pretend.complete(pretend.read("leads"), "leads")


def test_old_bug_j_three_429_end_in_an_empty_list(pretend: Pretend) -> None:
    pretend.fault(path="/leads$", nth=2, status=429, times=None)

    gathered = pretend.read("leads", page_size=30)

    assert isinstance(gathered.error, RateLimited)
    assert len(gathered.records) == 30


ODD_PAGES: dict[str, dict[str, Any]] = {
    "half a text": {"edit": (r'"data"[\s\S]*', '"data":[{"id":')},
    "empty body": {"body": ""},
    "empty page": {"body": EMPTY % "true"},
    "empty last page": {"body": EMPTY % "false"},
    "page again": {"repeat": True},
}


@EVERY_LIST
@pytest.mark.parametrize("fault", ODD_PAGES.values(), ids=ODD_PAGES)
def test_a_page_that_is_odd_for_a_moment_costs_no_record(
    pretend: Pretend, name: str, fault: dict[str, Any]
) -> None:
    """Cases 25, 45 and 46 of the fault list, in the middle of a list."""
    pretend.fault(path=PATHS[name], nth=3, **fault)

    assert pretend.complete(pretend.read(name, page_size=30), name)


LASTING: dict[str, tuple[dict[str, Any], type[SyncError]]] = {
    "500": ({"status": 500}, TransientError),
    "html": ({"html": True}, ContractError),
    "cut": ({"cut": 0.5}, TransientError),
    "404": ({"status": 404}, ContractError),
    "400": ({"status": 400}, ContractError),
    "304": ({"status": 304}, ContractError),
    "error body": ({"body": '{"status":"error","message":"no"}'}, ContractError),
    "bare list": ({"body": "[]"}, ContractError),
    "null": ({"body": "null"}, ContractError),
    "text for rows": ({"body": '{"data":"none"}'}, ContractError),
    "empty pages": ({"body": EMPTY % "true"}, ContractError),
    "empty last pages": ({"body": EMPTY % "false"}, ContractError),
    "page for ever": ({"repeat": True}, ContractError),
}


@EVERY_LIST
@pytest.mark.parametrize(("fault", "error"), LASTING.values(), ids=LASTING)
def test_a_lasting_failure_is_never_the_end_of_a_list(
    pretend: Pretend, name: str, fault: dict[str, Any], error: type[SyncError]
) -> None:
    """Old bug b: every error was an empty list and a success, and the watermark moved on.

    Case 47 of the fault list.
    """
    pretend.fault(path=PATHS[name], nth=3, times=None, **fault)

    gathered = pretend.read(name, page_size=30)

    assert isinstance(gathered.error, error)
    assert gathered.positions
    assert not any(page.cursor for page in gathered.pages)


@EVERY_LIST
def test_an_empty_first_page_is_looked_at_twice(pretend: Pretend, name: str) -> None:
    pretend.fault(path=PATHS[name], body=EMPTY % "false")

    assert pretend.complete(pretend.read(name, page_size=30), name)


@EVERY_LIST
def test_an_empty_answer_about_changes_is_looked_at_twice(pretend: Pretend, name: str) -> None:
    pretend.fault(path=PATHS[name], body=EMPTY % "false")

    gathered = pretend.read(name, "incremental", cursor=CURSOR)

    assert pretend.keys(name, gathered) == set(pretend.truth(name))


@EVERY_LIST
def test_more_pages_said_to_end_on_a_full_page_is_not_believed(pretend: Pretend, name: str) -> None:
    pretend.fault(path=PATHS[name], times=None, edit=('"morePages":true', '"morePages":false'))

    assert pretend.complete(pretend.read(name, page_size=30), name)


@EVERY_LIST
@pytest.mark.parametrize("cap", [17, 2000])
def test_without_meta_a_list_is_read_to_its_end(pretend: Pretend, name: str, cap: int) -> None:
    """Whether the vendor allows the size that we ask for or fewer."""
    pretend.vendor.adjust({"no_meta": True, "cap": cap})

    assert pretend.complete(pretend.read(name, page_size=50), name)


@pytest.mark.parametrize("meta", ["[]", "null", '{"pages":5}', '{"morePages":"true"}'])
def test_meta_in_another_shape_loses_nothing(pretend: Pretend, meta: str) -> None:
    edit = (r'"meta":\{"morePages":true\}', f'"meta":{meta}')
    pretend.fault(path="/leads$", times=None, edit=edit)

    assert pretend.complete(pretend.read("leads", page_size=30), "leads")


def test_more_pages_for_ever_are_not_followed_for_ever(pretend: Pretend) -> None:
    """Case 47 of the fault list: the last page goes on promising more."""
    pretend.fault(path="/leads$", times=None, edit=('"morePages":false', '"morePages":true'))

    gathered = pretend.read("leads", page_size=30)

    assert isinstance(gathered.error, ContractError)
    assert pretend.keys("leads", gathered) == set(pretend.truth("leads"))


def test_a_vendor_that_ignores_the_page_number_is_found_out(pretend: Pretend) -> None:
    leads = list(pretend.truth("leads").values())

    def always_the_first(_name: str, request: Request) -> Response:
        shown = leads[: int(request.query["perPage"])]
        return json_answer({"meta": {"morePages": True}, "data": shown})

    pretend.vendor._list = always_the_first

    gathered = pretend.read("leads", page_size=30)

    assert isinstance(gathered.error, ContractError)
    assert pretend.requests() < 60


def test_a_vendor_that_ignores_the_page_size_is_found_out(pretend: Pretend) -> None:
    whole = json.dumps({"meta": {"morePages": True}, "data": list(pretend.truth("leads").values())})
    pretend.fault(path="/leads$", body=whole, times=None)

    assert "does not honour the page size" in str(pretend.read("leads", page_size=30).error)


@pytest.mark.parametrize("fault", [{"repeat": True}, {"body": EMPTY % "false"}])
def test_a_promise_of_more_users_is_kept_or_fails(pretend: Pretend, fault: dict[str, Any]) -> None:
    """Case 45 and 46 of the fault list, for the lists that are read whole."""
    pretend.vendor.adjust({"users_paged": True, "cap": 10})
    pretend.fault(path="/users$", nth=3, **fault)
    assert pretend.complete(pretend.read("users"), "users")

    pretend.sandbox.faults.clear()
    pretend.fault(path="/users$", nth=3, times=None, **fault)
    assert isinstance(pretend.read("users").error, ContractError)


def test_an_empty_list_of_users_is_looked_at_twice(pretend: Pretend) -> None:
    pretend.fault(path="/users$", body=EMPTY % "false")

    assert pretend.complete(pretend.read("users"), "users")


@pytest.mark.parametrize("name", ["leads", "users"])
def test_an_object_where_a_list_belongs_fails_the_stream(pretend: Pretend, name: str) -> None:
    pretend.fault(path=f"/{name}$", body='{"data":{"1":[{"id":1}]}}', times=None)

    assert "an object where a list" in str(pretend.read(name).error)


def test_a_list_where_histories_by_lead_belong_fails_the_stream(pretend: Pretend) -> None:
    pretend.fault(path="/leadStatusHistories$", body='{"data":[{"id":1}]}', times=None)

    assert "a list where histories" in str(pretend.read("lead_status_histories").error)


def test_a_page_of_the_knock_log_that_is_too_large_is_asked_for_in_smaller_ones(
    pretend: Pretend,
) -> None:
    """Both readings: 500 lines a page are allowed, or no more than 100."""
    name = "lead_status_activities"
    large = pretend.read(name)
    requests = pretend.requests()
    pretend.vendor.adjust({"activities_limit": 100})

    small = pretend.read(name)

    assert pretend.complete(large, name)
    assert pretend.complete(small, name)
    assert requests == 1
    assert max(len(page.records) for page in small.pages) == 100
    assert pretend.complete(pretend.read(name, settings={"activities_per_page": 50}), name)


def test_records_without_a_key_do_not_hide_that_rows_were_skipped(pretend: Pretend) -> None:
    """Case 80 of the fault list, in a list that moves."""
    pretend.fault(path="/leads$", nth=2, call=lambda: delete(pretend, 12))
    first_row = (r'"data":\[\{"id":\d+', '"data":[{"id":null')
    pretend.fault(path="/leads$", times=None, edit=first_row)

    gathered = pretend.read("leads", page_size=30)

    assert set(pretend.truth("leads")) <= pretend.keys("leads", gathered)


def delete(pretend: Pretend, count: int) -> None:
    leads = pretend.truth("leads").values()
    for lead in sorted(leads, key=lambda one: (one["dateCreated"], one["id"]))[:count]:
        pretend.vendor.book.delete_lead(lead["id"])


def test_the_budget_is_spread_over_the_minute(pretend: Pretend) -> None:
    for budget, seconds in ((60, 1.0), (30, 1.0), (600, 0.1)):
        start, before = pretend.seconds, pretend.requests()
        pretend.read("leads", page_size=5, settings={"budget": budget})
        requests = pretend.requests() - before
        assert requests >= 30
        assert pretend.seconds - start >= (requests - 10) * seconds, budget
