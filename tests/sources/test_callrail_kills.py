"""CallRail's reads killed in the middle: the next run makes the warehouse whole."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from connectors.sources import callrail
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend, pretending
from tests.sources.vendor_process import finished, kill_in_mid_read

NAMES = [stream.name for stream in callrail.STREAMS]
CALLS = {"path": "/calls.json$"}


@pytest.fixture
def pretend() -> Generator[Pretend]:
    with pretending(callrail.SOURCE) as vendor:
        yield vendor


def differences(pretend: Pretend, warehouse: Warehouse) -> dict[str, int]:
    """Streams whose live rows are not those of the ledger, and by how many keys."""
    found: dict[str, int] = {}
    for name in NAMES:
        keys = {
            key if isinstance(key, str) else ":".join(map(str, key))
            for key in pretend.stored(warehouse, name)
        }
        if wrong := keys ^ set(pretend.truth(name)):
            found[name] = len(wrong)
    return found


def inserted(warehouse: Warehouse, stream: str) -> int:
    """Rows that all runs together say they have inserted."""
    query = "SELECT sum(rows_inserted) FROM sync_stream_runs WHERE stream = :stream"
    with warehouse.read() as db:
        return int(execute(db, query, {"stream": stream}).scalar_one())


@pytest.mark.parametrize("nth", [15])
def test_a_read_of_calls_killed_in_the_middle_goes_on_at_its_page(
    pretend: Pretend, warehouse: Warehouse, warehouse_url: str, nth: int
) -> None:
    """Cases 1, 2 and 6 of the fault list."""
    kill_in_mid_read(
        pretend, warehouse, warehouse_url, stream="calls", page_size=20, nth=nth, **CALLS
    )
    kept = len(pretend.stored(warehouse, "calls"))
    total = len(pretend.truth("calls"))
    assert 0 < kept < total

    before = pretend.sandbox.stats()["callrail"]["endpoints"]["calls"]
    assert finished(pretend, warehouse_url, 20) == "SUCCESS"

    again = pretend.sandbox.stats()["callrail"]["endpoints"]["calls"] - before
    assert again <= (total - kept) / 20 + 3
    assert differences(pretend, warehouse) == {}
    assert inserted(warehouse, "calls") == total


def test_after_a_kill_changes_and_deletions_are_seen_as_ever(
    pretend: Pretend, warehouse: Warehouse, warehouse_url: str
) -> None:
    """A call removed as spam, and one edited, while nobody was reading."""
    kill_in_mid_read(
        pretend, warehouse, warehouse_url, stream="calls", page_size=20, nth=8, **CALLS
    )
    pretend.sandbox.step()
    pretend.advance(minutes=10)

    status, reports = pretend.sync(warehouse, "full")
    pretend.sandbox.step()
    pretend.advance(minutes=10)
    after, _ = pretend.sync(warehouse)

    assert (status, after) == (Status.SUCCESS, Status.SUCCESS), reports
    assert differences(pretend, warehouse) == {}
    truth = pretend.truth("calls")
    assert all(
        row["note"] == truth[key]["note"] for key, row in pretend.stored(warehouse, "calls").items()
    )
