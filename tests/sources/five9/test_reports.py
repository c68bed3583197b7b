"""Five9: reports of calls and agents, in the domain's own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from connectors.sandbox.five9 import reports as sandboxed
from connectors.sandbox.five9.reports import call_row
from connectors.sources.five9 import reports
from connectors.sources.five9.times import following, halved, printed, slices
from tests.sources.five9.domain import Domain, domain
from tests.sources.pretend import NOW

HOUR = timedelta(hours=1)


def test_calls_are_read_with_their_texts_and_true_times(pretend: Domain) -> None:
    gathered = pretend.read("call_log")

    assert pretend.complete(gathered, "call_log")
    for key, row in pretend.truth("call_log").items():
        record = gathered.by("CALL ID")[key]
        assert datetime.fromisoformat(record["TIMESTAMP"]) == row["TIMESTAMP"]
        assert record["CUSTOMER NAME"] == row["CUSTOMER NAME"]


def test_late_edits_of_calls_are_read_again(pretend: Domain) -> None:
    since = pretend.context.clock()
    pretend.later(minutes=10)

    gathered = pretend.incremental("call_log", since)

    assert "Corrected 1" in {record["DISPOSITION"] for record in gathered.records}
    assert all(
        datetime.fromisoformat(r["TIMESTAMP"]) >= since - timedelta(days=2)
        for r in gathered.records
    )


def test_an_agents_session_is_read_when_it_begins_and_when_it_ends(pretend: Domain) -> None:
    since = pretend.context.clock()
    pretend.later(minutes=10)
    begun = pretend.incremental("agent_login_logout", since).records[-1]
    pretend.later(minutes=10)
    key = ("AGENT", "LOGIN TIMESTAMP")
    ended = pretend.incremental("agent_login_logout", since).by(*key)

    assert begun["LOGOUT TIMESTAMP"] == ""
    assert begun["DATE"] == "2026-06-15"
    assert ended[tuple(begun[name] for name in key)]["LOGOUT TIMESTAMP"] > begun["LOGIN TIMESTAMP"]


def test_the_hour_that_comes_twice_in_autumn_is_told_apart() -> None:
    """Case 62 of the fault list: at 09:00 UTC on 1 November 2026, Pacific clocks go back."""
    with domain(contacts=50, now=datetime(2026, 11, 2, 12, tzinfo=UTC)) as pretend:
        first = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
        for number, at in enumerate((first, first + HOUR, first + HOUR + HOUR)):
            row = call_row(10_000 + number, at, "6155550100", "Sold")
            pretend.vendor.ledger["call_log"].put(row["CALL ID"], row)

        gathered = pretend.read("call_log")

        for key, row in pretend.truth("call_log").items():
            record = gathered.by("CALL ID")[key]
            assert datetime.fromisoformat(record["TIMESTAMP"]) == row["TIMESTAMP"]


@pytest.mark.slow
def test_a_report_as_long_as_any_may_be_is_asked_for_again_in_halves(
    pretend: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five9 ends each after 50,000 rows and says nothing; here after 1,000, to be quick."""
    assert reports.CAP == sandboxed.CAP == 50_000
    for module in (reports, sandboxed):
        monkeypatch.setattr(module, "CAP", 1_000)
    calls = pretend.vendor.ledger["call_log"]
    for number in range(1_100):
        at = NOW - timedelta(days=1, seconds=number % 1_000)
        row = call_row(1_000_000 + number, at, "6155550100", "Sold")
        calls.put(row["CALL ID"], row)

    gathered = pretend.read("call_log")

    assert pretend.complete(gathered, "call_log")


def test_windows_are_cut_into_months_and_where_the_clock_changes() -> None:
    pacific = ZoneInfo("America/Los_Angeles")
    since = datetime(2026, 8, 20, 5, 0, 0, 400_000, tzinfo=UTC)
    until = datetime(2026, 11, 3, 5, 0, 0, 400_000, tzinfo=UTC)

    cut = slices(since, until, pacific)

    assert cut[0][0] == since.replace(microsecond=0)
    assert cut[-1][1] == until.replace(second=1, microsecond=0)
    assert all(left[1] == right[0] for left, right in pairwise(cut))
    assert max(end - start for start, end in cut) == timedelta(days=31)
    assert datetime(2026, 11, 1, 9, tzinfo=UTC) in {start for start, _ in cut}
    assert halved((since, since + timedelta(seconds=1))) == []


def test_printed_times_are_read_and_others_are_not() -> None:
    pacific = ZoneInfo("America/Los_Angeles")
    login = datetime(2026, 11, 1, 8, 50, tzinfo=UTC)

    assert str(printed("Mon, 23 Nov 2026 08:15:00")) == "2026-11-23 08:15:00"
    assert str(printed("Mon, 23 Nov 2026")) == "2026-11-23 00:00:00"
    assert printed("Mon, 31 Feb 2026") is None
    assert printed("2026-11-23") is None
    local = printed("Sun, 1 Nov 2026 01:10:00")
    assert local
    assert following(local, pacific, login) == login + timedelta(minutes=20)
