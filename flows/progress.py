"""Show where running syncs are: on a terminal, and in Prefect's UI."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.settings import PREFECT_API_URL
from rich.console import Console

from connectors.secrets import scrub
from flows import tracking, words
from flows.reports import escaped
from flows.tracking import Tracked

REFRESH_SECONDS = 0.5
QUIET_SECONDS = 10.0  # between two lines where there is no terminal to redraw
PUBLISH_SECONDS = 15.0  # between two looks at a run's page in the UI; an update costs 25 ms
LOG_EVERY = 4  # of those also make a line in the run's log
JOIN_SECONDS = 2.0  # an API that hangs must not keep a run from ending


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


@contextmanager
def published(tracked: Tracked) -> Generator[None]:
    """Keep a page of the run in Prefect's UI up to date while the block runs, and its log.

    In a thread of its own: an API that is slow or away harms neither the run nor its beat. A
    run that ends before the first `PUBLISH_SECONDS` gets no page, only its report. Without a
    server of its own there is no UI to show it in.
    """
    if not PREFECT_API_URL.value():
        yield
        return
    ended = threading.Event()
    page = RunPage(UUID(tracked.run_id))

    def publish() -> None:
        looks = 0
        try:
            while not ended.wait(PUBLISH_SECONDS):
                where = Where.of(tracked)
                page.write(markdown(where))
                if looks % LOG_EVERY == 0:
                    tracked.say(where.sentence())
                looks += 1
            if looks:
                page.write("This run has ended: its report says how.")
        except Exception as error:  # noqa: BLE001 - whatever it is, the run itself may be well
            tracked.say(f"progress is no longer shown: {type(error).__name__}", logging.WARNING)

    here = contextvars.copy_context()  # Prefect's settings are a context variable
    publisher = threading.Thread(target=here.run, args=(publish,), name="progress", daemon=True)
    publisher.start()
    try:
        yield
    finally:
        ended.set()
        publisher.join(JOIN_SECONDS)


@dataclass(slots=True)
class RunPage:
    """The markdown artifact `Progress` of a run, rewritten in place."""

    run_id: UUID
    _artifact: UUID | None = field(default=None, init=False)

    def write(self, text: str) -> None:
        """Show `text`. Raises what Prefect's client raises."""
        with get_client(sync_client=True) as client:
            if self._artifact is not None:
                client.update_artifact(self._artifact, ArtifactUpdate(data=text))
                return
            made = client.create_artifact(
                ArtifactCreate(
                    type="markdown", description="Progress", data=text, flow_run_id=self.run_id
                )
            )
            self._artifact = made.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a run is. `done` records of `total` of the stream are in, `total` if known."""

    stream: str | None
    done: int
    total: int | None
    seconds: float
    rows: int  # committed by the run, all streams
    requests: int
    rss_mb: float

    @classmethod
    def of(cls, tracked: Tracked) -> Where:
        """Read off where `tracked` is."""
        beat, now = tracked.beat, tracked.beat.work.progress if tracked.beat.work else None
        return cls(
            stream=now.stream if now else None,
            done=now.stream_rows if now else 0,
            total=now.total if now else None,
            seconds=time.monotonic() - now.opened if now and now.stream else 0.0,
            rows=now.rows if now else 0,
            requests=beat.meter.requests,
            rss_mb=beat.memory.now,
        )

    def sentence(self) -> str:
        """Say it in one line."""
        place = words.place(self.stream, self.done, self.total, self.seconds)
        return f"{place}; {self.requests:,} requests, {self.rss_mb:.0f} MiB"


def markdown(where: Where) -> str:
    """Write a run's page: the stream that is read now, how far it is, when it may end."""
    place = words.place(where.stream, where.done, where.total, where.seconds)
    lines = [f"**{escaped(place)}**", ""]
    if where.total and where.done <= where.total:
        share = where.done / where.total
        lines += [f"`{words.bar(share)}` {share:.0%} of this stream", ""]
    lines += [
        f"- Rows of all streams so far: {where.rows:,}",
        f"- Requests: {where.requests:,}",
        f"- Memory: {where.rss_mb:.0f} MiB",
    ]
    return scrub("\n".join(lines))


def sentence() -> str | None:
    """Say where the runs of this process are; None when there is none."""
    parts = [
        Where.of(tracked).sentence() if tracked.beat.work else "waiting for its turn"
        for tracked in tracking.here()
    ]
    return "; ".join(parts) or None
