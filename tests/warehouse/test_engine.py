"""Opening a warehouse, and saying what is wrong with it."""

from __future__ import annotations

import logging
import multiprocessing
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from connectors.errors import ConfigError, WarehouseError
from connectors.warehouse.engine import (
    Warehouse,
    described,
    execute,
    is_transient,
    moment,
    stamp,
)
from tests.servers import free_port


@pytest.mark.parametrize(
    "url",
    [
        "mysql://root:hunter22@db/crm",
        "no url with hunter22",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://user:hunter22@host:port/crm",
    ],
)
def test_a_url_that_cannot_work_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match="WAREHOUSE_URL") as refused:
        Warehouse.open(url)

    assert "hunter22" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unreachable_server_is_one_sentence_without_the_password() -> None:
    url = f"postgresql://loader:hunter22@127.0.0.1:{free_port()}/crm"

    with pytest.raises(WarehouseError, match="cannot be reached") as refused:
        Warehouse.open(url)

    assert "hunter22" not in repr(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_folder_and_a_foreign_file_say_what_to_correct(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="create the folder"):
        Warehouse.open(f"sqlite:///{tmp_path}/missing/crm.db")
    (tmp_path / "notes.txt").write_text("not a database at all, but long enough to look at " * 9)
    with pytest.raises(WarehouseError, match="not a SQLite database"):
        Warehouse.open(f"sqlite:///{tmp_path}/notes.txt")


def test_sqlite_refuses_a_schema(sqlite_warehouse_url: str) -> None:
    with pytest.raises(ConfigError, match="unset WAREHOUSE_SCHEMA"):
        Warehouse.open(sqlite_warehouse_url, "crm")


def test_times_are_the_databases_and_come_back_as_aware_utc(warehouse: Warehouse) -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)

    with warehouse.read() as conn:
        now = execute(conn, "SELECT clock_timestamp()").scalar_one()
        assert moment(stamp(conn, at)) == at
    assert moment(now).tzinfo is UTC
    assert abs(moment(now) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_postgresql_session_is_named_bounded_and_in_utc(postgres_warehouse_url: str) -> None:
    warehouse = Warehouse.open(
        postgres_warehouse_url, 'o"dd', statement_timeout=timedelta(milliseconds=1500)
    )
    names = ("application_name", "TimeZone", "DateStyle", "lock_timeout", "statement_timeout")

    with warehouse.read() as conn:
        set_to = [execute(conn, f"SHOW {name}").scalar_one() for name in (*names, "search_path")]

    assert set_to == ["crm-sync", "UTC", "ISO, YMD", "30s", "1500ms", '"o""dd"']
    warehouse.close()


def test_a_server_that_is_not_verified_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    from connectors.warehouse.engine import warn_when_unverified

    with caplog.at_level(logging.WARNING):
        for quiet in (
            "postgresql://u:p@localhost/x",
            "postgresql://u:p@/x?host=/run/pg",
            "postgresql://u:p@[::1]/x",
            "postgresql://u:p@db.example/x?sslmode=verify-full",
        ):
            warn_when_unverified(sa.make_url(quiet))
        assert not caplog.records
        warn_when_unverified(sa.make_url("postgresql://u:hunter22@db.example/x?sslmode=require"))

    assert "db.example" in caplog.text
    assert "hunter22" not in caplog.text


def test_names_are_quoted_so_that_nothing_in_them_runs(warehouse: Warehouse) -> None:
    """Case 71 of the fault list: a name that wants to be a statement."""
    hostile = 'x"); DROP TABLE sync_runs;--'

    with warehouse.begin() as conn:
        conn.exec_driver_sql(f"CREATE TABLE {warehouse.table(hostile)} (id integer)")
    assert hostile in sa.inspect(warehouse.engine).get_table_names()
    assert "sync_runs" in sa.inspect(warehouse.engine).get_table_names()
    for impossible in ("", "a\0b", "ü" * 32):
        with pytest.raises(ValueError, match="63 bytes"):
            warehouse.quote(impossible)


def test_errors_name_the_code_and_never_a_value(warehouse: Warehouse) -> None:
    typed = "integer" if warehouse.dialect == "postgresql" else "INTEGER"
    strict = "" if warehouse.dialect == "postgresql" else " STRICT"
    with warehouse.begin() as conn:
        conn.exec_driver_sql(f"CREATE TABLE t (id {typed} PRIMARY KEY, name text UNIQUE){strict}")
        execute(conn, "INSERT INTO t VALUES (1, 'private-value')")

    for statement in (
        "INSERT INTO t VALUES (:id, 'private-value')",  # DETAIL quotes the key
        "INSERT INTO t VALUES ('private-value', :id)",  # the message itself quotes the value
    ):
        with pytest.raises(WarehouseError) as refused, warehouse.write() as conn:
            execute(conn, statement, {"id": 2})
        assert "private" not in repr(refused.value)
        assert "INSERT" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_a_session_that_waits_for_a_lock_gives_up_with_advice(postgres_warehouse_url: str) -> None:
    """Case 14 of the fault list: another session holds the table."""
    warehouse = Warehouse.open(postgres_warehouse_url, lock_timeout=timedelta(milliseconds=50))
    with warehouse.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id integer)")

    with warehouse.begin() as holder:
        holder.exec_driver_sql("LOCK TABLE t")
        with pytest.raises(DBAPIError) as refused, warehouse.begin() as conn:
            conn.exec_driver_sql("SELECT * FROM t")

    assert is_transient(refused.value)
    assert "end that session" in str(described(refused.value))
    warehouse.close()


def test_a_statement_over_its_time_says_so(postgres_warehouse_url: str) -> None:
    """Case 17 of the fault list: statement_timeout."""
    warehouse = Warehouse.open(postgres_warehouse_url, statement_timeout=timedelta(milliseconds=50))

    with pytest.raises(WarehouseError, match=r"57014.*statement_timeout"), warehouse.read() as conn:
        execute(conn, "SELECT pg_sleep(30)")
    warehouse.close()


def test_a_connection_cut_between_two_transactions_costs_nothing(
    postgres_warehouse_url: str,
) -> None:
    """Case 18 of the fault list: the server restarts between pages."""
    warehouse = Warehouse.open(postgres_warehouse_url)
    with warehouse.read() as conn:
        pid = execute(conn, "SELECT pg_backend_pid()").scalar_one()
    _cut(postgres_warehouse_url, pid)

    with warehouse.read() as conn:
        assert execute(conn, "SELECT 1").scalar_one() == 1
    warehouse.close()


def test_a_connection_cut_inside_a_transaction_is_worth_a_retry(
    postgres_warehouse_url: str,
) -> None:
    """Case 13 of the fault list: the connection is reset under a batch."""
    warehouse = Warehouse.open(postgres_warehouse_url)

    with pytest.raises(DBAPIError) as refused, warehouse.begin() as conn:  # noqa: PT012 - the block is the transaction
        _cut(postgres_warehouse_url, execute(conn, "SELECT pg_backend_pid()").scalar_one())
        execute(conn, "SELECT 1")

    assert is_transient(refused.value)
    assert "\n" not in str(described(refused.value))
    warehouse.close()


def _cut(url: str, pid: int) -> None:
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_a_read_only_target_is_a_matter_of_configuration(warehouse: Warehouse) -> None:
    """Case 19 of the fault list: a standby as target."""
    read_only = {
        "postgresql": "SET TRANSACTION READ ONLY",
        "sqlite": "PRAGMA query_only = ON",
    }

    with pytest.raises(DBAPIError) as refused, warehouse.begin() as conn:  # noqa: PT012 - the block is the transaction
        conn.exec_driver_sql(read_only[warehouse.dialect])
        execute(conn, "DELETE FROM sync_locks")

    assert not is_transient(refused.value)
    assert "read-only" in str(described(refused.value))


def test_a_full_disk_keeps_nothing_and_says_so(sqlite_warehouse_url: str) -> None:
    """Case 21 of the fault list: SQLite's file cannot grow."""
    warehouse = Warehouse.open(sqlite_warehouse_url)
    with warehouse.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (x TEXT)")

    full = pytest.raises(WarehouseError, match="disk is full")
    with full, warehouse.write() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        execute(conn, "INSERT INTO t VALUES (:x)", {"x": "y" * 1_000_000})

    with warehouse.read() as conn:
        assert execute(conn, "SELECT count(*) FROM t").scalar_one() == 0
    warehouse.close()


def test_a_writer_waits_for_another_and_a_reader_for_nobody(sqlite_warehouse_url: str) -> None:
    """Case 20 of the fault list: SQLite is locked by a second writer."""
    warehouse = Warehouse.open(sqlite_warehouse_url)
    with warehouse.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE t (x INTEGER)")
    other = sqlite3.connect(sa.make_url(sqlite_warehouse_url).database or "", timeout=0)
    other.isolation_level = None

    with warehouse.begin() as conn:
        execute(conn, "INSERT INTO t VALUES (1)")
        with warehouse.read() as reader:
            assert execute(reader, "SELECT count(*) FROM t").scalar_one() == 0
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()
    warehouse.close()


def _open(url: str) -> None:
    Warehouse.open(url).close()


def test_many_processes_may_open_a_new_sqlite_file_at_once(sqlite_warehouse_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=_open, args=(sqlite_warehouse_url,)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()

    assert [child.exitcode for child in children] == [0] * 4
