"""The views that dashboards read, and the queries that the documentation offers for them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import AccessError, CredentialsError
from connectors.model import Counts, Refused
from connectors.warehouse import rejects, runs, stream_runs
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from connectors.warehouse.stream_runs import StreamEnd
from tests.warehouse.books import age, one, running

PAGE = Path(__file__).parents[2] / "docs" / "dashboards.md"
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def told(warehouse: Warehouse) -> Warehouse:
    """A warehouse with a few runs."""
    tell(warehouse)
    return warehouse


def tell(warehouse: Warehouse) -> None:
    """HubSpot: a success two days ago, then a partial run. Five9: refused. CallRail: running."""
    run = running(warehouse, "good")
    stream_runs.open_stream(warehouse, run, "contacts")
    with warehouse.begin() as conn:
        runs.count_batch(conn, run, "contacts", Counts(read=10, inserted=10))
    end = StreamEnd(status=Status.SUCCESS, source_count=10, warehouse_count=10)
    stream_runs.finish_stream(warehouse, run, "contacts", end)
    runs.finish(warehouse, "good", Status.SUCCESS)
    age(warehouse, "good", timedelta(days=2))

    run = running(warehouse, "partial")
    stream_runs.open_stream(warehouse, run, "contacts")
    with warehouse.begin() as conn:
        runs.count_batch(conn, run, "contacts", Counts(read=4, updated=3, rejected=1))
        gone = Refused(key=None, column=None, value=None, reason="record has no key", raw={})
        rejects.save(conn, run, "contacts", [gone])
    end = StreamEnd(
        status=Status.FAILED, source_count=12, warehouse_count=10, error=AccessError("no scope")
    )
    stream_runs.finish_stream(warehouse, run, "contacts", end)
    runs.finish(warehouse, "partial", Status.PARTIAL, "contacts: no scope")

    running(warehouse, "refused", "five9")
    runs.finish(warehouse, "refused", Status.FAILED, "no", error=CredentialsError("no"))
    running(warehouse, "living", "callrail")


def all_of(warehouse: Warehouse, statement: str) -> list[dict[str, Any]]:
    with warehouse.read() as conn:
        return [dict(row) for row in execute(conn, statement).mappings()]


def test_a_source_shows_its_last_end_and_its_last_success(told: Warehouse) -> None:
    hubspot, five9 = (
        one(
            told,
            "SELECT last_status, hours_since_success, living, open_rejects FROM sync_sources"
            " WHERE source = :source",
            source=source,
        )
        for source in ("hubspot", "five9")
    )

    assert (hubspot.last_status, hubspot.living, hubspot.open_rejects) == ("PARTIAL", 0, 1)
    assert 48 <= hubspot.hours_since_success < 49
    assert tuple(five9) == ("FAILED", None, 0, 0)


def test_a_day_counts_each_outcome_and_its_rows(told: Warehouse) -> None:
    days = all_of(told, "SELECT * FROM sync_daily WHERE source = 'hubspot' ORDER BY day")

    assert [(d["succeeded"], d["partial"], float(d["success_rate"])) for d in days] == [
        (1, 0, 1.0),
        (0, 1, 0.0),
    ]
    assert [(d["rows_read"], d["rows_written"], d["rows_rejected"]) for d in days] == [
        (10, 10, 0),
        (4, 3, 1),
    ]


def test_a_stream_shows_what_its_last_run_found(told: Warehouse) -> None:
    (stream,) = all_of(told, "SELECT * FROM sync_streams")

    assert (stream["runs"], stream["rows_read"], stream["last_status"]) == (2, 14, "FAILED")
    assert (stream["source_count"], stream["warehouse_count"]) == (12, 10)


def test_errors_and_rejects_are_counted_once_by_class_and_reason(told: Warehouse) -> None:
    errors = all_of(told, "SELECT * FROM sync_errors")
    open_rejects = all_of(told, "SELECT * FROM sync_open_rejects")

    assert sorted((e["source"], e["stream"], e["error_type"], e["times"]) for e in errors) == [
        ("five9", None, "CredentialsError", 1),
        ("hubspot", "contacts", "AccessError", 1),
    ]
    assert [(r["stream"], r["reason"], r["times"]) for r in open_rejects] == [
        ("contacts", "record has no key", 1)
    ]


def test_the_documented_queries_run_and_name_who_needs_a_person(
    postgres_warehouse_url: str,
) -> None:
    warehouse = Warehouse.open(postgres_warehouse_url)
    migrate(warehouse)
    tell(warehouse)

    first, *others = [all_of(warehouse, query) for query in QUERIES]
    warehouse.close()

    assert [row["source"] for row in first] == ["five9", "hubspot"]
    assert len(others) >= 9
