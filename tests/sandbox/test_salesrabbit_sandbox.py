"""The pretend SalesRabbit, asked by a plain client."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.salesrabbit import SalesRabbit

NOW = datetime(2026, 6, 15, 18, 30, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Generator[Sandbox]:
    with Sandbox(seed=2, scale=0.5, only=["salesrabbit"], now=NOW) as running:
        yield running


@pytest.fixture
def vendor(sandbox: Sandbox) -> SalesRabbit:
    vendor: SalesRabbit = sandbox.vendor("salesrabbit")
    return vendor


@pytest.fixture
def client(sandbox: Sandbox) -> Generator[httpx.Client]:
    environment = sandbox.environment()
    token = environment["SALESRABBIT_API_TOKEN"]
    with httpx.Client(
        base_url=environment["SALESRABBIT_BASE_URL"],
        headers={"Authorization": f"Bearer {token}"},
        verify=False,
    ) as connected:
        yield connected


def listed(client: httpx.Client, path: str, **query: Any) -> Any:
    return client.get(path, params=query).raise_for_status().json()


def since(client: httpx.Client, path: str, header: str, text: str) -> httpx.Response:
    return client.get(path, headers={header: text})


def test_a_wrong_token_is_401(client: httpx.Client) -> None:
    answer = client.get("/leads", headers={"Authorization": "Bearer nonsense"})

    assert answer.status_code == 401
    assert answer.json()["status"] == "error"


def test_pages_have_numbers_and_say_whether_more_follow(client: httpx.Client) -> None:
    first = listed(client, "/leads", perPage=100)
    second = listed(client, "/leads", perPage=100, page=2)

    assert (len(first["data"]), first["meta"]) == (100, {"morePages": True})
    assert (len(second["data"]), second["meta"]) == (50, {"morePages": False})


def test_limit_is_ignored_and_a_page_is_cut_to_the_cap(
    client: httpx.Client, vendor: SalesRabbit
) -> None:
    vendor.adjust({"cap": 40})

    assert len(listed(client, "/leads", limit=10)["data"]) == 40
    assert len(listed(client, "/leads", perPage=5000)["data"]) == 40


def test_the_knock_log_gives_fifty_lines_unless_asked_for_more(
    client: httpx.Client, vendor: SalesRabbit
) -> None:
    assert len(listed(client, "/leadStatusActivities")["data"]) == 50
    vendor.adjust({"activities_limit": 100})
    assert client.get("/leadStatusActivities", params={"perPage": 101}).status_code == 400


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/leads", "If-Modified-Since"),
        ("/leads", "If-Status-Modified-Since"),
        ("/leadStatusHistories", "If-Modified-Since"),
        ("/leadStatusHistories", "If-Status-Modified-Since"),
        ("/leadStatusActivities", "If-Status-Modified-Since"),
    ],
)
def test_both_headers_are_inclusive_in_three_forms_of_time(
    client: httpx.Client, vendor: SalesRabbit, path: str, header: str
) -> None:
    at = datetime(2026, 6, 15, 12, 0, 7, tzinfo=UTC)
    vendor.book.knock(20_420, "Sold", at)

    for text in (at.isoformat(), "2026-06-15T12:00:07.900Z", format_datetime(at, usegmt=True)):
        found = since(client, path, header, text).json()["data"]
        assert "20420" in str(found), text
        assert len(found) == 1
    assert since(client, path, header, "2026-06-15T12:00:08Z").status_code == 304
    assert since(client, path, header, "yesterday").status_code == 400


def test_nothing_newer_is_a_304_without_a_body_or_an_empty_list(
    client: httpx.Client, vendor: SalesRabbit
) -> None:
    text = NOW.isoformat()

    answer = since(client, "/leads", "If-Modified-Since", text)
    assert (answer.status_code, answer.content) == (304, b"")
    vendor.adjust({"empty_list": True})
    assert since(client, "/leads", "If-Modified-Since", text).json()["data"] == []
    vendor.adjust({"ignore_dates": True})
    assert since(client, "/leads", "If-Modified-Since", text).json()["data"]


def test_users_come_whole_whatever_page_is_asked_for(
    client: httpx.Client, vendor: SalesRabbit
) -> None:
    answers = [listed(client, "/users", page=page, perPage=10) for page in (0, 1, 2)]

    assert [len(answer["data"]) for answer in answers] == [30, 30, 30]
    vendor.adjust({"users_paged": True})
    assert len(listed(client, "/users", page=2, perPage=10)["data"]) == 10


def test_histories_are_keyed_by_lead_and_counted_by_lead(client: httpx.Client) -> None:
    answer = listed(client, "/leadStatusHistories", perPage=10)

    assert len(answer["data"]) == 10
    events = answer["data"]["20417"]
    assert {"id", "name", "active", "changedByUserId", "statusUpdated"} <= events[0].keys()
    assert listed(client, "/leadStatusHistories", perPage=10, page=99)["data"] == []


def test_a_history_marks_its_current_event_and_has_an_order_of_its_own(
    vendor: SalesRabbit,
) -> None:
    by_lead = vendor.book.events.values()
    times = [[event["statusUpdated"] for event in events] for events in by_lead]

    assert {sum(event["active"] for event in events) for events in by_lead} == {0, 1}
    assert any(some == sorted(some) and len(some) > 1 for some in times)
    assert any(some != sorted(some) for some in times)


def test_kinds_of_ids_and_of_custom_fields_are_mixed(client: httpx.Client) -> None:
    leads = listed(client, "/leads")["data"]
    knock = listed(client, "/leadStatusActivities")["data"][0]

    assert {type(lead["customFields"]) for lead in leads} == {str, dict}
    assert type(leads[0]["userId"]) is int
    assert type(knock["dispositionerID"]) is str
    assert type(knock["dispositionLeadID"]) is int
    assert knock["dispositionTimestamp"].endswith("+00:00")
    assert "+" not in knock["currentOnDeviceStatusModified"]


def test_an_address_is_flat_or_nested(client: httpx.Client, vendor: SalesRabbit) -> None:
    flat = listed(client, "/leads")["data"][0]
    vendor.adjust({"nested": True})
    nested = listed(client, "/leads")["data"][0]

    assert nested["address"]["street1"] == flat["street1"]
    assert nested["coordinates"]["latitude"] == flat["latitude"]
    assert not {"street1", "latitude"} & nested.keys()


def test_a_deleted_lead_is_gone_and_its_knocks_say_so(
    client: httpx.Client, vendor: SalesRabbit
) -> None:
    vendor.book.delete_lead(20_418)

    assert client.get("/leads/20418").status_code == 404
    assert client.get("/leads/20419").json()["data"]["id"] == 20_419
    assert 20_418 not in [lead["id"] for lead in listed(client, "/leads")["data"]]
    assert "20418" not in listed(client, "/leadStatusHistories")["data"]
    log = listed(client, "/leadStatusActivities", perPage=2000)["data"]
    active = {one["currentLeadIsActive"] for one in log if one["dispositionLeadID"] == 20_418}
    assert active == {False}


def test_a_deleted_lead_may_stay_with_the_time_of_its_end(
    client: httpx.Client, vendor: SalesRabbit
) -> None:
    vendor.adjust({"marks_deleted": True})
    vendor.book.delete_lead(20_418)

    leads = {lead["id"]: lead for lead in listed(client, "/leads")["data"]}
    assert leads[20_418]["deletedAt"]
    assert "deletedAt" not in leads[20_419]


@pytest.mark.parametrize(("order", "place"), [("oldest", -1), ("newest", 0)])
def test_a_change_moves_a_lead_unless_the_list_is_sorted(
    client: httpx.Client, vendor: SalesRabbit, order: str, place: int
) -> None:
    vendor.adjust({"order": order})
    vendor.book.change_lead(20_420, notes="x")

    sorted_list = listed(client, "/leads", sortBy="dateCreated", order="asc")["data"]
    created = [lead["dateCreated"] for lead in sorted_list]
    assert created == sorted(created)
    assert listed(client, "/leads")["data"][place]["id"] == 20_420
    vendor.adjust({"sorts": False})
    unsorted = listed(client, "/leads", sortBy="dateCreated", order="asc")["data"]
    assert unsorted[place]["id"] == 20_420


def test_statuses_may_be_under_another_path(client: httpx.Client, vendor: SalesRabbit) -> None:
    vendor.adjust({"dashed": True})

    assert client.get("/leadStatuses").status_code == 404
    assert len(listed(client, "/lead-statuses")["data"]) == 6


def test_meta_may_be_missing_and_a_path_forbidden(
    client: httpx.Client, vendor: SalesRabbit
) -> None:
    vendor.adjust({"no_meta": True, "forbidden": ["roles"]})

    assert listed(client, "/leads").keys() == {"data"}
    assert client.get("/roles").status_code == 403


def test_a_step_adds_edits_deletes_and_renames(client: httpx.Client, sandbox: Sandbox) -> None:
    before = {entry.id: entry.version for entry in sandbox.ledger("salesrabbit", "leads")}
    sandbox.step()
    entries = {entry.id: entry for entry in sandbox.ledger("salesrabbit", "leads")}

    assert len(entries) > len(before)
    assert sum(entry.deleted for entry in entries.values()) == 1
    assert sum(entries[key].version > version for key, version in before.items()) == 10
    users = listed(client, "/users")["data"]
    assert (len(users), users[-1]["active"]) == (29, False)
    assert "New Mover 1" in str(listed(client, "/leadStatuses"))


def test_writing_is_a_defect(sandbox: Sandbox, client: httpx.Client) -> None:
    assert client.put("/leads/20418", json={"data": {"notes": "x"}}).status_code == 500
    assert len(sandbox.stats()["salesrabbit"]["defects"]) == 1


def test_an_unknown_switch_is_refused(vendor: SalesRabbit) -> None:
    for name in ("nonsense", "_world", "book", "name"):
        with pytest.raises(ValueError, match="unknown switch"):
            vendor.adjust({name: 1})
