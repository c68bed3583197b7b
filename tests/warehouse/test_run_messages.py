"""What a run may say of an error: any text, no secret and no row."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from connectors.secrets import register
from connectors.warehouse import history, runs
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.runs import NewRun, Status
from tests.warehouse.books import pending


def test_no_secret_reaches_a_row(warehouse: Warehouse) -> None:
    """Case 91 of the fault list, as far as the run tables go."""
    secret = 'pat-na1-"5ecret"-value'
    register(secret)
    runs.open_run(
        warehouse,
        NewRun(run_id="a", source="s", mode="full", parameters={"x": {"deep": [secret]}}),
    )
    runs.finish(
        warehouse, "a", Status.FAILED, f"because {secret}", error=ValueError(f"Bearer {secret}")
    )

    row = history.run(warehouse, "a")
    assert row is not None
    assert "5ecret" not in str(row)
    assert row["parameters"] == {"x": {"deep": ["***"]}}
    assert row["error_message"] == "Bearer ***"


def test_any_text_can_be_an_error_message(warehouse: Warehouse) -> None:
    """Cases 72 and 73 of the fault list: NUL and lone surrogates, here in messages."""
    pending(warehouse, "a")

    assert runs.finish(warehouse, "a", Status.FAILED, "a\0b", error=ValueError("\ud800" * 5000))

    row = history.run(warehouse, "a")
    assert row is not None
    assert row["status_reason"] == "a\\x00b"
    assert row["error_message"].startswith("\\ud800")
    assert len(row["error_message"]) == 4000


def test_a_database_error_is_stored_without_the_rows_it_quotes(warehouse: Warehouse) -> None:
    pending(warehouse, "a")
    with pytest.raises(DBAPIError) as refused, warehouse.begin() as conn:
        execute(conn, "INSERT INTO sync_locks (source, fence) VALUES (:v, :v)", {"v": "private"})

    runs.finish(warehouse, "a", Status.FAILED, error=refused.value)

    row = history.run(warehouse, "a")
    assert row is not None
    assert "private" not in str(row)
    assert "the warehouse failed" in row["error_message"]
