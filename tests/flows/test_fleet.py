"""The fleet page and `python -m flows.status`: the same facts, twice."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from connectors.model import Mode
from connectors.registry import SOURCES
from connectors.warehouse import history, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.figures import PastRun
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.warehouse.test_figures import begin, end, read

HOUR = 3600.0


@pytest.fixture
def books(sqlite_warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> Generator[Warehouse]:
    """A warehouse that the settings lead to, with a history of four sources."""
    monkeypatch.setenv("WAREHOUSE_URL", sqlite_warehouse_url)
    monkeypatch.setenv("CALLRAIL_API_KEY", "key-of-the-fleet")
    opened = Warehouse.open(sqlite_warehouse_url)
    migrate(opened)
    ran(opened, "hubspot", (10, 400, 30))
    ran(opened, "callrail", (5, 7), requests=2_500)
    ran(opened, "five9", (3,), last=Status.FAILED)
    ran(opened, "genius", (3,), last=Status.PARTIAL)
    yield opened
    opened.close()


def ran(
    warehouse: Warehouse,
    source: str,
    rows: tuple[int, ...],
    *,
    last: Status = Status.SUCCESS,
    requests: int = 1,
) -> None:
    """Runs of a source, oldest first; `last` is how the newest ended."""
    for number, count in enumerate(rows, start=1):
        run = begin(warehouse, source)
        read(warehouse, run, rows=count)
        end(warehouse, run, last if number == len(rows) else Status.SUCCESS, requests)


def past(rows: int, status: Status = Status.SUCCESS, mode: Mode = "incremental") -> PastRun:
    return PastRun(
        run_id="r", mode=mode, status=status, rows=rows, seconds=1, finished_at=datetime.now(UTC)
    )


@pytest.mark.parametrize(
    ("enabled", "newest", "age", "every", "state"),
    [
        (True, past(1), HOUR, HOUR, "fresh"),
        (True, past(1), 2 * HOUR + 1, HOUR, "late"),
        (True, past(1), 23 * HOUR, None, "fresh"),
        (True, past(1), 49 * HOUR, None, "late"),
        (True, past(1, Status.FAILED), 60.0, HOUR, "failed"),
        (True, past(1, Status.CANCELLED), 60.0, HOUR, "failed"),
        (True, past(1, Status.PARTIAL), 60.0, HOUR, "partial"),
        (True, None, None, HOUR, "never ran"),
        (False, past(1), HOUR, HOUR, "off"),
    ],
)
def test_a_source_is_judged_by_its_last_sync_and_its_schedule(
    enabled: bool, newest: PastRun | None, age: float | None, every: float | None, state: str
) -> None:
    from flows import fleet

    assert fleet.state(enabled, newest, age, every) == state


def test_the_trend_draws_rows_and_marks_ill_ends() -> None:
    from flows import words

    runs = [past(0), past(9_999), past(5, Status.PARTIAL), past(5, Status.FAILED), past(99)]

    assert words.trend(runs) == "▁█!✗▅"


def test_the_remaining_time_is_told_only_where_it_can_be_known() -> None:
    from flows import words

    assert words.seconds_left(done=100, total=300, seconds=10) == 20
    assert words.seconds_left(done=100, total=None, seconds=10) is None
    assert words.seconds_left(done=301, total=300, seconds=10) is None
    assert words.seconds_left(done=0, total=300, seconds=10) is None
    assert words.place("people", 100, 300, 10) == (
        "people: 100 of 300 rows, 10 rows/s, about 20 s left"
    )
    assert words.place("people", 100, None, 10) == "people: 100 rows, 10 rows/s, end unknown"


def test_the_page_has_figures_a_row_per_source_and_who_must_act(books: Warehouse) -> None:
    from flows import fleet, fleet_page

    text = unlinked(fleet_page.markdown(fleet.facts()))

    figures = text.splitlines()[4]
    assert figures == "| **2** | **0** | **1** | **1** | 7 | 458 | 0 |"
    rows = {line.split("<br>")[0].strip("| ") for line in text.splitlines() if "<br>" in line}
    assert {"HubSpot", "CallRail", "Five9", "Genius", "SalesPro", "LeadConduit"} <= rows
    callrail = next(line for line in text.splitlines() if line.startswith("| CallRail<br>✔ fresh"))
    assert "2,501" not in callrail
    assert "5,000<br>50% of 10,000" in callrail
    assert re.search(r"\| 7\srows<br>in \d s \| [▁▂▃▄▅▆▇█]{2} \|", callrail)
    acts = text[text.index("## Somebody has to act") :]
    assert "- **Five9**: as said" in acts
    assert "- **Genius**: as said" in acts
    assert "HubSpot" not in acts


def test_vendor_text_cannot_become_markup(books: Warehouse) -> None:
    from flows import fleet, fleet_page

    run = begin(books, "hubspot")
    runs.finish(books, run.run_id, Status.FAILED, "<img src=x> | **bold** [a](http://b)")

    text = fleet_page.markdown(fleet.facts())

    assert "&lt;img src=x&gt; \\| \\*\\*bold\\*\\* \\[a\\](http://b)" in text


def test_what_runs_now_tells_stream_rows_rate_and_end(books: Warehouse) -> None:
    from flows import fleet, fleet_page, status

    run = begin(books, "hubspot")
    runs.beat(books, run.run_id, runs.Beat(rss_mb=120, peak_rss_mb=130))
    from connectors.model import Counts
    from connectors.warehouse import stream_runs

    stream_runs.open_stream(books, run, "people")
    with books.write() as db:
        runs.count_batch(db, run, "people", Counts(read=20, inserted=20))

    found = fleet.facts()
    page = unlinked(fleet_page.markdown(found))
    screen = printed(found)

    assert re.search(
        r"- hubspot full: RUNNING, people: 20 of 30 rows, .*, 120 MiB, last beat", page
    )
    assert "people: 20 of 30 rows" in screen
    assert status.main(["--json"]) == 0


def unlinked(page: str) -> str:
    """A page without its links, which it has only where a server is configured."""
    return re.sub(r"\[([^\]]*)\]\(http[^)]*\)", r"\1", page)


def printed(found: dict[str, list[history.Row]]) -> str:
    from flows import status

    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system="standard")
    status.show(console, found)
    screen: Any = console.file
    return str(screen.getvalue())


def test_the_terminal_shows_the_same_in_colours(books: Warehouse) -> None:
    from flows import fleet

    screen = printed(fleet.facts())

    assert "2 fresh, 1 failed, 1 partial" in screen
    assert "\x1b[31mfailed\x1b[0m" in screen
    assert "\x1b[32mfresh\x1b[0m" in screen
    assert "5,000 (50%)" in screen


def test_json_has_three_keys_and_the_columns_of_the_books(
    books: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows import status

    assert status.main(["--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"sources", "running", "recent"}
    hubspot = next(row for row in found["sources"] if row["source"] == "hubspot")
    assert hubspot["state"] == "fresh"
    assert hubspot["status"] == "SUCCESS"
    assert hubspot["rows_read"] == 30
    assert {row["source"] for row in found["recent"]} == {"hubspot", "callrail", "five9", "genius"}


@pytest.mark.prefect
def test_the_report_refreshes_one_artifact_with_links_to_the_runs(books: Warehouse) -> None:
    from prefect import get_client
    from prefect.client.schemas.filters import (
        ArtifactCollectionFilter,
        ArtifactCollectionFilterKey,
    )

    from flows.fleet import health_report

    others = len(SOURCES) - 5  # four that ran, and SalesPro, which is switched off
    assert health_report() == f"2 fresh, 1 failed, 1 partial, {others} never ran, 1 off"

    wanted = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=["fleet"]))
    with get_client(sync_client=True) as client:
        (page,) = client.read_latest_artifacts(artifact_filter=wanted)
    last = history.recent(books, limit=1)[0]["run_id"]
    assert page.description == "Every source at a glance"
    assert f"/runs/flow-run/{last})" in str(page.data)


@pytest.mark.prefect
def test_the_next_run_and_the_interval_come_from_the_server(books: Warehouse) -> None:
    from prefect import get_client
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule

    from flows import fleet
    from flows.sync_source import sync_source
    from tests.flows.prefect_stack import eventually

    def planned() -> list[history.Row]:
        return [row for row in fleet.facts()["sources"] if row["source"] == "callrail"]

    with get_client(sync_client=True) as client:
        hourly = DeploymentScheduleCreate(schedule=CronSchedule(cron="12 * * * *"), active=True)
        made = client.create_deployment(
            client.create_flow(sync_source),
            "callrail",
            schedules=[hourly],
            tags=["crm"],
            parameters={"source": "callrail"},
        )
        client.request("POST", "/deployments/{id}/schedule", path_params={"id": made}, json={})
        try:
            row = eventually(
                lambda: next((row for row in planned() if row["every_seconds"]), None),
                "planned runs",
            )
        finally:
            client.delete_deployment(made)

    assert row["every_seconds"] == HOUR
    assert row["next_run_at"].minute == 12
