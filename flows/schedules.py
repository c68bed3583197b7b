"""When each source's deployment runs next, and how often: asked of the Prefect server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import httpx
from prefect import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a source runs next (UTC), and the seconds between its incremental runs if known."""

    next_run_at: datetime | None = None
    every_seconds: float | None = None


def schedules() -> dict[str, Schedule]:
    """Return what the server has planned for each source; nothing without a server."""
    if not PREFECT_API_URL.value():
        return {}
    scheduled = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    try:
        with get_client(sync_client=True) as client:
            planned = client.read_flow_runs(
                flow_run_filter=FlowRunFilter(state=scheduled),
                deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=["crm"])),
                sort=FlowRunSort.EXPECTED_START_TIME_ASC,
                limit=200,
            )
    except httpx.HTTPError:  # the books are what matters; the server may be down just now
        return {}
    by_source: dict[str, list[FlowRun]] = {}
    for run in planned:
        by_source.setdefault(str(run.parameters.get("source")), []).append(run)
    return {source: _schedule(runs) for source, runs in by_source.items()}


def _schedule(runs: list[FlowRun]) -> Schedule:
    times = [run.expected_start_time for run in runs if run.expected_start_time]
    usual = [
        run.expected_start_time
        for run in runs
        if run.expected_start_time
        and run.auto_scheduled  # one that a person started says nothing of the schedule
        and run.parameters.get("mode", "incremental") == "incremental"
    ]
    gaps = [(after - before).total_seconds() for before, after in pairwise(usual)]
    return Schedule(
        next_run_at=min(times, default=None), every_seconds=min(gaps, default=None) or None
    )
