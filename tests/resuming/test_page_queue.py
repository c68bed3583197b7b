"""The queue between reading and loading gives way to a memory limit."""

from __future__ import annotations

import threading

import pytest
from pydantic_settings import BaseSettings

from connectors.errors import Stopped
from connectors.pipeline import PageQueue
from connectors.sync import Options, SourceSync, run_chunk
from connectors.warehouse.engine import Warehouse
from tests.acme import ORDERS, Acme, begin
from tests.resuming.broken_off import page
from tests.warehouse.loading import rows


def test_a_soft_memory_limit_shrinks_the_queue_that_is_in_use(
    acme: Acme, sqlite: Warehouse
) -> None:
    run = begin(sqlite)
    opened = SourceSync.open(
        acme.source(), sqlite, run, Options(), context=acme.context(), settings=BaseSettings()
    )
    with opened as source:
        stream = source.stream("orders")
        for held in (4, 2, 1, 1):
            source.limit_memory()
            assert (source.queue_pages, stream.queue.limit) == (held, held)
        run_chunk(stream)

    assert len(rows(sqlite, ORDERS)) == 95


def test_a_shrunk_queue_keeps_its_pages_and_takes_no_more() -> None:
    stopping = threading.Event()
    queue = PageQueue(stopping, 8)
    for n in range(5):
        queue.put(page(str(n)))

    queue.shrink(3)

    stopping.set()  # a full queue then refuses instead of waiting
    chunk = queue.chunk()
    for n in range(3):
        with pytest.raises(Stopped):
            queue.put(page("late"))
        assert next(chunk).records[0]["id"] == str(n)
    queue.put(page("5"))
    queue.end_chunk()
    assert [found.records[0]["id"] for found in chunk] == ["3", "4", "5"]
