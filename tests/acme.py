"""A small vendor in this process: a real `Source` whose truth the test holds in its hands."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_settings import BaseSettings

from connectors.context import Context
from connectors.errors import SyncError
from connectors.model import Deletes, FieldType, Page, Record, Request, Source, Stream, Window
from connectors.sync import Options, SourceSync, StreamReport, run, verdict
from connectors.warehouse import locks, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import RunRef

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = Window(lookback=timedelta(hours=1), lag=timedelta(minutes=1))
ORDERS = Stream(
    name="orders",
    version="changed",
    fields={"changed": FieldType.TIMESTAMP, "amount": FieldType.NUMERIC},
    window=WINDOW,
    deletes=Deletes.COMPARE,
)
LABELS = Stream(name="labels")
NOTES = Stream(name="notes", after=("orders",))


@dataclass
class Acme:
    """The vendor: what it holds, its clock, and what goes wrong next."""

    records: dict[str, dict[str, Record]] = field(
        default_factory=lambda: {"orders": {}, "labels": {}, "notes": {}}
    )
    now: datetime = NOW
    fails: dict[str, tuple[int, SyncError]] = field(
        default_factory=dict[str, tuple[int, SyncError]]
    )
    """By stream: after how many pages of the next read to raise what."""
    total: int | None = None
    page_size: int = 10
    reopen_after: tuple[float, ...] = ()  # patience of its runs
    pages_served: int = 0
    requests: list[Request] = field(default_factory=list[Request])
    deleted: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def put(self, stream: str, key: str, **fields: Any) -> None:
        """Create or change a record now."""
        self.records[stream][key] = {"id": key, "changed": stamp(self.now), **fields}

    def streams(self) -> Sequence[Stream]:
        return ORDERS, LABELS, NOTES

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        return {}

    def read(self, request: Request) -> Iterator[Page]:
        self.requests.append(request)
        name = request.stream.name
        after = str((request.position or {}).get("after", ""))
        since = stamp(request.since) if request.since else ""
        until = stamp(request.until) if request.until else "9"
        wanted = sorted(
            key
            for key, record in self.records[name].items()
            if key > after and since <= record["changed"] < until
        )
        left, error = self.fails.pop(name, (-1, None))
        for start in range(0, max(1, len(wanted)), self.page_size):
            if left == 0 and error:
                raise error
            left -= 1
            keys = wanted[start : start + self.page_size]
            self.pages_served += 1
            yield Page(
                records=[dict(self.records[name][key]) for key in keys],
                position={"after": keys[-1]} if keys else None,
                total=self.total,
                deleted=[key for key in self.deleted if name == "orders"],
            )

    @contextmanager
    def connect(self, _settings: BaseSettings, _context: Context) -> Generator[Acme]:
        yield self

    def source(self) -> Source:
        """Return the vendor as the registry would list it."""
        return Source(
            name="acme",
            title="Acme",
            settings=BaseSettings,
            streams=(ORDERS, LABELS, NOTES),
            connect=self.connect,
        )

    def context(self) -> Context:
        return Context(
            throttles=_Unthrottled(), clock=lambda: self.now, reopen_after=self.reopen_after
        )


class _Unthrottled:
    def open(self, account: str, rates: Mapping[str, Any]) -> Any:
        raise AssertionError(f"{account} asked for a throttle")


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def sync(
    acme: Acme, warehouse: Warehouse, **options: Any
) -> tuple[runs.Status, dict[str, StreamReport]]:
    """Run once from start to end, as the flow does; return the status and the reports."""
    ref = begin(warehouse)
    status, reports = runs.Status.FAILED, list[StreamReport]()
    try:
        with SourceSync.open(
            acme.source(),
            warehouse,
            ref,
            replace(Options(batch_size=10), **options),
            context=acme.context(),
            settings=BaseSettings(),
        ) as opened:
            reports = run(opened)
        status, _ = verdict(reports)
    finally:
        runs.finish(warehouse, ref.run_id, status)
    return status, {report.stream: report for report in reports}


def begin(warehouse: Warehouse) -> RunRef:
    run_id = str(uuid.uuid4())
    runs.open_run(warehouse, runs.NewRun(run_id=run_id, source="acme", mode="incremental"))
    acquired = locks.acquire(warehouse, "acme", run_id)
    assert isinstance(acquired, locks.Acquired)
    ref = RunRef(run_id=run_id, source="acme", fence=acquired.fence)
    assert runs.start(warehouse, ref)
    return ref
