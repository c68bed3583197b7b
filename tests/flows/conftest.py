from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from tests import servers
from tests.conftest import available
from tests.flows.prefect_stack import Stack, prefect_stack


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that the workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("servers") is None)


@pytest.fixture(scope="session")
def started_stack(server_session: servers.Session) -> Generator[Stack]:
    """The servers of `stack`; starting them takes long."""
    with available(prefect_stack(server_session)) as started:
        yield started


@pytest.fixture(scope="module")
def stack(started_stack: Stack) -> Generator[Stack]:
    """Real Prefect servers, to which tests add pools and workers; this process speaks to them."""
    with started_stack.servers.addressed():
        yield started_stack


@pytest.fixture
def listed_environment(
    sqlite_warehouse_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """Settings of one run of the listed source; returns the folder of its waits."""
    monkeypatch.setenv("WAREHOUSE_URL", sqlite_warehouse_url)
    monkeypatch.setenv("LISTED_TOKEN", "pat-very-secret")
    monkeypatch.setenv("HEARTBEAT_SECONDS", "0.1")
    folder = tmp_path / "waits"
    folder.mkdir()
    return folder


@pytest.fixture
def books(listed_environment: Path, sqlite_warehouse_url: str) -> Generator[Warehouse]:
    """The migrated warehouse of the run, to look into and to prepare."""
    opened = Warehouse.open(sqlite_warehouse_url)
    migrate(opened)
    yield opened
    opened.close()
