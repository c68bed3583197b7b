"""When the warehouse itself fails: a clear reason, a retry where one helps, no partial state."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.errors import WarehouseError
from connectors.warehouse.checkpoints import State
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch
from connectors.warehouse.migrate import migrate
from tests import servers
from tests.acme import ORDERS
from tests.warehouse.loading import CONTACTS, load, opened, rows, start_run
from tests.warehouse.test_crash import child, until


@contextmanager
def hurried(
    url: str,
    lock_timeout: timedelta = timedelta(seconds=30),
    statement_timeout: timedelta | None = None,
) -> Generator[Warehouse]:
    """Open a migrated warehouse whose statements do not wait long."""
    warehouse = Warehouse.open(url, lock_timeout=lock_timeout, statement_timeout=statement_timeout)
    migrate(warehouse)
    yield warehouse
    warehouse.close()


def test_a_lock_on_the_table_is_waited_for_and_the_batch_then_goes_in(
    postgres_warehouse_url: str,
) -> None:
    """Case 14 of the fault list: another session alters the table while a batch arrives."""
    with hurried(postgres_warehouse_url, lock_timeout=timedelta(milliseconds=300)) as warehouse:
        load(warehouse, CONTACTS, [{"id": "1"}])
        writer = opened(warehouse, start_run(warehouse), CONTACTS)
        refused = threading.Event()

        with hurried(postgres_warehouse_url) as second, second.engine.connect() as other:
            held = other.begin()
            other.exec_driver_sql("ALTER TABLE acme_contacts ADD COLUMN by_hand text")
            watcher = threading.Thread(target=lambda: (refused.wait(10), held.commit()))
            watcher.start()
            attempt = writer.table.reload  # a second attempt reads the columns again

            def told(db: sa.Connection) -> None:
                refused.set()
                attempt(db)

            writer.table.reload = told
            counts = writer.write(Batch(records=[{"id": "2"}]), None)
            watcher.join()

        assert refused.is_set()
        assert counts.inserted == 1
        assert set(rows(warehouse, CONTACTS)) == {"1", "2"}


def test_a_lock_that_stays_ends_the_batch_with_what_to_do(postgres_warehouse_url: str) -> None:
    """Case 14 of the fault list."""
    with hurried(postgres_warehouse_url, lock_timeout=timedelta(milliseconds=100)) as warehouse:
        load(warehouse, CONTACTS, [{"id": "1"}])
        writer = opened(warehouse, start_run(warehouse), CONTACTS)
        with warehouse.engine.connect() as other, other.begin():
            other.exec_driver_sql("LOCK TABLE acme_contacts IN ACCESS EXCLUSIVE MODE")

            with pytest.raises(WarehouseError, match="another session holds a lock"):
                writer.write(Batch(records=[{"id": "2"}]), State(cursor={"until": "x"}))

        assert set(rows(warehouse, CONTACTS)) == {"1"}


def test_a_statement_that_takes_too_long_is_named(postgres_warehouse_url: str) -> None:
    """Case 17 of the fault list."""
    with hurried(
        postgres_warehouse_url, statement_timeout=timedelta(milliseconds=150)
    ) as warehouse:
        load(warehouse, CONTACTS, [{"id": "1"}])
        with warehouse.begin() as db:
            db.exec_driver_sql(
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$"
            )
            db.exec_driver_sql(
                "CREATE TRIGGER slow BEFORE INSERT ON acme_contacts EXECUTE FUNCTION slow()"
            )
        writer = opened(warehouse, start_run(warehouse), CONTACTS)

        with pytest.raises(WarehouseError, match="statement_timeout"):
            writer.write(Batch(records=[{"id": "2"}]), None)

        assert set(rows(warehouse, CONTACTS)) == {"1"}


def test_a_deadlock_is_tried_again(postgres_warehouse_url: str) -> None:
    """Case 16 of the fault list: two sessions lock two rows in opposite order."""
    with hurried(postgres_warehouse_url) as warehouse:
        load(warehouse, CONTACTS, [{"id": "a", "n": 1}, {"id": "b", "n": 1}])
        writer = opened(warehouse, start_run(warehouse), CONTACTS)
        with warehouse.engine.connect() as other:
            held = other.begin()
            other.exec_driver_sql("SET LOCAL deadlock_timeout = '60s'")  # ours is the victim
            other.exec_driver_sql("UPDATE acme_contacts SET n = 5 WHERE id = 'b'")
            crossing = threading.Thread(target=cross, args=(warehouse, other, held))
            crossing.start()

            counts = writer.write(Batch(records=[{"id": "a", "n": 2}, {"id": "b", "n": 2}]), None)
            crossing.join()

        assert counts.updated == 2
        assert {row["n"] for row in rows(warehouse, CONTACTS).values()} == {2}


def cross(warehouse: Warehouse, other: sa.Connection, held: sa.Transaction) -> None:
    """Once the batch waits for row b, wait for its row a in turn."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    for _ in range(500):
        with warehouse.read() as db:
            if db.exec_driver_sql(waiting).scalar_one():
                break
        threading.Event().wait(0.01)
    other.exec_driver_sql("UPDATE acme_contacts SET n = 5 WHERE id = 'a'")
    held.commit()


def test_a_server_that_dies_in_mid_load_loses_nothing(server_session: servers.Session) -> None:
    """Case 12 of the fault list: the postmaster and all its children are killed."""
    with servers.postgres(server_session, servers.wheel_binaries()) as admin:
        warehouse = Warehouse.open(admin)
        migrate(warehouse)
        with child(admin, 100, "--slow", "0.1") as process:
            until(process, "committed", 3)
            with warehouse.read() as db:
                backends = db.exec_driver_sql(
                    "SELECT pid FROM pg_stat_activity WHERE application_name = 'crm-sync'"
                    " AND pid <> pg_backend_pid()"
                ).scalars()
                victims = list(backends)
            os.kill(victims[0], signal.SIGKILL)  # the server restarts all of itself
            output, _ = process.communicate(timeout=60)

        assert process.returncode == 0, output
        assert len(rows(warehouse, ORDERS)) == 100
        warehouse.close()
