"""How the fleet is: the facts behind the fleet page and `python -m flows.status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from connectors import settings
from connectors.errors import ConfigError
from connectors.model import Source
from connectors.registry import SOURCES
from connectors.warehouse import figures, history, migrate
from connectors.warehouse.runs import Status
from flows import credentials, fleet_page, tracking, words
from flows.schedules import Schedule, schedules

if TYPE_CHECKING:
    from connectors.warehouse.engine import Warehouse

TREND_RUNS = 12
LATE_AFTER = 2.0
"""Intervals of its schedule after which a source is late: one run may be missed or long."""
UNSCHEDULED_SECONDS = 86_400.0
"""Interval to judge by where no schedule is known; the old platform warned after a day."""


@flow(name="health-report", flow_run_name="fleet", persist_result=False)
def health_report() -> str:
    """Refresh the fleet page: how every source is, what runs now, who has to act."""
    found = facts()
    create_markdown_artifact(
        fleet_page.markdown(found), key="fleet", description="Every source at a glance"
    )
    return headline(found["sources"])


def facts() -> dict[str, list[history.Row]]:
    """Read how the fleet is: rows of `sources`, `running` and `recent`.

    Rows have the columns of `sync_runs`. Sources have besides them what `history.sources`
    adds and `title`, `enabled`, `state` (fresh, late, failed, partial, never ran, off),
    `every_seconds`, `next_run_at` (UTC), `trend`; `last_run_id`, `last_status`, `last_reason`,
    `last_error_type`, `last_rows` and `last_seconds` of the last sync that ended, where one
    did; of the last 24 hours `runs_day`, `requests_day` and `daily_requests` (the vendor's
    limit, if it has one); `rows_today` since midnight UTC. Running ones have `stream_rows`,
    `stream_seconds` and `total`. Raises `ConfigError` or `WarehouseError`.
    """
    with closing(tracking.connect()) as warehouse:
        migrate.migrate(warehouse)
        return {
            "sources": _sources(warehouse),
            "running": _running(warehouse),
            "recent": history.recent(warehouse),
        }


def headline(sources: Sequence[history.Row]) -> str:
    """Say in one line how many sources are fresh, and what the others are."""
    states = Counter(str(row["state"]) for row in sources)
    order = ("fresh", "late", "failed", "partial", "never ran", "off")
    return ", ".join(f"{states[state]} {state}" for state in order if states[state])


def _sources(warehouse: Warehouse) -> list[history.Row]:
    ran = {row["source"]: row for row in history.sources(warehouse)}
    last, days, planned = (
        figures.last_runs(warehouse, TREND_RUNS),
        figures.day(warehouse),
        schedules(),
    )
    return [
        _source(
            name,
            ran.get(name, {}),
            last.get(name, []),
            days.get(name, figures.Day()),
            planned.get(name, Schedule()),
        )
        for name in sorted({*ran, *SOURCES})
    ]


def _source(
    name: str,
    row: history.Row,
    last: Sequence[figures.PastRun],
    day: figures.Day,
    planned: Schedule,
) -> history.Row:
    source = SOURCES.get(name)
    enabled = source is not None and settings.enabled(name, default=source.enabled_by_default)
    newest = last[-1] if last else None
    about = newest and {
        "last_run_id": newest.run_id,
        "last_status": newest.status.value,
        "last_reason": newest.reason,
        "last_error_type": newest.error_type,
        "last_rows": newest.rows,
        "last_seconds": newest.seconds,
    }
    return {
        "source": name,
        "title": source.title if source else name,
        "enabled": enabled,
        **row,
        **(about or {}),
        "state": state(enabled, newest, row.get("last_success_age"), planned.every_seconds),
        "next_run_at": planned.next_run_at,
        "every_seconds": planned.every_seconds,
        "trend": words.trend(last),
        "runs_day": sum(day.runs.values()),
        "requests_day": day.requests,
        "daily_requests": daily_requests(source) if source and enabled else None,
        "rows_today": day.rows_today,
    }


def state(
    enabled: bool, newest: figures.PastRun | None, age: float | None, every: float | None
) -> str:
    """Say how a source is, from its newest sync, the `age` of its last success and its schedule."""
    if not enabled:
        return "off"
    if newest is None:
        return "never ran"
    if newest.status in {Status.FAILED, Status.CANCELLED}:
        return "failed"
    if newest.status is Status.PARTIAL:
        return "partial"
    return "late" if age is None or age > LATE_AFTER * (every or UNSCHEDULED_SECONDS) else "fresh"


def daily_requests(source: Source) -> int | None:
    """Return the requests a day that the vendor grants; None without such a limit.

    Also None where the source's settings are incomplete: its runs say what is missing.
    """
    if source.daily_requests is None:
        return None
    try:
        return source.daily_requests(credentials.source_settings(source))
    except ConfigError:
        return None


def _running(warehouse: Warehouse) -> list[history.Row]:
    reading = figures.reading(warehouse)
    rows: list[history.Row] = []
    for row in history.running(warehouse):
        now = reading.get(row["run_id"])
        rows.append(
            {
                **row,
                "stream": now.stream if now else row["stream"],
                "stream_rows": now.rows if now else None,
                "stream_seconds": now.seconds if now else None,
                "total": now.total if now else None,
            }
        )
    return rows
