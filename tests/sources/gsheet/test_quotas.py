"""Google Sheets: quotas and passing failures are waited for."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import RateLimited, TransientError
from tests.sources.gsheet.numbered import numbered, numbers
from tests.sources.gsheet.tabs import put, read
from tests.sources.pretend import Pretend

VALUES = "values:batchGet"


def test_drives_own_rate_limit_is_waited_for(pretend: Pretend) -> None:
    put(pretend, numbered(2))
    body = '{"error":{"code":403,"errors":[{"reason":"userRateLimitExceeded"}],"message":"x"}}'
    pretend.fault(path="/drive/", status=403, body=body)

    assert numbers(read(pretend)) == [0, 1]


def test_the_minutes_quota_is_waited_for(pretend: Pretend) -> None:
    """Case 36 of the fault list: 429 without a header; the quota refills with each minute."""
    put(pretend, numbered(2))
    pretend.advance(seconds=20)
    pretend.vendor.reads_a_minute = 0
    pretend.fault(
        path="/v4/",
        nth=2,
        call=lambda: setattr(pretend.vendor, "reads_a_minute", None),
    )

    gathered = read(pretend)

    assert numbers(gathered) == [0, 1]
    assert 40 <= pretend.context.meter.throttled_seconds < 60


def test_a_quota_that_stays_used_up_ends_the_run_with_a_time(pretend: Pretend) -> None:
    put(pretend, numbered(2))
    pretend.vendor.reads_a_minute = 0

    error = read(pretend).error

    assert isinstance(error, RateLimited)
    assert error.resume_at > pretend.context.clock()


def test_all_streams_keep_within_sixty_reads_a_minute(pretend: Pretend, small_blocks: None) -> None:
    """Case 38 of the fault list: one budget for all workers of the account."""
    put(pretend, numbered(400))

    read(pretend)
    read(pretend)

    counted = pretend.sandbox.stats()["gsheet"]["endpoints"]
    minutes = (counted["values"] + counted["metadata"] - 1) // 60
    assert minutes >= 1
    assert pretend.context.meter.throttled_seconds >= 60 * minutes


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "body": "{}"},
        {"status": 502, "html": True},
        {"status": 429, "html": True},
        {"status": 429, "retry_after": 0, "body": "{}"},
        {"html": True},
        {"cut": 0.5},
        {"reset": "before"},
        {"reset": "headers"},
    ],
)
def test_what_passes_is_asked_again(pretend: Pretend, fault: dict[str, Any]) -> None:
    """Cases 24, 25, 34, 39 and 44 of the fault list."""
    put(pretend, numbered(3))
    pretend.fault(path=VALUES, **fault)

    assert numbers(read(pretend)) == [0, 1, 2]


def test_what_does_not_pass_fails_the_stream_without_a_page(pretend: Pretend) -> None:
    put(pretend, numbered(3))
    pretend.fault(path=VALUES, times=None, status=500, body="{}")

    gathered = read(pretend)

    assert isinstance(gathered.error, TransientError)
    assert gathered.pages == []
