from __future__ import annotations

import httpx

from connectors.sandbox import Sandbox
from connectors.sandbox.hubspot import HubSpot
from tests.sandbox.hubspot import LINKS, dialects, live, pages


@dialects
def test_associations_mix_text_and_numbers_and_miss_in_a_207(
    dialect: str, hubspot: Sandbox, portal: HubSpot, client: httpx.Client
) -> None:
    contact, lonely = portal.ids("contacts")[-2:]
    appointment = portal.ids("appointments")[0]
    portal.link("contacts", contact, "appointments", appointment, types=[907, 32])
    for link in live(hubspot, "contacts_to_appointments").values():
        if link["fromId"] == lonely:
            portal.link("contacts", lonely, "appointments", link["toId"], types=[])
    url = f"{LINKS[dialect]}/0-1/appointments/batch/read"

    answer = client.post(url, json={"inputs": [{"id": contact}, {"id": lonely}]})
    assert answer.status_code == 207
    [result] = answer.json()["results"]
    assert result["from"] == {"id": contact}
    types = {t["toObjectId"]: t["associationTypes"] for t in result["to"]}[int(appointment)]
    assert [(t["category"], t["typeId"], t["label"]) for t in types] == [
        ("HUBSPOT_DEFINED", 907, None),
        ("USER_DEFINED", 32, "Decision maker"),
    ]
    [error] = answer.json()["errors"]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["context"]["fromObjectId"] == [lonely]
    labels = client.get(f"{LINKS[dialect]}/contacts/0-421/labels").json()["results"]
    assert [label["typeId"] for label in labels] == [907, 32]


def test_five_hundred_targets_make_a_page_of_associations(
    portal: HubSpot, client: httpx.Client
) -> None:
    division = portal.ids("divisions")[0]
    for _ in range(1001):
        portal.link("contacts", portal.add("contacts"), "divisions", division)
    url = "/crm/associations/2026-09/2-37778609/contacts/batch/read"

    targets: list[int] = []
    sizes: list[int] = []
    wish = {"id": division}
    while wish:
        [result] = client.post(url, json={"inputs": [wish]}).json()["results"]
        sizes.append(len(result["to"]))
        targets += [target["toObjectId"] for target in result["to"]]
        after = result.get("paging", {}).get("next", {}).get("after")
        wish = {"id": division, "after": after} if after else {}

    assert sizes[:2] == [500, 500]
    assert len(targets) == len(set(targets)) > 1001
    one = client.get(f"/crm/v4/objects/2-37778609/{division}/associations/contacts").json()
    assert len(one["results"]) == 500


def test_links_follow_a_merge(hubspot: Sandbox, portal: HubSpot) -> None:
    """Case 58 of the fault list."""
    deals = {r["fromId"]: r["toId"] for r in live(hubspot, "deals_to_contacts").values()}
    deal, loser = next(iter(deals.items()))
    survivor = portal.ids("contacts")[-1]
    portal.merge("contacts", survivor, loser)

    after = live(hubspot, "deals_to_contacts").values()
    assert survivor in {r["toId"] for r in after if r["fromId"] == deal}
    assert loser not in {r["toId"] for r in after}
    vids = live(hubspot, "contacts")[survivor]["properties"]["hs_calculated_merged_vids"]
    assert vids.startswith(f"{loser}:")


def test_listed_associations_repeat_an_id_for_each_label(
    portal: HubSpot, client: httpx.Client
) -> None:
    contact, company = portal.ids("contacts")[0], portal.ids("companies")[5]
    portal.link("contacts", contact, "companies", company, types=[279, 1])

    record = client.get(f"/crm/v3/objects/contacts/{contact}?associations=companies").json()
    ids = [one["id"] for one in record["associations"]["companies"]["results"]]
    assert ids.count(company) == 2


def test_small_things_answer_in_both_dialects(hubspot: Sandbox, client: httpx.Client) -> None:
    owners = list(pages(client, "/crm/owners/2026-09", limit=4))
    left = list(pages(client, "/crm/v3/owners", archived="true"))
    assert [one["id"] for one in owners] == [*live(hubspot, "owners")]
    assert {one["userId"] for one in left} == {None}

    for one, other in (
        ("/crm/v3/pipelines/deals", "/crm/pipelines/2026-03/0-3"),
        ("/crm/v3/properties/contacts", "/crm/properties/2026-09/0-1"),
        ("/crm/v3/schemas", "/crm-object-schemas/2026-09/schemas"),
        ("/crm-object-schemas/v3/schemas", "/crm-object-schemas/2026-03/schemas"),
        ("/account-info/v3/details", "/account-info/2026-09/details"),
        ("/crm/v3/lists/12/memberships", "/crm/lists/2026-09/12/memberships"),
    ):
        assert client.get(one).raise_for_status().json() == client.get(other).json()
    usage = client.get("/account-info/v3/api-usage/daily/private-apps").json()["results"][0]
    assert usage["resetsAt"] == "2026-03-02T00:00:00.000Z"


def test_lists_are_searched_by_offset_and_members_by_cursor(
    hubspot: Sandbox, client: httpx.Client
) -> None:
    first = client.post("/crm/v3/lists/search", json={"offset": 0, "count": 2}).json()
    rest = client.post("/crm/v3/lists/search", json={"offset": 2, "count": 2}).json()
    assert (first["hasMore"], rest["hasMore"], rest["total"]) == (True, False, 3)

    members = {
        f"{one['listId']}:{member['recordId']}"
        for one in [*first["lists"], *rest["lists"]]
        for member in pages(client, f"/crm/v3/lists/{one['listId']}/memberships", limit=250)
    }
    assert members == set(live(hubspot, "list_memberships"))


def test_some_ids_of_a_batch_may_fail_while_the_others_come(
    portal: HubSpot, client: httpx.Client
) -> None:
    """Case 60 of the fault list."""
    good, bad = portal.ids("contacts")[:2]
    portal.adjust({"failing_ids": [bad]})
    body = {"inputs": [{"id": good}, {"id": bad}]}

    for url in ("/crm/associations/2026-09/contacts/2-37778609", "/crm/v3/objects/contacts"):
        answer = client.post(f"{url}/batch/read", json=body)
        assert answer.status_code == 207
        assert len(answer.json()["results"]) == 1
        [error] = answer.json()["errors"]
        assert error["category"] == "INTERNAL_ERROR"
        assert error["context"] == {"ids": [bad]}


def test_a_merge_may_give_a_new_id(hubspot: Sandbox, portal: HubSpot) -> None:
    first, second = portal.ids("deals")[:2]
    new = portal.merge("deals", first, second, new_id=True)

    deals = live(hubspot, "deals")
    assert first not in deals
    assert second not in deals
    assert deals[new]["properties"]["hs_merged_object_ids"] == f"{first};{second}"
