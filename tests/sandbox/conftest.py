"""Sandboxes at a fixed hour, and clients that talk to them."""

from __future__ import annotations

from collections.abc import Generator

import httpx
import pytest

from connectors.sandbox import VENDORS, Sandbox
from connectors.sandbox.hubspot import HubSpot
from tests.sandbox.hubspot import NOW


@pytest.fixture
def hubspot() -> Generator[Sandbox]:
    with Sandbox(seed=3, only=["hubspot"], now=NOW) as running:
        yield running
        assert running.stats()["hubspot"]["defects"] == []


@pytest.fixture
def portal(hubspot: Sandbox) -> HubSpot:
    vendor: HubSpot = hubspot.vendor("hubspot")
    return vendor


@pytest.fixture
def client(hubspot: Sandbox) -> Generator[httpx.Client]:
    environment = hubspot.environment()
    headers = {"Authorization": f"Bearer {environment['HUBSPOT_API_TOKEN']}"}
    # No certificates are read: that takes longer than most of these tests.
    with httpx.Client(
        base_url=environment["HUBSPOT_BASE_URL"], headers=headers, verify=False
    ) as connected:
        yield connected


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Generator[Sandbox]:
    monkeypatch.setitem(VENDORS, "toy", "tests.sandbox.toy:Toy")
    with Sandbox(seed=1, only=["toy"], now=NOW) as running:
        yield running


@pytest.fixture
def browser(toy: Sandbox) -> Generator[httpx.Client]:
    with httpx.Client(base_url=toy.base_url, verify=False) as connected:
        yield connected
