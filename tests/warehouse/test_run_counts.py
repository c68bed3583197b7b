"""A run's counts: they grow with its batches, and only while it may write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import DBAPIError

from connectors.errors import FencedOff
from connectors.model import Counts
from connectors.warehouse import runs, stream_runs
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.runs import RunRef, Status
from tests.warehouse.books import one, pending, running, until_somebody_waits

BATCH = Counts(
    read=10,
    inserted=4,
    updated=3,
    unchanged=1,
    superseded=1,
    rejected=1,
    deleted=2,
    values_rejected=5,
    rows_damaged=3,
)
COUNTED = (10, 4, 3, 1, 1, 1, 2, 5, 3)
COUNT_COLUMNS = """
    rows_read, rows_inserted, rows_updated, rows_unchanged, rows_superseded, rows_rejected,
    rows_deleted, values_rejected, rows_damaged
"""


def test_batches_add_up_in_the_run_and_in_its_stream(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")
    stream_runs.open_stream(warehouse, run, "contacts")

    for stream in ("contacts", "deals", "contacts"):
        with warehouse.begin() as conn:
            runs.count_batch(conn, run, stream, BATCH)

    assert one(warehouse, f"SELECT {COUNT_COLUMNS} FROM sync_runs") == tuple(3 * n for n in COUNTED)
    statement = f"SELECT {COUNT_COLUMNS} FROM sync_stream_runs WHERE stream = :stream"
    assert one(warehouse, statement, stream="contacts") == tuple(2 * n for n in COUNTED)
    assert one(warehouse, statement, stream="deals") == COUNTED
    assert stream_runs.stream_counts(warehouse, "a", "contacts") == BATCH + BATCH
    assert stream_runs.stream_counts(warehouse, "a", "owners") == Counts()


def test_counts_that_do_not_add_up_are_refused(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")

    with pytest.raises(DBAPIError, match="counts_add_up"), warehouse.begin() as conn:
        runs.count_batch(conn, run, "contacts", Counts(read=2, inserted=1))
    assert one(warehouse, "SELECT rows_read FROM sync_runs") == (0,)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sync_runs SET status = 'FAILED', finished_at = clock_timestamp()",
        "UPDATE sync_runs SET fence = fence + 1",
        "UPDATE sync_locks SET fence = fence + 1",
        "UPDATE sync_locks SET run_id = 'other'",
        "DELETE FROM sync_locks",
        "DELETE FROM sync_runs",
    ],
)
def test_a_batch_of_a_run_that_lost_its_source_is_rolled_back(
    warehouse: Warehouse, change: str
) -> None:
    """Case 8 of the fault list: a zombie wakes after another run took over."""
    run = running(warehouse, "a")
    with warehouse.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE target (id integer)")
        execute(conn, change)

    lost = pytest.raises(FencedOff, match="hubspot")
    with lost, warehouse.begin() as conn:
        execute(conn, "INSERT INTO target VALUES (1)")
        runs.count_batch(conn, run, "contacts", BATCH)

    assert one(warehouse, "SELECT count(*) FROM target") == (0,)
    assert one(warehouse, "SELECT count(*) FROM sync_stream_runs") == (0,)


def test_a_pending_run_may_not_write(warehouse: Warehouse) -> None:
    pending(warehouse, "a")

    run = RunRef(run_id="a", source="hubspot", fence=0)

    with pytest.raises(FencedOff), warehouse.begin() as conn:
        runs.count_batch(conn, run, "contacts", Counts())


def test_a_run_is_not_closed_under_a_batch_that_is_about_to_commit(
    postgres_warehouse_url: str,
) -> None:
    """A close waits for the batch, so a batch either counts or never happened."""
    from connectors.warehouse.migrate import migrate

    warehouse = Warehouse.open(postgres_warehouse_url)
    migrate(warehouse)
    run = running(warehouse, "a")

    with ThreadPoolExecutor(1) as pool:
        with warehouse.begin() as conn:
            runs.count_batch(conn, run, "contacts", BATCH)
            closing = pool.submit(runs.finish, warehouse, "a", Status.FAILED)
            until_somebody_waits(postgres_warehouse_url)
            assert not closing.done()
        assert closing.result(timeout=30)

    assert one(warehouse, "SELECT status, rows_read FROM sync_runs") == ("FAILED", 10)
    assert one(warehouse, "SELECT status, rows_read FROM sync_stream_runs") == ("FAILED", 10)
    warehouse.close()
