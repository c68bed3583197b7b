"""The throttle: Redis goes away, comes back, loses its time or is kept for long."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from connectors.budgets.in_redis import ASK_AGAIN, RedisBudget
from connectors.budgets.windows import windows_by_class
from connectors.throttle import Rate
from tests import servers
from tests.throttle.counted import SECOND, SECOND_RATE, FakeClock


def test_without_redis_each_process_keeps_to_half_and_says_so_once(
    server_session: servers.Session, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Case 87 of the fault list."""
    port = servers.free_port()
    windows = windows_by_class({"default": [Rate(limit=10, period=timedelta(seconds=10))]})[
        "default"
    ]
    budget = RedisBudget(f"redis://127.0.0.1:{port}/0", clock=clock)

    def fit() -> int:
        return sum(budget.attempt("a", "default", windows, ()) == 0 for _ in range(20))

    caplog.set_level(logging.INFO, "connectors.budgets")
    with servers.redis_server(server_session, port):
        assert fit() == 10
        clock.now += 60 * SECOND
    assert fit() == 5
    clock.now += 60 * SECOND
    assert fit() == 5
    with servers.redis_server(server_session, port):
        clock.now += ASK_AGAIN
        assert fit() == 10

    said = [(record.levelname, record.message) for record in caplog.records]
    assert [level for level, _ in said] == ["WARNING", "INFO"]
    assert "50 % of each vendor limit" in said[0][1]


def test_a_server_clock_set_back_does_not_block_for_hours(redis_url: str, clock: FakeClock) -> None:
    """Case 90 of the fault list, on the Redis machine."""
    windows = windows_by_class({"default": [SECOND_RATE]})["default"]
    budget = RedisBudget(redis_url, clock=clock)
    for _ in range(4):
        budget.attempt("a", "default", windows, ())
    budget.pause("a", "default", SECOND)

    clock.now -= 7200 * SECOND

    assert 0 < budget.attempt("a", "default", windows, ()) < 2 * SECOND


def test_a_day_of_takes_is_a_log_of_bounded_size(redis_url: str, clock: FakeClock) -> None:
    rates = {"default": [Rate(limit=10**6, period=timedelta(seconds=10))]}
    windows = windows_by_class(rates)["default"]
    budget = RedisBudget(redis_url, clock=clock)

    for _ in range(3000):
        budget.attempt("a", "default", windows, ())
        clock.now += 3_000

    script = "return redis.call('LLEN', redis.call('KEYS', '*rolling')[1])"
    length = servers.redis_says(redis_url, f'EVAL "{script}" 0'.encode())
    assert 500 < int(length.strip(b":\r\n")) <= 1100
