"""MariaDB, where it is installed."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Generator
from dataclasses import dataclass

import pymysql

from tests.servers.processes import free_port, running, set_up
from tests.servers.sessions import Session, UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaDb:
    """Where a running MariaDB listens and who may do everything there."""

    host: str
    port: int
    user: str
    password: str

    def connect(self, database: str | None = None) -> pymysql.Connection[pymysql.cursors.Cursor]:
        """A connection in autocommit mode."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database,
            autocommit=True,
        )

    def new_database(self) -> str:
        """Create an empty utf8mb4 database and return its name."""
        name = f"t_{secrets.token_hex(6)}"
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return name


@contextlib.contextmanager
def mariadb(session: Session) -> Generator[MariaDb]:
    """A fresh MariaDB on a loopback port.

    Raises `UnavailableError` where Debian's package is not installed.
    """
    server, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if server is None or install is None:
        message = "no mariadbd on PATH: apt-get install mariadb-server"
        raise UnavailableError(message)
    folder = session.subfolder("my")
    data, password = folder / "data", secrets.token_hex(8)
    set_up(
        [
            install,
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={folder}",  # in a shared one, another that starts removes our tables
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ],
        cwd=folder,
    )
    grant = folder / "grant.sql"
    grant.write_text(
        f"CREATE USER 'tester'@'127.0.0.1' IDENTIFIED BY '{password}';\n"
        "GRANT ALL PRIVILEGES ON *.* TO 'tester'@'127.0.0.1' WITH GRANT OPTION;\n"
    )
    access = MariaDb(host="127.0.0.1", port=free_port(), user="tester", password=password)
    command = [
        server,
        "--no-defaults",
        f"--datadir={data}",
        f"--socket={folder / 'sock'}",
        f"--pid-file={folder / 'pid'}",
        f"--tmpdir={folder}",
        f"--port={access.port}",
        f"--init-file={grant}",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=64M",
    ]
    with running(
        session, command, folder=folder, ready=lambda: _mariadb_answers(access), unprivileged=True
    ):
        yield access


def _mariadb_answers(access: MariaDb) -> bool:
    try:
        access.connect().close()
    except pymysql.err.OperationalError:
        return False
    return True
