"""The pretend Arrivy, asked by a plain client."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.arrivy import Arrivy

NOW = datetime(2026, 6, 15, 18, 30, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Generator[Sandbox]:
    with Sandbox(seed=2, scale=0.5, only=["arrivy"], now=NOW) as running:
        yield running


@pytest.fixture
def vendor(sandbox: Sandbox) -> Arrivy:
    vendor: Arrivy = sandbox.vendor("arrivy")
    return vendor


@pytest.fixture
def client(sandbox: Sandbox) -> Generator[httpx.Client]:
    environment = sandbox.environment()
    headers = {
        "X-Auth-Key": environment["ARRIVY_AUTH_KEY"],
        "X-Auth-Token": environment["ARRIVY_API_KEY"],
    }
    with httpx.Client(
        base_url=environment["ARRIVY_BASE_URL"], headers=headers, verify=False
    ) as connected:
        yield connected


def ask(client: httpx.Client, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200
    return answer.json()


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def test_both_headers_are_needed(client: httpx.Client) -> None:
    token = client.headers["x-auth-token"]
    del client.headers["x-auth-token"]
    without = client.get("/groups")
    swapped = client.get("/groups", headers={"X-Auth-Token": client.headers["x-auth-key"]})
    right = client.get("/groups", headers={"X-Auth-Token": token})

    assert [one.status_code for one in (without, swapped, right)] == [401, 401, 200]
    assert without.json() == {"message": "UNAUTHORIZED", "description": "UNAUTHORIZED"}


def test_lists_are_bare_arrays_with_their_own_default_sizes(
    client: httpx.Client, vendor: Arrivy
) -> None:
    for number in range(600):
        vendor.book.new_task(NOW + timedelta(hours=number))
        vendor.book["groups"].put(str(number), {"id": number, "name": "more"})

    assert len(ask(client, "/tasks")) == 500
    assert len(ask(client, "/groups")) == 100
    assert len(ask(client, "/tasks", page_size=7, nonsense=1)) == 500
    assert len(ask(client, "/tasks", items_per_page=7)) == 7
    assert len(ask(client, "/tasks", items_per_page=9000)) == 500
    assert ask(client, "/tasks", page=99) == []
    assert ids(ask(client, "/tasks", page=2, items_per_page=7)) == ids(ask(client, "/tasks"))[7:14]


def test_tasks_are_filtered_by_their_start_in_any_offset(
    client: httpx.Client, vendor: Arrivy
) -> None:
    key = int(vendor.book.new_task(datetime(2026, 6, 1, 4, tzinfo=UTC)))

    def found(since: str, until: str) -> bool:
        return key in ids(ask(client, "/tasks", **{"from": since, "to": until}))

    assert found("2026-06-01T04:00:00+00:00", "2026-06-01T05:00:00+00:00")
    assert found("2026-06-01T00:00:00-04:00", "2026-06-01T05:00:00Z")
    assert not found("2026-06-01T03:00:00Z", "2026-06-01T04:00:00Z")
    vendor.lists.edges = "to"
    assert found("2026-06-01T03:00:00Z", "2026-06-01T04:00:00Z")
    assert not found("2026-06-01T04:00:00Z", "2026-06-01T05:00:00Z")
    vendor.lists.overlapping = True
    assert found("2026-06-01T05:00:00Z", "2026-06-01T05:30:00Z")


def test_a_raw_plus_arrives_as_a_space(client: httpx.Client, vendor: Arrivy) -> None:
    raw = "/tasks?from=2026-06-01T00:00:00+00:00"

    refused = client.get(raw)
    vendor.lists.raw_plus = "ignore"

    assert refused.status_code == 400
    assert len(client.get(raw).json()) > len(ask(client, "/tasks", **{"from": "2026-06-01"}))


def test_what_is_off_the_schedule_is_asked_for_by_itself(
    client: httpx.Client, vendor: Arrivy
) -> None:
    usual = set(ids(ask(client, "/tasks")))
    loose = set(ids(ask(client, "/tasks", unscheduled="true")))
    undated = set(ids(ask(client, "/tasks", tasks_with_no_datetime="true")))

    assert loose
    assert undated
    assert not usual & (loose | undated)
    assert {str(one) for one in loose | undated} == set(vendor.book.loose())


def test_details_are_in_the_express_list_or_behind_a_request(
    client: httpx.Client, vendor: Arrivy
) -> None:
    plain = ask(client, "/express/tasks")[0]
    detailed = ask(client, "/express/tasks", show_details="true")[0]
    key = plain["id"]

    assert not {"statuses", "ratings"} & plain.keys()
    assert detailed["statuses"] == ask(client, f"/tasks/{key}/status")
    assert detailed["ratings"] == ask(client, f"/tasks/{key}/rating")
    vendor.lists.details = "none"
    assert "statuses" not in ask(client, "/express/tasks", show_details="true")[0]


def test_what_is_missing_is_not_found_and_unknown_paths_are_a_web_page(
    client: httpx.Client,
) -> None:
    assert client.get("/tasks/7").status_code == 404
    for path in ("/invoices", "/tasks/7/8/9/10", "/forms"):
        answer = client.get(path)
        if answer.status_code == 200:
            assert answer.headers["content-type"] == "text/html"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users/update-auth-keys"),
        ("POST", "/tasks"),
        ("PUT", "/express/tasks/upsert/7"),
        ("DELETE", "/tasks/7"),
    ],
)
def test_what_changes_the_account_is_a_defect_of_the_run(
    sandbox: Sandbox, client: httpx.Client, method: str, path: str
) -> None:
    assert client.request(method, path).status_code == 500
    assert path in sandbox.stats()["arrivy"]["defects"][0]


@pytest.mark.parametrize("retry_after", [None, 7])
def test_more_than_the_minute_allows_is_refused(
    sandbox: Sandbox, client: httpx.Client, vendor: Arrivy, retry_after: int | None
) -> None:
    vendor.adjust({"per_minute": 2, "retry_after": retry_after})

    statuses = [client.get("/groups").status_code for _ in range(3)]
    refused = client.get("/groups")
    sandbox.clock.advance(timedelta(minutes=1))

    assert statuses == [200, 200, 429]
    assert refused.headers.get("retry-after") == (None if retry_after is None else "7")
    assert client.get("/groups").status_code == 200
    assert vendor.fullest_minute == 4


def test_lists_that_do_not_page_as_documented(client: httpx.Client, vendor: Arrivy) -> None:
    vendor.lists.paging = {"groups": "all", "customers": "page ignored", "crews": "size ignored"}
    groups, customers, crews = (
        vendor.book[name].live() for name in ("groups", "customers", "crews")
    )

    assert len(ask(client, "/groups", page=2, items_per_page=1)) == len(groups)
    assert (
        ids(ask(client, "/customers", page=2, items_per_page=3))
        == ids(list(map(dict, customers)))[:3]
    )
    assert len(ask(client, "/crews", items_per_page=1)) == len(crews)
    vendor.adjust({"wrapped": True})
    assert ask(client, "/groups").keys() == {"results", "has_next", "total_count"}
    vendor.adjust({"forbidden": ["groups"]})
    assert client.get("/groups").status_code == 403


def test_values_come_in_mixed_shapes(vendor: Arrivy) -> None:
    tasks = vendor.book["tasks"].live()

    def kinds(name: str) -> set[str]:
        return {type(task[name]).__name__ for task in tasks}

    assert kinds("extra_fields") == {"dict", "str", "NoneType"}
    assert kinds("customer_phone") == {"int", "str"}
    assert kinds("template") == {"int", "str"}
    assert kinds("mileage") == {"list", "str", "NoneType"}
    assert {len(task["start_datetime"]) for task in tasks if task["start_datetime"]} == {19, 26}
    assert {"+" in task["start_datetime"] for task in tasks if task["start_datetime"]} == {False}
    assert all(10**15 < task["id"] < 2**53 for task in tasks)
    assert {"files" in task for task in tasks} == {True, False}
    places = vendor.book["customers"].live()
    assert {"address" in place for place in places} == {True, False}


def test_a_step_changes_tasks_in_every_way(sandbox: Sandbox, vendor: Arrivy) -> None:
    before = {entry.id: entry for entry in sandbox.ledger("arrivy", "tasks")}
    loose = set(vendor.book.loose())

    sandbox.step()

    after = {entry.id: entry for entry in sandbox.ledger("arrivy", "tasks")}
    gone = [key for key in before if after[key].deleted]
    assert len(gone) == 1
    assert set(vendor.book.loose()) - loose
    assert loose - set(vendor.book.loose())
    assert len(after) > len(before)
    stale = [
        key
        for key, history in vendor.book.history.items()
        if history[0]["type"] == "EXCEPTION" and after[key].record["status"] != "EXCEPTION"
    ]
    assert len(stale) == 1
    statuses = {entry.id for entry in sandbox.ledger("arrivy", "task_statuses") if entry.deleted}
    assert {key.partition(":")[0] for key in statuses} == set(gone)


def test_an_unknown_switch_is_refused(vendor: Arrivy) -> None:
    for name in ("nonsense", "book", "_steps"):
        with pytest.raises(ValueError, match="unknown switch"):
            vendor.adjust({name: 1})
