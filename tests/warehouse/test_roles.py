"""The roles of `deployments/roles.sql` are enough for their work and for nothing more."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import ProgrammingError

from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.acme import ORDERS, Acme, sync
from tests.warehouse.loading import rows

ROLES = Path(__file__).parents[2] / "deployments" / "roles.sql"


def acting_as(url: str, role: str) -> Warehouse:
    """Open the warehouse with every session acting as `role`."""
    warehouse = Warehouse.open(url)
    warehouse.engine.dispose()

    @event.listens_for(warehouse.engine, "connect")
    def act(connection: psycopg.Connection[Any], _record: object) -> None:
        connection.execute(f"SET ROLE {role}".encode())
        connection.commit()

    return warehouse


@pytest.fixture
def url(postgres_warehouse_url: str) -> Generator[str]:
    """A database with the roles applied twice and the tables made by the owner."""
    superuser = Warehouse.open(postgres_warehouse_url)
    for _ in range(2):
        with superuser.begin() as db:
            db.exec_driver_sql(ROLES.read_text().replace("%", "%%"))
    owner = acting_as(postgres_warehouse_url, "crm_sync_owner")
    migrate(owner)
    owner.close()
    yield postgres_warehouse_url
    with superuser.begin() as db:
        for role in ("crm_sync_owner", "crm_sync_loader", "crm_sync_reader"):
            db.exec_driver_sql(f"DROP OWNED BY {role} CASCADE")
            db.exec_driver_sql(f"DROP ROLE {role}")
    superuser.close()


def test_the_loader_role_suffices_for_syncs_and_cannot_drop_the_books(url: str) -> None:
    vendor = Acme()
    for n in range(30):
        vendor.put("orders", f"{n:02}", amount=str(n))
    loader = acting_as(url, "crm_sync_loader")
    assert migrate(loader) == []

    assert sync(vendor, loader, mode="full")[0] is Status.SUCCESS
    del vendor.records["orders"]["07"]
    vendor.put("orders", "08", amount="x", added=5)
    status, reports = sync(vendor, loader, mode="full")

    assert reports["orders"].counts.deleted == 1
    assert status is Status.PARTIAL  # one of 29 rows lost its amount
    assert rows(loader, ORDERS)["08"]["added"] == 5
    with pytest.raises(ProgrammingError, match="must be owner"), loader.begin() as db:
        db.exec_driver_sql("DROP TABLE sync_runs")
    loader.close()


def test_the_reader_role_reads_everything_and_writes_nothing(url: str) -> None:
    vendor = Acme()
    vendor.put("orders", "1", amount="1")
    loader = acting_as(url, "crm_sync_loader")
    sync(vendor, loader)
    loader.close()
    reader = acting_as(url, "crm_sync_reader")

    assert rows(reader, ORDERS)["1"]["amount"] == 1
    with reader.read() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM sync_history").scalar_one() > 0
    for statement in ('UPDATE "acme_orders" SET amount = 2', "DELETE FROM sync_runs"):
        with pytest.raises(ProgrammingError, match="permission denied"), reader.begin() as db:
            db.exec_driver_sql(statement)
    reader.close()
