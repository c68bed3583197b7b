"""The pretend CallRail, asked by a plain client."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.callrail import CallRail, Limits

NOW = datetime(2026, 6, 15, 18, 30, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Generator[Sandbox]:
    with Sandbox(seed=2, scale=0.5, only=["callrail"], now=NOW) as running:
        yield running


@pytest.fixture
def vendor(sandbox: Sandbox) -> CallRail:
    vendor: CallRail = sandbox.vendor("callrail")
    return vendor


@pytest.fixture
def client(sandbox: Sandbox) -> Generator[httpx.Client]:
    environment = sandbox.environment()
    headers = {"Authorization": f'Token token="{environment["CALLRAIL_API_KEY"]}"'}
    with httpx.Client(
        base_url=environment["CALLRAIL_BASE_URL"], headers=headers, verify=False
    ) as connected:
        yield connected


@pytest.fixture
def west(vendor: CallRail) -> str:
    return vendor.book["accounts"].live_keys()[0]


def ask(client: httpx.Client, account: str, resource: str, **query: Any) -> Any:
    return client.get(f"/a/{account}/{resource}.json", params=query)


def test_the_key_is_taken_with_and_without_quotes(client: httpx.Client) -> None:
    key = client.headers["authorization"].split('"')[1]

    answers = [
        client.get("/a.json", headers={"Authorization": value})
        for value in (f'Token token="{key}"', f"Token token={key}", f"Bearer {key}", "")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 401, 401]
    assert answers[-1].json() == {"error": "HTTP Token: Access denied."}


def test_unknown_paths_and_accounts_are_not_found(client: httpx.Client, west: str) -> None:
    for path in ("/a", "/a/ACCx/calls.json", f"/a/{west}/calls", f"/a/{west}/text_messages.json"):
        assert client.get(path).status_code == 404


def test_a_resource_can_be_forbidden(client: httpx.Client, vendor: CallRail, west: str) -> None:
    vendor.adjust({"forbidden": ["users"]})

    assert ask(client, west, "users").status_code == 403
    assert ask(client, west, "tags").status_code == 200


def test_without_dates_only_about_a_week_comes(client: httpx.Client, west: str) -> None:
    recent = ask(client, west, "calls").json()["calls"]
    every = ask(client, west, "calls", start_date="2024-06-15", end_date="2026-06-15").json()

    assert 0 < len(recent) < every["total_records"]
    assert min(call["start_time"] for call in recent) > "2026-06-07"


@pytest.mark.parametrize("zone", ["company", "account", "utc"])
def test_a_day_is_inclusive_and_local(
    client: httpx.Client, vendor: CallRail, west: str, zone: str
) -> None:
    vendor.adjust({"zone": zone})
    denver = next(c for c in vendor.book["companies"].live() if "Denver" in c["time_zone"])
    key = vendor.book.new_call(datetime(2026, 6, 2, 5, 30, tzinfo=UTC), denver)  # 23:30 there

    days = [
        day
        for day in ("2026-06-01", "2026-06-02")
        if key
        in {
            c["id"]
            for c in ask(client, west, "calls", start_date=day, end_date=day).json()["calls"]
        }
    ]

    assert days == {"company": ["2026-06-01"]}.get(zone, ["2026-06-02"])


def test_dates_may_have_a_time(client: httpx.Client, vendor: CallRail, west: str) -> None:
    denver = next(c for c in vendor.book["companies"].live() if "Denver" in c["time_zone"])
    at = NOW - timedelta(days=3)
    key = vendor.book.new_call(at, denver)

    def found(start: str) -> bool:
        answer = ask(client, west, "calls", start_date=start, end_date="2026-06-15", per_page=250)
        return key in {call["id"] for call in answer.json()["calls"]}

    assert found("2026-06-12T18:30:00+00:00")
    assert not found("2026-06-12T18:31:00+00:00")


def test_more_than_25_months_back_is_refused(client: httpx.Client, west: str) -> None:
    for query in ({"start_date": "2024-05-14"}, {"date_range": "all_time"}):
        answer = ask(client, west, "calls", **query)
        assert answer.status_code == 400
        assert "revise the date range" in answer.json()["error"]
    assert ask(client, west, "calls", start_date="2024-05-15").status_code == 200


def test_optional_fields_come_when_asked_for_and_strange_ones_are_refused(
    client: httpx.Client, west: str
) -> None:
    plain = ask(client, west, "calls").json()["calls"][0]
    asked = ask(client, west, "calls", fields="tags,value").json()["calls"][0]

    assert "tags" not in plain
    assert {"tags", "value"} <= asked.keys()
    assert ask(client, west, "calls", fields="tags,nonsense").status_code == 400


def test_sorting_differs_by_list(client: httpx.Client, west: str) -> None:
    dates = {"start_date": "2026-01-01", "end_date": "2026-06-15"}
    rising = ask(client, west, "calls", sort="start_time", order="asc", **dates).json()["calls"]
    usual = ask(client, west, "calls", **dates).json()["calls"]

    times = [datetime.fromisoformat(call["start_time"]) for call in rising]
    assert times == sorted(times)
    assert usual[0]["start_time"] > usual[-1]["start_time"]
    assert ask(client, west, "calls", sort="-start_time").status_code == 400
    assert ask(client, west, "tags", sort="id").status_code == 400


def test_envelopes_differ_and_unknown_parameters_are_ignored(
    client: httpx.Client, vendor: CallRail, west: str
) -> None:
    calls = ask(client, west, "calls", start_date="2025-01-01", per_page=2, nonsense=1)
    tags = ask(client, west, "tags", per_page=5000)

    assert calls.json().keys() == {"page", "per_page", "total_pages", "total_records", "calls"}
    assert "page=2" in calls.headers["link"]
    assert tags.json().keys() == {"page", "per_page", "total_records", "tags"}
    assert tags.json()["per_page"] == 250
    assert ask(client, west, "tags", page=99).json()["tags"] == []
    vendor.lists.max_page_refused = True
    assert ask(client, west, "tags", per_page=251).status_code == 400


def test_relative_pages_lead_through_all_calls(client: httpx.Client, west: str) -> None:
    query = {"start_date": "2024-06-15", "end_date": "2026-06-15", "per_page": 100}
    total = ask(client, west, "calls", **query).json()["total_records"]
    answer = ask(client, west, "calls", relative_pagination="true", **query).json()
    found = len(answer["calls"])
    while answer["has_next_page"]:
        answer = client.get(answer["next_page"]).json()
        found += len(answer["calls"])

    assert found == total
    assert "total_records" not in answer


def test_limits_count_by_the_clock_hour_and_say_so(
    sandbox: Sandbox, client: httpx.Client, vendor: CallRail
) -> None:
    vendor.limits = Limits(hourly=2, daily=4)

    answers = [client.get("/a.json") for _ in range(3)]
    sandbox.clock.advance(timedelta(hours=1))
    later = [client.get("/a.json") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[1].headers["x-rate-limit-hourly-used"] == "2"
    assert answers[1].headers["x-rate-limit-daily-allowed"] == "4"
    assert "retry-after" not in answers[2].headers
    assert [answer.status_code for answer in later] == [200, 429]  # the day is used up
    vendor.limits = Limits(hourly=1, retry_after=True)
    assert client.get("/a.json").headers["retry-after"] == "1"


def test_what_would_change_the_account_is_a_defect(sandbox: Sandbox, client: httpx.Client) -> None:
    assert client.post("/a.json").status_code == 500
    assert sandbox.stats()["callrail"]["defects"]


def test_a_step_deletes_some_softly_and_some_for_good(sandbox: Sandbox, vendor: CallRail) -> None:
    count = {name: len(vendor.book[name].live()) for name in ("tags", "users", "companies")}
    gone = {entry.id for entry in sandbox.ledger("callrail", "calls") if entry.deleted}

    sandbox.step()

    after = {name: len(vendor.book[name].live()) for name in count}
    assert after == {**count, "tags": count["tags"] - 1, "users": count["users"] - 1}
    assert [c["status"] for c in vendor.book["companies"].live()].count("disabled") == 1
    spam = {entry.id for entry in sandbox.ledger("callrail", "calls") if entry.deleted} - gone
    assert len(spam) == 1


def test_series_have_a_point_for_each_day_and_200_at_most(client: httpx.Client, west: str) -> None:
    def series(start: str) -> httpx.Response:
        return client.get(
            f"/a/{west}/calls/timeseries.json",
            params={"start_date": start, "end_date": "2026-06-15", "fields": "total_calls"},
        )

    rows = series("2026-06-01").json()["data"]
    assert len(rows) == 15
    assert rows[0].keys() == {"key", "date", "total_calls"}
    assert series("2025-01-01").status_code == 400


def test_values_come_in_mixed_shapes(vendor: CallRail) -> None:
    calls, companies = vendor.book["calls"].live(), vendor.book["companies"].live()

    for name, kinds in (("recording_duration", {int, str}), ("speaker_percent", {list, dict})):
        assert {type(call[name]) for call in calls if call[name] is not None} == kinds
    assert {type(one["swap_exclude_jquery"]) for one in companies} == {type(None), str, bool}
    assert vendor.book["accounts"].live()[0]["created_at"].endswith((" -0500", " -0400"))


def test_an_unknown_switch_is_refused(vendor: CallRail) -> None:
    with pytest.raises(ValueError, match="unknown switch"):
        vendor.adjust({"nonsense": 1})
