"""The servers that tests lean on start clean, stay apart and leave nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import cast

import psycopg
import pytest
from pytest_socket import SocketConnectBlockedError
from sqlalchemy import create_engine, inspect, text

from tests import servers
from tests.conftest import ROOT, setting_names

KILLED = """
import sys
from tests import servers
session = servers.open_session()
with servers.redis_server(session) as url:
    print(session.folder, url, flush=True)
    sys.stdin.read()
"""


def test_a_killed_session_is_cleared_by_the_next_one() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", KILLED],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().split()[0])
        (server,) = servers.recorded(folder / "servers")
        owner.send_signal(signal.SIGKILL)

    servers.reap()

    assert not servers.alive(server)
    assert not folder.exists()


def test_a_living_session_is_left_alone(server_session: servers.Session, redis_url: str) -> None:
    servers.reap()

    assert server_session.folder.is_dir()
    servers.flush_redis(redis_url)


def test_a_server_that_cannot_start_shows_its_own_words(server_session: servers.Session) -> None:
    folder = server_session.subfolder("bad")
    command = [sys.executable, "-c", "raise SystemExit('the disk is full')"]

    with (
        pytest.raises(RuntimeError, match="the disk is full"),
        servers.running(server_session, command, folder=folder, ready=lambda: False),
    ):
        pass


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_its_warehouse_empty(turn: int, warehouse_url: str) -> None:
    database = create_engine(warehouse_url)
    with database.begin() as connection:
        found = inspect(connection).get_table_names()
        connection.execute(text(f"CREATE TABLE left_by_turn_{turn} (id integer)"))
    database.dispose()

    assert found == []


def test_databases_of_two_tests_do_not_meet(postgres_url: str) -> None:
    with (
        servers.postgres_database(postgres_url) as one,
        servers.postgres_database(postgres_url) as two,
    ):
        assert one != two


def test_a_database_goes_although_someone_is_still_connected(postgres_url: str) -> None:
    with servers.postgres_database(postgres_url) as url:
        connection = psycopg.connect(url.replace("+psycopg", ""))

    with connection, pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_debian_postgres_can_hold_the_tables_of_prefect(debian_postgres_url: str) -> None:
    database = create_engine(debian_postgres_url)
    with database.begin() as connection:
        connection.execute(text("CREATE EXTENSION pg_trgm"))
    database.dispose()


def test_mariadb_gives_each_caller_a_database(mariadb: servers.MariaDb) -> None:
    first, second = mariadb.new_database(), mariadb.new_database()

    with mariadb.connect(first) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE names (name varchar(10))")
        cursor.execute("INSERT INTO names VALUES ('Zoë 😀')")
        cursor.execute("SELECT name FROM names")
        assert cursor.fetchall() == (("Zoë 😀",),)
    with mariadb.connect(second) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        assert cursor.fetchall() == ()


def test_redis_is_found_empty(redis_url: str) -> None:
    assert servers.redis_says(redis_url, b"DBSIZE") == b":0\r\n"


def test_no_setting_of_the_shell_reaches_a_test(tmp_path: Path) -> None:
    assert [name for name in setting_names() if name in os.environ] == []
    assert Path.cwd() == tmp_path
    assert "WAREHOUSE_URL" in setting_names()
    assert Path(os.environ["PREFECT_HOME"]).is_relative_to(servers.HOME)


def test_the_network_is_out_of_reach() -> None:
    with (
        socket.socket() as connection,
        pytest.warns(UserWarning, match="192.0.2.1"),
        pytest.raises(SocketConnectBlockedError),
    ):
        connection.connect(("192.0.2.1", 80))  # an address set aside for documentation


@pytest.mark.xdist_group("told")
def test_a_group_of_tests_stays_on_one_worker(request: pytest.FixtureRequest) -> None:
    """Pytest 9.2 drops the group from the id, and each worker starts all servers anew."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("there are groups only among the workers of pytest-xdist")

    this = cast("pytest.Item", request.node)  # pyright: ignore[reportUnknownMemberType]
    assert this.nodeid.endswith("@told")


@pytest.mark.prefect
def test_a_marked_test_finds_a_prefect_server() -> None:
    from prefect import flow

    @flow
    def answer() -> int:
        return 42

    assert answer() == 42
