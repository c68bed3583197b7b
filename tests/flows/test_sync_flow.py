from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from connectors.warehouse import history, locks, runs
from connectors.warehouse.engine import Warehouse

pytestmark = pytest.mark.prefect


def sync(**parameters: Any) -> Any:
    from flows import limits
    from tests.flows.listed_flow import sync_listed

    limits.create_limit(2)
    return sync_listed(**parameters, return_state=True)


def only_run(books: Warehouse) -> history.Row:
    (row,) = history.recent(books)
    return row


def stored(table: str, state: Any) -> list[str]:
    """Everything Prefect keeps of a run as text."""
    from prefect import get_client
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
    from prefect.logging.handlers import APILogHandler

    run_id = state.state_details.flow_run_id
    APILogHandler().flush()  # the lines go out in batches
    with get_client(sync_client=True) as client:
        if table == "logs":
            only = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id]))
            return [line.message for line in client.read_logs(only)]
        return [client.read_flow_run(run_id).model_dump_json()]


def test_a_sync_loads_every_stream_and_closes_its_row(books: Warehouse) -> None:
    state = sync()

    assert state.is_completed()
    row = only_run(books)
    assert row["status"] == "SUCCESS"
    assert (row["rows_read"], row["rows_inserted"]) == (50, 50)
    assert row["requests"] == 6
    assert row["peak_rss_mb"] > 0
    assert row["heartbeat_at"] >= row["started_at"]
    assert row["flow_run_name"] == "listed full"
    assert [s["stream"] for s in history.streams(books, row["run_id"])] == ["people", "deals"]


def test_the_lock_is_free_after_a_run(books: Warehouse) -> None:
    sync()
    state = sync()

    assert state.is_completed()
    assert [row["status"] for row in history.recent(books)] == ["SUCCESS", "SUCCESS"]


def test_a_failing_stream_leaves_its_siblings_and_makes_the_run_partial(
    books: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTED_FAULT", "access")

    state = sync()

    assert (state.type.value, state.name) == ("FAILED", "Partial")
    assert "people.read" in state.message
    row = only_run(books)
    assert row["status"] == "PARTIAL"
    streams = {s["stream"]: s["status"] for s in history.streams(books, row["run_id"])}
    assert streams == {"people": "FAILED", "deals": "SUCCESS"}


def test_an_unforeseen_error_names_its_class_and_no_value(
    books: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTED_FAULT", "defect")

    state = sync()

    assert state.name == "Partial"
    assert "KeyError" in state.message
    logs = stored("logs", state)
    assert [line for line in logs if "KeyError" in line and "listed.py" in line]
    kept = [state.message, *logs, str(history.recent(books))]
    assert not [text for text in kept if "private value" in text]


def test_a_source_that_is_switched_off_is_skipped_with_the_reason(
    books: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENABLE_LISTED", "false")

    state = sync()

    assert (state.type.value, state.name) == ("COMPLETED", "Skipped")
    assert "ENABLE_LISTED" in state.message
    assert only_run(books)["status"] == "SKIPPED"


def test_a_source_that_is_being_synced_is_skipped_and_the_holder_named(books: Warehouse) -> None:
    runs.open_run(books, runs.NewRun(run_id="another", source="listed", mode="full"))
    locks.acquire(books, "listed", "another")

    state = sync()

    assert state.name == "Skipped"
    assert "another" in state.message


def test_a_missing_credential_is_said_in_one_sentence(
    books: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LISTED_TOKEN")

    state = sync()

    assert state.type.value == "FAILED"
    assert "set LISTED_TOKEN" in state.message
    assert "\n" not in state.message
    assert only_run(books)["error_type"] == "ConfigError"


def test_an_unknown_stream_is_refused(books: Warehouse) -> None:
    state = sync(streams=["ghosts"])

    assert "ghosts" in state.message
    assert only_run(books)["status"] == "FAILED"


def test_an_unreachable_warehouse_fails_the_run_with_one_sentence(
    listed_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", "sqlite:////no/such/folder/warehouse.db")

    state = sync()

    assert state.type.value == "FAILED"
    assert "warehouse" in state.message


def test_nothing_prefect_keeps_holds_the_secret(books: Warehouse) -> None:
    state = sync()

    kept = [*stored("logs", state), *stored("run", state)]
    assert kept
    assert not [text for text in kept if "pat-very-secret" in text]


def test_a_run_whose_row_was_closed_stops_and_fails(
    books: Warehouse, listed_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run taken for dead must not go on beside the one that replaces it."""
    monkeypatch.setenv("LISTED_WAIT", str(listed_environment))

    def close() -> None:
        while not listed_environment.joinpath("reached").exists():
            pause.wait(0.05)
        runs.finish(books, only_run(books)["run_id"], runs.Status.FAILED, "taken for dead")

    pause = threading.Event()
    closer = threading.Thread(target=close, daemon=True)
    closer.start()
    state = sync()
    closer.join()

    assert state.type.value == "FAILED"
    assert "closed from outside" in state.message
    assert only_run(books)["status_reason"] == "taken for dead"


def test_a_slot_is_given_back_and_a_missing_limit_is_an_error(books: Warehouse) -> None:
    from prefect import get_client

    from flows import limits
    from tests.flows.listed_flow import sync_listed

    sync()
    with get_client(sync_client=True) as client:
        assert client.read_global_concurrency_limit_by_name(limits.LIMIT).active_slots == 0
        client.delete_global_concurrency_limit_by_name(limits.LIMIT)
    state = sync_listed(return_state=True)

    assert state.type.value == "FAILED"
    assert "deployments.bootstrap" in str(state.message)


def test_the_report_tells_counts_memory_and_what_to_do(
    books: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    monkeypatch.setenv("LISTED_FAULT", "access")
    state = sync()
    mine = ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id])
    with get_client(sync_client=True) as client:
        (artifact,) = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=mine))

    assert "PARTIAL" in str(artifact.data)
    assert "| deals | SUCCESS | 25 |" in str(artifact.data)
    assert "MiB at the peak" in str(artifact.data)
    assert "What to do next" in str(artifact.data)


def test_the_log_tells_what_became_of_each_stream(
    books: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTED_FAULT", "access")

    lines = stored("logs", sync())

    (failed,) = [
        line
        for line in lines
        if line.startswith("people FAILED: 10 read (10 inserted), 1 request in ")
    ]
    assert "people.read" in failed
    (well,) = [line for line in lines if line.startswith("deals SUCCESS: ")]
    assert well.startswith("deals SUCCESS: 25 read (25 inserted), 3 requests in ")


def test_the_run_form_knows_choices_bounds_and_descriptions() -> None:
    from prefect.utilities.callables import parameter_schema

    from flows.sync_source import sync_source

    schema = parameter_schema(sync_source).model_dump()["properties"]

    assert list(schema) == [
        "source", "streams", "mode", "since", "until",
        "max_records", "page_size", "batch_size", "dry_run",
    ]  # fmt: skip
    assert schema["mode"]["enum"] == ["incremental", "full", "backfill"]
    assert schema["page_size"]["minimum"] == 1
    assert schema["page_size"]["maximum"] == 10_000
    assert all(field["description"] for field in schema.values())
    assert "hubspot" in str(schema["source"])
