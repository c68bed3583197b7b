"""A run's heartbeat."""

from __future__ import annotations

from connectors.warehouse import history, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Beat, Status
from tests.warehouse.books import one, pending, running


def test_a_beat_keeps_the_latest_figures_and_the_highest_memory(warehouse: Warehouse) -> None:
    running(warehouse, "a")

    assert runs.beat(warehouse, "a", Beat(rss_mb=90.5, peak_rss_mb=120, requests=3, retries=1))
    assert runs.beat(
        warehouse,
        "a",
        Beat(
            rss_mb=80,
            peak_rss_mb=100,
            stream="contacts",
            rows=2**40,
            page=7,
            requests=9,
            retries=2,
            throttled_seconds=1.5,
        ),
    )

    assert one(
        warehouse,
        "SELECT rss_mb, peak_rss_mb, requests, retries, throttled_seconds FROM sync_runs",
    ) == (80, 120, 9, 2, 1.5)
    (row,) = history.running(warehouse)
    assert (row["stream"], row["rows"], row["page"]) == ("contacts", 2**40, 7)
    assert 0 <= row["beat_age"] < 60
    assert one(warehouse, "SELECT count(*) FROM sync_heartbeats") in {(1,), (2,)}  # one per tick


def test_a_waiting_run_beats_too(warehouse: Warehouse) -> None:
    pending(warehouse, "a")

    assert runs.beat(warehouse, "a", Beat(rss_mb=1, peak_rss_mb=1))


def test_the_beat_of_a_closed_run_says_so_and_leaves_no_trace(warehouse: Warehouse) -> None:
    running(warehouse, "a")
    runs.finish(warehouse, "a", Status.FAILED, "heartbeat lost")
    before = history.run(warehouse, "a")

    assert not runs.beat(warehouse, "a", Beat(rss_mb=1, peak_rss_mb=1))
    assert not runs.beat(warehouse, "unknown", Beat(rss_mb=1, peak_rss_mb=1))
    assert history.run(warehouse, "a") == before
    assert one(warehouse, "SELECT count(*) FROM sync_heartbeats") == (0,)
