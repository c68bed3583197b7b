"""A read killed in the middle of a long list: the next run makes the warehouse whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.model import Source
from connectors.sources import callrail, leadconduit
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.runs import Status
from tests.sources.killed import Reading
from tests.sources.pretend import Pretend


@dataclass(frozen=True, kw_only=True)
class Long:
    """A list of many pages, and how a read of it is killed."""

    stream: str
    requests: Mapping[str, Any]  # those for its pages, as of a fault
    page_size: int
    nth: int  # of these requests, far into the list
    early: int  # the same, near its beginning
    beside: tuple[str, ...] = ()  # streams read from the same list later
    endpoint: str  # as the sandbox counts
    edited: str  # a field that changes
    settings: dict[str, str] = field(default_factory=dict[str, str])

    def reading(self, pretend: Pretend, url: str) -> Reading:
        options = {"page_size": self.page_size, "batch_size": self.page_size}
        return Reading(pretend, url, options, self.settings)


EVERY_LONG_LIST = pytest.mark.parametrize(
    ("source", "long"),
    [
        (
            callrail.SOURCE,
            Long(
                stream="calls",
                requests={"path": "/calls.json$"},
                page_size=20,
                nth=15,
                early=8,
                endpoint="calls",
                edited="note",
                settings={"CALLRAIL_CALL_FIELDS": "note,value,tags"},
            ),
        ),
        (
            leadconduit.SOURCE,
            Long(
                stream="events",
                requests={"path": "/events$", "contains": "after_id"},
                page_size=30,
                nth=9,
                early=5,
                beside=("leads",),
                endpoint="events",
                edited="outcome",
            ),
        ),
    ],
    ids=["callrail", "leadconduit"],
)


def total(warehouse: Warehouse, column: str, stream: str) -> int:
    """What all runs together say of a stream."""
    query = f"SELECT sum({column}) FROM sync_stream_runs WHERE stream = :stream"
    with warehouse.read() as db:
        return int(execute(db, query, {"stream": stream}).scalar_one())


@EVERY_LONG_LIST
def test_a_read_killed_in_the_middle_goes_on_at_its_place(
    pretend: Pretend, warehouse: Warehouse, warehouse_url: str, source: Source, long: Long
) -> None:
    """Cases 1, 2 and 6 of the fault list."""
    reading = long.reading(pretend, warehouse_url)
    reading.killed(warehouse, long.stream, nth=long.nth, **long.requests)
    kept = len(pretend.stored(warehouse, long.stream))
    whole = len(pretend.truth(long.stream))
    assert 0 < kept < whole
    before = pretend.sandbox.stats()[source.name]["endpoints"][long.endpoint]
    assert reading.finished() == "SUCCESS"
    again = pretend.sandbox.stats()[source.name]["endpoints"][long.endpoint] - before
    left = whole - kept + sum(len(pretend.truth(stream)) for stream in long.beside)
    assert again <= left / long.page_size + 3 + len(long.beside)
    assert pretend.differing(warehouse) == {}
    assert total(warehouse, "rows_read", long.stream) == whole
    for stream in (long.stream, *long.beside):
        assert total(warehouse, "rows_inserted", stream) == len(pretend.truth(stream))


@EVERY_LONG_LIST
def test_after_a_kill_what_came_went_or_changed_meanwhile_is_seen_as_ever(
    pretend: Pretend, warehouse: Warehouse, warehouse_url: str, long: Long
) -> None:
    """Case 52 of the fault list, with a kill.

    CallRail: a call removed as spam, and one edited. LeadConduit: a lead that began before the kill
    and ended after it.
    """
    reading = long.reading(pretend, warehouse_url)
    reading.killed(warehouse, long.stream, nth=long.early, **long.requests)
    pretend.later(minutes=10)

    status, reports = pretend.sync(warehouse, "full")
    pretend.later(minutes=10)
    after, _ = pretend.sync(warehouse)

    assert (status, after) == (Status.SUCCESS, Status.SUCCESS), reports
    assert pretend.differing(warehouse) == {}
    truth = pretend.truth(long.stream)
    assert all(
        row[long.edited] == truth[key][long.edited]
        for key, row in pretend.stored(warehouse, long.stream).items()
    )
