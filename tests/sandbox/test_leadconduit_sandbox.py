"""The pretend LeadConduit, asked by a plain client."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.leadconduit import LeadConduit

NOW = datetime(2026, 6, 15, 18, 30, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Generator[Sandbox]:
    with Sandbox(seed=2, scale=0.5, only=["leadconduit"], now=NOW) as running:
        yield running


@pytest.fixture
def vendor(sandbox: Sandbox) -> LeadConduit:
    vendor: LeadConduit = sandbox.vendor("leadconduit")
    return vendor


@pytest.fixture
def client(sandbox: Sandbox) -> Generator[httpx.Client]:
    environment = sandbox.environment()
    with httpx.Client(
        base_url=environment["LEADCONDUIT_BASE_URL"],
        headers={"Accept": "application/json"},
        auth=("anybody", environment["LEADCONDUIT_API_KEY"]),
        verify=False,
    ) as connected:
        yield connected


def events(client: httpx.Client, **query: Any) -> Any:
    return client.get("/events", params=query).raise_for_status().json()


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in found]


def test_without_the_accept_header_everything_is_403(client: httpx.Client) -> None:
    answer = client.get("/events", headers={"Accept": "*/*"})

    assert answer.status_code == 403
    assert "csrf" in answer.json()["error"]


def test_only_the_key_counts(client: httpx.Client) -> None:
    assert client.get("/events").status_code == 200
    refused = client.get("/events", auth=("API", "wrong"))
    assert refused.status_code == 401
    assert refused.json() == {"error": "not authorized"}


def test_a_free_account_is_refused_its_lists(client: httpx.Client, vendor: LeadConduit) -> None:
    vendor.adjust({"free": True})

    assert client.get("/flows").status_code == 401
    assert client.get("/events").status_code == 200


def test_events_are_a_bare_array_newest_first(client: httpx.Client) -> None:
    found = ids(events(client))

    assert len(found) == 100
    assert found == sorted(found, reverse=True)


def test_id_cursors_are_exclusive_in_both_directions(client: httpx.Client) -> None:
    rising = ids(events(client, sort="asc", limit=10))

    assert ids(events(client, sort="asc", limit=3, after_id=rising[4])) == rising[5:8]
    assert ids(events(client, limit=3, before_id=rising[4])) == rising[1:4][::-1]
    assert client.get("/events", params={"after_id": "nonsense"}).status_code == 400


@pytest.mark.parametrize("dated_by", ["id", "end"])
def test_start_and_end_are_inclusive(
    client: httpx.Client, vendor: LeadConduit, dated_by: str
) -> None:
    vendor.adjust({"dated_by": dated_by})
    at = datetime(2026, 6, 10, 12, tzinfo=UTC)
    if dated_by == "end":
        at -= timedelta(milliseconds=1333)
    lead_id = vendor.book.submit(at)

    found = events(client, start="2026-06-10T12:00:00Z", end="2026-06-10T12:00:00Z")

    assert lead_id in ids(found)


def test_the_limit_is_a_thousand(client: httpx.Client, vendor: LeadConduit) -> None:
    assert client.get("/events", params={"limit": 1001}).status_code == 400
    assert client.get("/events", params={"limit": 0}).status_code == 400
    vendor.adjust({"clamps_limit": True})
    assert client.get("/events", params={"limit": 1001}).status_code == 200


def test_fields_are_chosen_by_repeated_names(client: httpx.Client) -> None:
    slim = events(client, exclude=["vars", "request"])[0]
    short = events(client, include=["id", "type"])[0]

    assert not {"vars", "request"} & slim.keys()
    assert short.keys() == {"id", "type"}
    both = client.get("/events", params={"include": "id", "exclude": "vars"})
    assert both.status_code == 400


def test_rules_choose_by_equality(client: httpx.Client) -> None:
    rules = json.dumps([{"lhv": "type", "op": "is equal to", "rhv": "source"}])

    assert {event["type"] for event in events(client, rules=rules)} == {"source"}
    other = json.dumps([{"lhv": "type", "op": "includes", "rhv": "s"}])
    assert client.get("/events", params={"rules": other}).status_code == 400


def test_an_export_asks_the_same_in_a_body(client: httpx.Client) -> None:
    answer = client.post("/events", json={"sort": "asc", "limit": 5, "exclude": ["vars"]})

    assert ids(answer.json()) == ids(events(client, sort="asc", limit=5))


def test_a_step_writes_a_late_event_below_ids_already_shown(
    client: httpx.Client, sandbox: Sandbox, vendor: LeadConduit
) -> None:
    vendor.book.submit(NOW - timedelta(minutes=2))
    newest = ids(events(client, limit=1))[0]

    before = set(vendor.book.ids)
    sandbox.step()

    new = set(vendor.book.ids) - before
    assert min(new) < newest < max(new)
    assert {vendor.book["events"].get(one)["type"] for one in new} >= {"feedback-received", "retry"}  # type: ignore[index] # pyright: ignore[reportOptionalSubscript]


def test_old_events_are_forgotten_by_answers_not_by_the_ledger(
    client: httpx.Client, sandbox: Sandbox, vendor: LeadConduit
) -> None:
    count = len(sandbox.ledger("leadconduit", "events"))
    vendor.adjust({"retention_days": 10})

    assert 0 < len(events(client, limit=1000)) < count
    assert not any(entry.deleted for entry in sandbox.ledger("leadconduit", "events"))


def test_values_are_typed_plain_nested_and_masked(vendor: LeadConduit) -> None:
    events: Any = [vendor.book["events"].get(key) for key in vendor.book.leads]
    leads: list[dict[str, Any]] = [event["vars"]["lead"] for event in events]

    assert {type(lead.get("phone_3")) for lead in leads} == {str, type(None)}
    assert {type(lead["loan_amount"]["normal"]) for lead in leads} == {float, type(None)}
    assert any(lead["postal_code"]["normal"] == "*****" for lead in leads)
    assert leads[0]["agent"]["phone_1"]["normal"] == "5125550199"


def test_the_account_shows_its_key(client: httpx.Client, sandbox: Sandbox) -> None:
    key = sandbox.environment()["LEADCONDUIT_API_KEY"]

    assert client.get("/user").json()["api_key"] == key
    assert client.get("/account").json()["api_key"] == key


def test_an_empty_list_may_be_null(client: httpx.Client, vendor: LeadConduit) -> None:
    vendor.adjust({"entities_null": True})

    assert client.get("/entities").json() is None


def test_one_event_is_found_by_its_id(client: httpx.Client, vendor: LeadConduit) -> None:
    key = vendor.book.leads[0]

    assert client.get(f"/events/{key}").json()["id"] == key
    assert client.get("/events/0").status_code == 404
    assert client.get("/exports").status_code == 404


def test_credentials_and_changes_are_defects(sandbox: Sandbox, client: httpx.Client) -> None:
    assert client.get("/credentials").status_code == 500
    assert client.delete("/flows/1").status_code == 500
    assert len(sandbox.stats()["leadconduit"]["defects"]) == 2


def test_an_unknown_switch_is_refused(vendor: LeadConduit) -> None:
    with pytest.raises(ValueError, match="unknown switch"):
        vendor.adjust({"nonsense": 1})
