"""The two tasks of a chunk: thin shells, so that Prefect shows what happens when.

Rows never become a task's parameter or result. What a task is handed is one opaque
`StreamSync`, which Prefect neither walks nor stores; what it returns is a count.
"""

from __future__ import annotations

import traceback
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import httpx
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectConcurrentFuture

from connectors.errors import RunError, StreamError, SyncError
from connectors.model import Counts
from connectors.secrets import scrub
from connectors.sync import StreamSync
from flows import words
from flows.settings import CHUNK_RECORDS

BEGUN_SECONDS = 0.05  # how often to look whether a fetch has begun


@task(task_run_name="extract {stream.name} #{chunk}", cache_policy=NO_CACHE, persist_result=False)
def extract_chunk(stream: StreamSync, chunk: int) -> int:  # noqa: ARG001 - names the task run
    """Fetch the pages of one chunk into the stream's queue; return how many records.

    Raises the `SyncError` of the source.
    """
    with told_plainly():
        return stream.extract(CHUNK_RECORDS)


@task(task_run_name="load {stream.name} #{chunk}", cache_policy=NO_CACHE, persist_result=False)
def load_chunk(stream: StreamSync, chunk: int) -> Counts:  # noqa: ARG001 - names the task run
    """Commit the pages of one chunk, batch by batch; return what became of their records.

    Raises the `SyncError` of the warehouse.
    """
    with told_plainly():
        return stream.load()


def sync_chunk(stream: StreamSync, chunk: int) -> None:
    """Fetch a chunk in a thread while this one loads it. Raises the first error of either.

    The future under Prefect's is asked whether the fetch has ended: Prefect's would ask the
    server, and a sync must go on while that is away or waits for its database.
    """
    fetching = cast("PrefectConcurrentFuture[int]", extract_chunk.submit(stream, chunk))  # pyright: ignore[reportUnknownMemberType] - Prefect leaves two of three overloads untyped
    while stream.chunk < chunk and not fetching.wrapped_future.done():
        fetching.wait(BEGUN_SECONDS)  # loading waits for a fetch that has begun, and no other
    if stream.chunk >= chunk:
        try:
            _ = load_chunk(stream, chunk)
        except SyncError:
            fetching.wait()  # it stops at its next page
            raise
    _ = fetching.result()


@contextmanager
def told_plainly() -> Generator[None]:
    """Let errors leave without their causes, which may quote values of rows.

    One that nobody foresaw becomes a `StreamError` that names its class only; the calls
    that led there go to the run's log. Prefect's own failures become a `RunError`.
    """
    try:
        yield
    except SyncError as error:
        raise error from None
    except httpx.HTTPError as error:  # the sources turn theirs into SyncErrors
        raise RunError(words.api_failed(error)) from None
    except Exception as error:  # noqa: BLE001 - a defect: its own text may hold anything
        frames = traceback.extract_tb(error.__traceback__)
        # Places only: a line of source may spell out a value, as a test or a preset does.
        places = "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
        get_run_logger().error("%s\n%s", type(error).__name__, scrub(places))
        raise StreamError(
            f"{type(error).__name__} in the program itself: please report it with this run's log."
        ) from None
