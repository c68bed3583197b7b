"""The misbehaving vendor and a client's world, for every test of the HTTP client."""

from __future__ import annotations

import threading
from collections.abc import Generator
from datetime import timedelta

import pytest

from connectors.context import Context
from connectors.throttle import open_throttles
from tests.http.misbehaving import NOW, Vendor, World


@pytest.fixture
def vendor() -> Generator[Vendor]:
    vendor = Vendor()
    thread = threading.Thread(target=vendor.server.serve_forever, args=(0.02,))
    thread.start()
    yield vendor
    vendor.over.set()
    vendor.server.shutdown()
    thread.join()
    vendor.server.server_close()


@pytest.fixture
def world() -> World:
    stopping = threading.Event()
    now = [NOW]

    def pass_time(seconds: float) -> bool:
        now[0] += timedelta(seconds=seconds)
        return stopping.is_set()

    throttles = open_throttles(
        None, stopping=stopping, clock=lambda: round(now[0].timestamp() * 1e6), sleep=pass_time
    )
    context = Context(throttles=throttles, stopping=stopping, clock=lambda: now[0])
    return World(context, pass_time)
