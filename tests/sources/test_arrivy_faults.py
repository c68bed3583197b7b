"""Arrivy: what a faulty answer leads to. None of it ends green with rows missing."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from connectors.context import Context
from connectors.errors import (
    AccessError,
    ConfigError,
    ContractError,
    CredentialsError,
    RateLimited,
    SyncError,
    TransientError,
)
from connectors.model import Request
from connectors.sandbox import Sandbox
from connectors.settings import load
from connectors.sources import arrivy
from connectors.throttle import open_throttles
from tests.sources.pretend import NOW, Impatient, Pretend, pretending

READ = {"read": NOW.isoformat()}


@pytest.fixture
def pretend() -> Generator[Pretend]:
    with pretending(arrivy.SOURCE) as vendor:
        yield vendor


def crowd(pretend: Pretend, tasks: int = 60) -> None:
    """Fill one window with several pages, so that there is a middle."""
    for minutes in range(tasks):
        pretend.vendor.book.new_task(NOW + timedelta(days=2, minutes=minutes))


# Access


@pytest.mark.parametrize("wrong", [{"api_key": "no"}, {"auth_key": "no"}])
def test_a_refused_pair_of_keys_ends_the_run(pretend: Pretend, wrong: dict[str, str]) -> None:
    error = pretend.read("tasks", settings=wrong).error

    assert isinstance(error, CredentialsError)
    assert pretend.requests() == 1


def test_the_crossed_names_of_the_old_settings_are_sent_the_right_way(pretend: Pretend) -> None:
    """ARRIVY_API_KEY is the token, ARRIVY_AUTH_KEY the key."""
    environment = pretend.sandbox.environment()
    crossed = {
        "api_key": environment["ARRIVY_AUTH_KEY"],
        "auth_key": environment["ARRIVY_API_KEY"],
    }

    assert pretend.read("groups").error is None
    assert isinstance(pretend.read("groups", settings=crossed).error, CredentialsError)


def test_a_forbidden_list_fails_its_stream_only(pretend: Pretend) -> None:
    """Case 42 of the fault list."""
    pretend.vendor.forbidden = {"crews"}

    assert isinstance(pretend.read("crews").error, AccessError)
    assert pretend.complete(pretend.read("groups"), "groups")


@pytest.mark.parametrize(
    "path",
    [
        "/users/update-auth-keys",
        "/users/Update-Auth-Keys",
        "/users/%75pdate-auth-keys",
        "/express/tasks/upsert/7",
        "/public/bookings/x/slots/y/book_slot",
    ],
)
def test_what_changes_the_account_is_never_asked_for(pretend: Pretend, path: str) -> None:
    """The first rotates the keys although it is a GET."""
    with pretend.reader() as reader:
        opened: Any = reader
        client = opened._api._client  # the one that the source opened, with its deny-list

        with pytest.raises(ConfigError, match="must never be called"):
            client.get(path)

    assert pretend.requests() == 0


def test_nothing_but_get_is_sent(pretend: Pretend) -> None:
    for name in (stream.name for stream in arrivy.STREAMS):
        pretend.read(name)

    assert {seen.method for seen in pretend.sandbox.requests("arrivy")} == {"GET"}


# The budget


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured_in_both_forms(pretend: Pretend, form: str) -> None:
    """Cases 32 and 33 of the fault list."""
    pretend.fault(path="/tasks$", nth=5, status=429, retry_after=17, retry_after_form=form)

    gathered = pretend.read("tasks")

    assert pretend.complete(gathered, "tasks")
    assert any(16 <= wait <= 18 for wait in pretend.stopping.waits)


def test_a_429_without_a_word_is_waited_for_longer_than_its_minute(pretend: Pretend) -> None:
    """Case 36 of the fault list."""
    pretend.fault(path="/tasks$", nth=5, status=429, times=5)

    gathered = pretend.read("tasks")

    assert pretend.complete(gathered, "tasks")
    assert sum(pretend.stopping.waits) > 60


def test_a_429_that_stays_ends_the_run_and_is_no_end_of_data(pretend: Pretend) -> None:
    pretend.fault(path="/tasks$", nth=5, status=429, times=None)

    assert isinstance(pretend.read("tasks").error, RateLimited)


def test_a_day_of_retry_after_ends_the_run_at_once(pretend: Pretend) -> None:
    """Case 35 of the fault list."""
    pretend.fault(path="/tasks$", status=429, retry_after=86_400)

    error = pretend.read("tasks").error

    assert isinstance(error, RateLimited)
    assert error.resume_at == NOW + timedelta(days=1)
    assert sum(pretend.stopping.waits) == 0


def test_thirty_requests_a_minute_are_kept_as_the_sandbox_counts_them() -> None:
    """The client's waiting moves the sandbox's clock, by which it counts and refuses."""
    with Sandbox(seed=5, scale=0.5, only=["arrivy"], now=NOW) as sandbox:
        vendor = sandbox.vendor("arrivy")
        vendor.per_minute = 30
        environment = sandbox.environment()

        def wait(seconds: float) -> bool:
            sandbox.clock.advance(timedelta(seconds=seconds))
            return False

        stopping = Impatient()
        throttles = open_throttles(
            None,
            stopping=stopping,
            clock=lambda: round(sandbox.clock.now().timestamp() * 1_000_000),
            sleep=wait,
        )
        context = Context(throttles=throttles, stopping=stopping, clock=sandbox.clock.now)
        settings = load(
            arrivy.Settings,
            {
                "base_url": environment["ARRIVY_BASE_URL"],
                "api_key": environment["ARRIVY_API_KEY"],
                "auth_key": environment["ARRIVY_AUTH_KEY"],
            },
        )
        with arrivy.connect(settings, context) as reader:
            tasks = arrivy.STREAMS[0]
            pages = list(reader.read(_request(tasks, context.clock(), page_size=7)))
        requests = sandbox.stats()["arrivy"]["requests"]
        waited = (sandbox.clock.now() - NOW).total_seconds()

    assert {record["id"] for page in pages for record in page.records}
    assert vendor.fullest_minute == 30
    assert sandbox.stats()["arrivy"]["rate_limited"] == 0
    assert (requests / 30 - 1) * 60 <= waited + 0.1 <= requests / 30 * 60 * 1.15


def _request(stream: Any, now: Any, **parts: Any) -> Any:
    return Request(stream=stream, mode="full", started_at=now, **parts)


# Answers that fail


@pytest.mark.parametrize("name", ["tasks", "customers"])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "retry_after": 1},
        {"status": 502, "html": True},
        {"html": True},
        {"cut": 0.5},
        {"reset": "before"},
    ],
    ids=["500", "503", "502 html", "200 html", "cut", "reset"],
)
def test_a_passing_failure_costs_no_record(
    pretend: Pretend, name: str, fault: dict[str, Any]
) -> None:
    """Cases 24, 25, 39 and 44 of the fault list."""
    pretend.fault(path="/(tasks|customers)$", nth=3, **fault)

    assert pretend.complete(pretend.read(name, page_size=20), name)


@pytest.mark.parametrize("name", ["tasks", "customers"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, TransientError),
        ({"html": True}, ContractError),
        ({"cut": 0.5}, TransientError),
        ({"body": '{"message": "nope", "description": "nope"}'}, ContractError),
        ({"body": "null"}, ContractError),
        ({"body": "[null]"}, ContractError),
        ({"body": '{"results": null}'}, ContractError),
        ({"status": 404}, ContractError),
        ({"status": 400}, ContractError),
    ],
    ids=["500", "html", "cut", "error body", "null", "no objects", "no results", "404", "400"],
)
def test_a_lasting_failure_fails_the_stream_after_the_pages_before_it(
    pretend: Pretend, name: str, fault: dict[str, Any], error: type[SyncError]
) -> None:
    crowd(pretend)
    pretend.fault(path="/(tasks|customers)$", nth=4, times=None, **fault)

    gathered = pretend.read(name, page_size=10)

    assert isinstance(gathered.error, error)
    assert gathered.records
    assert not any(page.closed or page.cursor or page.everything for page in gathered.pages)


def test_a_path_that_is_unknown_is_answered_by_a_web_page(pretend: Pretend) -> None:
    wrong = f"{pretend.sandbox.environment()['ARRIVY_BASE_URL']}/v2"

    error = pretend.read("tasks", settings={"base_url": wrong}).error

    assert isinstance(error, ContractError)
    assert "web page" in str(error)


# Pages


@pytest.mark.parametrize("name", ["tasks", "customers"])
@pytest.mark.parametrize("nth", [1, 2, 3, 5, 8])
def test_an_empty_page_is_asked_for_again_wherever_it_comes(
    pretend: Pretend, name: str, nth: int
) -> None:
    """Case 45 of the fault list."""
    crowd(pretend)
    pretend.fault(path="/(tasks|customers)$", nth=nth, body="[]")

    assert pretend.complete(pretend.read(name, page_size=10), name)


@pytest.mark.parametrize("name", ["tasks", "customers"])
@pytest.mark.parametrize("nth", [2, 3, 4, 6, 9, 30])
def test_a_page_that_comes_twice_is_noticed(pretend: Pretend, name: str, nth: int) -> None:
    """Case 46 of the fault list, in a list without tokens."""
    crowd(pretend)
    pretend.fault(path="/(tasks|customers)$", nth=nth, repeat=True)

    assert pretend.complete(pretend.read(name, page_size=10), name)


@pytest.mark.parametrize("name", ["tasks", "customers"])
@pytest.mark.parametrize("fault", [{"body": "[]"}, {"repeat": True}], ids=["empty", "repeated"])
def test_a_middle_that_stays_wrong_is_no_success(
    pretend: Pretend, name: str, fault: dict[str, Any]
) -> None:
    crowd(pretend)
    path = "/customers$" if name == "customers" else "/tasks$"
    pretend.fault(path=path, contains="page=2&", times=None, **fault)

    gathered = pretend.read(name, page_size=10)

    assert isinstance(gathered.error, ContractError)
    assert not any(page.closed or page.everything for page in gathered.pages)


def test_tasks_of_other_days_than_asked_for_are_noticed(pretend: Pretend) -> None:
    pretend.vendor.lists.ignored = {"from", "to"}

    gathered = pretend.read("tasks")

    assert isinstance(gathered.error, ContractError)
    assert "as if from and to had not been asked for" in str(gathered.error)


@pytest.mark.parametrize("flag", ["unscheduled", "tasks_with_no_datetime"])
def test_a_list_beside_the_schedule_that_cannot_be_had_leaves_the_read_incomplete(
    pretend: Pretend, flag: str
) -> None:
    pretend.vendor.lists.ignored = {flag}

    gathered = pretend.read("tasks")

    assert gathered.error is None
    assert f"as if {flag} had not been asked for" in gathered.incomplete[0]
    assert not any(p.closed and p.closed.since.year == 1900 for p in gathered.pages)


@pytest.mark.parametrize("nth", [4, 25, 27, 29, 31, 33])
def test_rows_that_move_up_between_two_pages_are_not_lost(pretend: Pretend, nth: int) -> None:
    """Case 51 of the fault list: a task before the reader's place is deleted."""
    crowd(pretend, 100)
    book = pretend.vendor.book
    doomed = iter(book.near())
    pretend.sandbox.fault(
        vendor="arrivy", path="tasks$", nth=nth, call=lambda: book.delete_task(next(doomed))
    )

    gathered = pretend.read("tasks", page_size=12)

    assert pretend.keys("tasks", gathered) >= set(pretend.truth("tasks"))
    assert gathered.error is None


def test_customers_that_move_up_between_two_pages_are_not_lost(pretend: Pretend) -> None:
    customers = pretend.vendor.book["customers"]
    pretend.sandbox.fault(
        vendor="arrivy",
        path="/customers$",
        nth=2,
        times=3,
        call=lambda: customers.delete(customers.live_keys()[0]),
    )

    gathered = pretend.read("customers", page_size=12)

    assert pretend.keys("customers", gathered) >= set(pretend.truth("customers"))


def test_a_list_that_shrinks_faster_than_it_is_read_is_no_success(pretend: Pretend) -> None:
    crowd(pretend, 400)
    book = pretend.vendor.book

    def shrink() -> None:
        for key in book.near()[:14]:
            book.delete_task(key)

    pretend.sandbox.fault(vendor="arrivy", path="/tasks$", nth=6, times=None, call=shrink)

    gathered = pretend.read("tasks", page_size=12)

    kept = pretend.keys("tasks", gathered) >= set(pretend.truth("tasks"))
    assert kept or isinstance(gathered.error, ContractError)


# Values


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

    gathered = pretend.read("tasks", "incremental", cursor=READ)

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

    pretend.sandbox.fault(vendor="arrivy", path="/status$", call=vanish)

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
