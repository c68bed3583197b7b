"""HubSpot: what was archived, merged or restored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.model import Request
from connectors.sources.hubspot import SOURCE
from connectors.sources.hubspot.search import due
from tests.sources.hubspot.portal import NOW, Portal

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_archived_and_merged_records_are_reported_gone(portal: Portal, mode: Any) -> None:
    """Cases 55 and 58 of the fault list."""
    ids = portal.vendor.ids("contacts")
    portal.vendor.archive("contacts", ids[0])
    portal.vendor.merge("contacts", ids[2], ids[1])

    found = portal.read("contacts", mode)

    assert found.deleted == {(ids[0],), (ids[1],)}
    assert not found.by_id.keys() & {ids[0], ids[1]}


def test_a_restored_record_is_not_reported_gone(portal: Portal) -> None:
    """Case 56 of the fault list."""
    first = portal.vendor.ids("deals")[0]
    portal.vendor.archive("deals", first)
    portal.vendor.restore("deals", first)

    found = portal.read("deals", "incremental")

    assert not found.deleted
    assert first in found.by_id


def test_a_backfill_does_not_look_at_the_archive(portal: Portal) -> None:
    portal.vendor.archive("deals", portal.vendor.ids("deals")[0])

    found = portal.read("deals", "backfill", since=NOW - 900 * timedelta(days=1), until=NOW)

    assert found.list
    assert not found.deleted


def test_the_archive_is_read_on_from_its_position(portal: Portal) -> None:
    gone = portal.vendor.ids("deals")[:30]
    for each in gone:
        portal.vendor.archive("deals", each)
    archive = [p for p in portal.read("deals", page_size=10).pages if p.deleted]

    rest = portal.read("deals", page_size=10, position=archive[0].position)

    assert [len(page.deleted) for page in archive] == [10, 10, 10]
    assert rest.deleted == {(each,) for each in gone[10:]}
    assert not rest.list


@pytest.mark.parametrize(
    ("checkpoint", "until", "expected"),
    [(11.2, 11.9, False), (11.9, 12.1, True), (5.0, 23.0, True)],
)
def test_the_archive_is_due_when_a_multiple_of_its_hours_passes(
    checkpoint: float, until: float, *, expected: bool
) -> None:
    stream = SOURCE.streams[0]
    assert stream.window is not None
    midnight = NOW - 12 * HOUR
    request = Request(
        stream=stream,
        mode="incremental",
        started_at=NOW,
        since=midnight + checkpoint * HOUR - stream.window.lookback,
        until=midnight + until * HOUR,
    )

    assert due(6, request) is expected
    assert due(0, request)
