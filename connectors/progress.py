"""Where a run is, for whoever watches it while it works."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """Where a run is; written by the run, read by its heartbeat."""

    stream: str | None = None
    rows: int = 0  # committed in this run
    pages: int = 0  # fetched of the current stream
    stream_rows: int = 0  # committed of the current stream
    opened: float = 0.0  # `time.monotonic()` when the current stream was opened
    total: int | None = None  # what the read of the current stream will show, where that is known

    def open(self, stream: str, total: int | None) -> None:
        """Begin with a stream."""
        self.stream, self.total = stream, total
        self.pages = self.stream_rows = 0
        self.opened = time.monotonic()
