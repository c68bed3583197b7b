"""Genius goes wrong: connections die, servers restart, grants and tables are missing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pymysql
import pytest

from connectors import secrets
from connectors.errors import (
    AccessError,
    ConfigError,
    ContractError,
    CredentialsError,
    Stopped,
    SyncError,
    TransientError,
)
from connectors.model import Page
from connectors.settings import load
from connectors.sources import genius
from connectors.sources.genius.mysql import MySqlServer
from tests import servers
from tests.conftest import available
from tests.sources.genius_database import Database, ago, context, ids, records, request
from tests.sources.genius_relay import Relay


@pytest.fixture
def database(mariadb: servers.MariaDb) -> Database:
    """Some leads and two lookups."""
    made = Database.make(mariadb, "lead", "job_status", "service")
    made.fill(0.2)
    return made


def sessions(database: Database) -> list[int]:
    """Sessions of the reader."""
    rows = database.run(
        "SELECT ID FROM information_schema.PROCESSLIST"
        f" WHERE DB = '{database.name}' AND ID <> CONNECTION_ID()"
    )
    return [row[0] for row in rows]


def interrupted(database: Database, trouble: Callable[[], object]) -> list[Page]:
    """Read the leads, with trouble after the second page."""
    with database.reader() as reader:
        pages: list[Page] = []
        for page in reader.read(request(reader, "leads", page_size=10)):
            pages.append(page)
            if len(pages) == 3:
                trouble()
    return pages


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


def second_page(reading: Iterator[Page]) -> list[Page]:
    """The first two pages of a read: its notes and its first rows."""
    return [next(reading), next(reading)]


def open_with(database: Database, **changes: Any) -> None:
    with database.reader(**changes):
        raise AssertionError("it opened")


def test_a_wrong_password_is_explained_and_not_tried_again(database: Database) -> None:
    """Error 1045: some servers lock the account after a few attempts."""
    with pytest.raises(CredentialsError, match=r"1045.*GENIUS_DB_PASSWORD") as caught:
        open_with(database, db_password="hunter2-secret")

    assert "hunter2" not in str(caught.value)
    assert database.context.meter.requests == 1


def test_an_expired_password_is_explained_and_not_tried_again(database: Database) -> None:
    """Errors 1862 and 1820, which the old system met in production."""
    user = f"expired_{database.name}"
    database.run(
        "SET GLOBAL disconnect_on_expired_password = ON",
        f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY 'old' PASSWORD EXPIRE",
    )

    with pytest.raises(CredentialsError, match=r"has expired|must be changed"):
        open_with(database, db_user=user, db_password="old")

    assert database.context.meter.requests == 1


@pytest.mark.parametrize(
    ("changes", "grants", "error", "sentence"),
    [
        ({"db_name": "nowhere"}, "ALL ON *.*", ConfigError, "check GENIUS_DB_NAME"),
        ({}, "USAGE ON *.*", ConfigError, "grant SELECT"),
        ({"db_tls": "verify"}, "ALL ON *.*", ConfigError, "TLS failed"),
    ],
)
def test_what_settings_can_get_wrong_is_said_in_one_sentence(
    database: Database, changes: dict[str, Any], grants: str, error: type[SyncError], sentence: str
) -> None:
    """Errors 1049, 1044 and 2026."""
    user = f"u_{database.name}"
    database.run(
        f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY 'pw'",
        f"GRANT {grants} TO '{user}'@'127.0.0.1'",
    )

    with pytest.raises(error, match=sentence):
        open_with(database, db_user=user, db_password="pw", **changes)

    assert database.context.meter.retries == 0


def test_an_unreadable_ca_file_is_a_setting_to_correct(database: Database) -> None:
    with pytest.raises(ConfigError, match="GENIUS_DB_TLS_CA"):
        open_with(database, db_tls="verify", db_tls_ca=Path("/nowhere.pem"))


def test_without_tls_a_server_is_read_as_well(database: Database) -> None:
    assert records(database.read("job_statuses", db_tls="off"))


@pytest.fixture
def granted(database: Database) -> Iterator[tuple[Database, str]]:
    user = f"g_{database.name}"
    database.run(
        f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY 'pw'",
        f"GRANT SELECT ON `{database.name}`.`lead` TO '{user}'@'127.0.0.1'",
        f"GRANT SELECT (id, label) ON `{database.name}`.job_status TO '{user}'@'127.0.0.1'",
    )
    yield database, user
    database.run(f"DROP USER '{user}'@'127.0.0.1'")


def test_a_user_reads_what_it_may_and_is_told_what_it_may_not(
    granted: tuple[Database, str],
) -> None:
    """Errors 1142 and 1143: the stream fails, its siblings do not."""
    database, user = granted
    with database.reader(db_user=user, db_password="pw") as reader:
        assert len(records(reader.read(request(reader, "leads")))) == 80
        assert set(records(reader.read(request(reader, "job_statuses")))[0]) == {"id", "label"}
        with pytest.raises(ContractError, match="no table service, or this user may not see it"):
            list(reader.read(request(reader, "services")))

        leads = reader.read(request(reader, "leads", page_size=10))
        second_page(leads)
        database.run(f"REVOKE SELECT ON `{database.name}`.`lead` FROM '{user}'@'127.0.0.1'")
        with pytest.raises(AccessError, match=r"1142.*grant SELECT"):
            list(leads)


def test_the_session_can_only_read_and_only_for_a_while(database: Database) -> None:
    server = MySqlServer(
        database.settings(db_statement_seconds=1), database.context, first_backoff=0.01
    )

    with pytest.raises(ContractError, match="1792"):
        server.rows("DELETE FROM `lead`")
    with pytest.raises(TransientError, match="longer than GENIUS_DB_STATEMENT_SECONDS"):
        server.rows("SELECT COUNT(*) FROM seq_1_to_100000 a, seq_1_to_100000 b")

    assert database.context.meter.retries == 0
    assert len(sessions(database)) == 1
    server.close()


def test_a_missing_table_fails_its_stream_in_one_sentence(database: Database) -> None:
    """Error 1146, before and during a read."""
    with database.reader() as reader:
        with pytest.raises(ContractError, match="no table quote"):
            list(reader.read(request(reader, "quotes")))
        leads = reader.read(request(reader, "leads", page_size=10))
        second_page(leads)
        database.run("DROP TABLE `lead`")
        with pytest.raises(ContractError, match="1146"):
            list(leads)


def test_columns_come_and_go_between_runs(database: Database) -> None:
    before = records(database.read("leads"))[0]
    database.run(
        "ALTER TABLE `lead` DROP COLUMN email, ADD COLUMN vip TINYINT(1) NOT NULL DEFAULT 1,"
        " ADD COLUMN api_token VARCHAR(10) NOT NULL DEFAULT 'hidden' AFTER lead_id"
    )

    pages = database.read("leads")

    after = records(pages)[0]
    assert before.keys() - after.keys() == {"email"}
    assert after.keys() - before.keys() == {"vip"}
    assert after["vip"] is True
    assert "api_token" in " ".join(pages[0].notes)


def test_a_column_that_goes_while_it_is_read_fails_the_stream_until_the_next_run(
    database: Database,
) -> None:
    """Error 1054."""
    with database.reader() as reader:
        leads = reader.read(request(reader, "leads", page_size=10))
        second_page(leads)
        database.run("ALTER TABLE `lead` DROP COLUMN email")
        with pytest.raises(ContractError, match=r"1054.*next run"):
            list(leads)

    assert len(records(database.read("leads"))) == 80


def test_a_table_without_its_time_of_change_is_read_whole(database: Database) -> None:
    database.run("ALTER TABLE `lead` DROP COLUMN updated_at")

    pages = database.read("leads", datetime.now(UTC) - timedelta(hours=1))

    assert len(records(pages)) == 80
    assert "no updated_at any more" in " ".join(pages[0].notes)


def test_a_table_without_its_key_fails_its_stream(database: Database) -> None:
    database.run("ALTER TABLE job_status CHANGE id number INT")

    with pytest.raises(ContractError, match="no column id any more"):
        database.read("job_statuses")


def test_a_run_that_is_stopped_stops_between_queries(database: Database) -> None:
    stopping = threading.Event()
    database.context = context(stopping)

    with pytest.raises(Stopped):
        interrupted(database, stopping.set)


def test_queries_keep_to_the_budget(database: Database) -> None:
    with database.reader(budget=1000) as reader:
        assert len(records(reader.read(request(reader, "leads")))) == 80

    assert database.context.meter.throttled_seconds == 0.0


# Settings


def test_missing_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENIUS_DB_HOST", "db.internal")

    with pytest.raises(ConfigError, match="GENIUS_DB_NAME and GENIUS_DB_USER and GENIUS_DB_PASS"):
        load(genius.Settings)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HOST": "db.internal",
        "NAME": "genius",
        "USER": "reader",
        "PASSWORD": "s3cret-of-genius",
        "ZONE": "US/Pacific",
    }.items():
        monkeypatch.setenv(f"GENIUS_DB_{name}", value)

    settings = load(genius.Settings)

    assert (settings.db_port, settings.db_zone, settings.budget) == (3306, "US/Pacific", None)
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in secrets.scrub(f"it was s3cret-of-genius at {ago()}")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"db_zone": "Mars/Olympus"}, "no such time zone"),
        ({"db_host": "sqlite:///"}, "no file"),
        ({"db_host": "genius..example.com"}, "no host has such a name"),
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, Any], sentence: str) -> None:
    usual = {"db_host": "h", "db_name": "n", "db_user": "u", "db_password": "p"}

    with pytest.raises(ConfigError, match=sentence):
        load(genius.Settings, usual | changes)


def test_a_sqlite_file_that_is_not_there_is_a_setting_to_correct(tmp_path: Path) -> None:
    settings = load(
        genius.Settings,
        {
            "db_host": f"sqlite:///{tmp_path / 'gone.db'}",
            "db_name": "n",
            "db_user": "u",
            "db_password": "p",
        },
    )

    with pytest.raises(ConfigError, match="there is no file"), genius.connect(settings, context()):
        pass
