"""A pretend SalesPro."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.sources.salespro.export import Account, account


@pytest.fixture
def scale() -> float:
    """The company's size; some modules have a smaller one."""
    return 0.5


@pytest.fixture
def pretend(scale: float) -> Generator[Account]:
    with account(scale) as opened:
        yield opened
