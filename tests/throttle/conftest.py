"""A throttle on a clock that tests move, with each kind of budget."""

from __future__ import annotations

import threading

import pytest

from connectors.throttle import Rate, Throttle, open_throttles
from tests.throttle.counted import FakeClock, Open


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["process", "redis"])
def open_throttle(request: pytest.FixtureRequest, clock: FakeClock) -> Open:
    """Opens an account on each kind of budget in turn."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None

    def open_it(
        rates: dict[str, list[Rate]], *, max_wait: float = 120, reserve: float = 0
    ) -> Throttle:
        throttles = open_throttles(
            url,
            stopping=threading.Event(),
            max_wait=max_wait,
            reserve=reserve,
            clock=clock,
            sleep=clock.sleep,
        )
        return throttles.open("hubspot:42", rates)

    return open_it
