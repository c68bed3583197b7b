"""A backfill's windows and what they are expected to ask of a vendor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from connectors import backfills
from connectors.backfills import Span
from connectors.errors import ConfigError
from connectors.registry import SOURCES
from connectors.warehouse.figures import PastRead

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def past(rows: int, requests: int, days: float | None) -> PastRead:
    span = None if days is None else timedelta(days=days)
    return PastRead(stream="calls", rows=rows, requests=requests, span=span)


def test_windows_cover_the_range_without_gap_or_overlap() -> None:
    until = SINCE + timedelta(days=17)

    spans = backfills.windows(SINCE, until, WEEK)

    assert [span.length.days for span in spans] == [7, 7, 3]
    assert all(before.until == after.since for before, after in pairwise(spans))
    assert (spans[0].since, spans[-1].until) == (SINCE, until)


def test_a_later_end_keeps_the_whole_windows_before_it() -> None:
    short = backfills.windows(SINCE, SINCE + timedelta(days=17), WEEK)
    longer = backfills.windows(SINCE, SINCE + timedelta(days=30), WEEK)

    assert longer[:2] == short[:2]


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be after since"):
        backfills.windows(SINCE, SINCE, WEEK)


def test_only_streams_that_can_be_read_by_time_are_read_again() -> None:
    names = backfills.readable_by_time(SOURCES["callrail"], None)

    assert "calls" in names
    assert "companies" not in names


def test_a_stream_that_is_read_whole_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="companies: read whole at any time"):
        backfills.readable_by_time(SOURCES["callrail"], ["calls", "companies"])


def test_a_source_without_such_streams_says_what_to_do_instead() -> None:
    with pytest.raises(ConfigError, match=r"Google Sheets .* mode full"):
        backfills.readable_by_time(SOURCES["gsheet"], None)


def test_the_estimate_grows_with_the_days_by_the_rate_of_past_reads() -> None:
    """100 rows a day, 50 to a request at best: 14 days are 28 requests, and one per window."""
    reads = [past(100, 2, 1), past(100, 3, 1)]
    spans = backfills.windows(SINCE, SINCE + 2 * WEEK, WEEK)

    made = backfills.estimate("calls", spans, reads)

    assert made.rows == 1_400
    assert made.requests == 2 * len(spans) + 28


def test_without_a_rate_all_of_the_stream_is_the_bound() -> None:
    spans = backfills.windows(SINCE, SINCE + WEEK, WEEK)

    made = backfills.estimate("calls", spans, [past(1_000, 10, None)])

    assert made.requests == 10 + 10
    assert "at most" in made.basis


def test_a_stream_that_was_never_read_has_no_estimate() -> None:
    made = backfills.estimate("calls", [Span(since=SINCE, until=SINCE + WEEK)], [])

    assert (made.requests, made.rows) == (None, None)
