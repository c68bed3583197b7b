"""A Genius database on the test's MariaDB: real schema, rows of the generator, a reader on it."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from connectors.context import Context
from connectors.model import Mode, Page, Reader, Record, Refused, Request, Stream
from connectors.sandbox.genius import Rows, insert, statements, tables
from connectors.sources import genius
from connectors.sources.genius.tables import BY_STREAM
from connectors.throttle import open_throttles
from tests import servers

SETTLED = timedelta(minutes=3)  # ago: older than any lag


def random(*purpose: object) -> Random:
    """The generator's dice: the same in every run."""
    return Random(repr(purpose))


def context(stopping: threading.Event | None = None) -> Context:
    """A context of its own, on the real clock."""
    stop = stopping or threading.Event()
    return Context(throttles=open_throttles(None, stopping=stop), stopping=stop)


def records(pages: Iterable[Page]) -> list[Record]:
    """Every record of some pages."""
    return [record for page in pages for record in page.records]


def refused(pages: Iterable[Page]) -> list[Refused]:
    """Everything that some pages refused."""
    return [one for page in pages for one in page.refused]


def key_of(name: str) -> tuple[str, ...]:
    """The columns that tell the rows of a stream apart."""
    return BY_STREAM[name].key


def ids(pages: Iterable[Page], key: str = "id") -> list[int]:
    """The keys of some pages, in the order they came."""
    return [int(record[key]) for record in records(pages)]


@dataclass
class Database:
    """One database on the server; the test may do everything in it."""

    server: servers.MariaDb
    name: str
    tables: Sequence[str] = ()
    context: Context = field(default_factory=context)

    @classmethod
    def make(cls, server: servers.MariaDb, *names: str) -> Database:
        """A database with these tables of Genius, empty; with all when none is named."""
        database = cls(server, server.new_database(), names or tuple(tables()))
        wanted = re.compile(f"(table|on) `({'|'.join(database.tables)})`")
        database.run(*(one for one in statements() if wanted.search(one)))
        return database

    def run(self, *script: str) -> Sequence[tuple[Any, ...]]:
        """Execute statements as an administrator; answers the rows of the last."""
        with self.server.connect(self.name) as connection, connection.cursor() as cursor:
            for statement in script:
                cursor.execute(statement)
            return cursor.fetchall()

    def fill(self, scale: float = 0.2, **counts: int) -> None:
        """Pour generated rows into every table."""
        rows = Rows(random=random, before=datetime.now(UTC), scale=scale, counts=counts)
        with self.server.connect(self.name) as connection, connection.cursor() as cursor:
            cursor.execute("SET unique_checks = 0")
            cursor.execute("BEGIN")
            for name in self.tables:
                insert(cursor, tables()[name], rows.of(name), mark="%s")
            cursor.execute("COMMIT")

    def settings(self, **changes: Any) -> genius.Settings:
        """Settings of a client of this database."""
        access = self.server
        return genius.Settings.model_validate(
            {
                "db_host": access.host,
                "db_port": access.port,
                "db_name": self.name,
                "db_user": access.user,
                "db_password": access.password,
                **changes,
            }
        )

    @contextmanager
    def reader(self, **changes: Any) -> Generator[Reader]:
        """An open reader."""
        with genius.connect(self.settings(**changes), self.context) as reader:
            yield reader

    def read(self, stream: str, since: datetime | None = None, **changes: Any) -> list[Page]:
        """Every page of a stream, read anew."""
        with self.reader(**changes) as reader:
            return list(reader.read(request(reader, stream, since)))


def request(reader: Reader, name: str, since: datetime | None = None, **changes: Any) -> Request:
    """A full read, or an incremental one from `since` to a minute ago."""
    now = datetime.now(UTC)
    mode: Mode = "incremental" if since else "full"
    wished: dict[str, Any] = {
        "since": since,
        "until": now - timedelta(seconds=60) if since else None,
        **changes,
    }
    return Request(stream=stream_named(reader, name), mode=mode, started_at=now, **wished)


def stream_named(reader: Reader, name: str) -> Stream:
    """A stream of the reader."""
    return next(stream for stream in reader.streams() if stream.name == name)


def naive(moment: datetime) -> str:
    """A time as the database stores it, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def ago(span: timedelta = SETTLED) -> str:
    """A time in the past as the database stores it."""
    return naive(datetime.now(UTC) - span)
