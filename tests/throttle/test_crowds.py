"""The throttle: many threads and processes share one budget and stay within it."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.synchronize import Barrier

import pytest

from connectors.errors import RateLimited
from connectors.throttle import Rate, Throttle, open_throttles
from tests.throttle.counted import SECOND, SECOND_RATE, FakeClock, Monitored, most_in, taken


def test_fifty_threads_stay_within_the_limit_in_one_process(clock: FakeClock) -> None:
    """Time stands still while they compete, so that only the budget can hold them apart."""
    throttles = open_throttles(
        None, stopping=threading.Event(), max_wait=1e9, clock=clock, sleep=clock.sleep
    )
    throttle = throttles.open("a", {"default": [SECOND_RATE]})
    times: list[int] = []

    in_threads(50, lambda: times.extend(taken(throttle, clock, 20)))

    assert len(times) == 1000
    assert most_in(SECOND, times) == 4


def test_fifty_threads_stay_within_the_limit_in_redis(redis_url: str) -> None:
    throttles = open_throttles(redis_url, stopping=threading.Event())
    rate = Rate(limit=100, period=timedelta(milliseconds=500))
    throttle = throttles.open("a", {"default": [rate]})

    with Monitored(redis_url) as bookings:
        in_threads(50, lambda: [throttle.take() for _ in range(8)])

    assert len(bookings.times) == 400
    assert most_in(0.5, bookings.times) <= 100


def test_two_processes_share_one_budget_of_ten_a_second(redis_url: str) -> None:
    """Case 38 of the fault list, by the clock of the server that both ask."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    with Monitored(redis_url) as bookings:
        workers = [
            context.Process(target=take_many, args=(redis_url, 13, barrier)) for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(bookings.times) == 26
    assert most_in(1.0, bookings.times) == 10


def test_runs_of_one_process_count_together_when_they_say_so() -> None:
    rates = {"default": [Rate(limit=1, period=timedelta(hours=2))]}

    def opened() -> Throttle:
        throttles = open_throttles(None, stopping=threading.Event(), process_wide=True)
        return throttles.open("test_crowds:one", rates)

    opened().take()

    with pytest.raises(RateLimited):
        opened().take()


def take_many(url: str, takes: int, barrier: Barrier) -> None:
    """What each worker process does."""
    throttle = open_throttles(url, stopping=threading.Event()).open(
        "a", {"default": [Rate(limit=10, period=timedelta(seconds=1))]}
    )
    barrier.wait()
    for _ in range(takes):
        throttle.take()


def in_threads(count: int, work: Callable[[], object]) -> None:
    failures: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
