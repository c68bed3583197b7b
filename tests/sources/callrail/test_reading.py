"""CallRail: what is read of each stream."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from connectors.model import Page, Request
from connectors.sources import callrail
from connectors.sources.callrail import windows
from connectors.sources.callrail.days import instant
from tests.sources.pretend import NOW, Pretend

NAMES = [stream.name for stream in callrail.STREAMS]
KEYS = {stream.name: stream.key for stream in callrail.STREAMS}


def closed(pages: list[Page]) -> list[tuple[datetime, datetime]]:
    return [(page.closed.since, page.closed.until) for page in pages if page.closed]


@pytest.mark.parametrize("name", NAMES)
def test_a_full_read_gives_every_record_as_it_is_now(pretend: Pretend, name: str) -> None:
    gathered = pretend.read(name, page_size=20)

    truth = pretend.truth(name)
    assert pretend.complete(gathered, name)
    for record in gathered.records:
        told = truth[":".join(str(record[part]) for part in KEYS[name])]
        assert {field: record[field] for field in told} == told


@pytest.mark.parametrize("name", ["calls", "form_submissions", "text_conversations"])
def test_a_rolling_read_sees_edits_that_move_no_date(pretend: Pretend, name: str) -> None:
    before = pretend.context.clock()
    pretend.later(minutes=10)

    gathered = pretend.incremental(name, before, page_size=20)

    truth = pretend.truth(name)
    edge = before - timedelta(days=30)
    field = {"calls": "start_time", "form_submissions": "submitted_at"}.get(name, "last_message_at")
    recent = {key for key, record in truth.items() if (instant(record[field]) or NOW) >= edge}
    found = gathered.by("id")
    assert recent <= found.keys()
    assert all(found[key][part] == truth[key][part] for key in recent for part in truth[key])


def test_a_call_marked_as_spam_is_absent_from_a_closed_range(pretend: Pretend) -> None:
    before = pretend.context.clock()
    spam = list(pretend.truth("calls"))[-1]
    at = instant(pretend.truth("calls")[spam]["start_time"])
    pretend.vendor.book["calls"].delete(spam)

    gathered = pretend.incremental("calls", before)

    assert at is not None
    assert spam not in gathered.by("id")
    assert any(since <= at < until for since, until in closed(gathered.pages))


def test_closed_ranges_join_without_gaps_and_end_with_the_window(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "RECORDS_A_WINDOW", 40)

    gathered = pretend.read("calls", page_size=20)

    ranges = closed(gathered.pages)
    assert len(ranges) > 5
    assert all(one[1] == two[0] for one, two in pairwise(ranges))
    assert ranges[-1][1] == NOW
    assert pretend.complete(gathered, "calls")


def test_a_moving_conversation_is_not_deleted_from_the_window_it_left(pretend: Pretend) -> None:
    before = pretend.context.clock()
    key = next(iter(pretend.truth("text_conversations")))
    pretend.vendor.book.say(key, before - timedelta(minutes=1))

    gathered = pretend.incremental("text_conversations", before - timedelta(hours=1))

    assert key in gathered.by("id")
    assert len(closed(gathered.pages)) == 1


def test_a_backfill_never_closes_a_range_of_conversations(pretend: Pretend) -> None:
    since, until = NOW - timedelta(days=60), NOW - timedelta(days=30)

    gathered = pretend.read("text_conversations", "backfill", since=since, until=until)

    assert gathered.records
    assert closed(gathered.pages) == []


def test_a_backfill_reads_its_own_time_only(pretend: Pretend) -> None:
    since, until = NOW - timedelta(days=60), NOW - timedelta(days=30)

    gathered = pretend.read("calls", "backfill", since=since, until=until)

    wanted = {
        key
        for key, call in pretend.truth("calls").items()
        if since <= (instant(call["start_time"]) or NOW) < until
    }
    assert pretend.keys("calls", gathered) == wanted


def test_a_backfill_before_calls_are_kept_says_so(pretend: Pretend) -> None:
    since = NOW - timedelta(days=1200)

    gathered = pretend.read("calls", "backfill", since=since, until=since + timedelta(days=3))

    assert gathered.records == []
    assert gathered.notes == ["nothing of the time asked for is inside CallRail's history"]


def test_an_interrupted_read_goes_on_at_its_page(pretend: Pretend) -> None:
    before = pretend.requests()
    whole = pretend.read("calls", page_size=20)
    cost = pretend.requests() - before
    first = pretend.until_page("calls", 9, page_size=20)

    before = pretend.requests()
    rest = pretend.read("calls", page_size=20, position=first[-1].position)

    seen = {record["id"] for page in [*first, *rest.pages] for record in page.records}
    assert seen == set(whole.by("id"))
    assert pretend.requests() - before < cost - 3
    assert closed(rest.pages)[-1][1] == NOW


@pytest.mark.parametrize("totals", ["usual", "none"])
def test_an_interrupted_read_goes_on_with_another_page_size_without_a_gap(
    pretend: Pretend, totals: str
) -> None:
    """Offsets count pages: a stored page number is another place where pages are larger."""
    pretend.vendor.lists.totals = totals
    company = next(iter(pretend.truth("companies").values()))
    for minutes in range(200):
        pretend.vendor.book.new_call(NOW - timedelta(days=2, minutes=minutes), company)
    seen: list[Page] = []
    with pretend.reader() as reader:
        stream = {stream.name: stream for stream in reader.streams()}["calls"]
        request = Request(stream=stream, mode="full", started_at=NOW, page_size=10)
        for page in reader.read(request):
            seen.append(page)
            if page.position and page.position.get("page", 1) > 9:
                break

    rest = pretend.read("calls", page_size=40, position=seen[-1].position)

    found = {record["id"] for page in [*seen, *rest.pages] for record in page.records}
    assert found == set(pretend.truth("calls"))
    assert rest.incomplete == []


def test_an_interrupted_read_notices_what_vanished_meanwhile(pretend: Pretend) -> None:
    """Case 51 of the fault list, with a kill between."""
    first = pretend.until_page("calls", 3, page_size=20)
    pretend.vendor.book["calls"].delete(str(first[0].records[0]["id"]))

    rest = pretend.read("calls", page_size=20, position=first[-1].position)

    assert pretend.complete(rest, "calls")


def test_messages_have_steady_keys_wherever_they_are_found(pretend: Pretend) -> None:
    full = pretend.read("text_messages")
    recent = pretend.read("text_messages", settings={"messages": "recent"})

    assert pretend.keys("text_messages", recent) < pretend.keys("text_messages", full)
    assert set(pretend.truth("text_messages")) == pretend.keys("text_messages", full)
    assert len(full.records) == len(full.by("id"))


def test_a_conversation_is_asked_for_only_when_its_row_may_hide_messages(
    pretend: Pretend,
) -> None:
    before = pretend.context.clock()
    quiet, busy = list(pretend.truth("text_conversations"))[:2]
    pretend.advance(days=3)
    now = pretend.context.clock()
    pretend.vendor.book.say(quiet, now - timedelta(hours=2))
    for minutes in range(9):
        pretend.vendor.book.say(busy, now - timedelta(hours=3, minutes=-minutes))

    gathered = pretend.incremental("text_messages", before + timedelta(days=2))

    asked = [
        seen.path for seen in pretend.sandbox.requests("callrail") if "/text-messages/" in seen.path
    ]
    said = [record for record in gathered.records if record["conversation_id"] == busy]
    assert {path.rpartition("/")[2] for path in asked} == {f"{busy}.json"}
    assert len(said) >= 9


def test_a_full_read_takes_within_a_tenth_of_the_requests_that_its_rows_need(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million calls are 4,000 requests of 250; here smaller, in the same proportion."""
    monkeypatch.setattr(windows, "RECORDS_A_WINDOW", 400)
    for minutes in range(1500):
        pretend.vendor.book.new_call(NOW - timedelta(days=40, minutes=minutes))
    before = pretend.requests()

    gathered = pretend.read("calls", page_size=10)

    needed = len(pretend.truth("calls")) / 10
    assert pretend.complete(gathered, "calls")
    assert needed <= pretend.requests() - before <= needed * 1.1


def test_a_rolling_read_takes_within_a_tenth_of_the_requests_that_its_month_needs(
    pretend: Pretend,
) -> None:
    """30 days of 3,000 calls a day are 360 requests of 250; here in the same proportion."""
    for hours in range(715):
        for _ in range(2):
            pretend.vendor.book.new_call(NOW - timedelta(hours=hours))
    before = pretend.requests()

    gathered = pretend.incremental("calls", NOW, page_size=10)

    assert gathered.error is None
    assert gathered.incomplete == []
    needed = len(gathered.records) / 10
    assert needed > 140
    assert pretend.requests() - before <= needed * 1.1


def test_from_the_usual_page_size_on_the_largest_page_is_asked_for(pretend: Pretend) -> None:
    pretend.read("calls")

    calls = [seen for seen in pretend.sandbox.requests("callrail") if seen.endpoint == "calls"]
    assert all("per_page=250" in seen.target for seen in calls)
