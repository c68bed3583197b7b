"""A vendor with a list of ten pages, to be read in parts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.acme import NOW, Acme


@pytest.fixture
def acme() -> Acme:
    vendor = Acme(now=NOW - timedelta(days=1))
    for n in range(95):
        vendor.put("orders", f"{n:03}", amount=str(n))
    vendor.now = NOW
    return vendor
