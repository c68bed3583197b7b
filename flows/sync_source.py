"""The one flow: read a source stream by stream, load each chunk while the next pages come in.

From a shell: `python -m flows.sync_source SOURCE [--mode full] [--streams a,b] ...`.
"""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from connectors import settings
from connectors.errors import RunError, Stopped, SyncError
from connectors.model import Mode, Source
from connectors.registry import SOURCES
from connectors.sync import Options, SourceSync, StreamReport, StreamSync, check, verdict
from connectors.warehouse import locks, runs
from flows import credentials, hooks, limits, maintenance, progress, reports, tracking, words
from flows.tasks import sync_chunk, told_plainly
from flows.tracking import Ending, Tracked

if TYPE_CHECKING:
    SourceName: TypeAlias = str
else:
    SourceName: TypeAlias = Literal[tuple(SOURCES)]  # the run form offers these


@flow(
    name="sync-source",
    flow_run_name="{source} {mode}",
    persist_result=False,
    retries=0,  # a retry would open the row a second time; requests are retried, runs resumed
    on_running=[hooks.open_run],
    on_completion=[hooks.close_completed],
    on_failure=[hooks.close_failed],
    on_cancellation=[hooks.close_cancelled],
    on_crashed=[hooks.close_crashed],
)
def sync_source(  # noqa: PLR0917 - Prefect's run form shows parameters in this order
    source: SourceName,
    streams: list[str] | None = None,
    mode: Mode = "incremental",
    since: datetime | None = None,
    until: datetime | None = None,
    max_records: Annotated[int, Field(ge=1)] | None = None,
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 200,
    batch_size: Annotated[int, Field(ge=1, le=50_000)] = 1000,
    dry_run: bool = False,
) -> State:
    """Bring the warehouse up to date with one source.

    Args:
        source: The system to read.
        streams: Names of the streams to read; nothing means all.
        mode: incremental reads what changed, full reads everything, backfill reads a range.
        since: Start of the range, inclusive; UTC unless it names a zone.
        until: End of the range, exclusive; only for a backfill.
        max_records: Stop each stream after this many records; its checkpoint then stays.
        page_size: Records asked for per request, where the vendor lets us choose.
        batch_size: Rows per transaction of the warehouse.
        dry_run: Read and check everything, write nothing.
    """
    options = Options(
        streams=None if streams is None else tuple(streams),
        mode=mode,
        since=_utc(since),
        until=_utc(until),
        max_records=max_records,
        page_size=page_size,
        batch_size=batch_size,
        dry_run=dry_run,
    )
    return run(SOURCES[source], options)


def run(source: Source, options: Options) -> State:
    """Sync `source` as the flow run that is going on; return the state it ends in."""
    done: list[StreamReport] = []
    try:
        # The guard stands inside: a row is closed before slot and connections are given back.
        with ExitStack() as held, tracking.guarded_here() as tracked:
            try:
                with told_plainly():
                    ending = sync(source, options, tracked, held, done)
            except SyncError as error:
                ending = Ending.of(tracked.beat.verdict or error)
            ended = tracked.close(ending)
        # Last, for Prefect's server may be away: row, slot and lock do not wait for it.
        reports.publish(source, options, ended, done, tracked.beat)
        return ended.state()
    except SyncError as error:  # there is no warehouse to keep a row in
        return Ending.of(error).state()


def sync(
    source: Source, options: Options, tracked: Tracked, held: ExitStack, done: list[StreamReport]
) -> Ending:
    """Take the source's lock, then a slot, then read every stream; append what became of each.

    Raises the `SyncError` that ends the whole run.
    """
    check(source, options)
    if not settings.enabled(source.name, default=source.enabled_by_default):
        return Ending.skipped(f"{source.title} is switched off: ENABLE_{source.name.upper()}.")
    access = credentials.source_settings(source)
    maintenance.sweep(tracked.warehouse, tracked.settings)
    lock = locks.acquire(tracked.warehouse, source.name, tracked.run_id)
    if isinstance(lock, locks.Held):
        return Ending.skipped(f"Run {lock.run_id} is syncing {source.title} already.")
    held.enter_context(limits.slot(tracked.run_id, size=tracked.settings.sync_max_concurrent))
    this = runs.RunRef(run_id=tracked.run_id, source=source.name, fence=lock.fence)
    if not runs.start(tracked.warehouse, this):
        raise Stopped("This run was closed while it waited for its slot.")
    opened = SourceSync.open(
        source, tracked.warehouse, this, options, context=tracked.context(), settings=access
    )
    tracked.beat.work = syncing = held.enter_context(opened)
    held.enter_context(progress.published(tracked))
    for name in syncing.names:
        sync_stream(syncing.stream(name), tracked, done)
    return Ending(*verdict(done))


def sync_stream(stream: StreamSync, tracked: Tracked, done: list[StreamReport]) -> None:
    """Read one stream chunk by chunk. Its own errors end it alone, a `RunError` the run."""
    error: SyncError | None = None
    try:
        while not stream.done:
            tracked.beat.check()
            sync_chunk(stream, stream.chunk + 1)
    except SyncError as failure:
        error = tracked.beat.verdict or failure
    report = stream.finish(error)
    done.append(report)
    well = report.status is runs.Status.SUCCESS
    tracked.say(words.outcome(report), logging.INFO if well else logging.WARNING)
    if isinstance(error, RunError):
        raise error


def _utc(moment: datetime | None) -> datetime | None:
    """Read a time of the run form, which may come without a zone."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


if __name__ == "__main__":
    from flows.cli import main

    sys.exit(main())
