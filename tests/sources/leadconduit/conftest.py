"""LeadConduit is the vendor of these tests."""

from __future__ import annotations

import pytest

from connectors.model import Source
from connectors.sources import leadconduit


@pytest.fixture
def source() -> Source:
    return leadconduit.SOURCE
