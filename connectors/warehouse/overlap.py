"""Let the making of rows and their merging overlap: one batch ahead, never more.

A batch costs this process about as much time as PostgreSQL. So batches are committed in a
thread of their own, strictly one after the other, and the rows of the next one are made in
the caller's thread meanwhile: from when the batch before is in the database's hands, since
sooner the two threads would only take Python from each other. SQLite works in this
process, where nothing can overlap: its batches are committed in the caller's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from threading import Event
from types import TracebackType
from typing import Self

from connectors.model import Counts
from connectors.warehouse.checkpoints import State
from connectors.warehouse.gather import Batch
from connectors.warehouse.load import StreamWriter


class Commits:
    """The commits of one stream, in their order: a context manager.

    What a commit raised is raised by the next use, or by the end of the block. It came
    first, so it goes before an error of the block, and no later batch is committed.
    """

    def __init__(
        self, writer: StreamWriter, committed: Callable[[Counts], None] = lambda _: None
    ) -> None:
        """`committed` is told of each batch, in the committing thread."""
        self.counts = Counts()
        self._writer = writer
        self._committed = committed
        self._overlaps = writer.warehouse.dialect == "postgresql"
        self._thread = ThreadPoolExecutor(1, f"commit-{writer.stream.name}")
        self._handed_over: Event | None = None  # of the batch before
        self._running: Future[Counts] | None = None

    def begin(self, batch: Batch, state: State | None) -> None:
        """Make `batch` ready and begin to commit it with `state`, as `StreamWriter.write`.

        Waits for the end of the commit before; raises what that one raised.
        """
        if not self._overlaps:
            self.counts += self._commit(batch, state)
            return
        if self._handed_over is not None:
            self._handed_over.wait()
        self._writer.prepare(batch)
        self._end()
        self._handed_over = batch.handed_over
        self._running = self._thread.submit(copy_context().run, self._commit, batch, state)

    def check(self) -> None:
        """Raise what the present commit has raised, if it has ended. Does not wait."""
        if self._running is not None and self._running.done():
            self._end()

    def _commit(self, batch: Batch, state: State | None) -> Counts:
        try:
            counts = self._writer.write(batch, state)
        finally:
            batch.handed_over.set()  # also where nothing came to be merged
        self._committed(counts)
        return counts

    def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            self.counts += running.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._end()
        finally:
            self._thread.shutdown()
