"""A vendor that fails or refuses for a moment costs no record, in the middle of any long list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from connectors.model import Source
from connectors.sources import arrivy, callrail, leadconduit, salesrabbit
from tests.sources.pretend import Pretend


@dataclass(frozen=True)
class Listed:
    """A stream that is read by pages of this size from this path."""

    source: Source
    stream: str
    path: str
    page_size: int


LISTS = {
    "arrivy tasks": Listed(arrivy.SOURCE, "tasks", "/(tasks|customers)$", 20),
    "arrivy customers": Listed(arrivy.SOURCE, "customers", "/(tasks|customers)$", 20),
    "callrail calls": Listed(callrail.SOURCE, "calls", "/calls.json$", 20),
    "leadconduit events": Listed(leadconduit.SOURCE, "events", "/events$", 30),
    "salesrabbit leads": Listed(salesrabbit.SOURCE, "leads", "/leads$", 30),
    "salesrabbit histories": Listed(
        salesrabbit.SOURCE, "lead_status_histories", "/leadStatusHistories$", 30
    ),
    "salesrabbit activities": Listed(
        salesrabbit.SOURCE, "lead_status_activities", "/leadStatusActivities$", 30
    ),
}


@pytest.fixture(params=LISTS.values(), ids=list(LISTS))
def listed(request: pytest.FixtureRequest) -> Listed:
    found: Listed = request.param
    return found


@pytest.fixture
def source(listed: Listed) -> Source:
    return listed.source


def is_read_whole(pretend: Pretend, listed: Listed, **fault: Any) -> bool:
    """Whether a full read with this fault on the third page gets everything there is."""
    pretend.fault(path=listed.path, nth=3, **fault)
    return pretend.complete(pretend.read(listed.stream, page_size=listed.page_size), listed.stream)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured_in_both_forms(pretend: Pretend, listed: Listed, form: str) -> None:
    """Cases 32 and 33 of the fault list."""
    assert is_read_whole(pretend, listed, status=429, retry_after=17, retry_after_form=form)

    assert any(16 <= wait <= 18 for wait in pretend.stopping.waits)


def test_a_429_without_a_word_is_waited_for(pretend: Pretend, listed: Listed) -> None:
    """Case 36 of the fault list."""
    assert is_read_whole(pretend, listed, status=429, times=3)

    assert len(pretend.stopping.waits) >= 3


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "retry_after": 1},
        {"status": 503, "body": '{"status":503,"message":"try later"}'},
        {"status": 502, "html": True},
        {"html": True},
        {"cut": 0.5},
        {"reset": "before"},
    ],
    ids=["500", "503", "503 json", "502 html", "200 html", "cut", "reset"],
)
def test_a_passing_failure_costs_no_record(
    pretend: Pretend, listed: Listed, fault: dict[str, Any]
) -> None:
    """Cases 24, 25, 39 and 44 of the fault list."""
    assert is_read_whole(pretend, listed, **fault)
