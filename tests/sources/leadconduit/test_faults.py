"""LeadConduit: what a faulty answer leads to."""

from __future__ import annotations

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
from connectors.sandbox.leadconduit.records import event, object_id
from connectors.sources.leadconduit import opening
from tests.sources.pretend import NOW, Pretend


def test_a_refused_key_ends_the_run(pretend: Pretend) -> None:
    pretend.vendor.keys = {"another"}

    assert isinstance(pretend.read("events").error, CredentialsError)
    assert isinstance(pretend.read("flows").error, CredentialsError)


def test_a_free_account_loses_its_lists_only(pretend: Pretend) -> None:
    """401 is not always a bad key."""
    pretend.vendor.free = True

    assert isinstance(pretend.read("flows").error, AccessError)
    assert pretend.complete(pretend.read("events"), "events")


def test_a_403_fails_the_stream(pretend: Pretend) -> None:
    pretend.fault(path="/vars$", status=403, times=None)

    assert isinstance(pretend.read("vars").error, AccessError)


def test_an_empty_page_in_the_middle_is_not_the_end(pretend: Pretend) -> None:
    """Case 45 of the fault list."""
    pretend.fault(path="/events$", nth=3, body="[]")

    assert pretend.complete(pretend.read("events", page_size=30), "events")


def test_a_short_page_in_the_middle_is_not_the_end(pretend: Pretend) -> None:
    first = pretend.truth("events")
    short = f'[{{"id":"{min(first)}","type":"source"}}]'
    pretend.fault(path="/events$", body=short)

    assert pretend.complete(pretend.read("events", page_size=30), "events")


def test_a_page_that_comes_twice_is_asked_for_again(pretend: Pretend) -> None:
    """Case 46 of the fault list."""
    pretend.fault(path="/events$", nth=3, repeat=True)

    assert pretend.complete(pretend.read("events", page_size=30), "events")


def test_a_page_that_comes_for_ever_fails_the_stream(pretend: Pretend) -> None:
    """Case 47 of the fault list."""
    pretend.fault(path="/events$", nth=3, repeat=True, times=None)

    assert isinstance(pretend.read("events", page_size=30).error, ContractError)


def test_another_order_than_by_id_is_no_green_run(pretend: Pretend) -> None:
    pretend.fault(
        path="/events$",
        body='[{"id":"65f0000000000000000000b2"},{"id":"65f0000000000000000000b1"}]',
    )

    assert "another order" in pretend.read("events").incomplete[0]


def test_a_lasting_429_ends_the_run(pretend: Pretend) -> None:
    pretend.fault(path="/events$", status=429, times=None)

    assert isinstance(pretend.read("events").error, RateLimited)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, TransientError),
        ({"html": True}, ContractError),
        ({"cut": 0.5}, TransientError),
        ({"body": '{"error": "x"}'}, ContractError),
        ({"body": "null"}, ContractError),
        ({"body": '[{"type":"source"}]'}, ContractError),
        ({"status": 400}, ContractError),
    ],
    ids=["500", "html", "cut", "error body", "null", "no ids", "400"],
)
def test_a_lasting_failure_is_never_the_end_of_the_events(
    pretend: Pretend, fault: dict[str, Any], error: type[SyncError]
) -> None:
    pretend.fault(path="/events$", nth=3, times=None, **fault)

    gathered = pretend.read("events", page_size=30)

    assert isinstance(gathered.error, error)
    assert gathered.positions


def test_unknown_words_and_odd_times_are_left_to_the_warehouse(pretend: Pretend) -> None:
    odd = event(object_id(NOW - timedelta(days=1), 1), "psychic", NOW, {"id": "x"})
    pretend.vendor.book.add(odd | {"outcome": "maybe", "start_timestamp": 10**30, "vars": None})

    record = pretend.read("events").by("id")[odd["id"]]

    assert (record["type"], record["outcome"]) == ("psychic", "maybe")
    assert record["started_at"] is None
    assert record["start_timestamp"] == 10**30


def test_the_budget_is_kept_by_the_second(pretend: Pretend) -> None:
    start = pretend.seconds

    pretend.read("events", page_size=30, settings={"budget": 1})

    assert pretend.seconds - start >= 10


@pytest.mark.parametrize("name", ["events", "leads"])
def test_a_read_takes_within_a_tenth_of_the_requests_that_its_rows_need(
    pretend: Pretend, name: str
) -> None:
    """A million events are 1,000 requests of 1,000; here smaller, in the same proportion."""
    pretend.read(name, page_size=4)

    needed = len(pretend.truth(name)) / 4
    assert needed > 30
    assert needed <= pretend.requests() <= needed * 1.1


@pytest.mark.parametrize(
    ("told", "stored"),
    [
        (1767225600123, "2026-01-01T00:00:00.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        ("2026-01-01T00:00:00Z", None),
        (1767225600123.5, None),
        (10**30, None),
        (True, None),
        (None, None),
    ],
)
def test_a_time_of_an_event_that_is_no_number_of_milliseconds_is_left_as_it_is(
    pretend: Pretend, told: object, stored: str | None
) -> None:
    odd = event(object_id(NOW - timedelta(days=1), 1), "source", NOW, {"id": "x"})
    pretend.vendor.book.add(odd | {"start_timestamp": told})

    record = pretend.read("events").by("id")[odd["id"]]

    assert record["started_at"] == stored
    assert record["start_timestamp"] == told


@pytest.mark.parametrize(
    "edit",
    [
        (r'"host":"ip-10-0-0-1"', '"host":NaN'),
        (r'"host":"ip-10-0-0-1"', r'"host":"\\ud83d"'),
        (r'"host":"ip-10-0-0-1"', '"host":"a\nb"'),
        (r'"Ana"', r'"\\ud83d"'),
    ],
    ids=["nan", "half a pair", "raw line end", "half a pair inside vars"],
)
def test_a_single_bad_value_costs_no_event(pretend: Pretend, edit: tuple[str, str]) -> None:
    """Cases 73 and 77 of the fault list: such a page is read value by value."""
    pretend.fault(path="/events$", times=None, edit=edit)

    for name in ("events", "leads"):
        assert pretend.complete(pretend.read(name, page_size=30), name)


@pytest.mark.parametrize(
    "vars_",
    [None, "x", [], {"lead": None}, {"lead": "x", "flow": "f"}, {"lead": {"id": {"normal": 1}}}],
    ids=["null", "text", "list", "null lead", "text lead", "odd id"],
)
def test_vars_of_another_shape_cost_no_event(pretend: Pretend, vars_: object) -> None:
    odd = event(object_id(NOW - timedelta(days=1), 1), "source", NOW, {})
    pretend.vendor.book.add(odd | {"vars": vars_})

    for name in ("events", "leads"):
        gathered = pretend.read(name)
        assert gathered.error is None
        assert pretend.keys(name, gathered) == set(pretend.truth(name))


def test_members_without_end_are_all_kept(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps are named by the account; beyond a number of names they are still appended."""
    monkeypatch.setattr(opening, "MAX_MEMBERS", 40)
    ids = [object_id(NOW - timedelta(days=1), number) for number in range(60)]
    for number, key in enumerate(ids):
        more = {f"step_{number}": {"n": number}, f'odd "{number}"': {"n": number}}
        pretend.vendor.book.add(event(key, "recipient", NOW, {"id": "x"}, **more))

    found = pretend.read("events").by("id")

    for number, key in enumerate(ids):
        assert found[key]["appended"] == {
            f"step_{number}": {"n": number},
            f'odd "{number}"': {"n": number},
        }
