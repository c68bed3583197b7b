"""CallRail: what a faulty answer leads to."""

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
from connectors.sandbox.callrail import Limits
from tests.sources.pretend import NOW, Pretend


def test_a_refused_key_ends_the_run(pretend: Pretend) -> None:
    pretend.vendor.keys = {"another"}

    assert isinstance(pretend.read("calls").error, CredentialsError)


def test_a_resource_without_permission_fails_its_stream_only(pretend: Pretend) -> None:
    """Case 42 of the fault list."""
    pretend.vendor.forbidden = {"users"}

    assert isinstance(pretend.read("users").error, AccessError)
    assert pretend.complete(pretend.read("tags"), "tags")


def test_a_key_without_accounts_is_no_empty_success(pretend: Pretend) -> None:
    pretend.fault(path="/a.json$", edit=(r'"accounts":\[.*\]', '"accounts":[]'))
    pretend.fault(path="/a.json$", edit=(r'"accounts":\[.*\]', '"accounts":[]'), times=None)

    assert isinstance(pretend.read("calls").error, AccessError)


def test_a_used_up_hour_ends_the_run_with_the_time_to_go_on(pretend: Pretend) -> None:
    """Case 35 of the fault list: nobody sleeps for an hour, and it is no end of data."""
    pretend.vendor.limits = Limits(hourly=9)

    gathered = pretend.read("calls", page_size=20)

    assert isinstance(gathered.error, RateLimited)
    assert gathered.error.resume_at <= NOW + timedelta(hours=1)
    assert pretend.sandbox.stats()["callrail"]["rate_limited"] <= 1


def test_the_hourly_budget_is_kept(pretend: Pretend) -> None:
    gathered = pretend.read("calls", page_size=20, settings={"budget": 8})

    assert isinstance(gathered.error, RateLimited)
    assert pretend.requests() == 8


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, TransientError),
        ({"html": True}, ContractError),
        ({"cut": 0.5}, TransientError),
        ({"body": '{"error": "nope"}'}, ContractError),
        ({"body": "[]"}, ContractError),
        ({"body": '{"calls": null}'}, ContractError),
        ({"status": 404}, ContractError),
    ],
    ids=["500", "html", "cut", "error body", "array", "null", "404"],
)
def test_a_lasting_failure_fails_the_stream_after_the_pages_before_it(
    pretend: Pretend, fault: dict[str, Any], error: type[SyncError]
) -> None:
    pretend.fault(path="/calls.json$", nth=4, times=None, **fault)

    gathered = pretend.read("calls", page_size=20)

    assert isinstance(gathered.error, error)
    assert gathered.records
    assert gathered.positions


def test_what_the_reader_does_not_know_is_left_to_the_warehouse(pretend: Pretend) -> None:
    """An unknown status, an unreadable or missing time, a record without its key."""
    pretend.fault(
        path="/calls.json$",
        contains="page=2&",
        edit=(
            r'"calls":\[',
            (
                '"calls":[{"id":"CALx1","start_time":"31/12/2025","lead_status":"maybe"},{"id":"CALx2"},'
                '{"start_time":"2026-06-01T00:00:00Z","answered":true},'
            ),
        ),
    )

    gathered = pretend.read("calls", page_size=20)

    found = gathered.by("id")
    assert found["CALx1"]["lead_status"] == "maybe"
    assert {"CALx2", None} <= found.keys()


def test_a_next_page_link_is_never_followed(pretend: Pretend) -> None:
    """Case 48 of the fault list: pages are counted, links are not trusted with the key."""
    pretend.fault(
        path="/calls.json$",
        times=2,
        headers={"Link": '<http://169.254.169.254/?page=2>; rel="next"'},
    )

    assert pretend.complete(pretend.read("calls", page_size=20), "calls")
