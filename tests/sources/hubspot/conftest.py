"""A pretend HubSpot portal."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.sources.hubspot.portal import Portal, open_portal


@pytest.fixture
def portal() -> Generator[Portal]:
    with open_portal() as opened:
        yield opened
