"""A read that was cut off goes on where it was, and remembers what it had lost by then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connectors.errors import AccessError, SyncError
from connectors.model import Deletes, FieldType, Page, Range, Record, Refused, Stream
from connectors.warehouse import checkpoints, history
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.acme import NOW, WINDOW, Acme, sync
from tests.resuming.broken_off import HUNG_UP, alive, hangs_up, page, resumed_from
from tests.scripted import Scripted


def test_a_run_names_the_one_whose_read_it_continues(acme: Acme, sqlite: Warehouse) -> None:
    for broken in (True, True, False, False):
        if broken:
            acme.fails["orders"] = (3, AccessError(HUNG_UP))
        sync(acme, sqlite, mode="full", streams=("orders", "labels"))

    ids = [row["run_id"] for row in reversed(history.recent(sqlite))]
    assert resumed_from(sqlite) == [None, ids[0], ids[1], None]


COMPARED = Stream(name="compared", deletes=Deletes.COMPARE)


def test_a_read_continued_after_a_refused_row_still_deletes_nothing(sqlite: Warehouse) -> None:
    """Case 63 of the fault list: the keys of that row were never seen."""
    vendor = Scripted(offers=(COMPARED,))
    ids = [str(n) for n in range(10, 20)]
    vendor.script["compared"] = [page(*ids)]
    sync(vendor, sqlite, mode="full")
    unreadable = Refused(key=None, column=None, value=None, reason="record cannot be read")
    first = page(*ids[:4], refused=[unreadable])
    vendor.script["compared"] = hangs_up(first, page(*ids[4:7]), page(*ids[7:9]))
    vendor.script["compared"].insert(3, AccessError(HUNG_UP))
    sync(vendor, sqlite, mode="full")
    sync(vendor, sqlite, mode="full")  # a second that breaks off, having refused nothing

    status, reports = sync(vendor, sqlite, mode="full")

    assert alive(sqlite, COMPARED) == set(ids)
    assert status is Status.PARTIAL
    assert reports["compared"].error == "1 rows were refused whole: see sync_rejects"
    assert any("nothing was deleted" in note for note in reports["compared"].notes)


def test_a_read_continued_after_a_gap_stays_incomplete(sqlite: Warehouse) -> None:
    vendor = Scripted(offers=(COMPARED,))
    ids = [str(n) for n in range(10, 20)]
    vendor.script["compared"] = [page(*ids)]
    sync(vendor, sqlite, mode="full")
    gap = "one folder could not be opened"
    vendor.script["compared"] = hangs_up(page(*ids[:4], incomplete=gap), page(*ids[4:9]))
    sync(vendor, sqlite, mode="full")

    status, reports = sync(vendor, sqlite, mode="full")

    assert alive(sqlite, COMPARED) == set(ids)
    assert (status, reports["compared"].error) == (Status.PARTIAL, gap)


def test_a_row_that_came_in_meanwhile_is_not_taken_for_gone(sqlite: Warehouse) -> None:
    """An incremental run adds a record at a place that the interrupted full read has passed."""
    stream = replace(COMPARED, window=WINDOW)
    vendor = Scripted(offers=(stream,))
    ids = [str(n) for n in range(10, 20)]
    vendor.script["compared"] = [page(*ids)]
    sync(vendor, sqlite, mode="full")
    broken = hangs_up(page(*ids[:5]), page(*ids[5:9]))
    vendor.script["compared"] = broken
    sync(vendor, sqlite, mode="full")
    vendor.script["compared"] = [page("07")]
    sync(vendor, sqlite, mode="incremental")
    vendor.script["compared"] = [page("08")]
    sync(vendor, sqlite, mode="full", max_records=1)
    vendor.script["compared"] = broken

    status, reports = sync(vendor, sqlite, mode="full")

    assert status is Status.SUCCESS
    assert reports["compared"].counts.deleted == 1
    assert alive(sqlite, stream) == {"07", "08", *ids[:9]}


def test_keys_of_an_interrupted_read_are_not_mixed_with_those_of_another(
    sqlite: Warehouse,
) -> None:
    """Two reads of one stream share the side table: the interrupted one starts over."""
    stream = replace(COMPARED, rereads=True, window=WINDOW)
    vendor = Scripted(offers=(stream,))
    ids = [str(n) for n in range(10, 20)]
    everything: list[Page | SyncError] = [page(*ids[:1]), page(*ids[1:], everything=True)]
    vendor.script["compared"] = everything
    sync(vendor, sqlite, mode="full")
    vendor.script["compared"] = hangs_up(page(*ids[:1]), page(*ids[1:], everything=True))
    sync(vendor, sqlite, mode="full")
    vendor.script["compared"] = everything
    _, between = sync(vendor, sqlite, mode="incremental")

    status, reports = sync(vendor, sqlite, mode="full")

    assert any("full read of this stream starts over" in n for n in between["compared"].notes)
    assert status is Status.SUCCESS
    assert reports["compared"].counts.read == 10
    assert alive(sqlite, stream) == set(ids)


def test_a_window_half_read_before_another_run_is_read_from_its_start(
    sqlite: Warehouse,
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
    sync(vendor, sqlite, mode="full")
    vendor.script["visits"] = hangs_up(first, second)
    sync(vendor, sqlite, mode="full")
    vendor.script["visits"] = [Page()]
    sync(vendor, sqlite, mode="incremental")
    vendor.script["visits"] = [first, second]

    _, reports = sync(vendor, sqlite, mode="full")

    assert reports["visits"].counts.deleted == 0
    assert len(alive(sqlite, stream)) == 9


def test_a_checkpoint_in_the_future_does_not_stay_there(acme: Acme, sqlite: Warehouse) -> None:
    """Case 23 of the fault list: else a daily run would read the last hour only, for ever."""
    sync(acme, sqlite, streams=("orders",))
    with sqlite.write() as db:
        future = checkpoints.State(cursor={"until": (NOW + timedelta(days=9)).isoformat()})
        checkpoints.save(db, "acme", "orders", future, "by hand")
    sync(acme, sqlite, streams=("orders",))
    acme.now += timedelta(hours=5)
    acme.put("orders", "001", amount="77")
    acme.now += timedelta(hours=19)

    _, reports = sync(acme, sqlite, streams=("orders",))

    assert reports["orders"].counts.updated == 1
