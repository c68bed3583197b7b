"""SalesRabbit: what is read of each stream, and the oddities of its records."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connectors.errors import ConfigError, ContractError
from connectors.sources.salesrabbit.streams import STREAMS
from tests.sources.pretend import NOW, Pretend

NAMES = [stream.name for stream in STREAMS]
DATED = ("leads", "lead_status_histories", "lead_status_activities")


def cursor(at: datetime) -> dict[str, str]:
    return {"since": at.isoformat()}


def asked(pretend: Pretend, path: str) -> int:
    return sum(seen.path == path for seen in pretend.sandbox.requests("salesrabbit"))


@pytest.mark.parametrize("page_size", [30, 200])
@pytest.mark.parametrize("name", NAMES)
def test_a_full_read_gives_every_record(pretend: Pretend, name: str, page_size: int) -> None:
    assert pretend.complete(pretend.read(name, page_size=page_size), name)


def test_a_list_of_one_page_costs_one_request(pretend: Pretend) -> None:
    for name in NAMES:
        pretend.read(name)

    assert pretend.requests() == len(NAMES)


@pytest.mark.parametrize("name", DATED)
def test_the_cursor_is_the_start_of_the_read_less_the_overlap(pretend: Pretend, name: str) -> None:
    """Old bug h: the watermark was the end of a run, and what changed while it ran was lost."""
    started = pretend.context.clock()
    pretend.fault(path="/lead", nth=2, call=lambda: pretend.advance(hours=1))

    pages = pretend.read(name, page_size=30).pages

    assert [page.cursor for page in pages[:-1]] == [None] * (len(pages) - 1)
    assert pages[-1].cursor == cursor(started - timedelta(minutes=5))
    pages = pretend.read(name, settings={"overlap_minutes": 20}).pages
    assert pages[-1].cursor == cursor(started + timedelta(minutes=40))


@pytest.mark.parametrize("name", DATED)
def test_an_incremental_read_gives_what_changed_only(pretend: Pretend, name: str) -> None:
    pretend.sandbox.step()

    gathered = pretend.read(name, "incremental", cursor=cursor(NOW - timedelta(minutes=5)))

    assert gathered.error is None
    assert 0 < len(gathered.records) < len(pretend.truth(name)) / 2
    if name == "leads":
        truth = pretend.truth(name)
        changed = {key for key, one in truth.items() if one["dateModified"] >= "2026-06-15T18:25"}
        assert pretend.keys(name, gathered) == changed


@pytest.mark.parametrize("name", DATED)
@pytest.mark.parametrize("empty_list", [False, True], ids=["304", "empty list"])
def test_nothing_newer_moves_the_cursor(pretend: Pretend, name: str, empty_list: bool) -> None:
    """Both readings: a 304 without a body, and 200 with an empty list."""
    pretend.vendor.adjust({"empty_list": empty_list})

    gathered = pretend.read(name, "incremental", cursor=cursor(NOW - timedelta(minutes=1)))

    assert (gathered.records, gathered.error) == ([], None)
    assert gathered.pages[-1].cursor == cursor(NOW - timedelta(minutes=5))


def test_a_change_in_the_second_of_the_cursor_is_read(pretend: Pretend) -> None:
    pretend.vendor.book.change_lead(20_420, notes="now")
    at = datetime.fromisoformat(pretend.truth("leads")["20420"]["dateModified"])

    for moment in (at, at + timedelta(milliseconds=999)):
        gathered = pretend.read("leads", "incremental", cursor=cursor(moment))
        assert pretend.keys("leads", gathered) == {"20420"}


def test_headers_that_are_ignored_lose_nothing(pretend: Pretend) -> None:
    """Both readings of the time headers."""
    pretend.vendor.adjust({"ignore_dates": True})

    gathered = pretend.read("leads", "incremental", page_size=30, cursor=cursor(NOW))

    assert pretend.complete(gathered, "leads")


def test_a_backfill_reads_from_its_own_time_on(pretend: Pretend) -> None:
    pretend.sandbox.step()

    gathered = pretend.read("leads", "backfill", since=NOW - timedelta(hours=1), until=NOW)

    assert 0 < len(gathered.records) < 20


def test_a_cursor_in_the_future_is_said_and_not_followed(pretend: Pretend) -> None:
    """Case 23 of the fault list."""
    pretend.sandbox.step()

    gathered = pretend.read("leads", "incremental", cursor=cursor(NOW + timedelta(days=2)))

    assert "lies in the future" in gathered.notes[0]
    assert gathered.records


@pytest.mark.parametrize("stored", [{"until": "2026-01-01"}, {"since": "yesterday"}])
def test_a_cursor_of_another_kind_is_refused(pretend: Pretend, stored: dict[str, str]) -> None:
    gathered = pretend.read("leads", "incremental", cursor=stored)

    assert isinstance(gathered.error, ConfigError)
    assert "mode full" in str(gathered.error)


def test_a_cursor_without_an_offset_is_utc(pretend: Pretend) -> None:
    gathered = pretend.read("leads", "incremental", cursor={"since": "2026-06-15T18:29:00"})

    assert (gathered.records, gathered.error) == ([], None)


def test_users_are_asked_for_once_although_they_ignore_paging(pretend: Pretend) -> None:
    gathered = pretend.read("users")

    assert len(gathered.records) == 30
    assert asked(pretend, "/users") == 1


@pytest.mark.parametrize("page_size", [10, 30])
def test_users_that_come_whole_on_every_page_come_once(pretend: Pretend, page_size: int) -> None:
    """As many users as a page may have, or more: only a second look tells."""
    gathered = pretend.read("users", page_size=page_size)

    assert pretend.complete(gathered, "users")
    assert len(gathered.records) == 30


@pytest.mark.parametrize("cap", [7, 2000])
def test_users_that_are_paged_after_all_are_read_page_by_page(pretend: Pretend, cap: int) -> None:
    pretend.vendor.adjust({"users_paged": True, "cap": cap})

    assert pretend.complete(pretend.read("users", page_size=10), "users")


def test_statuses_are_found_under_either_path(pretend: Pretend) -> None:
    pretend.vendor.adjust({"dashed": True})

    assert pretend.complete(pretend.read("lead_statuses"), "lead_statuses")


@pytest.mark.parametrize("name", ["lead_custom_fields", "org_units", "roles"])
def test_a_list_of_unconfirmed_path_is_optional_and_its_path_a_setting(
    pretend: Pretend, name: str
) -> None:
    path = {stream.name: stream for stream in STREAMS}[name]
    setting = f"{name.removeprefix('lead_')}_path"

    assert path.optional
    missing = pretend.read(name, settings={setting: "/elsewhere"})
    assert isinstance(missing.error, ContractError)
    assert "SALESRABBIT_..._PATH" in str(missing.error)
    found = pretend.read(name, settings={setting: "/users"})
    assert len(found.records) == 30


def test_an_address_is_read_flat_or_nested(pretend: Pretend) -> None:
    """Old bug c: with the nested reading alone, every address and coordinate was null."""
    flat = pretend.read("leads").by("id")
    pretend.vendor.adjust({"nested": True})

    assert pretend.read("leads").by("id") == flat
    assert flat["20420"]["street1"]
    assert flat["20420"]["zip"]


def test_what_else_is_nested_in_an_address_is_kept(pretend: Pretend) -> None:
    pretend.vendor.adjust({"nested": True})
    pretend.fault(path="/leads$", edit=(r'"address":\{', '"address":{"county":"Lane",'))

    record = pretend.read("leads").records[0]

    assert record["address"] == {"county": "Lane"}
    assert record["street1"]


def test_a_history_may_be_empty_as_object_or_as_list(pretend: Pretend) -> None:
    for body in ('{"data":[]}', '{"meta":{"morePages":false},"data":{}}', '{"data":null}'):
        pretend.fault(path="/leadStatusHistories$", body=body, times=2)

        gathered = pretend.read("lead_status_histories")

        assert (gathered.records, gathered.error) == ([], None)


def test_events_carry_their_lead_and_their_place(pretend: Pretend) -> None:
    """Neither their times nor `active` give their order."""
    pretend.vendor.book.knock(20_420, "Sold")  # every fourth lead shows the newest first
    by_lead = pretend.vendor.book.events[20_420]

    events = [e for e in pretend.read("lead_status_histories").records if e["leadId"] == "20420"]

    assert [event["position"] for event in events] == list(range(len(by_lead)))
    assert (events[0]["name"], events[0]["active"]) == ("Sold", True)
    assert not any(event["active"] for event in events[1:])


def test_a_new_event_brings_the_whole_history_of_its_lead(pretend: Pretend) -> None:
    """`active` moves to the new event: rows read before would go stale."""
    pretend.vendor.book.knock(20_421, "Sold")

    gathered = pretend.read(
        "lead_status_histories", "incremental", cursor=cursor(NOW - timedelta(minutes=5))
    )

    assert {event["leadId"] for event in gathered.records} == {"20421"}
    assert len(gathered.records) == len(pretend.vendor.book.events[20_421])
    assert sum(event["active"] for event in gathered.records) == 1


def test_the_name_of_a_user_who_left_stays_with_the_leads(pretend: Pretend) -> None:
    pretend.sandbox.step()

    users = {str(user["id"]) for user in pretend.read("users").records}
    owners = {str(lead["userId"]): lead["userName"] for lead in pretend.read("leads").records}

    left = owners.keys() - users
    assert left
    assert all(owners[user] == f"Rep {user}" for user in left)
