"""Read one source into the warehouse, stream by stream, chunk by chunk.

No Prefect here: the flow wraps `extract` and `load` in tasks, the benchmark calls
`run` directly. The two halves of a chunk run in two threads with a short queue of
pages between them.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from connectors.context import Context
from connectors.errors import RunError, StreamError, SyncError
from connectors.garbage import rarely_collected
from connectors.model import Reader, Source
from connectors.outcomes import StreamReport, verdict
from connectors.pipeline import QUEUE_PAGES
from connectors.planning import Options, check, select
from connectors.progress import Progress
from connectors.stream_sync import CHUNK_RECORDS, StreamSync
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import RunRef

__all__ = ["Options", "Progress", "SourceSync", "StreamReport", "StreamSync", "check", "verdict"]


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
        self.queue_pages = QUEUE_PAGES
        self.batch_size = options.batch_size
        self._current: StreamSync | None = None
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
        with source.connect(settings, context) as reader, rarely_collected():
            yield cls(reader, warehouse, run, options, context)

    @property
    def names(self) -> tuple[str, ...]:
        """The streams to read, each after those it depends on."""
        return tuple(self._streams)

    def stream(self, name: str) -> StreamSync:
        """Return the sync of one stream; nothing is read yet."""
        self._current = StreamSync(self, self._streams[name])
        return self._current

    def limit_memory(self) -> None:
        """Halve what is held in memory: fewer pages waiting, smaller batches, from now on."""
        self.queue_pages = max(1, self.queue_pages // 2)
        self.batch_size = max(100, self.batch_size // 2)
        if self._current is not None:
            self._current.queue.shrink(self.queue_pages)


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
