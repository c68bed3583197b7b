"""Arrivy: what is read of each stream, and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from connectors.model import Deletes
from connectors.sources import arrivy
from connectors.sources.arrivy import schedule
from connectors.sources.arrivy.streams import LISTS
from tests.sources.arrivy.situations import cursor
from tests.sources.pretend import NOW, Gathered, Pretend

NAMES = [stream.name for stream in arrivy.STREAMS]
KEYS = {stream.name: stream.key for stream in arrivy.STREAMS}
AS_JSON = msgspec.json.Encoder(decimal_format="number")
OF_TASKS = ["tasks", "task_statuses", "task_ratings"]


def asked(pretend: Pretend) -> list[dict[str, str]]:
    """Parameters of the requests for lists of tasks, in order."""
    return [
        {name: values[-1] for name, values in parse_qs(urlsplit(seen.target).query).items()}
        for seen in pretend.sandbox.requests("arrivy")
        if seen.endpoint == "tasks"
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [7, 500])
def test_a_full_read_gives_every_record_as_it_is_now(
    pretend: Pretend, name: str, size: int
) -> None:
    gathered = pretend.read(name, page_size=size)

    truth = pretend.truth(name)
    assert pretend.complete(gathered, name)
    for record in gathered.records:
        told = truth[":".join(str(record[part]) for part in KEYS[name])]
        assert AS_JSON.encode({field: record[field] for field in told}) == AS_JSON.encode(told)


@pytest.mark.parametrize("name", OF_TASKS)
def test_a_rolling_read_sees_every_change_around_now(pretend: Pretend, name: str) -> None:
    before = pretend.context.clock()
    old = pretend.truth(name)
    for _ in range(3):
        pretend.later(minutes=10)

    gathered = pretend.read(name, "incremental", cursor=cursor(before), page_size=20)

    truth = pretend.truth(name)
    changed = {key for key in truth if old.get(key) != truth[key]}
    found = {":".join(str(r[part]) for part in KEYS[name]): r for r in gathered.records}
    assert len(changed) >= 3
    assert changed <= found.keys()
    for key in changed:
        shown = {field: found[key][field] for field in truth[key]}
        assert AS_JSON.encode(shown) == AS_JSON.encode(truth[key])
    assert len(found) < len(truth)


def test_a_rolling_read_does_not_see_what_lies_before_its_days(pretend: Pretend) -> None:
    """What the stream's description says."""
    gathered = pretend.read("tasks", "incremental", cursor=cursor(), settings={"days_back": 7})

    edge = f"{NOW - timedelta(days=9):%Y-%m-%d}"
    assert all(record["schedule_slot"] > edge for record in gathered.records if _dated(record))
    assert "ARRIVY_DAYS_BACK" in {s.name: s.sees for s in arrivy.STREAMS}["tasks"]


def _dated(record: dict[str, Any]) -> bool:
    return record["schedule_slot"] != schedule.NOWHERE


def test_unscheduled_and_undated_tasks_are_asked_for_by_themselves(pretend: Pretend) -> None:
    gathered = pretend.read("tasks", "incremental", cursor=cursor())

    loose = {key for key, task in gathered.by("id").items() if not _dated(task)}
    assert {str(key) for key in loose} == set(pretend.vendor.book.loose())
    assert [set(one) - {"page", "items_per_page"} for one in asked(pretend)[:2]] == [
        {"unscheduled"},
        {"tasks_with_no_datetime"},
    ]


def test_every_task_is_in_some_window_up_to_the_far_future(pretend: Pretend) -> None:
    far = pretend.vendor.book.new_task(datetime(2062, 5, 1, tzinfo=UTC))
    early = pretend.vendor.book.new_task(datetime(1971, 1, 1, tzinfo=UTC))

    assert {far, early} <= pretend.keys("tasks", pretend.read("tasks"))
    assert far in pretend.keys("tasks", pretend.read("tasks", "incremental", cursor=cursor()))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_whole_in_every_run(pretend: Pretend, name: str) -> None:
    pretend.sandbox.step()
    before = pretend.requests()

    gathered = pretend.read(name, "incremental", cursor={**cursor(), "pages": 2})

    assert pretend.complete(gathered, name)
    assert gathered.pages[-1].everything
    assert pretend.requests() - before == 1


def test_a_long_list_is_read_once_a_day(pretend: Pretend) -> None:
    first = pretend.read("customers", page_size=4)
    after = first.pages[-1].cursor
    before = pretend.requests()

    soon = pretend.read("customers", "incremental", cursor=after, page_size=4)
    pretend.advance(hours=20)
    spent = pretend.requests() - before
    later = pretend.read("customers", "incremental", cursor=after, page_size=4)

    assert (spent, soon.records) == (0, [])
    assert "next from 2026-06-16 14:30 UTC on" in soon.notes[0]
    assert not any(page.everything or page.cursor for page in soon.pages)
    assert pretend.complete(later, "customers")


def test_members_of_crews_come_with_their_crew(pretend: Pretend) -> None:
    members = pretend.read("crew_members").by("crew_id", "id")

    crews = {crew["id"]: crew for crew in pretend.truth("crews").values()}
    assert len(members) == sum(len(crew["entities_data"]) for crew in crews.values())
    assert all(one["crew_name"] == crews[crew]["name"] for (crew, _), one in members.items())


def test_locations_are_read_from_the_last_run_on(pretend: Pretend) -> None:
    pretend.sandbox.step()
    since = NOW - timedelta(minutes=5)

    gathered = pretend.read("location_readings", "incremental", cursor=cursor(since))

    fresh = {
        key
        for key, reading in pretend.truth("location_readings").items()
        if reading["time"] > f"{since - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"
    }
    assert pretend.keys("location_readings", gathered) == fresh
    assert len(fresh) < len(pretend.truth("location_readings"))


def test_locations_go_on_at_the_entity_they_were_at(pretend: Pretend) -> None:
    first = pretend.until_page("location_readings", 5)
    before = pretend.requests()

    rest = pretend.read("location_readings", position=first[-1].position)

    both = Gathered(pages=[*first, *rest.pages])
    assert pretend.complete(both, "location_readings")
    assert pretend.requests() - before < len(pretend.truth("entities"))


def test_every_stream_says_how_deletions_are_seen() -> None:
    assert {stream.name: stream.deletes for stream in arrivy.STREAMS} == {
        **dict.fromkeys(OF_TASKS, Deletes.WINDOW),
        **dict.fromkeys(LISTS, Deletes.COMPARE),
        "location_readings": Deletes.UNSEEN,
    }
    assert all(stream.sees for stream in arrivy.STREAMS)


def test_a_read_costs_little_more_than_its_rows_need(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million tasks are 2,000 pages of 500 and a short one per window; here in proportion."""
    monkeypatch.setattr(schedule, "RICH", 400)
    for minutes in range(4000):
        pretend.vendor.book.new_task(NOW - timedelta(days=40, minutes=60 * minutes))
    before = pretend.requests()

    gathered = pretend.read("tasks", page_size=100)

    rows = len(pretend.truth("tasks"))
    windows = {one["from"] for one in asked(pretend) if "from" in one}
    empty_twice = 2 * len([one for one in windows if one < "2023"])
    assert pretend.complete(gathered, "tasks")
    assert pretend.requests() - before <= 1.1 * (rows / 100 + len(windows)) + empty_twice


def test_details_in_the_list_cost_no_request_of_their_own(pretend: Pretend) -> None:
    before = pretend.requests()
    pretend.read("tasks")
    tasks = pretend.requests() - before

    pretend.read("task_statuses")

    assert pretend.requests() - before == 2 * tasks


def test_details_by_requests_cost_one_for_each_edited_task(pretend: Pretend) -> None:
    settings = {"details": "calls"}
    edited = pretend.vendor.book.near()[:3]
    pretend.advance(days=1)
    for key in edited:
        pretend.vendor.book.report(key, "ENROUTE", pretend.context.clock())

    gathered = pretend.read(
        "task_statuses", "incremental", cursor=cursor(NOW + timedelta(hours=3)), settings=settings
    )

    paths = [seen.path for seen in pretend.sandbox.requests("arrivy")]
    singles = [path.split("/")[3] for path in paths if path.endswith("/status")]
    assert sorted(singles) == sorted(edited)
    assert {str(record["task_id"]) for record in gathered.records} == set(edited)
