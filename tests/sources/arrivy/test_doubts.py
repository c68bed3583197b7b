"""Arrivy: what its documentation leaves open. Each reading gives every record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.errors import ContractError
from connectors.model import Request
from tests.sources.arrivy.situations import cursor
from tests.sources.pretend import NOW, Gathered, Pretend


@pytest.mark.parametrize("edges", ["both", "from", "to", "none"])
def test_tasks_where_two_windows_meet_are_read_whichever_end_belongs_to_one(
    pretend: Pretend, edges: str
) -> None:
    pretend.vendor.lists.edges = edges
    for days in range(-25, 60):
        midnight = NOW.replace(hour=0, minute=0) + timedelta(days=days)
        pretend.vendor.book.new_task(midnight)
        pretend.vendor.book.new_task(midnight - timedelta(microseconds=500_000))

    settings = {"window_days": 1}
    gathered = pretend.read("tasks", "incremental", cursor=cursor(), settings=settings)

    assert set(pretend.vendor.book.near()) <= pretend.keys("tasks", gathered)


@pytest.mark.parametrize("overlapping", [True, False])
def test_a_task_that_reaches_into_a_window_may_be_shown_in_it(
    pretend: Pretend, *, overlapping: bool
) -> None:
    pretend.vendor.lists.overlapping = overlapping
    long = pretend.vendor.book.new_task(NOW - timedelta(days=20))
    pretend.vendor.book.touch(long, end_datetime="2026-08-30T00:00:00")

    gathered = pretend.read("tasks", page_size=20)

    assert pretend.complete(gathered, "tasks")


@pytest.mark.parametrize("plus", ["refuse", "ignore"])
def test_a_raw_plus_would_be_refused_or_forgotten_but_none_is_sent(
    pretend: Pretend, plus: str
) -> None:
    pretend.vendor.lists.raw_plus = plus

    assert pretend.complete(pretend.read("tasks"), "tasks")


@pytest.mark.parametrize("zone", [-10, 0, 10])
def test_a_window_may_be_cut_in_the_account_s_zone(pretend: Pretend, zone: int) -> None:
    """Were the offset of `from` and `to` ignored, all windows would lie some hours off."""
    lists = pretend.vendor.lists
    understood = lists._moment

    def shifted(query: Any, name: str) -> str | None:
        text = understood(query, name)
        if text is None:
            return None
        return (datetime.fromisoformat(text) + timedelta(hours=zone)).isoformat()

    lists._moment = shifted
    gathered = pretend.read("tasks", "incremental", cursor=cursor())

    found = pretend.keys("tasks", gathered)
    for page in gathered.pages:
        if page.closed:
            inside = {
                key
                for key, task in pretend.truth("tasks").items()
                if not task["unscheduled"]
                and f"{page.closed.since:%Y-%m-%d}" <= (task["start_datetime"] or "")
                and (task["start_datetime"] or "~") < f"{page.closed.until:%Y-%m-%d}"
            }
            assert inside <= found


@pytest.mark.parametrize("paging", ["usual", "page ignored", "size ignored", "all"])
@pytest.mark.parametrize("count", [99, 100, 101, 500, 777])
def test_a_list_is_read_whole_whether_it_is_paged_or_not(
    pretend: Pretend, paging: Any, count: int
) -> None:
    """Entities are documented without pages, the old client sent page numbers."""
    pretend.vendor.lists.paging = {"entities": paging}
    book = pretend.vendor.book
    for number in range(len(book["entities"].live()), count):
        record = {"id": 7_000_000_000_000_000 + number, "name": f"Crew {number}", "type": ""}
        book["entities"].put(str(record["id"]), record)

    gathered = pretend.read("entities")

    if paging == "page ignored" and count >= 500:  # nothing beyond the first page can be had
        assert isinstance(gathered.error, ContractError)
        assert not any(page.everything for page in gathered.pages)
    else:
        assert pretend.complete(gathered, "entities")
        assert gathered.pages[-1].everything


@pytest.mark.parametrize("cap", [100, 137, 250])
@pytest.mark.parametrize("name", ["customers", "groups"])
def test_fewer_records_per_page_than_asked_for_do_not_end_a_list(
    pretend: Pretend, name: str, cap: int
) -> None:
    pretend.vendor.lists.cap = cap
    book = pretend.vendor.book
    for number in range(700):
        record = {"id": 7_000_000_000_000_000 + number, "name": f"More {number}"}
        book[name].put(str(record["id"]), record)

    assert pretend.complete(pretend.read(name), name)


def test_records_that_move_in_a_list_of_fixed_pages_are_seen_in_the_second_pass(
    pretend: Pretend,
) -> None:
    pretend.vendor.lists.paging = {"entities": "size ignored"}
    entities = pretend.vendor.book["entities"]
    for number in range(400):
        record = {"id": 7_000_000_000_000_000 + number, "name": f"Crew {number}"}
        entities.put(str(record["id"]), record)
    pretend.fault(
        path="/entities$",
        nth=3,
        call=lambda: entities.delete(entities.live_keys()[0]),
    )

    gathered = pretend.read("entities", page_size=50)

    assert pretend.keys("entities", gathered) >= set(pretend.truth("entities"))


@pytest.mark.parametrize("name", ["tasks", "task_statuses", "customers"])
def test_a_list_inside_an_object_is_found_and_its_totals_are_not_believed(
    pretend: Pretend, name: str
) -> None:
    """Case 64 of the fault list: it says that there are three, and no next page."""
    pretend.vendor.lists.wrapped = True

    assert pretend.complete(pretend.read(name, page_size=10), name)


def test_page_size_is_never_sent_since_arrivy_ignores_it(pretend: Pretend) -> None:
    pretend.read("tasks", page_size=50)

    targets = [seen.target for seen in pretend.sandbox.requests("arrivy")]
    assert all("items_per_page=" in target and "page_size" not in target for target in targets)


def test_from_the_usual_page_size_on_the_largest_page_is_asked_for(pretend: Pretend) -> None:
    pretend.read("tasks")

    targets = [seen.target for seen in pretend.sandbox.requests("arrivy")]
    assert all("items_per_page=500" in target for target in targets)


@pytest.mark.parametrize("name", ["task_statuses", "task_ratings"])
@pytest.mark.parametrize("shown", ["both", "statuses", "where any", "none"])
@pytest.mark.parametrize("details", ["inline", "calls"])
def test_details_are_found_wherever_they_are_shown(
    pretend: Pretend, name: str, shown: str, details: str
) -> None:
    pretend.vendor.lists.details = shown

    gathered = pretend.read(name, settings={"details": details})

    assert pretend.complete(gathered, name)


@pytest.mark.parametrize("updated", [True, False])
def test_edited_tasks_are_found_with_and_without_the_time_of_their_edit(
    pretend: Pretend, *, updated: bool
) -> None:
    pretend.vendor.lists.updated_shown = updated
    key = pretend.vendor.book.near()[0]
    pretend.advance(days=1)
    pretend.vendor.book.report(key, "EXCEPTION", NOW)

    gathered = pretend.read(
        "task_statuses", "incremental", cursor=cursor(), settings={"details": "calls"}
    )

    kinds = {one["type"] for one in gathered.records if str(one["task_id"]) == key}
    assert "EXCEPTION" in kinds
    asked = {path for page in gathered.pages for path in (page.whole.values if page.whole else ())}
    assert (len(asked) < 10) == updated


@pytest.mark.parametrize("needs", [True, False])
def test_an_express_list_without_some_tasks_leaves_the_read_incomplete(
    pretend: Pretend, *, needs: bool
) -> None:
    """Its tasks are addressed by external id; tasks without one may be missing from it."""
    pretend.vendor.lists.express_needs_external_id = needs
    with pretend.reader() as reader:
        tasks, statuses, *_ = reader.streams()
        for stream in (tasks, statuses):
            pages = list(reader.read(_full(stream)))

    reasons = [page.incomplete for page in pages if page.incomplete]
    assert len(reasons) == needs
    assert all("set ARRIVY_DETAILS=calls" in reason for reason in reasons)


def _full(stream: Any) -> Any:
    return Request(stream=stream, mode="full", started_at=NOW)


def test_deleted_histories_are_told_by_a_full_read_of_single_requests(pretend: Pretend) -> None:
    """A later run asks about edited tasks only, so it cannot tell what others have lost."""
    settings = {"details": "calls"}
    full = pretend.read("task_statuses", settings=settings)
    pretend.advance(days=1)
    soon = pretend.read("task_statuses", "incremental", cursor=cursor(), settings=settings)

    tasks = pretend.truth("tasks")
    starts = [
        datetime.fromisoformat(tasks[key]["start_datetime"]).replace(tzinfo=UTC)
        for key in pretend.vendor.book.near()
    ]
    assert all(_tells_of(full, start) for start in starts)
    assert not any(_tells_of(soon, start) for start in starts)


def _tells_of(gathered: Gathered, moment: datetime) -> bool:
    ranges = [page.closed for page in gathered.pages if page.closed]
    return any(one.since <= moment < one.until for one in ranges)
