"""Show on a terminal where the syncs of this process are."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console

from flows import tracking

REFRESH_SECONDS = 0.5
QUIET_SECONDS = 10.0  # between two lines where there is no terminal to redraw


@contextmanager
def shown(console: Console, waiting: str) -> Generator[None]:
    """Keep one line on `console` up to date while the block runs; `waiting` before it starts."""
    ended = threading.Event()
    with console.status(waiting) as status:

        def watch() -> None:
            told = time.monotonic()
            while not ended.wait(REFRESH_SECONDS):
                line = sentence() or waiting
                status.update(line)
                if not console.is_terminal and time.monotonic() - told >= QUIET_SECONDS:
                    console.print(line)
                    told = time.monotonic()

        watcher = threading.Thread(target=watch, name="progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def sentence() -> str | None:
    """Say where the runs of this process are; None when there is none."""
    parts: list[str] = []
    for tracked in tracking.here():
        work = tracked.beat.work
        if work is None:
            parts.append("waiting for its turn")
            continue
        where = work.progress
        share = f" of {where.total:,} records" if where.total else ""
        parts.append(
            f"{where.stream or 'connecting'}: page {where.pages:,}{share}; {where.rows:,} rows in, "
            f"{tracked.beat.meter.requests:,} requests, {tracked.beat.memory.now:.0f} MiB"
        )
    return "; ".join(parts) or None
