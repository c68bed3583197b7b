from __future__ import annotations

from collections.abc import Generator

import pytest

from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate


@pytest.fixture
def warehouse(warehouse_url: str) -> Generator[Warehouse]:
    """Return an empty, migrated warehouse; the test runs once on each kind."""
    opened = Warehouse.open(warehouse_url)
    migrate(opened)
    yield opened
    opened.close()
