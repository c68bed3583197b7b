"""Genius: connections, queries and servers that die are taken up again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pymysql
import pytest

from connectors.errors import ConfigError, Stopped, SyncError, TransientError
from connectors.sources.genius.mysql import MySqlServer
from tests import servers
from tests.conftest import available
from tests.sources.genius.database import Database, context, ids, records, request
from tests.sources.genius.interrupted import interrupted, second_page, sessions
from tests.sources.genius.relay import Relay


def test_a_killed_connection_is_opened_again_and_no_row_is_lost_or_doubled(
    database: Database,
) -> None:
    """KILL from another session in the middle of a read."""

    def kill() -> None:
        for session in sessions(database):
            database.run(f"KILL {session}")

    pages = interrupted(database, kill)

    assert ids(pages, "lead_id") == list(range(1, 81))
    assert database.context.meter.retries == 1


def test_a_connection_killed_while_a_result_is_on_the_wire_costs_no_row(
    database: Database,
) -> None:
    """KILL with a part of the rows received: they are thrown away, the query is asked again."""
    database.run(
        "ALTER TABLE `lead` MODIFY notes MEDIUMTEXT",  # 16 MB: more than the sockets hold
        "UPDATE `lead` SET notes = REPEAT(CHAR(65 + lead_id % 26), 200000)",
    )
    killed: list[int] = []

    def kill() -> None:
        killed.extend(sessions(database))
        database.run(*(f"KILL {session}" for session in killed))

    with (
        Relay(database.server, query=b"LIMIT", after=1_000_000, call=kill) as relay,
        database.reader(db_port=relay.port) as reader,
    ):
        pages = list(reader.read(request(reader, "leads")))

    assert len(killed) == 1
    assert relay.seen == 2
    assert ids(pages, "lead_id") == list(range(1, 81))
    assert {len(record["notes"]) for record in records(pages)} == {200_000}
    assert database.context.meter.retries == 1


def test_a_killed_query_is_asked_again(database: Database) -> None:
    """Error 1317: somebody interrupts the query while it runs."""
    server = MySqlServer(database.settings(), database.context, first_backoff=0.01)
    server.now()
    (session,) = sessions(database)
    watching = threading.Thread(target=_interrupt_once_asleep, args=(database, session))
    watching.start()

    ((answer,),) = server.rows(
        "SELECT IF(@again := COALESCE(@again, 0) + 1 = 1, (SELECT COUNT(*) FROM"
        " seq_1_to_100000 a, seq_1_to_100000 b), 'second')"
    )

    watching.join()
    server.close()
    assert answer == b"second"
    assert database.context.meter.retries == 1


def _interrupt_once_asleep(database: Database, session: int) -> None:
    with database.server.connect() as connection, connection.cursor() as cursor:
        running = 0
        while not running:
            cursor.execute(
                "SELECT COUNT(*) FROM information_schema.PROCESSLIST"
                f" WHERE ID = {session} AND INFO LIKE '%again%'"
            )
            ((running,),) = cursor.fetchall()
        cursor.execute(f"KILL QUERY {session}")


def test_a_server_that_restarts_is_waited_for(server_session: servers.Session) -> None:
    """The server goes down in mid-read and comes back at the same address."""
    with available(servers.mariadb(server_session)) as access:
        database = Database.make(access, "lead")
        database.fill(0.2)
        with database.reader() as reader:
            reading = reader.read(request(reader, "leads", page_size=10))
            pages = second_page(reading)
            with restarted(server_session, database):
                pages += reading

        assert ids(pages, "lead_id") == list(range(1, 81))
        assert database.context.meter.retries >= 1


@contextmanager
def restarted(session: servers.Session, database: Database) -> Generator[None]:
    """Shut the server down and start it again with the same arguments."""
    ((file,),) = database.run("SELECT @@pid_file")
    process = psutil.Process(int(Path(file).read_text()))
    command = [part for part in process.cmdline() if not part.startswith("--init-file")]
    process.terminate()  # killed, this server would lose the last second of what was stored
    process.wait()

    def ready() -> bool:
        try:
            database.run("SELECT 1")
        except pymysql.err.OperationalError:
            return False
        return True

    folder = Path(file).parent
    with servers.running(session, command, folder=folder, ready=ready, unprivileged=True):
        yield


def test_a_locked_table_is_waited_for(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Error 1205: an ALTER holds the table; it ends before the attempts do."""
    monkeypatch.setattr("connectors.sources.genius.mysql.LOCK_SECONDS", 1)
    with database.server.connect(database.name) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES `lead` WRITE")
        database.context = context(Unlocking(lambda: cursor.execute("UNLOCK TABLES")))

        pages = database.read("leads")

    assert len(records(pages)) == 80
    assert database.context.meter.retries == 1


class Unlocking(threading.Event):
    """A stop signal that frees a lock when somebody starts to wait."""

    def __init__(self, unlock: Callable[[], object]) -> None:
        super().__init__()
        self._unlock = unlock

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        self._unlock()
        return self.is_set()


def test_a_deadlock_is_tried_again(database: Database) -> None:
    """Error 1213, which a server gives for a while."""
    server = MySqlServer(database.settings(), database.context, first_backoff=0.01)
    database.run(
        "CREATE FUNCTION victim(attempt INT) RETURNS INT BEGIN"
        " IF attempt < 3 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213; END IF;"
        " RETURN attempt; END",
    )

    ((answer,),) = server.rows("SELECT victim(@n := COALESCE(@n, 0) + 1)")

    server.close()
    assert answer == b"3"
    assert database.context.meter.retries == 2


def test_a_server_that_stays_away_ends_in_one_sentence_and_no_other_is_tried(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Error 2003. The old system went on with two other hosts: somebody else's data."""
    called: list[tuple[str, int]] = []
    connect = socket.create_connection

    def recorded(address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
        called.append(address)
        return connect(address, *arguments, **options)

    monkeypatch.setattr(socket, "create_connection", recorded)
    settings = database.settings(db_port=servers.free_port())
    server = MySqlServer(settings, database.context, first_backoff=0.001)

    with pytest.raises(TransientError, match="cannot be reached: check GENIUS_DB_HOST"):
        server.now()

    assert called == [(settings.db_host, settings.db_port)] * 7
    assert database.context.meter.retries == 6


@pytest.mark.parametrize(
    ("number", "error", "sentence"),
    [
        (socket.EAI_NONAME, ConfigError, "the host name is not known: check GENIUS_DB_HOST"),
        (socket.EAI_AGAIN, TransientError, "cannot be reached: check GENIUS_DB_HOST"),
    ],
)
def test_an_unknown_host_is_a_setting_to_correct_a_name_server_that_is_away_is_waited_for(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: type[SyncError],
    sentence: str,
) -> None:
    def unresolved(*_address: Any, **_options: Any) -> None:
        raise socket.gaierror(number, "as the resolver says")

    settings = database.settings(db_host="genius.invalid")
    server = MySqlServer(settings, database.context, first_backoff=0.001)
    monkeypatch.setattr(socket, "getaddrinfo", unresolved)

    with pytest.raises(error, match=sentence):
        server.now()

    assert database.context.meter.retries == (0 if error is ConfigError else 6)


def test_a_run_that_is_stopped_stops_between_queries(database: Database) -> None:
    stopping = threading.Event()
    database.context = context(stopping)

    with pytest.raises(Stopped):
        interrupted(database, stopping.set)


def test_queries_keep_to_the_budget(database: Database) -> None:
    with database.reader(budget=1000) as reader:
        assert len(records(reader.read(request(reader, "leads")))) == 80

    assert database.context.meter.throttled_seconds == 0.0
