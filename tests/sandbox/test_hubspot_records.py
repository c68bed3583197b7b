from __future__ import annotations

from datetime import timedelta

import httpx

from connectors.sandbox import Sandbox, epoch_ms
from connectors.sandbox.hubspot import HubSpot
from connectors.sandbox.hubspot.access import TOKEN
from connectors.sandbox.hubspot.recipes import Property
from tests.sandbox.hubspot import NOW, OBJECTS, dialects, found, live, pages, where


@dialects
def test_listing_every_page_gives_what_the_ledger_holds(
    dialect: str, hubspot: Sandbox, client: httpx.Client
) -> None:
    hubspot.step()
    names = [p["name"] for p in client.get("/crm/v3/properties/deals").json()["results"]]
    records = list(pages(client, f"{OBJECTS[dialect]}/deals", limit=50, properties=",".join(names)))

    assert {record["id"]: record for record in records} == live(hubspot, "deals")
    assert [int(r["id"]) for r in records] == sorted(int(r["id"]) for r in records)


def test_every_kind_lists_and_all_values_are_text_or_null(
    hubspot: Sandbox, client: httpx.Client
) -> None:
    for kind in ("contacts", "0-1", "0-421", "2-37778609", "p44551100_zip_code", "emails", "users"):
        record = client.get(f"/crm/v3/objects/{kind}?limit=1").json()["results"][0]
        assert all(isinstance(v, str | None) for v in record["properties"].values())
    assert len(live(hubspot, "contacts")["51"]["properties"]) > 60


def test_only_default_properties_come_unasked_and_unknown_ones_are_ignored(
    client: httpx.Client,
) -> None:
    plain = client.get("/crm/v3/objects/contacts/51").json()["properties"]
    asked = client.get("/crm/v3/objects/contacts/51?properties=fax,nonsense").json()["properties"]

    system = {"createdate", "hs_object_id", "lastmodifieddate"}
    assert set(plain) == system | {"email", "firstname", "lastname"}
    assert set(asked) == system | {"fax"}
    assert asked["fax"] is None


@dialects
def test_a_batch_read_tells_missing_ids_in_a_207(
    dialect: str, portal: HubSpot, client: httpx.Client
) -> None:
    kept, archived, purged, merged = portal.ids("contacts")[:4]
    portal.archive("contacts", archived)
    portal.purge("contacts", purged)
    portal.merge("contacts", kept, merged)
    body = {"inputs": [{"id": key} for key in (kept, archived, purged, merged, "52")]}
    url = f"{OBJECTS[dialect]}/contacts/batch/read"

    answer = client.post(url, json=body | {"properties": ["hs_merged_object_ids"]})
    assert answer.status_code == 207
    [record] = answer.json()["results"]
    assert record["properties"]["hs_merged_object_ids"] == merged
    [error] = answer.json()["errors"]
    assert error["category"] == "OBJECT_NOT_FOUND"
    assert error["context"] == {"ids": [archived, purged, "52"]}

    old = client.post(f"{url}?archived=true", json={"inputs": [{"id": archived}]})
    assert old.status_code == 200
    assert old.json()["results"][0]["archivedAt"].startswith("2026-03-01T11:58")
    named = client.post(
        url, json={"inputs": [{"id": "customer0@example.com"}], "idProperty": "email"}
    )
    assert named.json()["results"][0]["id"] == kept


def test_archived_records_are_listed_apart_and_can_come_back(
    hubspot: Sandbox, portal: HubSpot, client: httpx.Client
) -> None:
    """Cases 55 and 56 of the fault list."""
    first, second, third = portal.ids("contacts")[:3]
    before = live(hubspot, "contacts")[second]["updatedAt"]
    for key in (first, second, third):
        portal.archive("contacts", key)
    portal.restore("contacts", second, quietly=True)
    portal.restore("contacts", third)

    url = "/crm/v3/objects/contacts"
    [record] = pages(client, url, archived="true", limit=1)
    assert (record["id"], record["archived"]) == (first, True)
    assert first not in {r["id"] for r in pages(client, url, limit=100)}
    assert first not in found(client, "contacts")
    assert live(hubspot, "contacts")[second]["updatedAt"] == before
    assert live(hubspot, "contacts")[third]["updatedAt"] > before


def test_property_history_is_newest_first(portal: HubSpot, client: httpx.Client) -> None:
    key = portal.ids("deals")[0]
    for amount in ("1.00", "2.00"):
        portal.change("deals", key, amount=amount)
    body = {"inputs": [{"id": key}], "propertiesWithHistory": ["amount"]}

    [record] = client.post("/crm/v3/objects/deals/batch/read", json=body).json()["results"]
    told = record["propertiesWithHistory"]["amount"]
    assert [one["value"] for one in told][:2] == ["2.00", "1.00"]
    assert [one["timestamp"] for one in told] == sorted(
        (one["timestamp"] for one in told), reverse=True
    )


def test_calculated_values_and_links_move_no_stamp(hubspot: Sandbox, portal: HubSpot) -> None:
    """Case 59 of the fault list."""
    key, contact = portal.ids("deals")[0], portal.ids("contacts")[9]
    before = live(hubspot, "deals")[key]["updatedAt"]
    portal.recalculate("deals", key, amount_in_home_currency="5.00")
    portal.link("deals", key, "contacts", contact)

    after = live(hubspot, "deals")[key]
    assert after["properties"]["amount_in_home_currency"] == "5.00"
    assert after["updatedAt"] == before
    assert f"{key}:{contact}:3" in live(hubspot, "deals_to_contacts")


def test_properties_come_go_and_change_type(portal: HubSpot, client: httpx.Client) -> None:
    """Cases 65 to 67 of the fault list."""
    key = portal.ids("contacts")[0]
    portal.define("contacts", Property(name="roof_material"))
    portal.change("contacts", key, roof_material="slate")
    portal.define("contacts", Property(name="price", type="string"))
    portal.undefine("contacts", "fax")

    types = {
        one["name"]: one["type"]
        for one in client.get("/crm/v3/properties/contacts").json()["results"]
    }
    assert (types["roof_material"], types["price"], "fax" in types) == ("string", "string", False)
    url = f"/crm/v3/objects/contacts/{key}?properties=roof_material,fax"
    values = client.get(url).json()["properties"]
    assert values["roof_material"] == "slate"
    assert "fax" not in values


def test_a_step_is_seen_whole_by_an_incremental_window(
    hubspot: Sandbox, client: httpx.Client
) -> None:
    before = {e.id: e.version for e in hubspot.ledger("hubspot", "appointments")}
    since = epoch_ms(NOW - timedelta(hours=1))
    for _ in range(3):
        hubspot.step()
    until = epoch_ms(NOW - timedelta(seconds=60))

    changed = {
        e.id
        for e in hubspot.ledger("hubspot", "appointments")
        if not e.deleted and e.version != before.get(e.id)
    }
    window = where("hs_lastmodifieddate", "BETWEEN", str(since), str(until))
    assert changed
    assert set(found(client, "appointments", window)) == changed


def test_six_steps_do_everything_that_can_happen(hubspot: Sandbox) -> None:
    for _ in range(6):
        hubspot.step()

    contacts = hubspot.ledger("hubspot", "contacts")
    names = {e.record["properties"].get("hs_merged_object_ids") for e in contacts}
    assert names - {None}
    assert any(e.deleted and not e.record["archived"] for e in contacts)
    assert any(e.record["archived"] for e in contacts)
    properties = live(hubspot, "properties")
    assert "contacts:roof_material" in properties
    assert properties["contacts:lead_status_code"]["type"] == "string"
    assert "contacts:fax" not in properties
    for stream in ("owners", "deals_to_contacts", "list_memberships"):
        versions = [(e.version, e.deleted) for e in hubspot.ledger("hubspot", stream)]
        assert any(deleted for _, deleted in versions), stream


def test_half_a_million_records_cost_nothing_until_read() -> None:
    with Sandbox(only=["hubspot"], scale=1250) as many:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = many.environment()["HUBSPOT_BASE_URL"] + "/crm/v3/objects/contacts"
        page = httpx.get(f"{url}?limit=100&after=1400000", headers=headers).json()

    assert len(page["results"]) == 100
