"""A run that lost something says so, and keeps its place until it has it."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.model import Source
from connectors.sources import callrail, leadconduit
from connectors.warehouse import checkpoints
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend


@pytest.mark.parametrize(
    ("source", "stream", "fault"),
    [
        (
            callrail.SOURCE,
            "tags",
            {
                "path": "/tags.json$",
                "edit": (r'"tags":\[', '"tags":[{"name":"nobody","tag_level":"account"},'),
            },
        ),
        (
            leadconduit.SOURCE,
            "events",
            {"path": "/events$", "edit": (r"^\[", '[{"type":"source"},')},
        ),
    ],
    ids=["callrail", "leadconduit"],
)
def test_a_record_without_its_key_makes_the_run_partial(
    pretend: Pretend, sqlite: Warehouse, stream: str, fault: dict[str, Any]
) -> None:
    """Case 80 of the fault list."""
    pretend.fault(**fault)

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.PARTIAL
    assert reports[stream].counts.rejected == 1


@pytest.mark.parametrize(
    ("source", "stream", "requests"),
    [
        (callrail.SOURCE, "calls", {"path": "/calls.json$"}),
        (leadconduit.SOURCE, "leads", {"path": "/events$", "contains": "rules"}),
    ],
    ids=["callrail", "leadconduit"],
)
def test_old_bug_a_failing_stream_is_a_success_and_its_watermark_moves(
    pretend: Pretend, sqlite: Warehouse, source: Source, stream: str, requests: dict[str, str]
) -> None:
    pretend.sync(sqlite, "full")
    cursor = checkpoints.load(sqlite, source.name, stream).cursor
    pretend.later(minutes=10)
    pretend.fault(**requests, times=None, status=500)

    status, reports = pretend.sync(sqlite)

    assert (status, reports[stream].status) == (Status.PARTIAL, Status.FAILED)
    assert checkpoints.load(sqlite, source.name, stream).cursor == cursor
    pretend.sandbox.faults.clear()
    status, _ = pretend.sync(sqlite)
    assert status is Status.SUCCESS
    assert pretend.stored(sqlite, stream).keys() == pretend.truth(stream).keys()
