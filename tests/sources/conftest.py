"""A pretend vendor for every test of a source."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from connectors.model import Source
from tests.sources.pretend import Pretend, pretending


@pytest.fixture
def pretend(source: Source) -> Generator[Pretend]:
    """The vendor of `source`, which the conftest of its folder or a contract test names."""
    with pretending(source) as vendor:
        yield vendor
