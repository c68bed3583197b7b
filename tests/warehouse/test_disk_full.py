"""A full disk ends a run in one sentence; what was committed stays, the next run goes on.

Nothing is pretended: a small file system where this machine lets us mount one, the
kernel's limit of a file's size where it does not, and the databases' own limits.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from connectors.errors import WarehouseError
from connectors.warehouse import history
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.migrate import migrate
from tests import servers
from tests.acme import NOW, ORDERS, Acme, sync
from tests.warehouse.loading import CONTACTS, Batch, opened, rows, start_run

MIB = 2**20
LETTERS = 150_000  # twice as many in a record, and no database can pack them
COUNT = 80


@pytest.fixture(scope="module")
def acme() -> Acme:
    """24 MB of orders, ten to a page and batch."""
    vendor = Acme(now=NOW - timedelta(days=1))
    for n in range(COUNT):
        vendor.put("orders", f"{n:03}", text=random.Random(n).randbytes(LETTERS).hex())
    vendor.now = NOW
    return vendor


def check_story(acme: Acme, url: str, make_room: Callable[[], None], said: str) -> None:
    """A run fills the disk; once there is room, the next goes on behind the last commit."""
    full = Warehouse.open(url)
    with pytest.raises(WarehouseError, match=said) as failed:
        sync(acme, full, streams=("orders",))

    assert "\n" not in str(failed.value)
    assert "run again" in str(failed.value)
    full.close()
    make_room()
    roomy = Warehouse.open(url)
    kept = rows(roomy, ORDERS)
    assert 0 < len(kept) < COUNT
    assert len(kept) % 10 == 0  # whole batches
    (broken,) = history.recent(roomy)
    assert (broken["status"], broken["rows_inserted"]) == ("FAILED", len(kept))

    _, reports = sync(acme, roomy, streams=("orders",))

    assert reports["orders"].counts.read == COUNT - len(kept)
    assert {key: row["text"] for key, row in rows(roomy, ORDERS).items()} == {
        key: record["text"] for key, record in acme.records["orders"].items()
    }
    assert history.recent(roomy)[0]["resumed_from"] == broken["run_id"]
    roomy.close()


def migrated(url: str) -> None:
    warehouse = Warehouse.open(url)
    migrate(warehouse)
    warehouse.close()


# The kernel refuses to let a file grow: works for anybody who may start a PostgreSQL.


def may_write(process: psutil.Process, size: int | None) -> None:
    """Limit the files of a process, and of those it starts from now on, to `size` bytes."""
    most = "unlimited" if size is None else str(size)
    root = os.geteuid() == 0  # not above this rule: it is for the owner of the process to say
    subprocess.run(
        ["prlimit", f"--fsize={most}:unlimited", "--pid", str(process.pid)],
        check=True,
        user=process.uids().real if root else None,
        group=process.gids().real if root else None,
        extra_groups=[] if root else None,
    )


@pytest.fixture
def postmaster(postgres_url: str) -> psutil.Process:
    if "TEST_POSTGRES_URL" in os.environ:
        pytest.skip("the server named by TEST_POSTGRES_URL may be another machine's")
    with admin(postgres_url) as conn:
        row = conn.execute(
            "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"
        ).fetchone()
    assert row
    return psutil.Process(int(row[0]))


@contextmanager
def admin(url: str) -> Generator[psycopg.Connection]:
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as conn:
        yield conn


def test_postgresql_that_may_not_write_further(
    acme: Acme, postgres_warehouse_url: str, postmaster: psutil.Process
) -> None:
    """Case 15 of the fault list: a table's file may not grow (a quota, `ulimit -f`)."""
    migrated(postgres_warehouse_url)
    may_write(postmaster, 17 * MIB)  # its log files of 16 MiB must stay possible
    try:
        check_story(
            acme,
            postgres_warehouse_url,
            lambda: may_write(postmaster, None),
            r"could not extend file .*check its disk, quota",
        )
    finally:
        may_write(postmaster, None)


# A small file system.


@pytest.fixture
def small_disk(server_session: servers.Session) -> Generator[Path]:
    """A file system of 20 MiB, owned by the account that servers run as."""
    folder = server_session.subfolder("disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m,mode=777", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no right to mount a small file system here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def enlarged(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)


@pytest.fixture
def tablespace(postgres_url: str, small_disk: Path) -> Generator[str]:
    """Where a test's database may put its tables; ask for it before the database."""
    folder, name = small_disk / "tables", f"small_{os.getpid()}"
    folder.mkdir()
    shutil.chown(folder, servers.ACCOUNT)
    with admin(postgres_url) as conn:
        conn.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'".encode())
        yield name
        conn.execute(f"DROP TABLESPACE {name}".encode())


def test_postgresql_on_a_full_file_system(
    acme: Acme, tablespace: str, postgres_warehouse_url: str, small_disk: Path
) -> None:
    """Case 15 of the fault list: a tablespace with no room left."""
    migrated(postgres_warehouse_url)
    database = sa.make_url(postgres_warehouse_url).database
    with admin(postgres_warehouse_url) as conn:
        conn.execute(f'ALTER DATABASE "{database}" SET default_tablespace = {tablespace}'.encode())
    check_story(
        acme,
        postgres_warehouse_url,
        lambda: enlarged(small_disk),
        r"53100 could not extend file .*its disk is full",
    )


def test_sqlite_on_a_full_file_system(acme: Acme, small_disk: Path) -> None:
    """Case 21 of the fault list."""
    url = f"sqlite:///{small_disk / 'warehouse.sqlite3'}"
    migrated(url)

    check_story(acme, url, lambda: enlarged(small_disk), "SQLITE_FULL .*its disk is full")


# The databases' own limits.


def test_sqlite_at_its_largest_size(acme: Acme, sqlite_warehouse_url: str) -> None:
    """Case 21 of the fault list."""
    migrated(sqlite_warehouse_url)
    limit = 12 * MIB // 4096

    def limited(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
        connection.cursor().execute(f"PRAGMA max_page_count = {limit}")

    event.listen(sa.pool.Pool, "connect", limited)
    try:
        check_story(
            acme,
            sqlite_warehouse_url,
            lambda: event.remove(sa.pool.Pool, "connect", limited),
            "SQLITE_FULL .*its disk is full",
        )
    finally:
        if event.contains(sa.pool.Pool, "connect", limited):
            event.remove(sa.pool.Pool, "connect", limited)


def test_postgresql_out_of_room_for_temporary_files(postgres_warehouse_url: str) -> None:
    """Case 15 of the fault list: `temp_file_limit`."""
    migrated(postgres_warehouse_url)
    database = sa.make_url(postgres_warehouse_url).database
    with admin(postgres_warehouse_url) as conn:
        for setting in ("temp_file_limit = '64kB'", "work_mem = '64kB'"):
            conn.execute(f'ALTER DATABASE "{database}" SET {setting}'.encode())
    warehouse = Warehouse.open(postgres_warehouse_url)
    writer = opened(warehouse, start_run(warehouse), CONTACTS)

    with pytest.raises(WarehouseError, match=r"53400 .*temp_file_limit.*raise it"):
        writer.write(Batch(records=[{"id": str(n), "name": "x"} for n in range(20_000)]), None)

    assert rows(warehouse, CONTACTS) == {}
    with warehouse.read() as db:
        assert execute(db, "SELECT sum(rows_read) FROM sync_runs").scalar_one() == 0
    assert writer.write(Batch(records=[{"id": "1"}]), None).inserted == 1
    warehouse.close()
