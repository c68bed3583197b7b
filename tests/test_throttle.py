"""The throttle: both budgets, one set of rules, on a clock that tests move."""

from __future__ import annotations

import logging
import multiprocessing
import random
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Self, cast

import pytest

from connectors.budgets.in_process import ProcessBudget
from connectors.budgets.in_redis import ASK_AGAIN, RedisBudget
from connectors.budgets.windows import MOST_HALVINGS, RECOVERY, Learned, Window, windows_by_class
from connectors.errors import ConfigError, RateLimited, Stopped
from connectors.throttle import Rate, Throttle, open_throttles
from tests import servers

SECOND = 1_000_000
NOON = int(datetime(2026, 3, 4, 12, 0, tzinfo=UTC).timestamp()) * SECOND
SECOND_RATE = Rate(limit=4, period=timedelta(seconds=1))
DAILY = Rate(limit=1000, period=timedelta(days=1), aligned=True, name="day")


class FakeClock:
    """Time that passes only when somebody sleeps; remembers when each thread last looked."""

    def __init__(self) -> None:
        self.now = NOON
        self.slept: list[float] = []
        self.looked = threading.local()
        self._lock = threading.Lock()

    def __call__(self) -> int:
        self.looked.at = self.now
        return self.now

    def sleep(self, seconds: float) -> bool:
        with self._lock:
            self.slept.append(seconds)
            self.now += round(seconds * SECOND)
        return False


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


Open = Callable[..., Throttle]


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


def most_in(period: float, times: Iterable[float]) -> int:
    """The largest number of `times` inside any half-open stretch of `period`."""
    ordered = sorted(times)
    first, most = 0, 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - period:
            first += 1
        most = max(most, last - first + 1)
    return most


def taken(throttle: Throttle, clock: FakeClock, takes: int) -> list[int]:
    times: list[int] = []
    for _ in range(takes):
        throttle.take()
        times.append(cast("int", clock.looked.at))
    return times


def test_no_stretch_of_a_period_holds_more_than_the_limit(
    open_throttle: Open, clock: FakeClock
) -> None:
    throttle = open_throttle({"default": [SECOND_RATE]})

    times = taken(throttle, clock, 41)

    assert most_in(SECOND, times) == 4
    assert (times[-1] - times[0]) / SECOND < 11  # 10 periods and their margins


def test_all_windows_of_a_class_are_kept_at_once(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle(
        {"default": [SECOND_RATE, Rate(limit=10, period=timedelta(minutes=1))]}
    )

    times = taken(throttle, clock, 25)

    assert most_in(SECOND, times) == 4
    assert most_in(60 * SECOND, times) == 10


def test_a_refused_take_is_counted_in_no_window(open_throttle: Open, clock: FakeClock) -> None:
    minute = Rate(limit=5, period=timedelta(minutes=1), name="shared")
    throttle = open_throttle(
        {"default": [minute], "search": [Rate(limit=1, period=timedelta(seconds=9)), minute]},
        max_wait=0,
    )
    throttle.take("search")
    for _ in range(20):
        with pytest.raises(RateLimited):
            throttle.take("search")

    for _ in range(4):
        throttle.take()  # the four that the shared window still has

    with pytest.raises(RateLimited):
        throttle.take()


def test_an_aligned_window_starts_again_with_the_calendar(
    open_throttle: Open, clock: FakeClock
) -> None:
    """A portal at UTC-5 counts per local day: its day starts at 05:00 UTC."""
    per_day = Rate(limit=2, period=timedelta(days=1), aligned=True, offset=timedelta(hours=5))
    throttle = open_throttle({"default": [per_day]})
    throttle.take()
    throttle.take()

    with pytest.raises(RateLimited) as caught:
        throttle.take()

    assert caught.value.resume_at == datetime(2026, 3, 5, 5, 0, tzinfo=UTC)
    clock.sleep(17 * 3600)
    assert throttle.take() == 0


def test_a_wait_over_the_bound_ends_at_once_and_says_when(
    open_throttle: Open, clock: FakeClock
) -> None:
    """Case 35 of the fault list, from our own side: a quota is not slept for."""
    throttle = open_throttle({"default": [Rate(limit=1, period=timedelta(hours=1))]})
    throttle.take()

    with pytest.raises(RateLimited, match="'default' requests is used up until 2026-03-04 13:00"):
        throttle.take()

    assert clock.slept == []


def test_a_pause_holds_everybody_back(open_throttle: Open, clock: FakeClock) -> None:
    first = open_throttle({"default": [SECOND_RATE]})
    first.pause(7)

    waited = first.take()

    assert waited == pytest.approx(7)


def test_a_burst_of_429s_lowers_the_rate_once(open_throttle: Open, clock: FakeClock) -> None:
    """Case 37 of the fault list: eight readers hear of one storm."""
    throttle = open_throttle({"default": [Rate(limit=8, period=timedelta(seconds=1))]})
    for _ in range(8):
        throttle.pause(1)

    times = taken(throttle, clock, 30)

    assert most_in(SECOND, times) == 4


def test_a_lowered_rate_recovers(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle({"default": [Rate(limit=8, period=timedelta(seconds=1))]})
    for _ in range(5):  # five bursts, far enough apart
        throttle.pause(1)
        clock.sleep(10)
    assert most_in(SECOND, taken(throttle, clock, 5)) == 1  # an eighth, and no less

    clock.sleep(MOST_HALVINGS * RECOVERY / SECOND)

    assert most_in(SECOND, taken(throttle, clock, 40)) == 8


def test_a_quota_is_not_halved_by_a_storm(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle({"default": [Rate(limit=10, period=timedelta(hours=1))]})
    throttle.pause(1)

    assert len(taken(throttle, clock, 10)) == 10


def test_what_others_used_is_learned_from_headers(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle({"default": [DAILY]}, max_wait=0)
    throttle.take()
    throttle.learn("default", Rate(limit=1000, period=timedelta(days=1), aligned=True), 3)

    for _ in range(3):
        throttle.take()

    with pytest.raises(RateLimited):
        throttle.take()


def test_a_smaller_limit_is_learned_and_a_larger_one_is_not(
    open_throttle: Open, clock: FakeClock
) -> None:
    throttle = open_throttle({"default": [SECOND_RATE]})
    throttle.learn("default", Rate(limit=2, period=timedelta(seconds=1)), 2)
    assert most_in(SECOND, taken(throttle, clock, 9)) == 2

    throttle.learn("default", Rate(limit=50, period=timedelta(seconds=1)), 50)

    assert most_in(SECOND, taken(throttle, clock, 20)) == 4


def test_yesterdays_header_does_not_count_today(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle({"default": [DAILY]}, max_wait=0)
    throttle.learn("default", Rate(limit=1000, period=timedelta(days=1), aligned=True), 0)
    clock.sleep(86_400)

    assert throttle.take() == 0


def test_a_reserve_is_left_to_other_applications(open_throttle: Open, clock: FakeClock) -> None:
    throttle = open_throttle(
        {"default": [Rate(limit=10, period=timedelta(hours=1), aligned=True), SECOND_RATE]},
        max_wait=30,
        reserve=0.3,
    )

    taken(throttle, clock, 7)

    with pytest.raises(RateLimited):
        throttle.take()


def test_both_budgets_answer_alike(redis_url: str, clock: FakeClock) -> None:
    """Two thousand seeded steps: the script and the Python never differ by a microsecond."""
    chance = random.Random(11)
    budgets = (
        ProcessBudget(reserve=0.1, clock=clock),
        RedisBudget(redis_url, reserve=0.1, clock=clock),
    )
    day = Rate(limit=60, period=timedelta(hours=1), aligned=True, offset=timedelta(minutes=7))
    rates = {
        "default": [SECOND_RATE, Rate(limit=20, period=timedelta(seconds=10)), day],
        "search": [Rate(limit=3, period=timedelta(milliseconds=700), name="s")],
    }
    classes = windows_by_class(rates)

    def learned(window: Window) -> Learned:
        at = clock.now - chance.randrange(2 * SECOND)
        return Learned(
            window=window,
            limit=chance.randrange(1, window.limit + 3),
            used=chance.randrange(window.limit),
            at=at,
        )

    for step in range(2000):
        name = chance.choice(list(classes))
        if chance.random() < 0.03:
            pause = chance.randrange(3 * SECOND)
            for budget in budgets:
                budget.pause("a", name, pause)
        facts = [learned(chance.choice(classes[name]))] if chance.random() < 0.05 else []
        waits = [budget.attempt("a", name, classes[name], facts) for budget in budgets]

        assert waits[0] == waits[1], f"step {step}"
        jumps = [0, 1, 777, 100_000, waits[0], waits[0], 600 * SECOND * (chance.random() < 0.05)]
        clock.now += round(chance.choice(jumps))


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


def test_a_stop_ends_the_wait() -> None:
    stopping = threading.Event()
    stopping.set()
    throttles = open_throttles(None, stopping=stopping)
    throttle = throttles.open("a", {"default": [Rate(limit=1, period=timedelta(minutes=1))]})
    throttle.take()

    with pytest.raises(Stopped):
        throttle.take()


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
    with redis_at(server_session, port):
        assert fit() == 10
        clock.now += 60 * SECOND
    assert fit() == 5
    clock.now += 60 * SECOND
    assert fit() == 5
    with redis_at(server_session, port):
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


@pytest.mark.parametrize(
    "rates",
    [
        {"default": [Rate(limit=0, period=timedelta(seconds=1))]},
        {"default": [Rate(limit=1, period=timedelta(0))]},
        {"a": [DAILY], "b": [Rate(limit=9, period=timedelta(days=1), aligned=True, name="day")]},
    ],
)
def test_rates_that_make_no_sense_are_refused(rates: dict[str, list[Rate]]) -> None:
    throttles = open_throttles(None, stopping=threading.Event())

    with pytest.raises(ConfigError):
        throttles.open("a", rates)


def test_an_undeclared_class_is_refused() -> None:
    throttle = open_throttles(None, stopping=threading.Event()).open("a", {"default": []})
    assert throttle.take() == 0

    with pytest.raises(ConfigError, match="no rate is declared for requests of class 'serach'"):
        throttle.take("serach")


def test_a_redis_url_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigError) as caught:
        open_throttles("hunter2@somewhere", stopping=threading.Event())

    assert "hunter2" not in str(caught.value)


def test_runs_of_one_process_count_together_when_they_say_so() -> None:
    rates = {"default": [Rate(limit=1, period=timedelta(hours=2))]}

    def opened() -> Throttle:
        throttles = open_throttles(None, stopping=threading.Event(), process_wide=True)
        return throttles.open("test_throttle:one", rates)

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


@contextmanager
def redis_at(session: servers.Session, port: int) -> Generator[None]:
    """A Redis on a given port, so that it can come back to where it was."""
    folder = session.subfolder("redis")
    binary = Path(sys.executable).with_name("redis-server")
    command = [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    url = f"redis://127.0.0.1:{port}/0"

    def ready() -> bool:
        return servers.redis_says(url, b"PING") == b"+PONG\r\n"

    with servers.running(session, command, folder=folder, ready=ready):
        yield


class Monitored:
    """Redis's own record of successful takes: each ends in one booking, stamped by the server."""

    def __init__(self, url: str) -> None:
        host, port = re.findall(r"//(.+):(\d+)", url)[0]
        self._socket = socket.create_connection((host, int(port)))
        self.times: list[float] = []
        self._seen = b""
        self._socket.sendall(b"MONITOR\r\n")
        self._read_until(b"+OK\r\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with socket.create_connection(self._socket.getpeername()) as other:
            other.sendall(b"PING last-word\r\n")
            other.recv(100)
        self._read_until(b"last-word")
        self._socket.close()
        line = re.compile(rb'\+(\d+\.\d+) \[0 lua\] "(?:RPUSH|LSET)"')
        self.times = [float(found) for found in line.findall(self._seen)]

    def _read_until(self, mark: bytes) -> None:
        end = time.monotonic() + 60
        while mark not in self._seen and time.monotonic() < end:
            self._seen += self._socket.recv(2**20)
