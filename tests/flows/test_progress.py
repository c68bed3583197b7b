"""Where a running sync is, on the terminal and in the UI."""

from __future__ import annotations

import contextvars
import threading
from pathlib import Path
from typing import Any

import pytest

from connectors.warehouse import history
from connectors.warehouse.engine import Warehouse
from tests.flows.prefect_stack import eventually


def where(**parts: Any) -> Any:
    from flows.progress import Where

    said: dict[str, Any] = {
        "stream": "people", "done": 25, "total": 100, "seconds": 5.0, "rows": 40,
        "requests": 7, "rss_mb": 120.4,
    }  # fmt: skip
    return Where(**(said | parts))


def test_a_line_tells_stream_rows_rate_end_requests_and_memory() -> None:
    assert where().sentence() == (
        "people: 25 of 100 rows, 5.0 rows/s, about 15 s left; 7 requests, 120 MiB"
    )


def test_an_end_that_nobody_knows_is_called_unknown() -> None:
    assert "end unknown" in where(total=None).sentence()


def test_the_page_draws_how_far_the_stream_is_where_that_is_known() -> None:
    from flows.progress import markdown

    assert "`█████░░░░░░░░░░░░░░░` 25% of this stream" in markdown(where())
    assert "of this stream" not in markdown(where(total=None))


@pytest.mark.prefect
def test_a_running_sync_keeps_a_page_in_the_ui_up_to_date(
    books: Warehouse, listed_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import limits, progress
    from tests.flows.listed_flow import sync_listed

    monkeypatch.setenv("LISTED_RECORDS", "40")
    limits.create_limit(2)
    assert sync_listed(return_state=True).is_completed()  # so that the next knows the end
    monkeypatch.setenv("LISTED_WAIT", str(listed_environment))
    monkeypatch.setattr(progress, "PUBLISH_SECONDS", 0.2)
    here = contextvars.copy_context()
    running = threading.Thread(
        target=here.run, args=(sync_listed,), kwargs={"return_state": True}, daemon=True
    )

    running.start()
    eventually(listed_environment.joinpath("reached").exists, "the wait in the first stream")
    run_id = history.running(books)[0]["run_id"]
    shown = "people: 10 of 40 rows"
    page = eventually(lambda: next((p for p in pages(run_id) if shown in p), None), "a page")
    listed_environment.joinpath("go").touch()
    running.join(120)

    assert "- Memory: " in page
    assert "This run has ended: its report says how." in pages(run_id)


def pages(run_id: str) -> list[str]:
    """The artifacts of a run that tell its progress."""
    from uuid import UUID

    from prefect import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(run_id)]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=of_run)
    return [str(one.data) for one in found if one.description == "Progress"]
