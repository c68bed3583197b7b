"""HubSpot: every object type, read whole and by its changes, with its own properties."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.model import FieldType
from connectors.sandbox.hubspot.recipes import Property, custom, number
from tests.sources.hubspot.portal import NOW, Portal, reading, stream_of

KINDS = (
    *("contacts", "companies", "deals", "tickets", "appointments", "leads", "products"),
    *("line_items", "quotes", "calls", "emails", "meetings", "notes", "tasks", "users"),
    *("divisions", "genius_users", "zip_codes"),
)
MINUTE = timedelta(minutes=1)


def test_every_object_type_of_the_portal_is_a_stream(portal: Portal) -> None:
    with portal.reader() as reader:
        names = {stream.name for stream in reader.streams()}

    assert names >= set(KINDS)


@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3"])
def test_full_and_incremental_reads_of_all_types_agree_with_the_ledger(
    portal: Portal, version: str
) -> None:
    with portal.reader(api_version=version) as reader:
        for kind in KINDS:
            for mode in ("full", "incremental"):
                pages = reading(reader, kind, mode, now=NOW)
                found = {record["id"]: record for page in pages for record in page.records}

                assert found == portal.records(kind), (kind, mode)


def test_a_full_read_asks_once_a_page_and_little_else(portal: Portal) -> None:
    portal.read("contacts")

    assert portal.context.meter.requests <= 4 + 5


def test_property_names_too_long_for_a_url_travel_in_the_body(portal: Portal) -> None:
    for at in range(200):
        portal.vendor.define(
            "contacts", custom(f"a_rather_long_property_name_number_{at:03d}", "x")
        )

    found = portal.read("contacts")

    assert found.by_id == portal.records("contacts")
    assert len(found.list[0]) > 260
    assert portal.context.meter.requests <= 2 * 4 + 20


def test_a_full_read_goes_on_where_it_was_interrupted(portal: Portal) -> None:
    first = portal.read("contacts", page_size=100).pages[1]

    rest = portal.read("contacts", page_size=100, position=first.position)

    assert sorted(rest.by_id) == sorted(portal.vendor.ids("contacts")[200:])


def test_an_interrupted_search_goes_on_behind_the_last_id(portal: Portal) -> None:
    first = portal.read("contacts", "incremental", page_size=150).pages[0]

    rest = portal.read("contacts", "incremental", page_size=150, position=first.position)

    assert sorted(rest.by_id) == sorted(portal.vendor.ids("contacts")[150:])


def test_types_come_from_the_properties(portal: Portal) -> None:
    portal.vendor.define("deals", Property(name="where_it_is", type="object_coordinates"))
    with portal.reader() as reader:
        fields = reader.fields(stream_of(reader, "deals"))

    assert fields["amount"] is FieldType.NUMERIC
    assert fields["closedate"] is FieldType.TIMESTAMP
    assert fields["dealstage"] is FieldType.TEXT
    assert fields["where_it_is"] is FieldType.JSON


def test_a_customers_property_called_id_does_not_hide_the_records_id(portal: Portal) -> None:
    portal.vendor.define("divisions", custom("id", "theirs"))
    with portal.reader() as reader:
        fields = reader.fields(stream_of(reader, "divisions"))
    found = portal.read("divisions")

    assert "id" not in fields
    assert fields["property_id"] is FieldType.TEXT
    assert set(found.by_id) == set(portal.vendor.ids("divisions"))


def test_a_property_added_during_a_read_is_read_with_its_type(portal: Portal) -> None:
    """Case 65 of the fault list."""

    def add() -> None:
        portal.vendor.define("contacts", number("brand_new", 1, 9))
        portal.sandbox.clock.advance(6 * MINUTE)

    portal.sandbox.fault(path="contacts$", nth=2, call=add)

    found = portal.read("contacts", page_size=100)

    learned = [page.fields.get("brand_new") for page in found.pages if page.fields]
    assert learned == [FieldType.NUMERIC]
    assert "brand_new" in found.pages[3].records[0]


def test_a_removed_property_is_no_longer_asked_for(portal: Portal) -> None:
    """Case 66 of the fault list."""
    portal.vendor.undefine("deals", "amount")

    assert "amount" not in portal.read("deals").list[0]
