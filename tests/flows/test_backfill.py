"""A backfill of CallRail from the sandbox: windows, what it costs, where it goes on."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.sandbox import Sandbox
from connectors.sources import callrail
from connectors.warehouse import checkpoints, figures, history, locks, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from tests.flows.prefect_stack import eventually
from tests.warehouse.loading import rows

pytestmark = pytest.mark.prefect

NOW = datetime(2026, 6, 15, 18, 30, tzinfo=UTC)
UNTIL = datetime(2026, 6, 15, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=21)
CALLS = {stream.name: stream for stream in callrail.STREAMS}["calls"]


@pytest.fixture
def sandbox(sqlite_warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> Generator[Sandbox]:
    """A pretend CallRail that this process's settings lead to."""
    with Sandbox(seed=5, scale=0.5, only=["callrail"], now=NOW) as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("WAREHOUSE_URL", sqlite_warehouse_url)
        yield sandbox


@pytest.fixture
def books(sandbox: Sandbox, sqlite_warehouse_url: str) -> Generator[Warehouse]:
    opened = Warehouse.open(sqlite_warehouse_url)
    migrate(opened)
    yield opened
    opened.close()


def backfill(**parameters: Any) -> Any:
    from flows import limits
    from flows.backfill import backfill as flow

    limits.create_limit(2)
    asked = {"source": "callrail", "since": SINCE, "until": UNTIL, "streams": ["calls"]}
    return flow(**(asked | parameters), return_state=True)


def sync(mode: str) -> Any:
    from flows import limits
    from flows.sync_source import sync_source

    limits.create_limit(2)
    return sync_source(source="callrail", mode=mode, streams=["calls"], return_state=True)


def windows(books: Warehouse) -> list[tuple[str, str]]:
    """First day and status of every window that was begun, oldest first."""
    ran = [row for row in history.recent(books, limit=50) if row["mode"] == "backfill"]
    return [(row["parameters"]["since"][:10], row["status"]) for row in reversed(ran)]


def report(key: str) -> str:
    """The newest report of that key; empty when there is none."""
    from prefect import get_client
    from prefect.client.schemas.filters import (
        ArtifactCollectionFilter,
        ArtifactCollectionFilterKey,
    )

    wanted = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        found = client.read_latest_artifacts(artifact_filter=wanted)
    return str(found[0].data) if found else ""


def test_a_range_is_read_window_by_window_each_a_run_of_its_own(
    sandbox: Sandbox, books: Warehouse
) -> None:
    state = backfill()

    assert state.is_completed(), state.message
    assert state.message == "3 of 3 windows are read."
    assert windows(books) == [
        ("2026-05-25", "SUCCESS"),
        ("2026-06-01", "SUCCESS"),
        ("2026-06-08", "SUCCESS"),
    ]
    stored = rows(books, CALLS, "callrail")
    told = sandbox.ledger("callrail", "calls")
    wanted = {
        entry.id
        for entry in told
        if not entry.deleted
        and SINCE <= datetime.fromisoformat(str(entry.record["start_time"])) < UNTIL
    }
    assert wanted
    assert wanted <= stored.keys()
    assert "2026-06-08 to 2026-06-15](http" in report("backfill-callrail")


def test_the_live_cursor_stays_where_it_is(sandbox: Sandbox, books: Warehouse) -> None:
    assert sync("full").is_completed()
    before = checkpoints.load(books, "callrail", "calls")

    assert backfill().is_completed()

    after = checkpoints.load(books, "callrail", "calls")
    assert before.cursor is not None
    assert after.cursor == before.cursor


def test_a_second_start_goes_on_at_the_first_unfinished_window(
    sandbox: Sandbox, books: Warehouse
) -> None:
    assert backfill(until=SINCE + timedelta(days=7)).is_completed()
    sandbox.fault(vendor="callrail", path="calls", times=None, status=401)

    stopped = backfill()
    sandbox.faults.clear()
    resumed = backfill()
    again = backfill()

    assert stopped.is_failed()
    assert "1 of 3 windows are read." in stopped.message
    assert "401" in stopped.message
    assert resumed.is_completed(), resumed.message
    assert windows(books) == [
        ("2026-05-25", "SUCCESS"),
        ("2026-06-01", "FAILED"),
        ("2026-06-01", "SUCCESS"),
        ("2026-06-08", "SUCCESS"),
    ]
    assert again.message == "Every window of this range has been read already."


def test_the_estimate_is_reported_before_anything_is_read(
    sandbox: Sandbox, books: Warehouse
) -> None:
    assert sync("full").is_completed()
    asked = sandbox.stats()["callrail"]["requests"]

    state = backfill(estimate_only=True)

    assert state.is_completed()
    assert "3 of 3 windows are to be read, with about" in state.message
    assert "10,000 a day are granted" in state.message
    assert "10,000 a day are granted" in report("backfill-callrail")
    assert sandbox.stats()["callrail"]["requests"] == asked
    assert windows(books) == []


def test_more_than_is_left_today_is_refused_unless_it_is_wanted(
    sandbox: Sandbox, books: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sync("full").is_completed()
    used = figures.day(books)["callrail"].requests
    monkeypatch.setenv("CALLRAIL_BUDGET", str(used // 10 + 1))  # the day is ten times that

    refused = backfill(days_per_window=1)
    wanted = backfill(days_per_window=7, over_budget=True)

    assert (refused.name, refused.type.value) == ("Refused", "FAILED")
    assert "over_budget" in refused.message
    assert "More than is left today" in report("backfill-callrail")
    assert len(windows(books)) > 0
    assert wanted.name != "Refused"


def test_it_waits_for_another_run_and_makes_up_for_the_sync_that_found_the_source_taken(
    sandbox: Sandbox, books: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import backfill as module

    monkeypatch.setattr(module, "LOOK_SECONDS", 0.1)
    runs.open_run(books, runs.NewRun(run_id="another", source="callrail", mode="full"))
    assert isinstance(locks.acquire(books, "callrail", "another"), locks.Acquired)
    ended: list[Any] = []
    here = contextvars.copy_context()  # Prefect's settings live there
    begun = threading.Thread(
        target=lambda: ended.append(here.run(backfill, days_per_window=21)), daemon=True
    )

    begun.start()
    estimate = "2026-05-25 to 2026-06-15\n\n1 of 1 windows"
    eventually(lambda: estimate in report("backfill-callrail"), "the estimate")
    late = runs.NewRun(run_id="late", source="callrail", mode="incremental", deployment="callrail")
    runs.open_run(books, late)
    runs.finish(books, "late", runs.Status.SKIPPED, "Run another is syncing CallRail already.")
    runs.finish(books, "another", runs.Status.SUCCESS)
    begun.join(120)

    assert ended
    assert ended[0].is_completed(), ended[0].message
    by_age = [
        (row["mode"], row["status"])
        for row in reversed(history.recent(books))
        if row["run_id"] not in {"another", "late"}
    ]
    assert by_age == [("backfill", "SUCCESS"), ("incremental", "SUCCESS")]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"until": SINCE}, "must be after since"),
        ({"streams": ["companies"]}, "read whole at any time"),
    ],
)
def test_a_wrong_wish_is_refused_with_one_sentence(
    sandbox: Sandbox, parameters: dict[str, Any], said: str
) -> None:
    state = backfill(**parameters)

    assert state.is_failed()
    assert said in state.message
