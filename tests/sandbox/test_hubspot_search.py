from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx

from connectors.sandbox import Sandbox, epoch_ms
from connectors.sandbox.hubspot import HubSpot
from tests.sandbox.hubspot import found, live, search, where


def test_search_compares_by_type_and_ids_as_numbers(hubspot: Sandbox, client: httpx.Client) -> None:
    contacts = live(hubspot, "contacts")

    def expected(name: str, test: Callable[[str], bool]) -> set[str]:
        values = {key: record["properties"][name] for key, record in contacts.items()}
        return {key for key, value in values.items() if value and test(value)}

    def got(name: str, operator: str, *values: Any) -> set[str]:
        both = [found(client, "contacts", where(name, operator, *values), after=a) for a in "0"]
        both.append(found(client, "contacts", where(name, operator, *values), after="200"))
        return {key for page in both for key in page}

    assert got("hs_object_id", "GT", "1000") == expected("hs_object_id", lambda v: int(v) > 1000)
    assert got("price", "BETWEEN", "9", "80") == expected("price", lambda v: 9 <= float(v) <= 80)
    assert got("tier", "EQ", "GOLD") == expected("tier", lambda v: v == "gold")
    assert got("tier", "NEQ", "gold") == expected("tier", lambda v: v != "gold")
    assert got("tier", "IN", "gold", "silver") == expected("tier", lambda v: v != "bronze")
    assert got("tier", "NOT_IN", "gold") == got("tier", "NEQ", "gold")
    assert got("comments", "HAS_PROPERTY") == expected("comments", bool)
    assert got("comments", "NOT_HAS_PROPERTY") == set(contacts) - expected("comments", bool)
    assert got("search_terms", "CONTAINS_TOKEN", "repair") == expected(
        "search_terms", lambda v: "repair" in v
    )
    assert got("price", "LTE", "80") == expected("price", lambda v: float(v) <= 80)
    assert got("price", "LT", "0") == set()
    assert got("contract_date", "GTE", "2025-01-01") == expected(
        "contract_date", lambda v: v >= "2025-01-01"
    )


def test_groups_are_alternatives_and_a_time_may_be_text_or_milliseconds(
    hubspot: Sandbox, client: httpx.Client
) -> None:
    ids = [*live(hubspot, "deals")]
    groups = [{"filters": [where("hs_object_id", "EQ", key)]} for key in ids[3:5]]
    assert found(client, "deals", filterGroups=groups) == ids[3:5]

    stamp = live(hubspot, "deals")[ids[7]]["updatedAt"]
    moment = str(epoch_ms(datetime.fromisoformat(stamp)))
    for value in (stamp, moment):
        assert found(client, "deals", where("hs_lastmodifieddate", "EQ", value)) == [ids[7]]


def test_more_than_ten_thousand_equal_stamps_are_read_by_id_only(
    hubspot: Sandbox, portal: HubSpot, client: httpx.Client
) -> None:
    """Cases 49 and 50 of the fault list."""
    moment = str(portal.cluster("leads", 10_001))
    window = where("hs_lastmodifieddate", "BETWEEN", moment, moment)

    page = search(client, "leads", window, after="9800").json()
    assert page["total"] == 10_001
    assert page["paging"] == {"next": {"after": "10000"}}
    assert search(client, "leads", window, after="10000").status_code == 400
    last = page["results"][-1]["id"]
    rest = search(client, "leads", window, where("hs_object_id", "GT", last)).json()
    assert rest["total"] == len(rest["results"]) == 1
    assert "paging" not in rest


def test_the_search_index_trails_the_records(
    hubspot: Sandbox, portal: HubSpot, client: httpx.Client
) -> None:
    """Case 52 of the fault list."""
    portal.set_index_lag(1200)
    key = portal.ids("deals")[0]
    old = live(hubspot, "deals")[key]["properties"]["amount"]
    portal.change("deals", key, amount="77.70")
    new = portal.add("deals")

    def seen() -> tuple[Any, bool]:
        results = search(client, "deals", properties=["amount"]).json()["results"]
        by_id = {record["id"]: record["properties"]["amount"] for record in results}
        return by_id[key], new in by_id

    assert seen() == (old, False)
    listed = client.get(f"/crm/v3/objects/deals/{key}?properties=amount").json()
    assert listed["properties"]["amount"] == "77.70"
    hubspot.clock.advance(timedelta(seconds=1200))
    assert seen() == ("77.70", True)


def test_a_sort_by_time_may_be_wrong_but_one_by_id_is_not(
    portal: HubSpot, client: httpx.Client
) -> None:
    """Case 54 of the fault list."""
    by_time = [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}]

    def stamps(**more: Any) -> list[str]:
        return [r["updatedAt"] for r in search(client, "deals", **more).json()["results"]]

    assert stamps(sorts=by_time) == sorted(stamps())
    portal.set_disorder(30 * 86_400)
    assert stamps(sorts=by_time) != sorted(stamps())
    ids = [int(key) for key in found(client, "deals")]
    assert ids == sorted(ids)


def test_a_record_changed_between_two_pages_shows_its_newer_stamp(
    hubspot: Sandbox, portal: HubSpot, client: httpx.Client
) -> None:
    """Cases 51 and 53 of the fault list."""
    key = portal.ids("deals")[-1]
    now = epoch_ms(hubspot.clock.now())
    hubspot.fault(path="/search$", nth=2, call=lambda: portal.change("deals", key, at=now))

    window = where("hs_lastmodifieddate", "LT", str(now))
    assert search(client, "deals", window, limit=100).json()["total"] == 160
    second = search(client, "deals", window, limit=100, after="100").json()
    assert second["total"] == 159
    assert key not in {record["id"] for record in second["results"]}
