"""Google Sheets is the vendor of these tests."""

from __future__ import annotations

import pytest

from connectors.model import Source
from connectors.sources import gsheet


@pytest.fixture
def source() -> Source:
    return gsheet.SOURCE


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rows a request."""
    monkeypatch.setattr("connectors.sources.gsheet.snapshot.BLOCK_CELLS", 80)
    monkeypatch.setattr("connectors.sources.gsheet.snapshot.FEWEST_ROWS", 2)
