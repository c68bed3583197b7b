"""Arrivy: records without a key or a time, details and members of another shape."""

from __future__ import annotations

import pytest

from connectors.errors import ContractError
from tests.sources.arrivy.situations import crowd, cursor
from tests.sources.pretend import Pretend


def test_what_the_reader_does_not_know_is_left_to_the_warehouse(pretend: Pretend) -> None:
    """An unknown status, an unreadable time, a record without its key."""
    pretend.fault(
        path="/tasks$",
        contains="unscheduled=true",
        edit=(
            r"^\[",
            (
                '[{"id":1,"unscheduled":true,"status":"TELEPORTED","start_datetime":"31/12/2025"},'
                '{"id":2,"start_datetime":"2026-06-01T9:00:7"},{"title":"nobody"},'
            ),
        ),
    )

    gathered = pretend.read("tasks")

    found = gathered.by("id")
    assert found[1]["status"] == "TELEPORTED"
    assert found[1]["schedule_slot"] == "1900-01-01T00:00:00Z"
    assert found[2]["schedule_slot"] == "2026-06-01T09:00:07Z"
    assert None in found
    assert not any(p.closed and p.closed.since.year == 1900 for p in gathered.pages)


def test_a_task_without_its_key_keeps_its_window_from_telling(pretend: Pretend) -> None:
    crowd(pretend)
    pretend.fault(
        path="/tasks$", nth=60, times=1, edit=(r"^\[", '[{"start_datetime":"2026-06-17T00:00:00"},')
    )
    pretend.fault(
        path="/tasks$",
        contains="to=2100",
        times=None,
        edit=(r"^\[", '[{"start_datetime":"2027-06-17T00:00:00"}'),
    )

    gathered = pretend.read("tasks", "incremental", cursor=cursor())

    assert None in gathered.by("id")
    assert max(page.closed.until for page in gathered.pages if page.closed).year == 2026


def test_details_that_are_no_objects_fail_the_stream(pretend: Pretend) -> None:
    pretend.fault(
        path="/express/tasks$", times=None, edit=(r'"ratings":\[[^]]*\]', '"ratings":[5]')
    )

    assert isinstance(pretend.read("task_ratings").error, ContractError)


def test_a_history_that_arrivy_forgot_of_a_task_that_is_there_fails_the_stream(
    pretend: Pretend,
) -> None:
    pretend.fault(path="/status$", nth=3, times=None, status=404)

    gathered = pretend.read("task_statuses", settings={"details": "calls"})

    assert isinstance(gathered.error, ContractError)


def test_a_task_deleted_before_its_history_was_asked_for_has_none(pretend: Pretend) -> None:
    book = pretend.vendor.book
    gone: list[str] = []

    def vanish() -> None:
        gone.append(next(key for key in book.loose() if book["tasks"].get(key)["unscheduled"]))
        book.delete_task(gone[0])

    pretend.fault(path="/status$", call=vanish)

    gathered = pretend.read("task_statuses", settings={"details": "calls"})

    assert gathered.error is None
    assert any(page.whole and gone[0] in page.whole.values for page in gathered.pages)
    assert pretend.keys("task_statuses", gathered) == set(pretend.truth("task_statuses"))


@pytest.mark.parametrize("shown", ['"x"', "[1]", '{"id": 1}'])
def test_members_that_are_no_list_of_objects_fail_the_stream(pretend: Pretend, shown: str) -> None:
    pretend.fault(
        path="/crews$", times=None, body=f'[{{"id": 1, "name": "A", "entities_data": {shown}}}]'
    )

    assert isinstance(pretend.read("crew_members").error, ContractError)


def test_members_may_come_as_text_or_not_at_all(pretend: Pretend) -> None:
    pretend.fault(
        path="/crews$",
        body='[{"id": 1, "entities_data": "[{\\"id\\": 5}]"}, {"id": 2, "entities_data": null},'
        ' {"id": 3, "entities_data": ""}, {"id": 4}]',
    )

    assert [one["id"] for one in pretend.read("crew_members").records] == [5]
