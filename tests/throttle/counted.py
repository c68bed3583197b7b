"""A clock that tests move, takes timed by it, and Redis's own record of takes."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Self, cast

from connectors.throttle import Rate, Throttle

SECOND = 1_000_000


NOON = int(datetime(2026, 3, 4, 12, 0, tzinfo=UTC).timestamp()) * SECOND


SECOND_RATE = Rate(limit=4, period=timedelta(seconds=1))


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


Open = Callable[..., Throttle]


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
