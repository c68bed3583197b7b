"""A vendor that fails for passing reasons, beyond what the retries of a request can mend."""

from __future__ import annotations

import pytest
from pydantic_settings import BaseSettings

from connectors.errors import Stopped, TransientError
from connectors.model import Counts, Stream
from connectors.sync import Options, SourceSync, run_chunk
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.acme import ORDERS, Acme, begin, sync
from tests.resuming.broken_off import HUNG_UP, page, resumed_from
from tests.scripted import Scripted
from tests.warehouse.loading import rows


def test_a_stream_is_opened_again_behind_its_last_committed_page(
    acme: Acme, sqlite: Warehouse
) -> None:
    """Case 11 of the fault list, within one run."""
    acme.reopen_after = (0.0,)
    acme.fails["orders"] = (4, TransientError(HUNG_UP))
    acme.put("labels", "a")

    status, reports = sync(acme, sqlite, streams=("labels", "orders"))

    assert status is Status.SUCCESS
    assert reports["orders"].counts.read == reports["orders"].counts.inserted == 95
    assert acme.pages_served == 1 + 10  # none was asked for twice
    asked = [(request.stream.name, request.position) for request in acme.requests]
    assert asked == [("labels", None), ("orders", None), ("orders", {"after": "039"})]
    assert f"opened again after: {HUNG_UP}" in reports["orders"].notes
    assert resumed_from(sqlite) == [None]  # within one run nothing was continued


def test_patience_ends_where_the_stream_gets_no_further(sqlite: Warehouse) -> None:
    calls = Stream(name="calls")
    vendor = Scripted(offers=(calls,), reopen_after=(0.0, 0.0))
    down = [TransientError(HUNG_UP) for _ in range(9)]
    vendor.script["calls"] = [page("1"), *down[:2], page("2"), *down[2:4], page("3"), *down[4:]]

    status, reports = sync(vendor, sqlite)

    assert status is Status.FAILED
    assert reports["calls"].error == HUNG_UP
    assert set(rows(sqlite, calls)) == {"1", "2", "3"}
    assert len(vendor.requests) == 7  # two more at each of three places
    assert vendor.script["calls"][-1] is down[-1]


def test_a_read_without_places_to_go_on_from_starts_over(sqlite: Warehouse) -> None:
    labels = Stream(name="labels")
    vendor = Scripted(offers=(labels,), reopen_after=(0.0,), places=False)
    vendor.script["labels"] = [page("1"), TransientError(HUNG_UP), page("2"), page("3")]

    status, reports = sync(vendor, sqlite, max_records=2)

    assert status is Status.SUCCESS
    assert reports["labels"].counts == Counts(read=3, inserted=2, unchanged=1)
    assert set(rows(sqlite, labels)) == {"1", "2"}


@pytest.mark.parametrize("retry_after", [None, 10.0])
def test_a_longer_pause_than_ours_is_not_sat_out(
    acme: Acme, sqlite: Warehouse, retry_after: float | None
) -> None:
    acme.reopen_after = (0.0, 0.1)
    acme.fails["orders"] = (4, TransientError(HUNG_UP, retry_after=retry_after))

    status, _ = sync(acme, sqlite, streams=("orders",))

    assert status is (Status.FAILED if retry_after else Status.SUCCESS)


def test_a_run_that_must_end_does_not_wait_for_its_vendor(acme: Acme, sqlite: Warehouse) -> None:
    acme.reopen_after = (3600.0,)
    acme.fails["orders"] = (4, TransientError(HUNG_UP))
    context = acme.context()
    run = begin(sqlite)
    opened = SourceSync.open(
        acme.source(), sqlite, run, Options(), context=context, settings=BaseSettings()
    )
    with opened as source:
        stream = source.stream("orders")
        run_chunk(stream)
        context.stopping.set()

        with pytest.raises(Stopped, match="the next one resumes it"):
            run_chunk(stream)

    assert len(rows(sqlite, ORDERS)) == 40
