"""A read that was cut off goes on where it was, and remembers what it had lost by then."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from connectors.errors import AccessError, Stopped, SyncError, TransientError
from connectors.model import Counts, Deletes, FieldType, Page, Range, Record, Refused, Stream, Whole
from connectors.pipeline import PageQueue
from connectors.sync import Options, SourceSync, run_chunk
from connectors.warehouse import checkpoints, history
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.acme import NOW, ORDERS, WINDOW, Acme, begin, sync
from tests.scripted import Scripted
from tests.warehouse.loading import rows

HUNG_UP = "the vendor hung up"


@pytest.fixture
def warehouse(tmp_path: Path) -> Generator[Warehouse]:
    opened = Warehouse.open(f"sqlite:///{tmp_path / 'w.db'}")
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def acme() -> Acme:
    vendor = Acme(now=NOW - timedelta(days=1))
    for n in range(95):
        vendor.put("orders", f"{n:03}", amount=str(n))
    vendor.now = NOW
    return vendor


def hangs_up(*records: Page) -> list[Page | SyncError]:
    """Return a script that breaks off after the first page."""
    return [records[0], AccessError(HUNG_UP), *records[1:]]


def page(*ids: str, **more: object) -> Page:
    return replace(Page(records=[{"id": i, "v": "x"} for i in ids]), **more)


def alive(warehouse: Warehouse, stream: Stream) -> set[str]:
    return {key for key, row in rows(warehouse, stream).items() if not row["_deleted"]}


def resumed_from(warehouse: Warehouse) -> list[str | None]:
    """Return which run each run continued, oldest first."""
    return [row["resumed_from"] for row in reversed(history.recent(warehouse))]


def test_a_run_names_the_one_whose_read_it_continues(acme: Acme, warehouse: Warehouse) -> None:
    for broken in (True, True, False, False):
        if broken:
            acme.fails["orders"] = (3, AccessError(HUNG_UP))
        sync(acme, warehouse, mode="full", streams=("orders", "labels"))

    ids = [row["run_id"] for row in reversed(history.recent(warehouse))]
    assert resumed_from(warehouse) == [None, ids[0], ids[1], None]


# A vendor that fails for passing reasons, beyond what the retries of a request can mend.


def test_a_stream_is_opened_again_behind_its_last_committed_page(
    acme: Acme, warehouse: Warehouse
) -> None:
    """Case 11 of the fault list, within one run."""
    acme.reopen_after = (0.0,)
    acme.fails["orders"] = (4, TransientError(HUNG_UP))
    acme.put("labels", "a")

    status, reports = sync(acme, warehouse, streams=("labels", "orders"))

    assert status is Status.SUCCESS
    assert reports["orders"].counts.read == reports["orders"].counts.inserted == 95
    assert acme.pages_served == 1 + 10  # none was asked for twice
    asked = [(request.stream.name, request.position) for request in acme.requests]
    assert asked == [("labels", None), ("orders", None), ("orders", {"after": "039"})]
    assert f"opened again after: {HUNG_UP}" in reports["orders"].notes
    assert resumed_from(warehouse) == [None]  # within one run nothing was continued


def test_patience_ends_where_the_stream_gets_no_further(warehouse: Warehouse) -> None:
    calls = Stream(name="calls")
    vendor = Scripted(offers=(calls,), reopen_after=(0.0, 0.0))
    down = [TransientError(HUNG_UP) for _ in range(9)]
    vendor.script["calls"] = [page("1"), *down[:2], page("2"), *down[2:4], page("3"), *down[4:]]

    status, reports = sync(vendor, warehouse)

    assert status is Status.FAILED
    assert reports["calls"].error == HUNG_UP
    assert set(rows(warehouse, calls)) == {"1", "2", "3"}
    assert len(vendor.requests) == 7  # two more at each of three places
    assert vendor.script["calls"][-1] is down[-1]


def test_a_read_without_places_to_go_on_from_starts_over(warehouse: Warehouse) -> None:
    labels = Stream(name="labels")
    vendor = Scripted(offers=(labels,), reopen_after=(0.0,), places=False)
    vendor.script["labels"] = [page("1"), TransientError(HUNG_UP), page("2"), page("3")]

    status, reports = sync(vendor, warehouse, max_records=2)

    assert status is Status.SUCCESS
    assert reports["labels"].counts == Counts(read=3, inserted=2, unchanged=1)
    assert set(rows(warehouse, labels)) == {"1", "2"}


@pytest.mark.parametrize("retry_after", [None, 10.0])
def test_a_longer_pause_than_ours_is_not_sat_out(
    acme: Acme, warehouse: Warehouse, retry_after: float | None
) -> None:
    acme.reopen_after = (0.0, 0.1)
    acme.fails["orders"] = (4, TransientError(HUNG_UP, retry_after=retry_after))

    status, _ = sync(acme, warehouse, streams=("orders",))

    assert status is (Status.FAILED if retry_after else Status.SUCCESS)


def test_a_run_that_must_end_does_not_wait_for_its_vendor(acme: Acme, warehouse: Warehouse) -> None:
    acme.reopen_after = (3600.0,)
    acme.fails["orders"] = (4, TransientError(HUNG_UP))
    context = acme.context()
    run = begin(warehouse)
    opened = SourceSync.open(
        acme.source(), warehouse, run, Options(), context=context, settings=BaseSettings()
    )
    with opened as source:
        stream = source.stream("orders")
        run_chunk(stream)
        context.stopping.set()

        with pytest.raises(Stopped, match="the next one resumes it"):
            run_chunk(stream)

    assert len(rows(warehouse, ORDERS)) == 40


# Memory


def test_a_soft_memory_limit_shrinks_the_queue_that_is_in_use(
    acme: Acme, warehouse: Warehouse
) -> None:
    run = begin(warehouse)
    opened = SourceSync.open(
        acme.source(), warehouse, run, Options(), context=acme.context(), settings=BaseSettings()
    )
    with opened as source:
        stream = source.stream("orders")
        for held in (4, 2, 1, 1):
            source.limit_memory()
            assert (source.queue_pages, stream.queue.limit) == (held, held)
        run_chunk(stream)

    assert len(rows(warehouse, ORDERS)) == 95


def test_a_shrunk_queue_keeps_its_pages_and_takes_no_more() -> None:
    stopping = threading.Event()
    queue = PageQueue(stopping, 8)
    for n in range(5):
        queue.put(page(str(n)))

    queue.shrink(3)

    stopping.set()  # a full queue then refuses instead of waiting
    chunk = queue.chunk()
    for n in range(3):
        with pytest.raises(Stopped):
            queue.put(page("late"))
        assert next(chunk).records[0]["id"] == str(n)
    queue.put(page("5"))
    queue.end_chunk()
    assert [found.records[0]["id"] for found in chunk] == ["3", "4", "5"]


# What an interrupted read has lost, its continuation must not forget.

COMPARED = Stream(name="compared", deletes=Deletes.COMPARE)


def test_a_read_continued_after_a_refused_row_still_deletes_nothing(warehouse: Warehouse) -> None:
    """Case 63 of the fault list: the keys of that row were never seen."""
    vendor = Scripted(offers=(COMPARED,))
    ids = [str(n) for n in range(10, 20)]
    vendor.script["compared"] = [page(*ids)]
    sync(vendor, warehouse, mode="full")
    unreadable = Refused(key=None, column=None, value=None, reason="record cannot be read")
    first = page(*ids[:4], refused=[unreadable])
    vendor.script["compared"] = hangs_up(first, page(*ids[4:7]), page(*ids[7:9]))
    vendor.script["compared"].insert(3, AccessError(HUNG_UP))
    sync(vendor, warehouse, mode="full")
    sync(vendor, warehouse, mode="full")  # a second that breaks off, having refused nothing

    status, reports = sync(vendor, warehouse, mode="full")

    assert alive(warehouse, COMPARED) == set(ids)
    assert status is Status.PARTIAL
    assert reports["compared"].error == "1 rows were refused whole: see sync_rejects"
    assert any("nothing was deleted" in note for note in reports["compared"].notes)


def test_a_read_continued_after_a_gap_stays_incomplete(warehouse: Warehouse) -> None:
    vendor = Scripted(offers=(COMPARED,))
    ids = [str(n) for n in range(10, 20)]
    vendor.script["compared"] = [page(*ids)]
    sync(vendor, warehouse, mode="full")
    gap = "one folder could not be opened"
    vendor.script["compared"] = hangs_up(page(*ids[:4], incomplete=gap), page(*ids[4:9]))
    sync(vendor, warehouse, mode="full")

    status, reports = sync(vendor, warehouse, mode="full")

    assert alive(warehouse, COMPARED) == set(ids)
    assert (status, reports["compared"].error) == (Status.PARTIAL, gap)


def test_a_row_that_came_in_meanwhile_is_not_taken_for_gone(warehouse: Warehouse) -> None:
    """An incremental run adds a record at a place that the interrupted full read has passed."""
    stream = replace(COMPARED, window=WINDOW)
    vendor = Scripted(offers=(stream,))
    ids = [str(n) for n in range(10, 20)]
    vendor.script["compared"] = [page(*ids)]
    sync(vendor, warehouse, mode="full")
    broken = hangs_up(page(*ids[:5]), page(*ids[5:9]))
    vendor.script["compared"] = broken
    sync(vendor, warehouse, mode="full")
    vendor.script["compared"] = [page("07")]
    sync(vendor, warehouse, mode="incremental")
    vendor.script["compared"] = [page("08")]
    sync(vendor, warehouse, mode="full", max_records=1)
    vendor.script["compared"] = broken

    status, reports = sync(vendor, warehouse, mode="full")

    assert status is Status.SUCCESS
    assert reports["compared"].counts.deleted == 1
    assert alive(warehouse, stream) == {"07", "08", *ids[:9]}


def test_keys_of_an_interrupted_read_are_not_mixed_with_those_of_another(
    warehouse: Warehouse,
) -> None:
    """Two reads of one stream share the side table: the interrupted one starts over."""
    stream = replace(COMPARED, rereads=True, window=WINDOW)
    vendor = Scripted(offers=(stream,))
    ids = [str(n) for n in range(10, 20)]
    everything: list[Page | SyncError] = [page(*ids[:1]), page(*ids[1:], everything=True)]
    vendor.script["compared"] = everything
    sync(vendor, warehouse, mode="full")
    vendor.script["compared"] = hangs_up(page(*ids[:1]), page(*ids[1:], everything=True))
    sync(vendor, warehouse, mode="full")
    vendor.script["compared"] = everything
    _, between = sync(vendor, warehouse, mode="incremental")

    status, reports = sync(vendor, warehouse, mode="full")

    assert any("full read of this stream starts over" in n for n in between["compared"].notes)
    assert status is Status.SUCCESS
    assert reports["compared"].counts.read == 10
    assert alive(warehouse, stream) == set(ids)


def test_a_window_half_read_before_another_run_is_read_from_its_start(
    warehouse: Warehouse,
) -> None:
    """Up to twenty rows of a window may always go: the guard would not have stopped it."""
    stream = Stream(
        name="visits",
        deletes=Deletes.WINDOW,
        window=WINDOW,
        fields={"starts": FieldType.TIMESTAMP},
    )
    day = Range(
        column="starts",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 1, 2, tzinfo=UTC),
    )
    visits: list[Record] = [{"id": str(n), "starts": "2026-01-01T10:00:00Z"} for n in range(9)]
    first, second = Page(records=visits[:4]), Page(records=visits[4:], closed=day)
    vendor = Scripted(offers=(stream,))
    vendor.script["visits"] = [first, second]
    sync(vendor, warehouse, mode="full")
    vendor.script["visits"] = hangs_up(first, second)
    sync(vendor, warehouse, mode="full")
    vendor.script["visits"] = [Page()]
    sync(vendor, warehouse, mode="incremental")
    vendor.script["visits"] = [first, second]

    _, reports = sync(vendor, warehouse, mode="full")

    assert reports["visits"].counts.deleted == 0
    assert len(alive(warehouse, stream)) == 9


def test_a_checkpoint_in_the_future_does_not_stay_there(acme: Acme, warehouse: Warehouse) -> None:
    """Case 23 of the fault list: else a daily run would read the last hour only, for ever."""
    sync(acme, warehouse, streams=("orders",))
    with warehouse.write() as db:
        future = checkpoints.State(cursor={"until": (NOW + timedelta(days=9)).isoformat()})
        checkpoints.save(db, "acme", "orders", future, "by hand")
    sync(acme, warehouse, streams=("orders",))
    acme.now += timedelta(hours=5)
    acme.put("orders", "001", amount="77")
    acme.now += timedelta(hours=19)

    _, reports = sync(acme, warehouse, streams=("orders",))

    assert reports["orders"].counts.updated == 1


# Pages of one batch that take back what an earlier one said.


def test_a_record_that_comes_back_within_a_batch_lives(warehouse: Warehouse) -> None:
    """Case 56 of the fault list."""
    stream = Stream(name="calls", deletes=Deletes.SIGNAL)
    vendor = Scripted(offers=(stream,))
    vendor.script["calls"] = [page("1", "2"), Page(deleted=[("1",), ("2",)]), page("1")]

    sync(vendor, warehouse, batch_size=1000)

    assert alive(warehouse, stream) == {"1"}


def test_a_group_shown_twice_within_a_batch_is_as_the_second_says(warehouse: Warehouse) -> None:
    """Case 58 of the fault list, for links that change while they are read."""
    stream = Stream(name="links", key=("id",), deletes=Deletes.SIGNAL)
    vendor = Scripted(offers=(stream,))
    both: list[Record] = [{"id": "a", "of": "7"}, {"id": "b", "of": "7"}]
    group = Whole(column="of", values=["7"])
    vendor.script["links"] = [
        Page(records=both, whole=group),
        Page(records=both[:1], whole=group),
    ]

    sync(vendor, warehouse, batch_size=1000)

    assert alive(warehouse, stream) == {"a"}
