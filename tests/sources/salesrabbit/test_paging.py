"""SalesRabbit's lists move while they are read: no row may slip between two pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from connectors.errors import ContractError
from connectors.shifting import Part, walk
from tests.sources.pretend import Gathered, Pretend

PATHS = {
    "leads": "/leads$",
    "lead_status_histories": "/leadStatusHistories$",
    "lead_status_activities": "/leadStatusActivities$",
}


def by_creation(pretend: Pretend) -> list[int]:
    leads = pretend.truth("leads").values()
    return [lead["id"] for lead in sorted(leads, key=lambda one: (one["dateCreated"], one["id"]))]


def delete(pretend: Pretend, leads: Iterable[int]) -> None:
    for lead in leads:
        pretend.vendor.book.delete_lead(lead)


def change(pretend: Pretend, leads: Iterable[int]) -> None:
    for lead in leads:
        pretend.vendor.book.knock(lead, "Sold")


def missing(pretend: Pretend, name: str, gathered: Gathered) -> set[str]:
    assert gathered.error is None
    return set(pretend.truth(name)) - pretend.keys(name, gathered)


@pytest.mark.parametrize("gone", [1, 6, 7, 8, 15, 29, 40])
@pytest.mark.parametrize("nth", [2, 4])
def test_leads_deleted_before_our_place_pull_none_past_it(
    pretend: Pretend, gone: int, nth: int
) -> None:
    """Case 51 of the fault list; a page of 30 overlaps the one before by 7 rows or more."""
    pretend.fault(
        path="/leads$", nth=nth, call=lambda: delete(pretend, by_creation(pretend)[:gone])
    )

    assert missing(pretend, "leads", pretend.read("leads", page_size=30)) == set()


@pytest.mark.parametrize("gone", [3, 12])
def test_histories_of_deleted_leads_pull_none_past_our_place(pretend: Pretend, gone: int) -> None:
    name = "lead_status_histories"
    pretend.fault(
        path=PATHS[name],
        nth=3,
        times=2,
        call=lambda: delete(pretend, list(pretend.vendor.book.events)[:gone]),
    )

    assert missing(pretend, name, pretend.read(name, page_size=30)) == set()


def test_a_list_that_shrinks_under_every_page_fails_rather_than_lose_rows(
    pretend: Pretend,
) -> None:
    pretend.fault(
        path="/leads$",
        nth=2,
        times=None,
        call=lambda: delete(pretend, by_creation(pretend)[:9]),
    )

    gathered = pretend.read("leads", page_size=30)

    assert isinstance(gathered.error, ContractError) or not missing(pretend, "leads", gathered)


def test_a_list_that_was_emptied_but_for_its_end_is_read_to_it(pretend: Pretend) -> None:
    pretend.fault(path="/leads$", nth=4, call=lambda: delete(pretend, by_creation(pretend)[:-5]))

    assert missing(pretend, "leads", pretend.read("leads", page_size=30)) == set()


@pytest.mark.parametrize("order", ["id", "oldest", "newest"])
@pytest.mark.parametrize("name", PATHS)
def test_a_row_that_a_change_carries_past_us_is_read_at_the_end(
    pretend: Pretend, name: str, order: str
) -> None:
    """Whatever order the vendor has; a comparison of keys would delete such a row."""
    pretend.vendor.adjust({"sorts": False, "order": order})
    unread = list(pretend.vendor.book.events)[-3:]
    pretend.fault(path=PATHS[name], nth=3, call=lambda: change(pretend, unread))

    gathered = pretend.read(name, page_size=30)

    assert missing(pretend, name, gathered) == set()
    assert [bool(page.cursor) for page in gathered.pages][-1]


def test_leads_in_the_order_asked_for_need_no_look_at_what_changed(pretend: Pretend) -> None:
    pretend.read("leads", page_size=50)
    in_order = pretend.requests()
    pretend.vendor.adjust({"sorts": False, "order": "newest"})
    pretend.read("leads", page_size=50)

    assert pretend.requests() - in_order == in_order + 1


def test_a_lead_that_comes_twice_comes_in_its_newest_state(pretend: Pretend) -> None:
    pretend.vendor.adjust({"sorts": False, "order": "oldest"})
    first = min(pretend.truth("leads").values(), key=lambda one: one["dateModified"])["id"]
    pretend.fault(path="/leads$", nth=2, call=lambda: change(pretend, [first]))

    records = pretend.read("leads", page_size=30).records

    assert sum(record["id"] == str(first) for record in records) > 1
    assert [record["status"] for record in records if record["id"] == str(first)][-1] == "Sold"


@pytest.mark.parametrize("cap", [7, 13, 29])
@pytest.mark.parametrize("name", PATHS)
def test_a_vendor_that_allows_fewer_rows_than_asked_for_is_followed(
    pretend: Pretend, name: str, cap: int
) -> None:
    pretend.vendor.adjust({"cap": cap})
    pretend.fault(path=PATHS[name], nth=2, call=lambda: delete(pretend, by_creation(pretend)[:2]))

    assert missing(pretend, name, pretend.read(name, page_size=30)) == set()


@pytest.mark.parametrize("deleted", [0, 4, 12])
@pytest.mark.parametrize("pages", [1, 3, 5])
@pytest.mark.parametrize("name", PATHS)
def test_an_interrupted_read_goes_on_although_the_list_has_moved(
    pretend: Pretend, name: str, pages: int, deleted: int
) -> None:
    first = pretend.until_page(name, pages, page_size=30)
    delete(pretend, by_creation(pretend)[:deleted])

    rest = pretend.read(name, page_size=30, position=first[-1].position)

    rest.pages[:0] = first
    assert missing(pretend, name, rest) == set()


def test_an_interrupted_look_at_what_changed_is_not_skipped(pretend: Pretend) -> None:
    pretend.vendor.adjust({"sorts": False})
    pages = pretend.read("leads", page_size=30).pages
    at_the_end = next(page for page in pages if page.position == {"closing": {}})
    pretend.vendor.book.change_lead(20_420, notes="meanwhile")
    before = pretend.requests()

    rest = pretend.read("leads", page_size=30, position=at_the_end.position)

    assert at_the_end.cursor is None
    assert pretend.keys("leads", rest) == {"20420"}
    assert pretend.requests() - before == 1
    assert rest.pages[-1].cursor is not None


def walked(rows: int, size: int) -> int:
    """Requests that a list of so many rows costs."""
    requests = 0

    def fetch(page: int, asked: int) -> Part[Any]:
        nonlocal requests
        requests += 1
        shown = range(rows)[(page - 1) * asked : page * asked]
        more = page * asked < rows
        return Part(rows=shown, ids=shown, more=more, promised=more)

    seen = {row for part, _ in walk("test", fetch, size=size) for row in part.rows}
    assert len(seen) == rows
    return requests


def test_a_million_leads_cost_little_more_than_five_hundred_requests() -> None:
    assert walked(1_000_000, 2000) <= 500 * 1.04


def test_a_hundred_thousand_knocks_cost_fewer_requests_than_at_a_hundred_a_page() -> None:
    assert walked(100_000, 500) <= 1000 * 0.25
