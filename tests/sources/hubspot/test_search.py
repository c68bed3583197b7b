"""HubSpot: a search that lags, repeats, ends early or holds too much loses nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import ContractError
from connectors.model import Page
from tests.sources.hubspot.portal import NOW, Portal, reading

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


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
