"""A pretend portal over a real socket and a reader of it, without a warehouse."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.context import Context
from connectors.model import Json, Key, Mode, Page, Reader, Record, Request, Stream
from connectors.sandbox import Sandbox
from connectors.settings import load
from connectors.sources import hubspot
from tests.sources.pretend import Impatient, unhurried

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
AGES = timedelta(days=3650)


@dataclass(slots=True)
class Gathered:
    """What a read yielded."""

    pages: list[Page] = field(default_factory=list[Page])

    @property
    def list(self) -> list[Record]:
        """Every record, doubles included."""
        return [record for page in self.pages for record in page.records]

    @property
    def deleted(self) -> set[Key]:
        return {key for page in self.pages for key in page.deleted}

    @property
    def incomplete(self) -> list[str]:
        return [page.incomplete for page in self.pages if page.incomplete]

    def by(self, *names: str) -> dict[Key, Record]:
        return {tuple(record[name] for name in names): record for record in self.list}

    @property
    def by_id(self) -> dict[str, Record]:
        return {record["id"]: record for record in self.list}


class Portal:
    """The sandbox's HubSpot at a pinned time, and readers of it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.vendor: Any = sandbox.vendor("hubspot")
        self.stopping = Impatient()
        self.context = Context(
            throttles=unhurried(self.stopping), stopping=self.stopping, clock=sandbox.clock.now
        )

    @contextmanager
    def reader(self, **settings: Any) -> Generator[Reader]:
        environment = self.sandbox.environment()
        chosen = {
            "base_url": environment["HUBSPOT_BASE_URL"],
            "api_token": environment["HUBSPOT_API_TOKEN"],
        } | settings
        with hubspot.connect(load(hubspot.Settings, chosen), self.context) as reader:
            yield reader

    def read(self, name: str, mode: Mode = "full", **parts: Any) -> Gathered:
        """Read one stream with a connection of its own; see `reading` for `parts`."""
        settings = parts.pop("settings", {})
        with self.reader(**settings) as reader:
            return Gathered(list(reading(reader, name, mode, now=self.context.clock(), **parts)))

    def truth(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """The live records of a stream by the sandbox's key."""
        entries = self.sandbox.ledger("hubspot", name)
        return {entry.id: entry.record for entry in entries if not entry.deleted}

    def records(self, kind: str) -> dict[str, Record]:
        """The live records of an object type as the reader should give them."""
        return {key: dict(r["properties"]) | {"id": key} for key, r in self.truth(kind).items()}


def reading(
    reader: Reader,
    name: str,
    mode: Mode = "full",
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    position: Json | None = None,
    page_size: int = 200,
) -> Iterator[Page]:
    """Pages of a stream. Incremental without bounds: all of the past up to the lag."""
    stream = stream_of(reader, name)
    if mode != "full" and stream.window is not None:
        since = since or now - AGES
        until = until or now - stream.window.lag
    request = Request(
        stream=stream,
        mode=mode,
        started_at=now,
        since=since,
        until=until,
        position=position,
        page_size=page_size,
    )
    return reader.read(request)


def stream_of(reader: Reader, name: str) -> Stream:
    return next(stream for stream in reader.streams() if stream.name == name)


@contextmanager
def open_portal(**sandbox: Any) -> Generator[Portal]:
    with Sandbox(only=("hubspot",), now=NOW, **sandbox) as running:
        yield Portal(running)
