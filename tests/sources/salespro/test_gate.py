"""SalesPro's gate, as the flow goes through it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import pytest

from connectors.planning import Options
from connectors.sources import salespro
from connectors.warehouse import history
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.sources.salespro.export import Account, account

THROUGH_PREFECT = pytest.mark.prefect


@pytest.fixture
def warehouse(sqlite_warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> Generator[Warehouse]:
    monkeypatch.setenv("WAREHOUSE_URL", sqlite_warehouse_url)
    opened = Warehouse.open(sqlite_warehouse_url)
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Generator[Account]:
    """SalesPro with all that a run needs in the environment, the gate excepted."""
    with account(scale=0.1) as opened:
        for name, value in opened.sandbox.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("ENABLE_SALESPRO")
        yield opened


def sync() -> Any:
    from flows import limits
    from flows.sync_source import sync_source

    limits.create_limit(2)
    return sync_source("salespro", streams=["estimates"], return_state=True)


@pytest.mark.parametrize("gate", [None, "false", "0"])
def test_switched_off_it_is_skipped_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, gate: str | None
) -> None:
    """Nothing of SalesPro is set, and there is no warehouse."""
    from flows.sync_source import sync as inside

    if gate is not None:
        monkeypatch.setenv("ENABLE_SALESPRO", gate)
    nothing: Any = None

    ending = inside(salespro.SOURCE, Options(), nothing, ExitStack(), [])

    assert ending.status is Status.SKIPPED
    assert "ENABLE_SALESPRO" in str(ending.reason)


@THROUGH_PREFECT
def test_a_run_of_what_is_switched_off_is_skipped_with_the_reason(
    pretend: Account, warehouse: Warehouse
) -> None:
    state = sync()

    assert (state.type.value, state.name) == ("COMPLETED", "Skipped")
    (run,) = history.recent(warehouse)
    assert run["status"] == "SKIPPED"
    assert "ENABLE_SALESPRO" in run["status_reason"]
    assert pretend.requests() == 0


@THROUGH_PREFECT
def test_a_run_of_what_is_switched_on_is_synced(
    pretend: Account, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENABLE_SALESPRO", "true")

    state = sync()

    assert state.is_completed(), state.message
    (run,) = history.recent(warehouse)
    assert (run["status"], run["rows_inserted"]) == ("SUCCESS", len(pretend.truth("estimates")))
