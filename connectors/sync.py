"""Read one source into the warehouse, stream by stream, chunk by chunk.

No Prefect here: the flow wraps `extract` and `load` in tasks, the benchmark calls
`run` directly. The two halves of a chunk run in two threads with a short queue of
pages between them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connectors.context import Context
from connectors.errors import FencedOff, RunError, StreamError, SyncError
from connectors.model import Counts, Deletes, Json, Page, Reader, Source, Stream
from connectors.outcomes import StreamReport, sentence, verdict
from connectors.pipeline import LoaderGoneError, PageQueue
from connectors.planning import Options, Plan, check, plan, select, shown
from connectors.warehouse import checkpoints, stream_runs
from connectors.warehouse.deletes import GUARD_NOTE
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch, StreamWriter
from connectors.warehouse.runs import RunRef, Status
from connectors.warehouse.texts import Failure

__all__ = ["Options", "Progress", "SourceSync", "StreamReport", "StreamSync", "check", "verdict"]

log = logging.getLogger(__name__)

CHUNK_RECORDS = 50_000
"""Records per chunk: one pair of Prefect tasks each, tens of them for a million rows."""
DAMAGED_SHARE = 0.01
"""Share of rows that may lose a value (kept in `sync_rejects`) before a run is PARTIAL."""


@dataclass(slots=True)
class Progress:
    """Where a run is; written by the run, read by its heartbeat."""

    stream: str | None = None
    rows: int = 0  # committed in this run
    pages: int = 0  # fetched of the current stream
    total: int | None = None  # what the vendor says the current stream has


class SourceSync:
    """One run of one source, opened."""

    def __init__(
        self,
        reader: Reader,
        warehouse: Warehouse,
        run: RunRef,
        options: Options,
        context: Context,
    ) -> None:
        self.reader = reader
        self.warehouse = warehouse
        self.run = run
        self.options = options
        self.context = context
        self.progress = Progress()
        self.queue_pages = 8
        self.batch_size = options.batch_size
        self._streams = {stream.name: stream for stream in select(reader.streams(), options)}

    @classmethod
    @contextmanager
    def open(
        cls,
        source: Source,
        warehouse: Warehouse,
        run: RunRef,
        options: Options,
        *,
        context: Context,
        settings: Any,
    ) -> Generator[SourceSync]:
        """Connect to the vendor and find the streams to read.

        Raises `ConfigError` for a stream the source does not have, and what the source
        raises when it refuses us.
        """
        check(source, options)
        with source.connect(settings, context) as reader:
            yield cls(reader, warehouse, run, options, context)

    @property
    def names(self) -> tuple[str, ...]:
        """The streams to read, each after those it depends on."""
        return tuple(self._streams)

    def stream(self, name: str) -> StreamSync:
        """Return the sync of one stream; nothing is read yet."""
        return StreamSync(self, self._streams[name])

    def limit_memory(self) -> None:
        """Halve what is held in memory: fewer pages waiting, smaller batches."""
        self.queue_pages = max(1, self.queue_pages // 2)
        self.batch_size = max(100, self.batch_size // 2)


class StreamSync:
    """One stream of a run. A plain object: Prefect does not look inside it."""

    def __init__(self, source: SourceSync, stream: Stream) -> None:
        self.name = stream.name
        self.chunk = 0
        self.counts = Counts()
        self.done = False
        self._source = source
        self._stream = stream
        self._started = time.monotonic()
        self._requests_before = source.context.meter.requests
        self._writer = StreamWriter(
            source.warehouse,
            source.run,
            stream,
            dry_run=source.options.dry_run,
            delete_guard=source.options.delete_guard,
        )
        self._queue = PageQueue(source.context.stopping, source.queue_pages)
        self._plan: Plan | None = None
        self._pages: Iterator[Page] | None = None
        self._cursor: Json | None = None  # the last one a page carried
        self._position: Json | None = None
        self._read = 0
        self._total: int | None = None
        self._everything = False
        self._incomplete: list[str] = []
        self._notes: list[str] = []
        self._names: set[str] = set()

    def extract(self, limit: int = CHUNK_RECORDS) -> int:
        """Fetch pages into the queue until `limit` records or the end; return the records.

        Raises what the source raised; the pages before it are committed by `load`.
        """
        self.chunk += 1
        fetched = 0
        try:
            for page in self._open():
                page, last = self._within_max(page)  # noqa: PLW2901 - a page cut to the wish
                self._queue.put(page)
                fetched += len(page.records)
                progress = self._source.progress
                progress.pages += 1
                progress.total = page.total if page.total is not None else progress.total
                if last:
                    break
                if fetched >= limit:
                    return fetched
            self.done = True
        except LoaderGoneError:
            log.info("%s: stopped fetching, loading has failed", self.name)
        finally:
            self._queue.end_chunk()
        return fetched

    def load(self) -> Counts:
        """Commit the pages of one chunk, some pages to a transaction; return their counts."""
        counts = Counts()
        batch = Batch()
        for page in self._queue.chunk():
            self._add(batch, page)
            size = len(batch.records) + len(batch.deleted) + len(batch.refused)
            if size >= self._source.batch_size or page.closed:
                counts += self._commit(batch)
                batch = Batch()
        counts += self._commit(batch)
        return counts

    def finish(self, error: BaseException | None) -> StreamReport:
        """Close the stream: compare keys, store the checkpoint, write its row."""
        if error is None:
            try:
                self._end()
            except SyncError as failed:
                error = failed
        report = self._report(error)
        after = self._plan.ended(self._cursor) if self._plan and error is None else None
        before = self._plan.state if self._plan else None
        stream_runs.finish_stream(
            self._source.warehouse,
            self._source.run,
            self.name,
            stream_runs.StreamEnd(
                status=report.status,
                cursor_after=(after or before or checkpoints.State()).cursor,
                source_count=report.source_count,
                warehouse_count=report.warehouse_count,
                requests=report.requests,
                notes=report.notes,
                error=_failure(error, report.error),
            ),
        )
        return report

    def _open(self) -> Iterator[Page]:
        if self._pages is None:
            source, stream = self._source, self._stream
            now = source.context.clock()
            with source.warehouse.read() as db:
                state = checkpoints.load(db, source.run.source, stream.name)
            self._plan = plan(stream, source.options, state, now, source.run.run_id)
            self._notes += self._plan.notes
            if not stream_runs.open_stream(
                source.warehouse, source.run, stream.name, cursor_before=state.cursor
            ):
                raise FencedOff(f"run {source.run.run_id} was closed before {stream.name} began")
            source.progress.stream = stream.name
            source.progress.pages = 0
            source.progress.total = None
            self._position = self._plan.request.position
            tracks = stream.deletes is Deletes.WINDOW or (
                stream.deletes is Deletes.COMPARE
                and (self._plan.request.mode == "full" or stream.rereads)
            )
            self._writer.open(
                source.reader.fields(stream),
                track_keys=tracks and self._plan.stores,
                fresh_keys=not self._plan.resumed,
            )
            self._pages = iter(source.reader.read(self._plan.request))
        return self._pages

    def _within_max(self, page: Page) -> tuple[Page, bool]:
        wanted = self._source.options.max_records
        self._read += len(page.records)
        if wanted is None or self._read < wanted:
            return page, False
        keep = len(page.records) - (self._read - wanted)
        return Page(records=page.records[:keep], fields=page.fields, notes=page.notes), True

    def _add(self, batch: Batch, page: Page) -> None:
        batch.records.extend(page.records)
        batch.deleted.extend(page.deleted)
        batch.refused.extend(page.refused)
        batch.fields.update(page.fields)
        if page.closed:
            batch.closed.append(page.closed)
        if page.whole:
            batch.whole.append(page.whole)
        self._position = page.position if page.position is not None else self._position
        self._cursor = page.cursor if page.cursor is not None else self._cursor
        self._total = page.total if page.total is not None else self._total
        self._notes += page.notes
        self._everything |= page.everything
        if page.incomplete:
            self._incomplete.append(page.incomplete)
        if page.records:
            self._names.update(page.records[0])

    def _commit(self, batch: Batch) -> Counts:
        if batch == Batch():
            return Counts()
        assert self._plan is not None
        state = self._plan.at(self._position, self._cursor)
        counts = self._writer.write(batch, state)
        self.counts += counts
        self._source.progress.rows += counts.read
        return counts

    def _end(self) -> None:
        """The read came to its end: what it did not see is gone, its checkpoint moves."""
        assert self._plan is not None
        complete = (
            (self._everything if self._stream.rereads else self._plan.request.mode == "full")
            and self._plan.stores
            and not self._incomplete
            and not self.counts.rejected
        )
        if self._stream.deletes is Deletes.COMPARE and (self.counts.rejected or self._incomplete):
            self._notes.append("not everything could be read or stored: nothing was deleted")
        self.counts += self._writer.finish(
            self._plan.ended(self._cursor),
            complete=complete,
            names=frozenset(self._names),
        )

    def _report(self, error: BaseException | None) -> StreamReport:
        source, the_plan = self._source, self._plan
        notes = [*self._notes, *self._writer.notes]
        problems = [*self._incomplete, *(n for n in notes if n.startswith(GUARD_NOTE))]
        counted = None
        if error is None and not source.options.dry_run:
            counted = self._writer.live_rows()
            problems += self._unequal(counted)
        if self.counts.rejected:
            problems.append(f"{self.counts.rejected} rows were refused whole: see sync_rejects")
        if self.counts.rows_damaged > DAMAGED_SHARE * self.counts.read:
            problems.append(
                f"{self.counts.rows_damaged} of {self.counts.read} rows lost a value:"
                " see sync_rejects"
            )
        status = Status.FAILED if error else Status.PARTIAL if problems else Status.SUCCESS
        after = the_plan.ended(self._cursor) if the_plan and error is None else None
        before = the_plan.state.cursor if the_plan else None
        return StreamReport(
            stream=self.name,
            status=status,
            counts=self.counts,
            requests=source.context.meter.requests - self._requests_before,
            seconds=time.monotonic() - self._started,
            cursor_before=shown(before),
            cursor_after=shown(after.cursor if after else before),
            source_count=self._total,
            warehouse_count=counted,
            error=sentence(error) if error else "; ".join(problems) or None,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _unequal(self, counted: int) -> list[str]:
        """Compare the vendor's own total with what the warehouse holds."""
        if self._total is None or self._source.options.max_records is not None:
            return []
        if abs(self._total - counted) <= self._stream.total_tolerance * self._total:
            return []
        return [f"the vendor says it has {self._total} records, the warehouse holds {counted}"]


def _failure(error: BaseException | None, text: str | None) -> Failure | None:
    """Return what a stream's row says went wrong; a PARTIAL stream has a reason, no error."""
    if text is None:
        return None
    return Failure(type(error).__name__ if error else "Incomplete", text)


def run(sync: SourceSync) -> list[StreamReport]:
    """Read every stream without Prefect: benchmarks and tests of the core use this.

    A stream's error ends that stream; an error of the run ends the run.
    """
    reports: list[StreamReport] = []
    for name in sync.names:
        stream = sync.stream(name)
        error: SyncError | None = None
        try:
            while not stream.done:
                run_chunk(stream)
        except StreamError as failed:
            error = failed
        except RunError as failed:
            stream.finish(failed)
            raise
        reports.append(stream.finish(error))
    return reports


def run_chunk(stream: StreamSync, limit: int = CHUNK_RECORDS) -> None:
    """Fetch in a thread of its own while this one loads. Raises the first error of either."""
    caught: list[BaseException] = []

    def fetch() -> None:
        try:
            stream.extract(limit)
        except BaseException as error:  # noqa: BLE001 - re-raised in the loading thread
            caught.append(error)

    thread = threading.Thread(target=fetch, name=f"fetch-{stream.name}", daemon=True)
    thread.start()
    try:
        stream.load()
    finally:
        thread.join()
    if caught:
        raise caught[0]
