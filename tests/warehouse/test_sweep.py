"""Runs that died are closed, living ones never; what is old goes, what matters stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from connectors.warehouse import history, runs, stream_runs
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Beat, Status
from connectors.warehouse.sweep import prune, sweep
from tests.warehouse.books import age, one, pending, running, until_somebody_waits

STALE = timedelta(seconds=300)
MINUTES = timedelta(minutes=1)
DAYS = timedelta(days=1)


def test_a_run_without_a_beat_is_closed_and_its_lock_is_free(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")
    stream_runs.open_stream(warehouse, run, "contacts")
    age(warehouse, "a", 6 * MINUTES)

    (swept,) = sweep(warehouse, STALE)

    assert (swept.run_id, swept.source, swept.was) == ("a", "hubspot", Status.RUNNING)
    row = history.run(warehouse, "a")
    assert row is not None
    assert (row["status"], row["error_type"]) == ("FAILED", "HeartbeatLost")
    assert row["finished_at"] > row["heartbeat_at"]
    assert str(swept.pid) in row["error_message"]
    assert one(warehouse, "SELECT status FROM sync_stream_runs") == ("FAILED",)
    assert running(warehouse, "b").fence == run.fence + 1


def test_a_run_that_never_beat_is_judged_by_its_first_moment(warehouse: Warehouse) -> None:
    pending(warehouse, "a")
    assert sweep(warehouse, STALE) == []
    age(warehouse, "a", 6 * MINUTES)

    assert [run.was for run in sweep(warehouse, STALE)] == [Status.PENDING]


def test_a_living_run_is_never_touched(warehouse: Warehouse) -> None:
    for name, source in (("old", "hubspot"), ("new", "five9")):
        running(warehouse, name, source)
    pending(warehouse, "waits", "genius")
    for name in ("old", "waits"):
        age(warehouse, name, 900 * DAYS)
        runs.beat(warehouse, name, Beat(rss_mb=1, peak_rss_mb=1))
    before = history.recent(warehouse)

    assert sweep(warehouse, STALE) == []
    assert history.recent(warehouse) == before


def test_a_closed_run_stays_closed_as_it_was(warehouse: Warehouse) -> None:
    running(warehouse, "a")
    runs.finish(warehouse, "a", Status.SUCCESS)
    age(warehouse, "a", 6 * MINUTES)

    assert sweep(warehouse, STALE) == []
    assert one(warehouse, "SELECT status FROM sync_runs") == ("SUCCESS",)


def test_a_swept_process_learns_it_at_its_next_beat(warehouse: Warehouse) -> None:
    running(warehouse, "a")
    age(warehouse, "a", 6 * MINUTES)
    sweep(warehouse, STALE)

    assert not runs.beat(warehouse, "a", Beat(rss_mb=1, peak_rss_mb=1))
    assert sweep(warehouse, STALE) == []


def test_a_run_that_beats_between_the_list_and_the_sweep_lives_on(
    postgres_warehouse_url: str,
) -> None:
    warehouse = Warehouse.open(postgres_warehouse_url)
    migrate(warehouse)
    running(warehouse, "a")
    age(warehouse, "a", 6 * MINUTES)

    with ThreadPoolExecutor(1) as pool:
        with warehouse.begin() as conn:
            execute(conn, "UPDATE sync_runs SET heartbeat_at = clock_timestamp()")
            sweeping = pool.submit(sweep, warehouse, STALE)  # lists the run, then waits for it
            until_somebody_waits(postgres_warehouse_url)
        assert sweeping.result(timeout=30) == []

    assert one(warehouse, "SELECT status FROM sync_runs") == ("RUNNING",)
    warehouse.close()


def test_old_runs_go_and_the_last_success_of_each_source_stays(warehouse: Warehouse) -> None:
    for name, source, status in (
        ("h1", "hubspot", Status.SUCCESS),
        ("h2", "hubspot", Status.SUCCESS),
        ("h3", "hubspot", Status.FAILED),
        ("f1", "five9", Status.SUCCESS),
        ("f2", "five9", Status.SUCCESS),
    ):
        run = running(warehouse, name, source)
        stream_runs.open_stream(warehouse, run, "contacts")
        runs.beat(warehouse, name, Beat(rss_mb=1, peak_rss_mb=1))
        runs.finish(warehouse, name, status)
    running(warehouse, "lives", "genius")
    for number, name in enumerate(("h1", "h2", "h3", "f1", "lives")):
        age(warehouse, name, 60 * DAYS - number * MINUTES)
    with warehouse.write() as conn:
        execute(
            conn,
            "UPDATE sync_heartbeats SET at = "
            "(SELECT heartbeat_at FROM sync_runs WHERE run_id = sync_heartbeats.run_id)",
        )

    pruned = prune(warehouse, 30 * DAYS)

    kept = {row["run_id"] for row in history.recent(warehouse)}
    assert kept == {"h2", "f2", "lives"}
    assert (pruned.runs, pruned.heartbeats) == (3, 1)
    assert one(warehouse, "SELECT count(*) FROM sync_stream_runs") == (2,)
    assert one(warehouse, "SELECT run_id FROM sync_heartbeats") == ("f2",)
    assert prune(warehouse, 30 * DAYS).runs == 0


def test_a_reject_outlives_its_run_until_it_is_resolved(warehouse: Warehouse) -> None:
    running(warehouse, "a")
    with warehouse.write() as conn:
        for key in ("1", "2"):
            execute(
                conn,
                """
                INSERT INTO sync_rejects (run_id, source, stream, key, reason, created_at)
                VALUES ('a', 'hubspot', 'contacts', :key, 'too wide', clock_timestamp())
                """,
                {"key": key},
            )
    runs.finish(warehouse, "a", Status.PARTIAL)
    age(warehouse, "a", 2 * DAYS)
    with warehouse.write() as conn:
        execute(
            conn,
            """
            UPDATE sync_rejects SET resolved_by = 'b',
                resolved_at = (SELECT finished_at FROM sync_runs)
            WHERE key = '1'
            """,
        )

    pruned = prune(warehouse, DAYS)

    assert (pruned.runs, pruned.rejects) == (1, 1)
    assert one(warehouse, "SELECT key FROM sync_rejects") == ("2",)


def test_the_status_page_has_every_source_with_its_last_success(warehouse: Warehouse) -> None:
    for name, status in (("h1", Status.SUCCESS), ("h2", Status.FAILED)):
        running(warehouse, name)
        runs.finish(warehouse, name, status, f"ended {status}")
    age(warehouse, "h1", 2 * DAYS)
    pending(warehouse, "f1", "five9")
    age(warehouse, "f1", 6 * MINUTES)

    five9, hubspot = history.sources(warehouse)

    assert (five9["source"], five9["status"], five9["last_success_at"]) == (
        "five9",
        "PENDING",
        None,
    )
    assert (hubspot["run_id"], hubspot["status"]) == ("h2", "FAILED")
    assert hubspot["last_success_run_id"] == "h1"
    assert 0 <= hubspot["last_success_age"] - 2 * DAYS.total_seconds() < 60
    assert hubspot["rejects_open"] == 0
    (waits,) = history.running(warehouse)
    assert 0 <= waits["beat_age"] - 360 < 60
    assert waits["stream"] is None
    assert [row["run_id"] for row in history.recent(warehouse, limit=2)] == ["h2", "f1"]
    assert history.run(warehouse, "unknown") is None
