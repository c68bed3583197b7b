"""A pretend vendor over a real socket, a reader of it, and runs of it into a warehouse."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from connectors.context import Context
from connectors.errors import SyncError
from connectors.model import Json, Mode, Page, Reader, Record, Request, Source
from connectors.sandbox import Sandbox
from connectors.settings import load
from connectors.sync import Options, SourceSync, StreamReport, run, verdict
from connectors.throttle import Throttles, open_throttles
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.warehouse.loading import rows, start_run

NOW = datetime(2026, 6, 15, 18, 30, tzinfo=UTC)


class Impatient(threading.Event):
    """A stop signal whose waits end at once; it notes how long they would have been."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


def unhurried(stopping: threading.Event) -> Throttles:
    """Budgets by a clock of their own, which a wait moves on: nobody waits for real."""
    micros = 0

    def sleep(seconds: float) -> bool:
        nonlocal micros
        micros += round(seconds * 1_000_000)
        return False

    return open_throttles(None, stopping=stopping, clock=lambda: micros, sleep=sleep)


@dataclass(slots=True)
class Gathered:
    """What a read yielded, and the error it ended with."""

    pages: list[Page] = field(default_factory=list[Page])
    error: SyncError | None = None

    @property
    def records(self) -> list[Record]:
        return [record for page in self.pages for record in page.records]

    @property
    def incomplete(self) -> list[str]:
        return [page.incomplete for page in self.pages if page.incomplete]

    @property
    def notes(self) -> list[str]:
        return [note for page in self.pages for note in page.notes]

    @property
    def positions(self) -> list[Json]:
        return [page.position for page in self.pages if page.position is not None]

    def by(self, *names: str) -> dict[Any, Record]:
        """The last record of each key."""
        if len(names) == 1:
            return {record.get(names[0]): record for record in self.records}
        return {tuple(record[name] for name in names): record for record in self.records}


@contextmanager
def pretending(source: Source) -> Generator[Pretend]:
    """A sandbox with this one vendor; what it must never be asked for fails the test."""
    with Sandbox(seed=5, scale=0.5, only=[source.name], now=NOW) as sandbox:
        yield Pretend(sandbox, source)
        assert sandbox.stats()[source.name]["defects"] == []


class Pretend:
    """One vendor of a sandbox at a pinned time, with a client's clock that moves with it."""

    def __init__(self, sandbox: Sandbox, source: Source) -> None:
        self.sandbox = sandbox
        self.source = source
        self.vendor: Any = sandbox.vendor(source.name)
        self.stopping = Impatient()
        self._micros = 0
        self.context = self._context()

    def _context(self) -> Context:
        throttles = open_throttles(
            None, stopping=self.stopping, clock=lambda: self._micros, sleep=self._sleep
        )
        return Context(throttles=throttles, stopping=self.stopping, clock=self.sandbox.clock.now)

    def _sleep(self, seconds: float) -> bool:
        self._micros += round(seconds * 1_000_000)
        return False

    @contextmanager
    def reader(self, **settings: Any) -> Generator[Reader]:
        """A connection of its own."""
        loaded = load(self.source.settings, self._chosen() | settings)
        with self.source.connect(loaded, self.context) as reader:
            yield reader

    def read(self, name: str, mode: Mode = "full", **parts: Any) -> Gathered:
        """Read one stream, or until it raises; `parts` as of `Request`, and `settings`."""
        gathered = Gathered()
        settings = parts.pop("settings", {})
        with self.reader(**settings) as reader:
            stream = {stream.name: stream for stream in reader.streams()}[name]
            request = Request(stream=stream, mode=mode, started_at=self.context.clock(), **parts)
            try:
                gathered.pages.extend(reader.read(request))
            except SyncError as error:
                gathered.error = error
        return gathered

    def until_page(self, name: str, pages: int, **parts: Any) -> list[Page]:
        """The first pages of a read that is then given up, as by a killed run."""
        with self.reader() as reader:
            stream = {stream.name: stream for stream in reader.streams()}[name]
            request = Request(stream=stream, mode="full", started_at=self.context.clock(), **parts)
            reading: Iterator[Page] = iter(reader.read(request))
            return [next(reading) for _ in range(pages)]

    def incremental(self, name: str, since: datetime, **parts: Any) -> Gathered:
        """Read from `since` less the stream's lookback, as a run after a checkpoint there does."""
        with self.reader() as reader:
            stream = {stream.name: stream for stream in reader.streams()}[name]
        assert stream.window is not None
        until = self.context.clock() - stream.window.lag
        start = since - stream.window.lookback
        return self.read(name, "incremental", since=start, until=until, **parts)

    def truth(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """The live records of a stream by the sandbox's key."""
        entries = self.sandbox.ledger(self.source.name, name)
        return {entry.id: entry.record for entry in entries if not entry.deleted}

    def keys(self, name: str, gathered: Gathered) -> set[str]:
        """Keys of what was read, in the sandbox's form."""
        key = {stream.name: stream.key for stream in self.source.streams}[name]
        return {":".join(str(record[part]) for part in key) for record in gathered.records}

    def complete(self, gathered: Gathered, name: str) -> bool:
        """Whether a read got everything there is, and nothing went wrong."""
        right = self.keys(name, gathered) == set(self.truth(name))
        return right and not gathered.incomplete and gathered.error is None

    @property
    def seconds(self) -> float:
        """How long the client has waited for its own budget so far."""
        return self._micros / 1_000_000

    def requests(self) -> int:
        """Requests that the vendor has counted so far."""
        count: int = self.sandbox.stats()[self.source.name]["requests"]
        return count

    def fault(self, **fields: Any) -> None:
        """Set a fault; see `connectors.sandbox.faults.Rule`."""
        self.sandbox.fault(vendor=self.source.name, **fields)

    def sync(
        self, warehouse: Warehouse, mode: Mode = "incremental", **settings: Any
    ) -> tuple[Status, dict[str, StreamReport]]:
        """Sync every stream into the warehouse, as the flow does but without Prefect."""
        self.context = self._context()
        begun = start_run(warehouse, self.source.name)
        chosen = load(self.source.settings, self._chosen() | settings)
        with SourceSync.open(
            self.source,
            warehouse,
            begun,
            Options(mode=mode),
            context=self.context,
            settings=chosen,
        ) as opened:
            reports = run(opened)
        status, _ = verdict(reports)
        runs.finish(warehouse, begun.run_id, status)
        return status, {report.stream: report for report in reports}

    def _chosen(self) -> dict[str, Any]:
        prefix = f"{self.source.name}_"
        return {
            name.lower().removeprefix(prefix): value
            for name, value in self.sandbox.environment().items()
            if name.lower().startswith(prefix)
        }

    def stored(self, warehouse: Warehouse, name: str) -> dict[Any, dict[str, Any]]:
        """The live rows of a stream's table by key."""
        stream = {stream.name: stream for stream in self.source.streams}[name]
        found = rows(warehouse, stream, self.source.name)
        return {key: row for key, row in found.items() if not row["_deleted"]}

    def differing(self, warehouse: Warehouse) -> dict[str, set[str]]:
        """Keys per stream that are in the warehouse or at the vendor, but not in both.

        Streams that are not read unless asked for are left out.
        """
        names = [stream.name for stream in self.source.streams if not stream.optional]
        keys = {name: {_text(key) for key in self.stored(warehouse, name)} for name in names}
        return {name: odd for name in names if (odd := keys[name] ^ set(self.truth(name)))}

    def advance(self, **span: float) -> None:
        """Let the sandbox's clock, which is also the client's, move on."""
        self.sandbox.clock.advance(timedelta(**span))

    def later(self, **span: float) -> None:
        """Let records change, then time pass."""
        self.sandbox.step()
        self.advance(**span)


def _text(key: Any) -> str:
    """A key of a row in the sandbox's form."""
    parts = cast("tuple[Any, ...]", key if isinstance(key, tuple) else (key,))
    return ":".join(p.isoformat() if isinstance(p, datetime) else str(p) for p in parts)
