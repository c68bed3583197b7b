"""A pretend Five9 domain."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.sources.five9.domain import Domain, domain


@pytest.fixture
def contacts() -> int:
    """How many there are; some modules have fewer, or more."""
    return 1200


@pytest.fixture
def pretend(contacts: int) -> Generator[Domain]:
    with domain(contacts) as opened:
        yield opened
