"""CallRail: days, fields and pages of lists that move under the reader."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connectors.errors import (
    ContractError,
)
from connectors.model import Page
from connectors.sources.callrail import windows
from connectors.sources.callrail.days import Days, instant, months_before
from tests.sources.pretend import NOW, Pretend


def closed(pages: list[Page]) -> list[tuple[datetime, datetime]]:
    return [(page.closed.since, page.closed.until) for page in pages if page.closed]


@pytest.mark.parametrize("zone", ["company", "account", "utc"])
@pytest.mark.parametrize("change", [date(2026, 3, 8), date(2025, 11, 2)], ids=["spring", "autumn"])
def test_no_call_is_lost_around_a_change_of_the_clock(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch, zone: str, change: date
) -> None:
    """The date filter cuts days in the company's zone, the account's, or in UTC: all three."""
    monkeypatch.setattr(windows, "RECORDS_A_WINDOW", 12)
    pretend.vendor.lists.zone = zone
    start = datetime.combine(change, datetime.min.time(), UTC)
    for company in pretend.truth("companies").values():
        for half_hours in range(-20, 80):
            pretend.vendor.book.new_call(start + timedelta(minutes=30 * half_hours), company)

    since, until = start - timedelta(days=2), start + timedelta(days=3)
    gathered = pretend.read("calls", "backfill", since=since, until=until, page_size=50)

    wanted = {
        key
        for key, call in pretend.truth("calls").items()
        if since <= (instant(call["start_time"]) or NOW) < until
    }
    ranges = closed(gathered.pages)
    assert pretend.keys("calls", gathered) == wanted
    assert (ranges[0][0], ranges[-1][1]) == (since, until)
    seen: set[Any] = set()
    for page in gathered.pages:  # a range is closed only once all of it was yielded
        seen |= {record["id"] for record in page.records}
        if page.closed:
            due = {
                key
                for key in wanted
                if page.closed.since
                <= (instant(pretend.truth("calls")[key]["start_time"]) or NOW)
                < page.closed.until
            }
            assert due <= seen


def test_days_open_and_end_at_local_midnights_of_all_zones() -> None:
    days = Days(["America/Denver", "America/New_York"])

    assert days.opens(date(2026, 3, 8)) == datetime(2026, 3, 8, tzinfo=UTC)
    assert days.open(date(2026, 3, 8)) == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert days.open(date(2026, 3, 9)) == datetime(2026, 3, 9, 6, tzinfo=UTC)  # an hour earlier
    assert days.first(datetime(2026, 3, 8, 6, tzinfo=UTC)) == date(2026, 3, 7)
    assert days.last(datetime(2026, 3, 8, tzinfo=UTC)) == date(2026, 3, 7)


def test_a_zone_that_is_no_iana_name_stands_for_any_zone() -> None:
    days = Days(["Pacific Time (US & Canada)", None])

    assert days.opens(date(2026, 6, 2)) == datetime(2026, 6, 1, 10, tzinfo=UTC)
    assert days.open(date(2026, 6, 2)) == datetime(2026, 6, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-02-10T00:45:19.781-08:00", datetime(2026, 2, 10, 8, 45, 19, 781000, UTC)),
        ("2026-02-10T00:45:19Z", datetime(2026, 2, 10, 0, 45, 19, tzinfo=UTC)),
        ("2026-02-10 00:45:19 -0500", datetime(2026, 2, 10, 5, 45, 19, tzinfo=UTC)),
        ("2026-02-03T00:00:00-0800", datetime(2026, 2, 3, 8, tzinfo=UTC)),
        ("2026-02-10T00:45:19", None),
        ("yesterday", None),
        (1767225600, None),
        (None, None),
    ],
)
def test_times_are_read_in_every_shape(text: object, moment: datetime | None) -> None:
    assert instant(text) == moment


def test_months_end_where_they_end() -> None:
    assert months_before(date(2026, 3, 31), 25) == date(2024, 2, 29)
    assert months_before(date(2026, 1, 15), 25) == date(2023, 12, 15)


def test_both_dates_are_sent_in_every_question(pretend: Pretend) -> None:
    """Without them CallRail answers about a week."""
    for name in ("calls", "form_submissions", "text_conversations"):
        pretend.read(name)

    asked = [
        seen.target
        for seen in pretend.sandbox.requests("callrail")
        if seen.endpoint in {"calls", "form_submissions", "text-messages"}
    ]
    assert asked
    assert all("start_date=" in target and "end_date=" in target for target in asked)


@pytest.mark.parametrize("months", [24, 25])
def test_the_oldest_day_is_the_one_that_callrail_accepts(pretend: Pretend, months: int) -> None:
    """Its 25 months may begin a day or two later than ours; the rest is still read."""
    pretend.vendor.lists.months = 25
    pretend.fault(path="/calls.json$", contains="start_date=2024-05-15", times=None, status=400)

    gathered = pretend.read("calls", settings={"history_months": 25 if months == 25 else 24})

    assert gathered.error is None
    assert gathered.records


def test_a_date_refused_beyond_the_edge_fails_the_stream(pretend: Pretend) -> None:
    pretend.fault(path="/calls.json$", times=None, status=400, body='{"error": "revise the range"}')

    gathered = pretend.read("calls")

    assert isinstance(gathered.error, ContractError)
    assert "revise the range" in str(gathered.error)


def test_a_field_that_callrail_forgot_is_left_out_with_a_note(pretend: Pretend) -> None:
    pretend.vendor.lists.unknown = {"conversational_transcript", "utmz"}

    gathered = pretend.read("calls")

    assert pretend.complete(gathered, "calls")
    assert gathered.notes == [
        "calls: CallRail does not know conversational_transcript, utmz; left out"
    ]
    assert "tags" in gathered.records[0]
    assert "utmz" not in gathered.records[0]


def test_a_forgotten_field_is_found_when_the_error_does_not_name_it(pretend: Pretend) -> None:
    pretend.vendor.lists.unknown = {"waveforms"}
    pretend.fault(path="/calls.json$", contains="waveforms", times=None, status=400, body="{}")

    gathered = pretend.read("calls")

    assert pretend.complete(gathered, "calls")
    assert gathered.notes == ["calls: CallRail does not know waveforms; left out"]


def test_the_fields_of_calls_can_be_chosen(pretend: Pretend) -> None:
    gathered = pretend.read("calls", settings={"call_fields": "tags, value"})

    assert {"tags", "value", "id"} <= gathered.records[0].keys()
    assert "note" not in gathered.records[0]


@pytest.mark.parametrize("totals", ["usual", "records", "pages", "none"])
@pytest.mark.parametrize("name", ["calls", "tags"])
def test_pages_are_followed_whatever_counts_come_with_them(
    pretend: Pretend, name: str, totals: str
) -> None:
    pretend.vendor.lists.totals = totals

    gathered = pretend.read(name, page_size=4 if name == "tags" else 50)

    assert pretend.complete(gathered, name)


def test_a_page_size_that_callrail_caps_does_not_end_the_list(pretend: Pretend) -> None:
    pretend.fault(
        path="/calls.json$", times=None, edit=(r'"total_records":\d+', '"total_records":null')
    )

    assert pretend.complete(pretend.read("calls", page_size=200), "calls")


def test_a_record_vanishing_between_two_pages_pulls_none_out_of_sight(pretend: Pretend) -> None:
    """Case 51 of the fault list: the list is read again."""
    book = pretend.vendor.book
    west = [
        key
        for key in book["calls"].live_keys()
        if book.owner["calls", key] == book["accounts"].live_keys()[0]
    ]
    pretend.fault(path="/calls.json$", nth=5, call=lambda: book["calls"].delete(west[0]))

    gathered = pretend.read("calls", page_size=20)

    assert set(pretend.truth("calls")) <= pretend.keys("calls", gathered)
    assert gathered.incomplete == []


def test_new_calls_during_the_read_do_not_disturb_it(pretend: Pretend) -> None:
    pretend.fault(path="/calls.json$", nth=3, step=False)
    pretend.fault(
        path="/calls.json$",
        nth=4,
        times=None,
        call=lambda: pretend.vendor.book.new_call(NOW - timedelta(seconds=5)),
    )

    gathered = pretend.read("calls", until=NOW - timedelta(minutes=1), page_size=20)

    assert gathered.incomplete == []


def test_an_empty_page_in_the_middle_is_read_again(pretend: Pretend) -> None:
    """Case 45 of the fault list."""
    pretend.fault(path="/calls.json$", contains="page=3&", edit=(r'"calls":\[.*\]', '"calls":[]'))

    assert pretend.complete(pretend.read("calls", page_size=20), "calls")


@pytest.mark.parametrize("totals", ["usual", "none"])
def test_a_page_that_comes_twice_is_noticed(pretend: Pretend, totals: str) -> None:
    """Case 46 of the fault list, in a list without tokens."""
    pretend.vendor.lists.totals = totals
    pretend.fault(path="/calls.json$", contains="page=3&", repeat=True)

    assert pretend.complete(pretend.read("calls", page_size=20), "calls")


def test_a_total_that_promises_more_leaves_the_read_incomplete(pretend: Pretend) -> None:
    """Case 64 of the fault list: nothing in that range is deleted."""
    pretend.fault(
        path="/calls.json$", times=None, edit=(r'"total_records":\d+', '"total_records":5000')
    )

    gathered = pretend.read("calls")

    assert pretend.keys("calls", gathered) == set(pretend.truth("calls"))
    assert "of 5000 records came" in gathered.incomplete[0]
    assert closed(gathered.pages) == []


def test_a_total_that_promises_less_is_not_believed(pretend: Pretend) -> None:
    pretend.fault(
        path="/calls.json$",
        times=None,
        edit=(r'"total_pages":\d+,"total_records":\d+', '"total_pages":1,"total_records":3'),
    )

    assert pretend.complete(pretend.read("calls", page_size=20), "calls")


def test_a_whole_list_that_keeps_moving_is_incomplete(pretend: Pretend) -> None:
    pretend.fault(
        path="/tags.json$", times=None, edit=(r'"total_records":\d+', '"total_records":99')
    )

    gathered = pretend.read("tags")

    assert "of 99 records came, in 3 passes" in gathered.incomplete[0]
