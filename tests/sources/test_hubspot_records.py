"""HubSpot records: everything once, whatever changes while they are read."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import ContractError
from connectors.model import FieldType, Page, Request
from connectors.sandbox.hubspot.recipes import Property, custom, number
from connectors.sources.hubspot import SOURCE
from connectors.sources.hubspot.search import due
from tests.sources.hubspot_portal import NOW, Portal, open_portal, reading, stream_of

KINDS = (
    *("contacts", "companies", "deals", "tickets", "appointments", "leads", "products"),
    *("line_items", "quotes", "calls", "emails", "meetings", "notes", "tasks", "users"),
    *("divisions", "genius_users", "zip_codes"),
)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def portal() -> Generator[Portal]:
    with open_portal() as opened:
        yield opened


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


def test_25000_records_of_one_millisecond_arrive_exactly_once(portal: Portal) -> None:
    """Case 49 of the fault list."""
    moment = portal.vendor.cluster("notes", 25_000)
    at = NOW + timedelta(milliseconds=moment) - timedelta(milliseconds=NOW.timestamp() * 1000)

    found = portal.read("notes", "incremental", since=at, until=at + timedelta(milliseconds=1))

    assert len(found.list) == len(found.by_id) == 25_000
    assert portal.context.meter.requests <= 125 + 20


def test_nothing_is_lost_with_an_index_that_lags_20_minutes(portal: Portal) -> None:
    """Case 52 of the fault list."""
    portal.vendor.set_index_lag(20 * 60)
    seen: set[str] = set()
    checkpoint = NOW - MINUTE
    made: list[str] = []

    for _ in range(6):
        made.append(portal.vendor.add("deals"))
        now = portal.sandbox.clock.advance(10 * MINUTE)
        until = now - MINUTE
        found = portal.read("deals", "incremental", since=checkpoint - HOUR, until=until)
        seen |= set(found.by_id)
        checkpoint = until

    assert seen >= set(made[:4])
    portal.sandbox.clock.advance(20 * MINUTE)
    assert set(portal.read("deals", "incremental", since=checkpoint - HOUR).by_id) >= set(made[4:])


def test_no_neighbour_is_skipped_when_a_record_is_edited_during_a_search(portal: Portal) -> None:
    """Case 51 of the fault list."""
    ids = portal.vendor.ids("contacts")
    portal.sandbox.fault(
        path="/search$",
        nth=2,
        call=lambda: portal.vendor.change("contacts", ids[3], int(NOW.timestamp() * 1000)),
    )

    found = portal.read("contacts", "incremental", page_size=50)

    assert set(found.by_id) >= set(ids) - {ids[3]}


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_what_changes_while_it_is_read_is_complete_after_the_next_run(
    portal: Portal, mode: Any
) -> None:
    """Case 51 of the fault list."""
    rule = portal.sandbox.fault(path="(contacts|search)$", times=4, nth=2, step=True)
    state = portal.read("contacts", mode, page_size=50)
    portal.sandbox.clock.advance(5 * MINUTE)

    later = portal.read("contacts", "incremental", since=NOW - MINUTE - HOUR)

    assert rule.acted == 4
    gone = {key for (key,) in state.deleted | later.deleted}
    held = {k: r for k, r in (state.by_id | later.by_id).items() if k not in gone}
    truth = portal.records("contacts")
    assert set(truth) <= set(held)
    last_property = {name for record in truth.values() for name in record}
    assert {k: {n: held[k].get(n) for n in last_property} for k in truth} == {
        k: {n: r.get(n) for n in last_property} for k, r in truth.items()
    }


def test_a_search_result_newer_than_the_window_waits_for_the_next(portal: Portal) -> None:
    """Case 53 of the fault list."""
    first = portal.vendor.ids("deals")[0]
    stamp = portal.records("deals")[first]["hs_lastmodifieddate"]
    portal.sandbox.fault(path="/search$", edit=(stamp, "2026-09-01T11:59:30.000Z"))

    found = portal.read("deals", "incremental")

    assert set(portal.vendor.ids("deals")) - set(found.by_id) == {first}


def test_the_windows_ends_are_kept_to_the_millisecond(portal: Portal) -> None:
    at = int((NOW - HOUR).timestamp() * 1000)
    before, first, last, after = (portal.vendor.add("leads", at + ms) for ms in (-1, 0, 9, 10))

    found = portal.read(
        "leads", "incremental", since=NOW - HOUR, until=NOW - HOUR + timedelta(milliseconds=10)
    )

    assert {first, last} <= set(found.by_id)
    assert not {before, after} & set(found.by_id)


def test_an_unsorted_page_is_followed_by_offset_so_that_nothing_is_cut_off(
    portal: Portal,
) -> None:
    body = (
        '{"total":3,"results":[{"id":"9","properties":{}},{"id":"3","properties":{}}],'
        '"paging":{"next":{"after":"2"}}}'
    )
    last = '{"total":3,"results":[{"id":"7","properties":{}}]}'
    portal.sandbox.fault(path="/search$", body=body)
    portal.sandbox.fault(path="/search$", contains='"after":"2"', body=last)

    found = portal.read("tickets", "incremental")

    assert sorted(found.by_id) == ["3", "7", "9"]
    assert found.pages[0].position is None


def test_an_empty_page_is_not_the_end(portal: Portal) -> None:
    """Case 45 of the fault list."""
    empty = '{"results":[],"paging":{"next":{"after":"51"}}}'
    portal.sandbox.fault(path="objects/2026-09/contacts$", body=empty)

    assert portal.read("contacts").by_id == portal.records("contacts")


@pytest.mark.parametrize("end", ['"paging":{}', '"paging":{"next":null}'])
def test_an_empty_paging_is_the_end(portal: Portal, end: str) -> None:
    body = f'{{"results":[{{"id":"1","properties":{{}}}}],{end}}}'
    portal.sandbox.fault(path="objects/2026-09/deals$", body=body)

    assert list(portal.read("deals").by_id) == ["1"]


def test_a_repeated_page_token_ends_the_stream(portal: Portal) -> None:
    """Case 46 of the fault list."""
    portal.sandbox.fault(path="contacts$", times=None, edit=(r'"after":"\d+"', '"after":"151"'))

    with pytest.raises(ContractError, match="same page token twice"):
        portal.read("contacts")


def test_a_search_that_ignores_its_filter_ends_the_stream(portal: Portal) -> None:
    """Case 46 of the fault list."""
    body = '{"total":9,"results":[{"id":"9","properties":{}}],"paging":{"next":{"after":"1"}}}'
    portal.sandbox.fault(path="/search$", times=None, body=body)

    with pytest.raises(ContractError, match="same page token twice"):
        portal.read("deals", "incremental")


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_a_page_served_twice_ends_the_stream_and_the_next_run_goes_on(
    portal: Portal, mode: Any
) -> None:
    portal.sandbox.fault(path="objects/2026-09/contacts(/search)?$", nth=2, repeat=True)
    with portal.reader() as reader:
        pages: list[Page] = []
        with pytest.raises(ContractError, match="same page token twice"):
            pages.extend(reading(reader, "contacts", mode, now=NOW, page_size=100))

    rest = portal.read("contacts", mode, page_size=100, position=pages[-1].position)

    seen = {record["id"]: record for page in pages for record in page.records}
    assert seen | rest.by_id == portal.records("contacts")


def test_a_search_id_that_is_no_number_is_refused(portal: Portal) -> None:
    portal.sandbox.fault(path="/search$", body='{"results":[{"id":"x","properties":{}}]}')

    with pytest.raises(ContractError, match="no number"):
        portal.read("deals", "incremental")


def wide(portal: Portal, kind: str) -> None:
    """Give a type names that no URL holds, so that its records are batch-read."""
    for at in range(120):
        portal.vendor.define(
            kind, custom(f"a_property_with_a_name_of_fifty_five_characters_{at:07d}", "x")
        )


def test_ids_that_went_between_list_and_batch_read_are_no_error(portal: Portal) -> None:
    wide(portal, "deals")
    gone = portal.vendor.ids("deals")[:3]

    def change() -> None:
        portal.vendor.archive("deals", gone[0])
        portal.vendor.purge("deals", gone[1])
        portal.vendor.merge("deals", portal.vendor.ids("deals")[50], gone[2])

    portal.sandbox.fault(path="batch/read$", call=change)

    found = portal.read("deals")

    assert found.incomplete == []
    assert set(found.by_id) == set(portal.vendor.ids("deals"))
    assert {(gone[0],), (gone[2],)} <= found.deleted


def test_ids_that_fail_in_a_batch_read_are_named_and_the_others_kept(portal: Portal) -> None:
    """Case 60 of the fault list, for records."""
    wide(portal, "deals")
    bad = portal.vendor.ids("deals")[7]
    portal.vendor.adjust({"failing_ids": [bad]})

    found = portal.read("deals")

    assert set(portal.vendor.ids("deals")) - set(found.by_id) == {bad}
    [sentence] = found.incomplete
    assert bad in sentence


def test_ids_that_fail_once_are_asked_for_again(portal: Portal) -> None:
    wide(portal, "deals")
    portal.vendor.adjust({"failing_ids": portal.vendor.ids("deals")[7:9]})
    portal.sandbox.fault(
        path="batch/read$", nth=2, call=lambda: portal.vendor.adjust({"failing_ids": []})
    )

    found = portal.read("deals")

    assert found.incomplete == []
    assert found.by_id == portal.records("deals")


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


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_archived_and_merged_records_are_reported_gone(portal: Portal, mode: Any) -> None:
    """Cases 55 and 58 of the fault list."""
    ids = portal.vendor.ids("contacts")
    portal.vendor.archive("contacts", ids[0])
    portal.vendor.merge("contacts", ids[2], ids[1])

    found = portal.read("contacts", mode)

    assert found.deleted == {(ids[0],), (ids[1],)}
    assert not found.by_id.keys() & {ids[0], ids[1]}


def test_a_restored_record_is_not_reported_gone(portal: Portal) -> None:
    """Case 56 of the fault list."""
    first = portal.vendor.ids("deals")[0]
    portal.vendor.archive("deals", first)
    portal.vendor.restore("deals", first)

    found = portal.read("deals", "incremental")

    assert not found.deleted
    assert first in found.by_id


def test_a_backfill_does_not_look_at_the_archive(portal: Portal) -> None:
    portal.vendor.archive("deals", portal.vendor.ids("deals")[0])

    found = portal.read("deals", "backfill", since=NOW - 900 * timedelta(days=1), until=NOW)

    assert found.list
    assert not found.deleted


def test_the_archive_is_read_on_from_its_position(portal: Portal) -> None:
    gone = portal.vendor.ids("deals")[:30]
    for each in gone:
        portal.vendor.archive("deals", each)
    archive = [p for p in portal.read("deals", page_size=10).pages if p.deleted]

    rest = portal.read("deals", page_size=10, position=archive[0].position)

    assert [len(page.deleted) for page in archive] == [10, 10, 10]
    assert rest.deleted == {(each,) for each in gone[10:]}
    assert not rest.list


@pytest.mark.parametrize(
    ("checkpoint", "until", "expected"),
    [(11.2, 11.9, False), (11.9, 12.1, True), (5.0, 23.0, True)],
)
def test_the_archive_is_due_when_a_multiple_of_its_hours_passes(
    checkpoint: float, until: float, *, expected: bool
) -> None:
    stream = SOURCE.streams[0]
    assert stream.window is not None
    midnight = NOW - 12 * HOUR
    request = Request(
        stream=stream,
        mode="incremental",
        started_at=NOW,
        since=midnight + checkpoint * HOUR - stream.window.lookback,
        until=midnight + until * HOUR,
    )

    assert due(6, request) is expected
    assert due(0, request)
