"""Arrivy: pages that fail, come empty, twice or shifted. None ends green with rows missing."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import ContractError, SyncError, TransientError
from tests.sources.arrivy.situations import crowd
from tests.sources.pretend import Pretend


@pytest.mark.parametrize("name", ["tasks", "customers"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, TransientError),
        ({"html": True}, ContractError),
        ({"cut": 0.5}, TransientError),
        ({"body": '{"message": "nope", "description": "nope"}'}, ContractError),
        ({"body": "null"}, ContractError),
        ({"body": "[null]"}, ContractError),
        ({"body": '{"results": null}'}, ContractError),
        ({"status": 404}, ContractError),
        ({"status": 400}, ContractError),
    ],
    ids=["500", "html", "cut", "error body", "null", "no objects", "no results", "404", "400"],
)
def test_a_lasting_failure_fails_the_stream_after_the_pages_before_it(
    pretend: Pretend, name: str, fault: dict[str, Any], error: type[SyncError]
) -> None:
    crowd(pretend)
    pretend.fault(path="/(tasks|customers)$", nth=4, times=None, **fault)

    gathered = pretend.read(name, page_size=10)

    assert isinstance(gathered.error, error)
    assert gathered.records
    assert not any(page.closed or page.cursor or page.everything for page in gathered.pages)


def test_a_path_that_is_unknown_is_answered_by_a_web_page(pretend: Pretend) -> None:
    wrong = f"{pretend.sandbox.environment()['ARRIVY_BASE_URL']}/v2"

    error = pretend.read("tasks", settings={"base_url": wrong}).error

    assert isinstance(error, ContractError)
    assert "web page" in str(error)


@pytest.mark.parametrize("name", ["tasks", "customers"])
@pytest.mark.parametrize("nth", [1, 2, 3, 5, 8])
def test_an_empty_page_is_asked_for_again_wherever_it_comes(
    pretend: Pretend, name: str, nth: int
) -> None:
    """Case 45 of the fault list."""
    crowd(pretend)
    pretend.fault(path="/(tasks|customers)$", nth=nth, body="[]")

    assert pretend.complete(pretend.read(name, page_size=10), name)


@pytest.mark.parametrize("name", ["tasks", "customers"])
@pytest.mark.parametrize("nth", [2, 3, 4, 6, 9, 30])
def test_a_page_that_comes_twice_is_noticed(pretend: Pretend, name: str, nth: int) -> None:
    """Case 46 of the fault list, in a list without tokens."""
    crowd(pretend)
    pretend.fault(path="/(tasks|customers)$", nth=nth, repeat=True)

    assert pretend.complete(pretend.read(name, page_size=10), name)


@pytest.mark.parametrize("name", ["tasks", "customers"])
@pytest.mark.parametrize("fault", [{"body": "[]"}, {"repeat": True}], ids=["empty", "repeated"])
def test_a_middle_that_stays_wrong_is_no_success(
    pretend: Pretend, name: str, fault: dict[str, Any]
) -> None:
    crowd(pretend)
    path = "/customers$" if name == "customers" else "/tasks$"
    pretend.fault(path=path, contains="page=2&", times=None, **fault)

    gathered = pretend.read(name, page_size=10)

    assert isinstance(gathered.error, ContractError)
    assert not any(page.closed or page.everything for page in gathered.pages)


def test_tasks_of_other_days_than_asked_for_are_noticed(pretend: Pretend) -> None:
    pretend.vendor.lists.ignored = {"from", "to"}

    gathered = pretend.read("tasks")

    assert isinstance(gathered.error, ContractError)
    assert "as if from and to had not been asked for" in str(gathered.error)


@pytest.mark.parametrize("flag", ["unscheduled", "tasks_with_no_datetime"])
def test_a_list_beside_the_schedule_that_cannot_be_had_leaves_the_read_incomplete(
    pretend: Pretend, flag: str
) -> None:
    pretend.vendor.lists.ignored = {flag}

    gathered = pretend.read("tasks")

    assert gathered.error is None
    assert f"as if {flag} had not been asked for" in gathered.incomplete[0]
    assert not any(p.closed and p.closed.since.year == 1900 for p in gathered.pages)


@pytest.mark.parametrize("nth", [4, 25, 27, 29, 31, 33])
def test_rows_that_move_up_between_two_pages_are_not_lost(pretend: Pretend, nth: int) -> None:
    """Case 51 of the fault list: a task before the reader's place is deleted."""
    crowd(pretend, 100)
    book = pretend.vendor.book
    doomed = iter(book.near())
    pretend.fault(path="tasks$", nth=nth, call=lambda: book.delete_task(next(doomed)))

    gathered = pretend.read("tasks", page_size=12)

    assert pretend.keys("tasks", gathered) >= set(pretend.truth("tasks"))
    assert gathered.error is None


def test_customers_that_move_up_between_two_pages_are_not_lost(pretend: Pretend) -> None:
    customers = pretend.vendor.book["customers"]
    pretend.fault(
        path="/customers$",
        nth=2,
        times=3,
        call=lambda: customers.delete(customers.live_keys()[0]),
    )

    gathered = pretend.read("customers", page_size=12)

    assert pretend.keys("customers", gathered) >= set(pretend.truth("customers"))


def test_a_list_that_shrinks_faster_than_it_is_read_is_no_success(pretend: Pretend) -> None:
    crowd(pretend, 400)
    book = pretend.vendor.book

    def shrink() -> None:
        for key in book.near()[:14]:
            book.delete_task(key)

    pretend.fault(path="/tasks$", nth=6, times=None, call=shrink)

    gathered = pretend.read("tasks", page_size=12)

    kept = pretend.keys("tasks", gathered) >= set(pretend.truth("tasks"))
    assert kept or isinstance(gathered.error, ContractError)
