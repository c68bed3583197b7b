"""The next batch is made ready while one is committed, and nothing else changes by it."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.errors import FencedOff
from connectors.model import Counts, Stream
from connectors.warehouse import checkpoints, runs
from connectors.warehouse.checkpoints import State
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch, StreamWriter
from connectors.warehouse.overlap import Commits
from connectors.warehouse.stream_runs import stream_counts
from tests.conftest import migrated
from tests.warehouse.loading import CONTACTS, SOURCE, load, opened, rejects, rows, start_run

PATIENCE = 30.0  # seconds for another thread; met only where a test fails


@pytest.fixture
def postgres(postgres_warehouse_url: str) -> Generator[Warehouse]:
    with migrated(postgres_warehouse_url) as warehouse:
        yield warehouse


def batch(*ids: str, **more: Any) -> Batch:
    return Batch(records=[{"id": i} | more for i in ids])


def test_batches_are_stored_with_their_checkpoints_and_counted(warehouse: Warehouse) -> None:
    run = start_run(warehouse)
    told: list[Counts] = []

    with Commits(opened(warehouse, run, CONTACTS), told.append) as commits:
        for number in range(5):
            commits.begin(batch(f"{number}a", f"{number}b"), State(cursor={"until": str(number)}))

    assert len(rows(warehouse, CONTACTS)) == 10
    assert told == [Counts(read=2, inserted=2)] * 5
    assert commits.counts == stream_counts(warehouse, run.run_id, "contacts")
    assert commits.counts == Counts(read=10, inserted=10)
    assert checkpoints.load(warehouse, SOURCE, "contacts").cursor == {"until": "4"}


def test_a_batch_made_ready_before_its_column_was_widened_is_made_again(
    warehouse: Warehouse,
) -> None:
    """A bool would be stored as `t` or `1` where the column has become text."""
    load(warehouse, CONTACTS, [{"id": "0", "flag": True}])
    writer = opened(warehouse, start_run(warehouse), CONTACTS)
    late = batch("2", flag=True)
    writer.prepare(late)
    assert late.made is not None

    writer.write(batch("1", flag="no flag"), None)
    writer.write(late, None)

    assert {key: row["flag"] for key, row in rows(warehouse, CONTACTS).items()} == {
        "0": "true",
        "1": "no flag",
        "2": "true",
    }


def test_a_batch_made_ready_before_a_column_was_added_is_made_again(warehouse: Warehouse) -> None:
    load(warehouse, CONTACTS, [{"id": "0", "a": "x"}])
    writer = opened(warehouse, start_run(warehouse), CONTACTS)
    late = batch("2", a="y", b=None)
    writer.prepare(late)
    assert late.made is not None  # a field that is null throughout has no column yet

    writer.write(batch("1", b="new"), None)
    writer.write(late, None)

    found = rows(warehouse, CONTACTS)
    assert [found[key]["a"] for key in "012"] == ["x", None, "y"]
    assert [found[key]["b"] for key in "012"] == [None, "new", None]


@pytest.mark.parametrize("more", [{"fresh": "x"}, {"n": "no number"}])
def test_a_batch_that_the_table_must_change_for_is_left_to_its_commit(
    warehouse: Warehouse, more: dict[str, Any]
) -> None:
    load(warehouse, CONTACTS, [{"id": "0", "n": 1}])
    writer = opened(warehouse, start_run(warehouse), CONTACTS)
    changing = batch("1", **more)

    writer.prepare(changing)

    assert changing.made is None
    writer.write(changing, None)
    assert rows(warehouse, CONTACTS)["1"].items() >= more.items()


def test_a_retired_column_that_comes_back_in_a_prepared_batch_is_written(
    warehouse: Warehouse,
) -> None:
    load(warehouse, CONTACTS, [{"id": "0"}])
    writer = opened(warehouse, start_run(warehouse), CONTACTS)
    with warehouse.write() as db:
        writer.table.ensure(db, {"old": next(iter(writer.table.columns.values())).type}, "vendor")
        writer.table.retire([])
    writer.write(batch("1"), None)
    back = batch("2", old="seen")

    writer.prepare(back)
    writer.write(back, None)

    assert rows(warehouse, CONTACTS)["2"]["old"] == "seen"


def test_bad_values_of_a_prepared_batch_are_found(warehouse: Warehouse) -> None:
    load(warehouse, CONTACTS, [{"id": "0", "name": "x", "day": "2026-01-01"}])
    writer = opened(warehouse, start_run(warehouse), CONTACTS)
    mixed = Batch(
        records=[
            {"id": "1", "name": "nul\x00", "day": "2026-01-02"},
            {"id": "2", "name": "good", "day": "2026-01-03"},
            {"id": "3", "name": "half \ud800", "day": "2026-01-04"},
        ]
    )
    writer.prepare(mixed)

    counts = writer.write(mixed, None)

    assert counts == Counts(read=3, inserted=3, values_rejected=2, rows_damaged=2)
    assert sorted(row["column_name"] for row in rejects(warehouse)) == ["name", "name"]
    assert rows(warehouse, CONTACTS)["2"]["name"] == "good"


def test_a_dry_run_stores_nothing(warehouse: Warehouse) -> None:
    load(warehouse, CONTACTS, [{"id": "0", "name": "x"}])
    writer = opened(warehouse, start_run(warehouse), CONTACTS, dry_run=True)

    with Commits(writer) as commits:
        for number in range(3):
            commits.begin(batch(str(number), name="y"), None)

    assert commits.counts == Counts(read=3, inserted=2, updated=1)
    assert rows(warehouse, CONTACTS) == {"0": {"id": "0", "name": "x", "_deleted": False}}


def test_nothing_is_committed_behind_a_batch_that_failed(warehouse: Warehouse) -> None:
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS)

    def close(_: Counts) -> None:
        runs.finish(warehouse, run.run_id, runs.Status.FAILED, "HeartbeatLost")

    def sync() -> None:
        with Commits(writer, close) as commits:
            for number in range(1, 6):
                commits.begin(batch(str(number)), State(cursor={"until": str(number)}))

    with pytest.raises(FencedOff):
        sync()

    assert set(rows(warehouse, CONTACTS)) == {"1"}
    assert checkpoints.load(warehouse, SOURCE, "contacts").cursor == {"until": "1"}


def test_a_failed_commit_goes_before_the_failure_to_prepare_the_next(postgres: Warehouse) -> None:
    run = start_run(postgres)
    writer = Unready(postgres, run, CONTACTS)
    writer.open({}, track_keys=False, fresh_keys=True)
    runs.finish(postgres, run.run_id, runs.Status.FAILED, "HeartbeatLost")

    def sync() -> None:
        with Commits(writer) as commits:
            commits.begin(batch("1"), None)
            commits.begin(batch("unready"), None)

    with pytest.raises(FencedOff) as raised:
        sync()

    assert isinstance(raised.value.__context__, ZeroDivisionError)


def test_a_batch_before_one_that_cannot_be_prepared_is_committed(postgres: Warehouse) -> None:
    writer = Unready(postgres, start_run(postgres), CONTACTS)
    writer.open({}, track_keys=False, fresh_keys=True)

    def sync() -> None:
        with Commits(writer) as commits:
            commits.begin(batch("1"), None)
            commits.begin(batch("unready"), None)

    with pytest.raises(ZeroDivisionError):
        sync()

    assert set(rows(postgres, CONTACTS)) == {"1"}


class Unready(StreamWriter):
    """A writer with a defect."""

    def prepare(self, batch: Batch) -> None:
        if batch.records[0]["id"] == "unready":
            raise ZeroDivisionError
        super().prepare(batch)


class Watched(StreamWriter):
    """A writer that says when it has made a batch ready."""

    def __init__(self, warehouse: Warehouse, run: runs.RunRef, stream: Stream) -> None:
        super().__init__(warehouse, run, stream)
        self.prepared = {"1": threading.Event(), "2": threading.Event(), "3": threading.Event()}

    def prepare(self, batch: Batch) -> None:
        super().prepare(batch)
        self.prepared[batch.records[0]["id"]].set()


def test_one_batch_and_no_more_is_made_ready_while_another_is_merged(postgres: Warehouse) -> None:
    load(postgres, CONTACTS, [{"id": "1", "name": "old"}])
    writer = Watched(postgres, start_run(postgres), CONTACTS)
    writer.open({}, track_keys=False, fresh_keys=True)
    batches = [batch("1", name="new"), batch("2", name="new"), batch("3", name="new")]

    def sync() -> None:
        with Commits(writer) as commits:
            for each in batches:
                commits.begin(each, None)

    with postgres.engine.connect() as other, other.begin():
        other.exec_driver_sql("SELECT * FROM acme_contacts WHERE id = '1' FOR UPDATE")
        loading = threading.Thread(target=sync)
        loading.start()
        assert writer.prepared["2"].wait(PATIENCE)
        assert waits_for_a_lock(postgres)  # the first batch is still being merged
        assert batches[1].made is not None
        assert not writer.prepared["3"].is_set()
    loading.join(PATIENCE)

    assert {row["name"] for row in rows(postgres, CONTACTS).values()} == {"new"}
    assert len(rows(postgres, CONTACTS)) == 3


def waits_for_a_lock(warehouse: Warehouse) -> bool:
    """Look until another session waits for a lock."""
    for _ in range(500):
        with warehouse.read() as db:
            if db.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
                return True
        threading.Event().wait(0.01)
    return False


def test_a_failed_commit_is_told_without_waiting_for_the_next_batch(postgres: Warehouse) -> None:
    run = start_run(postgres)
    writer = opened(postgres, run, CONTACTS)
    runs.finish(postgres, run.run_id, runs.Status.FAILED, "HeartbeatLost")
    failed = batch("1")

    def sync() -> None:
        with Commits(writer) as commits:
            commits.begin(failed, None)
            assert failed.handed_over.wait(PATIENCE)
            for _ in range(500):  # the commit ends a moment after its rows were handed over
                commits.check()
                threading.Event().wait(0.01)
            pytest.fail("the failure was not told")

    with pytest.raises(FencedOff):
        sync()


def test_a_session_has_one_staging_table(postgres_warehouse_url: str) -> None:
    """Every commit empties all of them: each more would slow down all batches that follow."""
    with migrated(postgres_warehouse_url) as warehouse:
        for name in ("one", "two", "Grand Prix"):
            load(warehouse, Stream(name=name), [{"id": "1", "v": "x"}], [{"id": "2", "w": "y"}])

        with warehouse.read() as db:
            staged = db.exec_driver_sql(
                "SELECT count(*) FROM pg_class"
                " WHERE relname LIKE 'stage\\_%%' AND relkind = 'r' AND relpersistence = 't'"
            ).scalar_one()

    assert staged == 1
