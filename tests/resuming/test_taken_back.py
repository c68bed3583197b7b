"""Pages of one batch that take back what an earlier one said."""

from __future__ import annotations

from connectors.model import Deletes, Page, Record, Stream, Whole
from connectors.warehouse.engine import Warehouse
from tests.acme import sync
from tests.resuming.broken_off import alive, page
from tests.scripted import Scripted


def test_a_record_that_comes_back_within_a_batch_lives(sqlite: Warehouse) -> None:
    """Case 56 of the fault list."""
    stream = Stream(name="calls", deletes=Deletes.SIGNAL)
    vendor = Scripted(offers=(stream,))
    vendor.script["calls"] = [page("1", "2"), Page(deleted=[("1",), ("2",)]), page("1")]

    sync(vendor, sqlite, batch_size=1000)

    assert alive(sqlite, stream) == {"1"}


def test_a_group_shown_twice_within_a_batch_is_as_the_second_says(sqlite: Warehouse) -> None:
    """Case 58 of the fault list, for links that change while they are read."""
    stream = Stream(name="links", key=("id",), deletes=Deletes.SIGNAL)
    vendor = Scripted(offers=(stream,))
    both: list[Record] = [{"id": "a", "of": "7"}, {"id": "b", "of": "7"}]
    group = Whole(column="of", values=["7"])
    vendor.script["links"] = [
        Page(records=both, whole=group),
        Page(records=both[:1], whole=group),
    ]

    sync(vendor, sqlite, batch_size=1000)

    assert alive(sqlite, stream) == {"a"}
