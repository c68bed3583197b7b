"""Events are opened to records that all have the declared members; ids and times are read."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
from msgspec import Raw

from connectors.sources.leadconduit.events import Question, pages
from connectors.sources.leadconduit.opening import Opener
from connectors.sources.leadconduit.values import DECLARED, PLAIN, event_record, instant_of

UNTIL = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)


@pytest.mark.parametrize("item", [b'{"id": "1"}', b'{"id": "1", "made_up": {"by": "a step"}}'])
def test_every_event_has_the_declared_members(item: bytes) -> None:
    record = event_record(Opener(PLAIN, DECLARED).open(Raw(item)))

    assert record.keys() >= set(DECLARED)


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_767_323_045_678, "2026-01-02T03:04:05.678Z"),
    ],
)
def test_times_are_exact_to_the_millisecond(milliseconds: int, expected: str) -> None:
    assert instant_of(milliseconds) == expected


@pytest.mark.parametrize("until", [UNTIL, UNTIL.replace(year=2200)])
def test_a_list_ends_with_the_second_of_its_upper_end(until: datetime) -> None:
    """An id begins with its second; a bound beyond the last of them leaves nothing out."""
    second = int(UNTIL.timestamp())
    begun = [f"{second + more:08x}{'0' * 16}" for more in (-1, 0, 1)]
    items = [Raw(f'{{"id": "{one}"}}'.encode()) for one in begun]
    answer = Mock(status=200, where="GET /events")
    answer.decode_as.return_value = items
    client = Mock()
    client.get.return_value = answer
    question = Question(since=None, until=until, after=None, limit=1000)

    first = next(pages(client, question, Opener(PLAIN, DECLARED)))

    assert [event.id for event in first.events] == (begun[:2] if until == UNTIL else begun)
