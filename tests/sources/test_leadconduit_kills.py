"""LeadConduit's reads killed in the middle: the next run makes the warehouse whole."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from connectors.sources import leadconduit
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend, pretending
from tests.sources.vendor_process import finished, kill_in_mid_read

NAMES = [stream.name for stream in leadconduit.STREAMS]
EVENTS = {"path": "/events$", "contains": "after_id"}


@pytest.fixture
def pretend() -> Generator[Pretend]:
    with pretending(leadconduit.SOURCE) as vendor:
        yield vendor


def differences(pretend: Pretend, warehouse: Warehouse) -> dict[str, int]:
    """Streams whose live rows are not those of the ledger, and by how many keys."""
    stored = {name: pretend.stored(warehouse, name).keys() for name in NAMES}
    return {
        name: len(wrong) for name in NAMES if (wrong := stored[name] ^ pretend.truth(name).keys())
    }


def inserted(warehouse: Warehouse, stream: str) -> int:
    """Rows that all runs together say they have inserted."""
    query = "SELECT sum(rows_inserted) FROM sync_stream_runs WHERE stream = :stream"
    with warehouse.read() as db:
        return int(execute(db, query, {"stream": stream}).scalar_one())


@pytest.mark.parametrize("nth", [9])
def test_a_read_of_events_killed_in_the_middle_goes_on_after_its_last_id(
    pretend: Pretend, warehouse: Warehouse, warehouse_url: str, nth: int
) -> None:
    """Cases 1, 2 and 6 of the fault list."""
    kill_in_mid_read(
        pretend, warehouse, warehouse_url, stream="events", page_size=30, nth=nth, **EVENTS
    )
    kept = len(pretend.stored(warehouse, "events"))
    total = len(pretend.truth("events"))
    assert 0 < kept < total

    assert finished(pretend, warehouse_url, 30) == "SUCCESS"

    assert differences(pretend, warehouse) == {}
    for stream in ("events", "leads"):
        assert inserted(warehouse, stream) == len(pretend.truth(stream))
    with warehouse.read() as db:
        read = execute(db, "SELECT sum(rows_read) FROM sync_stream_runs WHERE stream = 'events'")
        assert read.scalar_one() == total


def test_after_a_kill_what_came_meanwhile_is_seen_as_ever(
    pretend: Pretend, warehouse: Warehouse, warehouse_url: str
) -> None:
    """Case 52 of the fault list, with a kill: a lead that began before it and ended after."""
    kill_in_mid_read(
        pretend, warehouse, warehouse_url, stream="events", page_size=30, nth=5, **EVENTS
    )
    pretend.sandbox.step()
    pretend.advance(minutes=10)

    status, reports = pretend.sync(warehouse, "full")
    pretend.sandbox.step()
    pretend.advance(minutes=10)
    after, _ = pretend.sync(warehouse)

    assert (status, after) == (Status.SUCCESS, Status.SUCCESS), reports
    assert differences(pretend, warehouse) == {}
