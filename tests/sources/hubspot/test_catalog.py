"""HubSpot beyond records: owners, pipelines, properties, lists, links, earlier values."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import AccessError, ConfigError, ContractError
from connectors.sandbox.hubspot.recipes import custom
from tests.sources.hubspot.portal import NOW, Gathered, Portal

LINK = ("from_id", "to_id", "type_id")
HOUR = timedelta(hours=1)


def joined(found: Gathered, *names: str) -> set[str]:
    """Keys as the sandbox's ledger writes them."""
    return {":".join(map(str, key)) for key in found.by(*names)}


def test_owners_are_those_here_and_those_who_left(portal: Portal) -> None:
    entries = portal.sandbox.ledger("hubspot", "owners")

    found = portal.read("owners")

    assert found.by_id == {entry.id: entry.record for entry in entries}
    assert any(owner["archived"] and owner["userId"] is None for owner in found.list)


@pytest.mark.parametrize("version", ["2026-09", "v3"])
@pytest.mark.parametrize(
    ("stream", "key"),
    [
        ("pipelines", ("objectType", "id")),
        ("pipeline_stages", ("objectType", "pipelineId", "id")),
        ("properties", ("objectType", "name")),
        ("schemas", ("objectTypeId",)),
        ("lists", ("listId",)),
        ("list_memberships", ("listId", "recordId")),
        ("contacts_to_companies", LINK),
        ("contacts_to_appointments", LINK),
        ("contacts_to_divisions", LINK),
        ("deals_to_contacts", LINK),
        ("deals_to_companies", LINK),
        ("tickets_to_contacts", LINK),
    ],
)
def test_streams_agree_with_the_ledger(
    portal: Portal, version: str, stream: str, key: tuple[str, ...]
) -> None:
    found = portal.read(stream, settings={"api_version": version})

    assert joined(found, *key) == set(portal.truth(stream))
    assert found.incomplete == []


def test_stages_know_their_pipeline_and_what_they_mean(portal: Portal) -> None:
    stage = portal.read("pipeline_stages").by("objectType", "pipelineId", "id")[
        "deals", "default", "closedwon"
    ]

    assert stage["metadata"]["isClosed"] == "true"


def test_a_type_that_may_not_be_read_leaves_the_others_in_the_catalogue(portal: Portal) -> None:
    portal.sandbox.fault(path="pipelines/.*tickets$", status=403, body='{"category":"X"}')

    found = portal.read("pipelines")

    assert {record["objectType"] for record in found.list} == {"deals", "appointments", "leads"}
    [sentence] = found.incomplete
    assert "tickets" in sentence


def test_a_membership_read_goes_on_within_its_list(portal: Portal) -> None:
    pages = portal.read("list_memberships", page_size=50).pages
    at = next(i for i, page in enumerate(pages) if page.records[0]["listId"] == "31")

    rest = portal.read("list_memberships", page_size=50, position=pages[at].position)

    lists = {record["listId"] for record in rest.list}
    assert lists == {"31", "9"}
    assert len(rest.list) == sum(len(page.records) for page in pages[at + 1 :])


def test_only_chosen_lists_are_read(portal: Portal) -> None:
    found = portal.read("list_memberships", settings={"lists": "12"})

    assert {record["listId"] for record in found.list} == {"12"}


def test_a_link_carries_its_labels_one_row_each(portal: Portal) -> None:
    deal, contact = portal.vendor.ids("deals")[0], portal.vendor.ids("contacts")[5]
    portal.vendor.link("deals", deal, "contacts", contact, [3, 35])

    rows = portal.read("deals_to_contacts").by(*LINK)

    assert rows[deal, contact, 3]["label"] is None
    assert rows[deal, contact, 35]["label"] == "Homeowner"
    assert rows[deal, contact, 35]["category"] == "USER_DEFINED"


def test_more_than_500_links_of_one_record_are_followed(portal: Portal) -> None:
    company = portal.vendor.ids("companies")[0]
    for contact in portal.vendor.ids("contacts"):
        portal.vendor.link("contacts", contact, "companies", company)
    for _ in range(300):
        portal.vendor.link("contacts", portal.vendor.add("contacts"), "companies", company)

    found = portal.read("companies_to_contacts", settings={"associations": "companies:contacts"})

    assert len([row for row in found.list if row["from_id"] == company]) >= 700
    assert joined(found, *LINK) == set(portal.truth("companies_to_contacts"))


def test_ids_whose_links_fail_are_named_and_their_old_links_kept(portal: Portal) -> None:
    """Case 60 of the fault list."""
    bad = portal.vendor.ids("deals")[3]
    portal.vendor.adjust({"failing_ids": [bad]})

    found = portal.read("deals_to_contacts")

    [page] = [page for page in found.pages if page.records]
    assert page.whole is not None
    assert bad not in page.whole.values
    assert bad in str(found.incomplete)
    wanted = {key for key in portal.truth("deals_to_contacts") if not key.startswith(f"{bad}:")}
    assert joined(found, *LINK) == wanted


def test_an_incremental_read_reads_the_links_of_changed_records_whole(portal: Portal) -> None:
    deals = portal.vendor.ids("deals")
    for each in deals[:3]:
        portal.vendor.change("deals", each, dealname="touched")
    portal.vendor.merge("deals", deals[0], deals[9])
    settings = {"relink_every_hours": 24}

    found = portal.read(
        "deals_to_contacts", "incremental", since=NOW - HOUR - HOUR, settings=settings
    )

    [page] = found.pages
    assert page.whole is not None
    assert set(page.whole.values) == {*deals[:3], deals[9]}
    assert {row["from_id"] for row in found.list} <= set(deals[:3])


def test_links_of_all_records_are_read_again_after_a_day(portal: Portal) -> None:
    """Case 59 of the fault list."""
    deal, contact = portal.vendor.ids("deals")[20], portal.vendor.ids("contacts")[7]
    gone = portal.vendor.ids("deals")[0]
    portal.vendor.link("deals", deal, "contacts", contact)
    portal.vendor.archive("deals", gone)

    found = portal.read("deals_to_contacts", "incremental", since=NOW - 26 * HOUR)

    assert (deal, contact, 3) in found.by(*LINK)
    assert joined(found, *LINK) == set(portal.truth("deals_to_contacts"))
    assert gone in {value for page in found.pages if page.whole for value in page.whole.values}


def test_links_of_a_thousand_records_take_one_request(portal: Portal) -> None:
    for _ in range(800):
        portal.vendor.add("contacts")

    portal.read("contacts_to_companies")

    asked = [seen for seen in portal.sandbox.requests("hubspot") if seen.endpoint == "associations"]
    assert len(asked) == 2


def test_a_pair_that_the_portal_has_not_is_refused_with_the_types_it_has(portal: Portal) -> None:
    said = "HUBSPOT_ASSOCIATIONS names contacts:spaceships"
    with (
        portal.reader(associations="contacts:spaceships") as reader,
        pytest.raises(ConfigError, match=said),
    ):
        reader.streams()


def test_earlier_values_of_chosen_properties(portal: Portal) -> None:
    deal = portal.vendor.ids("deals")[0]
    for stage in ("closedlost", "closedwon"):
        portal.sandbox.clock.advance(HOUR)
        portal.vendor.change("deals", deal, dealstage=stage)
    settings: dict[str, Any] = {"history": "deals:dealstage,deals:amount"}

    full = portal.read("deals_history", settings=settings)
    later = portal.read("deals_history", "incremental", since=NOW, settings=settings)

    values = [r["value"] for r in full.list if r["id"] == deal and r["property"] == "dealstage"]
    assert values[:2] == ["closedwon", "closedlost"]
    assert {record["id"] for record in later.list} == {deal}
    assert {record["property"] for record in full.list} == {"dealstage", "amount"}


def test_history_is_off_unless_asked_for(portal: Portal) -> None:
    with portal.reader() as reader:
        assert not [stream for stream in reader.streams() if stream.name.endswith("_history")]


def test_a_missing_scope_fails_its_stream_and_no_other(portal: Portal) -> None:
    """Case 42 of the fault list."""
    portal.vendor.adjust({"missing_scopes": ["crm.objects.leads.read"]})

    with pytest.raises(AccessError, match="MISSING_SCOPES"):
        portal.read("leads")
    assert portal.read("deals").by_id == portal.records("deals")


def test_without_the_scope_for_schemas_the_standard_types_are_still_there(portal: Portal) -> None:
    portal.vendor.adjust({"missing_scopes": ["crm.schemas.custom.read"]})

    with portal.reader() as reader:
        names = {stream.name for stream in reader.streams()}

    assert "contacts" in names
    assert "divisions" not in names
    with pytest.raises(AccessError):
        portal.read("schemas")


def test_a_type_that_is_not_activated_fails_its_stream(portal: Portal) -> None:
    portal.vendor.disabled = {"appointments"}

    with pytest.raises(ContractError, match="not enabled"):
        portal.read("appointments")


def test_a_custom_type_with_a_taken_name_gets_its_own(portal: Portal) -> None:
    portal.vendor.define("zip_codes", custom("anything", "x"))
    portal.sandbox.fault(path="schemas$", edit=('"name":"zip_code"', '"name":"List"'))

    with portal.reader() as reader:
        names = [stream.name for stream in reader.streams()]

    assert names.count("lists") == 1
    assert "lists_2_42119500" in names
