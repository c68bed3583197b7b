"""SalesRabbit is the vendor of these tests."""

from __future__ import annotations

import pytest

from connectors.model import Source
from connectors.sources import salesrabbit


@pytest.fixture
def source() -> Source:
    return salesrabbit.SOURCE
