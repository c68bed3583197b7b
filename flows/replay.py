"""Apply kept rejects again: after a mapping was corrected or a column widened.

It is a run like any other: it holds the source's lock, so that no sync writes beside it,
and has its row in `sync_runs` (mode backfill: it does not make a source fresh).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from connectors.errors import Stopped, SyncError
from connectors.model import Source, Stream
from connectors.registry import SOURCES
from connectors.warehouse import locks, runs
from connectors.warehouse.rejects import streams_with_open
from connectors.warehouse.replay import Replayed, replay
from flows import credentials, hooks, tracking
from flows.tasks import told_plainly
from flows.tracking import Ending, Tracked

if TYPE_CHECKING:
    SourceName: TypeAlias = str
else:
    SourceName: TypeAlias = Literal[tuple(SOURCES)]


@flow(
    name="replay-rejects",
    flow_run_name="replay {source}",
    persist_result=False,
    retries=0,
    on_running=[hooks.open_run],
    on_completion=[hooks.close_completed],
    on_failure=[hooks.close_failed],
    on_cancellation=[hooks.close_cancelled],
    on_crashed=[hooks.close_crashed],
)
def replay_rejects(
    source: SourceName,
    streams: list[str] | None = None,
    mode: Literal["backfill"] = "backfill",  # noqa: ARG001 - read by the run's row
) -> State:
    """Store what was refused before and fits now; mark it resolved in sync_rejects.

    Args:
        source: The system whose rejects are applied again.
        streams: Names of the streams; nothing means all that have open rejects.
        mode: How the run is filed. A replay never makes a source fresh.
    """
    try:
        with tracking.guarded_here() as tracked:
            try:
                with told_plainly():
                    ending = apply(SOURCES[source], streams, tracked)
            except SyncError as error:
                ending = Ending.of(error)
            return tracked.close(ending).state()
    except SyncError as error:  # there is no warehouse to keep a row in
        return Ending.of(error).state()


def apply(source: Source, wished: list[str] | None, tracked: Tracked) -> Ending:
    """Take the source's lock and replay stream by stream."""
    lock = locks.acquire(tracked.warehouse, source.name, tracked.run_id)
    if isinstance(lock, locks.Held):
        return Ending.skipped(f"Run {lock.run_id} is syncing {source.title}: replay after it.")
    run = runs.RunRef(run_id=tracked.run_id, source=source.name, fence=lock.fence)
    if not runs.start(tracked.warehouse, run):
        raise Stopped("This run was closed before it began.")
    names = streams_with_open(tracked.warehouse, source.name)
    total = Replayed(0, 0)
    for stream in known_streams(source, [n for n in names if not wished or n in wished], tracked):
        tracked.beat.check()
        done = replay(tracked.warehouse, run, stream)
        get_run_logger().info(
            "%s: %d resolved, %d still refused", stream.name, done.resolved, done.refused
        )
        total = Replayed(total.resolved + done.resolved, total.refused + done.refused)
    return Ending(
        runs.Status.SUCCESS,
        f"{total.resolved} rejects resolved, {total.refused} still refused.",
    )


def known_streams(source: Source, names: list[str], tracked: Tracked) -> list[Stream]:
    """Return the streams of these names; the vendor is asked only for those it has defined."""
    known = {stream.name: stream for stream in source.streams}
    if set(names) - known.keys():
        access = credentials.source_settings(source)
        with source.connect(access, tracked.context()) as reader:
            known |= {stream.name: stream for stream in reader.streams()}
    return [known[name] for name in names if name in known]
