"""One stream of a run: pages from the source, batches into the warehouse, its end judged."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.errors import FencedOff, SyncError, TransientError
from connectors.model import Counts, Deletes, Json, Page, Stream
from connectors.outcomes import StreamReport, refused, sentence, unequal
from connectors.patience import Patience
from connectors.pipeline import LoaderGoneError, PageQueue
from connectors.planning import Plan, plan, shown
from connectors.warehouse import checkpoints, runs, stream_runs
from connectors.warehouse.deletes import GUARD_NOTE
from connectors.warehouse.figures import last_total
from connectors.warehouse.gather import Batch
from connectors.warehouse.load import StreamWriter
from connectors.warehouse.overlap import Commits
from connectors.warehouse.runs import Status
from connectors.warehouse.texts import Failure

if TYPE_CHECKING:
    from connectors.sync import SourceSync

log = logging.getLogger(__name__)

CHUNK_RECORDS = 50_000
"""Records per chunk: one pair of Prefect tasks each, tens of them for a million rows."""


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
        self.queue = PageQueue(source.context.stopping, source.queue_pages)
        self._patience = Patience(source.context.reopen_after, source.context.stopping)
        self._plan: Plan | None = None
        self._prepared = False
        self._pages: Iterator[Page] | None = None
        self._cursor: Json | None = None  # the last one a page carried
        self._position: Json | None = None  # the last one handed to the warehouse
        self._fetched: Json | None = None  # the last one that came from the vendor
        self._read = 0
        self._rejected_before = 0  # rows refused whole by the runs that this one continues
        self._total: int | None = None
        self._everything = False
        self._incomplete: list[str] = []
        self._notes: list[str] = []
        self._names: set[str] = set()

    def extract(self, limit: int = CHUNK_RECORDS) -> int:
        """Fetch pages into the queue until `limit` records or the end; return the records.

        Raises what the source raised; the pages before it are committed by `load`. A
        failure that may pass ends the chunk early instead, as long as there is patience
        left (`Context.reopen_after`): the next chunk goes on behind the committed pages.
        """
        self.chunk += 1
        fetched = 0
        try:
            for page in self._open():
                page, last = self._within_max(page)  # noqa: PLW2901 - a page cut to the wish
                self.queue.put(page)
                self._fetched = page.position if page.position is not None else self._fetched
                fetched += len(page.records)
                progress = self._source.progress
                progress.pages += 1
                if page.total is not None and self._shows_all():
                    progress.total = page.total
                if last:
                    break
                if fetched >= limit:
                    return fetched
            self.done = True
        except LoaderGoneError:
            log.info("%s: stopped fetching, loading has failed", self.name)
        except TransientError as error:
            if not self._patience.covers(error, self._fetched):
                raise
            self._pages = None
            self._notes.append(f"opened again after: {sentence(error)}")
            log.warning("%s: %s; it is opened again", self.name, sentence(error))
        finally:
            self.queue.end_chunk()
        return fetched

    def load(self) -> Counts:
        """Commit the pages of one chunk, some pages to a transaction; return their counts.

        While a batch is committed the next one is put together and made ready.
        """
        batch = Batch()
        with Commits(self._writer, self._count) as commits:
            for page in self.queue.chunk():
                commits.check()
                if batch.contradicted_by(page, self._stream.key):
                    self._hand_over(batch, commits)
                    batch = Batch()
                batch.add(page)
                self._note(page)
                if batch.size >= self._source.batch_size or page.closed:
                    self._hand_over(batch, commits)
                    batch = Batch()
            self._hand_over(batch, commits)
        return commits.counts

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
        """Return the pages to come: of a read that begins, goes on, or is opened again."""
        if self._pages is None:
            self._patience.wait()
            if not self._prepared:
                self._prepare()
            assert self._plan is not None
            if self._position is None:
                self._read = 0  # nowhere to go on from: the read starts over
            request = replace(self._plan.request, position=self._position)
            self._pages = iter(self._source.reader.read(request))
        return self._pages

    def _prepare(self) -> None:
        """Decide what to read, write it into the books, make the table ready."""
        source, stream = self._source, self._stream
        now = source.context.clock()
        with source.warehouse.read() as db:
            state = checkpoints.load(db, source.run.source, stream.name)
        self._plan = plan(stream, source.options, state, now, source.run.run_id)
        begun = self._plan.continues
        if not stream_runs.open_stream(
            source.warehouse,
            source.run,
            stream.name,
            cursor_before=state.cursor,
            resumed_from=begun.run_id if begun else None,
        ):
            raise FencedOff(f"run {source.run.run_id} was closed before {stream.name} began")
        if begun:
            before = stream_runs.stream_counts(source.warehouse, begun.run_id, stream.name)
            self._rejected_before = begun.rejected + before.rejected
            self._incomplete = list(begun.incomplete)
        if self._plan.abandons:
            self._plan = self._plan.abandoning()
            with source.warehouse.write() as db:  # before the keys that it would need are gone
                checkpoints.save(
                    db, source.run.source, stream.name, self._plan.state, source.run.run_id
                )
                runs.count_batch(db, source.run, stream.name, Counts())
        self._notes += self._plan.notes
        known = last_total(source.warehouse, source.run.source, stream.name)
        source.progress.open(stream.name, known if self._shows_all() else None)
        self._position = self._fetched = self._plan.request.position
        self._writer.open(
            source.reader.fields(stream),
            track_keys=self._plan.compares or self._plan.shares,
            fresh_keys=self._plan.compares and begun is None,
        )
        self._prepared = True

    def _shows_all(self) -> bool:
        """Whether this read shows every record from the first on: then its end can be told."""
        return (
            self._plan is not None
            and self._plan.request.mode == "full"
            and self._plan.continues is None
            and self._source.options.max_records is None
        )

    def _within_max(self, page: Page) -> tuple[Page, bool]:
        wanted = self._source.options.max_records
        self._read += len(page.records)
        if wanted is None or self._read < wanted:
            return page, False
        keep = len(page.records) - (self._read - wanted)
        return Page(records=page.records[:keep], fields=page.fields, notes=page.notes), True

    def _note(self, page: Page) -> None:
        """Remember what a page says beside its records."""
        self._position = page.position if page.position is not None else self._position
        self._cursor = page.cursor if page.cursor is not None else self._cursor
        self._total = page.total if page.total is not None else self._total
        self._notes += page.notes
        self._everything |= page.everything
        if page.incomplete and page.incomplete not in self._incomplete:
            self._incomplete.append(page.incomplete)
        if page.records:
            self._names.update(page.records[0])

    def _hand_over(self, batch: Batch, commits: Commits) -> None:
        """Let `batch` be committed with the checkpoint that its last page stands for."""
        if batch == Batch():
            return
        assert self._plan is not None
        state = self._plan.at(
            self._position,
            self._cursor,
            rejected=self._rejected_before,
            incomplete=self._incomplete,
        )
        commits.begin(batch, state)

    def _count(self, counts: Counts) -> None:
        self.counts += counts
        self._source.progress.rows += counts.read
        self._source.progress.stream_rows += counts.read

    def _end(self) -> None:
        """The read came to its end: what it did not see is gone, its checkpoint moves."""
        assert self._plan is not None
        lost = bool(self._incomplete or self._rejected)
        complete = (
            (self._everything if self._stream.rereads else self._plan.request.mode == "full")
            and self._plan.stores
            and not lost
        )
        if self._stream.deletes is Deletes.COMPARE and lost:
            self._notes.append("not everything could be read or stored: nothing was deleted")
        if self._plan.shares:
            self._writer.track_keys = False  # the keys stay, for the read that needs them
        self.counts += self._writer.finish(
            self._plan.ended(self._cursor),
            complete=complete,
            names=frozenset(self._names),
        )

    def _report(self, error: BaseException | None) -> StreamReport:
        source, the_plan = self._source, self._plan
        notes = [*self._notes, *self._writer.notes]
        if more := self._writer.table.overflowed:
            notes.append(f"{more} fields beyond the column budget are in _extra, as JSON")
        problems = [*self._incomplete, *(n for n in notes if n.startswith(GUARD_NOTE))]
        counted = None
        if error is None and not source.options.dry_run:
            counted = self._writer.live_rows()
            if source.options.max_records is None:
                problems += unequal(self._stream, self._total, counted)
        problems += refused(self._rejected, self.counts)
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

    @property
    def _rejected(self) -> int:
        """Rows refused whole by this read, also by the runs that it continues."""
        return self._rejected_before + self.counts.rejected


def _failure(error: BaseException | None, text: str | None) -> Failure | None:
    """Return what a stream's row says went wrong; a PARTIAL stream has a reason, no error."""
    if text is None:
        return None
    return Failure(type(error).__name__ if error else "Incomplete", text)
