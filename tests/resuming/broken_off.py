"""Reads that break off, and what the warehouse holds of them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import AccessError, SyncError
from connectors.model import Page, Stream
from connectors.warehouse import history
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from tests.warehouse.loading import rows

HUNG_UP = "the vendor hung up"


@pytest.fixture
def warehouse(tmp_path: Path) -> Generator[Warehouse]:
    opened = Warehouse.open(f"sqlite:///{tmp_path / 'w.db'}")
    migrate(opened)
    yield opened
    opened.close()


def hangs_up(*records: Page) -> list[Page | SyncError]:
    """Return a script that breaks off after the first page."""
    return [records[0], AccessError(HUNG_UP), *records[1:]]


def page(*ids: str, **more: object) -> Page:
    return replace(Page(records=[{"id": i, "v": "x"} for i in ids]), **more)


def alive(warehouse: Warehouse, stream: Stream) -> set[str]:
    return {key for key, row in rows(warehouse, stream).items() if not row["_deleted"]}


def resumed_from(warehouse: Warehouse) -> list[str | None]:
    """Return which run each run continued, oldest first."""
    return [row["resumed_from"] for row in reversed(history.recent(warehouse))]
