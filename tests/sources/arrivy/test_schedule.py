"""Arrivy: times, windows and what they tell, and going on after an interruption."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from connectors.errors import ConfigError
from connectors.sources.arrivy import schedule
from connectors.sources.arrivy.times import repaired
from tests.sources.arrivy.situations import cursor
from tests.sources.pretend import NOW, Gathered, Pretend

OF_TASKS = ["tasks", "task_statuses", "task_ratings"]


def closed(gathered: Gathered) -> list[tuple[datetime, datetime]]:
    return [(page.closed.since, page.closed.until) for page in gathered.pages if page.closed]


def asked(pretend: Pretend) -> list[dict[str, str]]:
    """Parameters of the requests for lists of tasks, in order."""
    return [
        {name: values[-1] for name, values in parse_qs(urlsplit(seen.target).query).items()}
        for seen in pretend.sandbox.requests("arrivy")
        if seen.endpoint == "tasks"
    ]


@pytest.mark.parametrize(
    "change",
    [datetime(2026, 3, 8, tzinfo=UTC), datetime(2025, 11, 2, tzinfo=UTC)],
    ids=["spring", "autumn"],
)
def test_no_task_is_lost_where_the_clocks_change(pretend: Pretend, change: datetime) -> None:
    """Arrivy's times are UTC without saying so; people entered them in their own zone."""
    book, home = pretend.vendor.book, ZoneInfo("America/New_York")
    made = {
        book.new_task(change + timedelta(minutes=30 * half_hours)): half_hours
        for half_hours in range(-20, 70)
    }
    settings = {"window_days": 1}
    since, until = change - timedelta(days=1), change + timedelta(days=2)

    gathered = pretend.read("tasks", "backfill", since=since, until=until, settings=settings)

    found = {str(key): record for key, record in gathered.by("id").items()}
    assert set(made) <= found.keys()
    for key in made:
        start = datetime.fromisoformat(found[key]["start_datetime"]).replace(tzinfo=UTC)
        entered = datetime.fromisoformat(repaired(found[key]["start_datetime_original_iso_str"]))
        assert start == entered
        assert start.astimezone(home).utcoffset() == entered.utcoffset()


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ("2016-11-20T01:34:04.848640", "2016-11-20T01:34:04.848640"),
        ("2017-10-14T06:23:33", "2017-10-14T06:23:33"),
        ("2016-11-21T09:00:7-08:00", "2016-11-21T09:00:07-08:00"),
        ("2016-11-21T09:00:7", "2016-11-21T09:00:07Z"),
        ("2016-11-21T9:00:7Z", "2016-11-21T09:00:07Z"),
        ("2016-1-2 9:00", "2016-01-02T09:00:00Z"),
        ("2017-10-13T23:23:33-0700", "2017-10-13T23:23:33-0700"),
        ("2017-10-13T23:23:33.5", "2017-10-13T23:23:33.5Z"),
        ("tomorrow", "tomorrow"),
        ("", ""),
        (1767225600, 1767225600),
        (None, None),
    ],
)
def test_times_that_lack_digits_are_repaired_and_others_left(text: object, repair: object) -> None:
    assert repaired(text) == repair


def test_the_plus_of_a_time_is_encoded_once(pretend: Pretend) -> None:
    """A raw `+` arrives as a space, which the sandbox refuses; encoded twice it is no time."""
    gathered = pretend.read("tasks", "incremental", cursor=cursor())

    assert gathered.error is None
    bounds = [one for one in asked(pretend) if "from" in one]
    assert all(one["from"].endswith("+00:00") and one["to"].endswith("+00:00") for one in bounds)


# Windows, and what they tell


def test_windows_follow_each_other_without_gaps(pretend: Pretend) -> None:
    pretend.read("tasks", page_size=20)

    windows = list(dict.fromkeys((o["from"], o["to"]) for o in asked(pretend) if "from" in o))
    for (_, end), (begin, _) in pairwise(windows):
        overlap = datetime.fromisoformat(end) - datetime.fromisoformat(begin)
        assert overlap == schedule.EDGE
    assert (windows[0][0][:10], windows[-1][1][:10]) == ("1969-12-31", "2100-01-01")


def test_windows_grow_where_little_happens_and_shrink_where_much_does(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "RICH", 20)

    gathered = pretend.read("tasks")

    spans = [
        datetime.fromisoformat(one["to"]) - datetime.fromisoformat(one["from"])
        for one in asked(pretend)
        if one.get("from", "") > "2010"
    ]
    assert max(spans[:12]) > timedelta(days=300)
    assert min(spans[12:]) < timedelta(days=60)
    assert pretend.complete(gathered, "tasks")


def test_ranges_are_closed_only_after_the_last_window(pretend: Pretend) -> None:
    gathered = pretend.read("tasks", page_size=20)

    first = next(i for i, page in enumerate(gathered.pages) if page.closed)
    assert all(not page.records for page in gathered.pages[first:])
    assert closed(gathered) == [
        schedule.NOWHERE_SPAN,
        (schedule.BEGINNING, schedule.FOREVER),
    ]


def test_many_tasks_are_compared_in_several_ranges(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "CLOSED_TOGETHER", 40)

    ranges = closed(pretend.read("tasks", page_size=20))[1:]

    assert len(ranges) > 2
    assert all(one[1] == two[0] for one, two in pairwise(ranges))


def test_a_deleted_task_is_absent_from_a_closed_range(pretend: Pretend) -> None:
    key = pretend.vendor.book.near()[0]
    at = repaired(pretend.truth("tasks")[key]["start_datetime"])
    pretend.vendor.book.delete_task(key)

    gathered = pretend.read("tasks", "incremental", cursor=cursor())

    start = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert key not in pretend.keys("tasks", gathered)
    assert any(since <= start < until for since, until in closed(gathered))


def test_a_rolling_read_leaves_a_day_before_it_says_what_is_gone(pretend: Pretend) -> None:
    """In which zone Arrivy cuts the first day is not known."""
    gathered = pretend.read("tasks", "incremental", cursor=cursor())

    start = datetime(2026, 6, 15, tzinfo=UTC) - timedelta(days=29)
    assert closed(gathered)[1:] == [(start, schedule.FOREVER)]


@pytest.mark.parametrize(
    ("mode", "parts"),
    [
        ("backfill", {"since": NOW - timedelta(days=60), "until": NOW}),
        ("incremental", {"since": NOW - timedelta(days=2), "cursor": cursor()}),
    ],
)
def test_a_read_of_a_chosen_time_says_of_nothing_that_it_is_gone(
    pretend: Pretend, mode: Any, parts: dict[str, Any]
) -> None:
    """A task that left the time may well be somewhere else."""
    gathered = pretend.read("tasks", mode, **parts)

    assert gathered.records
    assert closed(gathered) == []


def test_a_backfill_reads_its_own_time_only(pretend: Pretend) -> None:
    since, until = NOW - timedelta(days=200), NOW - timedelta(days=100)

    gathered = pretend.read("tasks", "backfill", since=since, until=until, page_size=10)

    low, high = (f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in (since, until))
    wanted = {
        key
        for key, task in pretend.truth("tasks").items()
        if not task["unscheduled"] and low <= (task["start_datetime"] or "") < high
    }
    assert pretend.keys("tasks", gathered) == wanted


def test_a_cursor_in_the_future_is_taken_for_now(pretend: Pretend) -> None:
    """Case 23 of the fault list."""
    ahead = cursor(NOW + timedelta(days=400))

    gathered = pretend.read("tasks", "incremental", cursor=ahead)

    assert set(pretend.vendor.book.near()) <= pretend.keys("tasks", gathered)


def test_a_cursor_of_another_version_is_refused(pretend: Pretend) -> None:
    gathered = pretend.read("task_statuses", "incremental", cursor={"page": 3})
    assert isinstance(gathered.error, ConfigError)


@pytest.mark.parametrize("name", OF_TASKS)
def test_an_interrupted_read_goes_on_at_its_page(pretend: Pretend, name: str) -> None:
    before = pretend.requests()
    whole = pretend.read(name, page_size=20)
    cost = pretend.requests() - before
    first = pretend.until_page(name, len(whole.pages) // 2, page_size=20)

    before = pretend.requests()
    rest = pretend.read(name, page_size=20, position=_last_position(first))

    seen = pretend.keys(name, Gathered(pages=[*first, *rest.pages]))
    assert seen == set(pretend.truth(name))
    assert pretend.requests() - before <= cost // 2 + 3
    assert closed(rest) == closed(whole)


def _last_position(pages: list[Any]) -> Any:
    return next(page.position for page in reversed(pages) if page.position)


@pytest.mark.parametrize("name", ["customers", "tasks"])
def test_an_interrupted_read_notices_what_vanished_meanwhile(pretend: Pretend, name: str) -> None:
    """Case 51 of the fault list, with a kill between."""
    pages = 30 if name == "tasks" else 3
    first = pretend.until_page(name, pages, page_size=6)
    seen = [str(record["id"]) for page in first for record in page.records]
    for key in dict.fromkeys(seen):
        (pretend.vendor.book.delete_task if name == "tasks" else _deleter(pretend, name))(key)

    rest = pretend.read(name, page_size=6, position=_last_position(first))

    assert pretend.keys(name, rest) >= set(pretend.truth(name))
    assert rest.error is None


def _deleter(pretend: Pretend, name: str) -> Any:
    return pretend.vendor.book[name].delete


def test_a_read_that_rested_for_long_deletes_nothing(pretend: Pretend) -> None:
    """A task may have moved from a window that is still to come into one that is done."""
    first = pretend.until_page("tasks", 25, page_size=20)
    pretend.advance(hours=2)

    rest = pretend.read("tasks", page_size=20, position=_last_position(first))

    assert closed(rest) == []
    assert "rested" in rest.notes[0]
    assert rest.pages[-1].cursor is not None
