"""Counting requests: what was asked, and how many fell into one rolling window at most."""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

LOG_LENGTH = 20_000  # requests remembered one by one, enough for any test


class Rolling:
    """Events within the last `seconds`, by a steady clock of seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.peak = 0
        self._clock = clock
        self._times: deque[float] = deque()

    def count(self) -> int:
        """How many events lie in the window that ends now."""
        edge = self._clock() - self.seconds
        while self._times and self._times[0] <= edge:
            self._times.popleft()
        return len(self._times)

    def add(self) -> int:
        """Note one event now; answers how many the window holds with it."""
        count = self.count() + 1
        self._times.append(self._clock())
        self.peak = max(self.peak, count)
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request that was answered."""

    method: str
    path: str
    target: str
    endpoint: str
    status: int  # 0: the connection was reset instead


class Statistics:
    """Requests of one vendor."""

    def __init__(self) -> None:
        self.log: deque[Seen] = deque(maxlen=LOG_LENGTH)
        self.defects: list[str] = []
        self._endpoints: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._windows: dict[tuple[str, int], Rolling] = {}

    def arrive(self, endpoint: str) -> None:
        """A request came in; counts in every window whatever its answer will be."""
        self._endpoints[endpoint] += 1
        for scope in ("all", endpoint):
            for seconds in (1, 10):
                self._windows.setdefault((scope, seconds), Rolling(seconds)).add()

    def leave(self, seen: Seen) -> None:
        """Its answer went out."""
        self._statuses[seen.status] += 1
        self.log.append(seen)

    def report(self) -> dict[str, object]:
        """Counts for `/__stats`.

        `peak_1s` and `peak_10s` are the fullest rolling windows, by endpoint and over all.
        """
        return {
            "requests": self._endpoints.total(),
            "endpoints": dict(self._endpoints),
            "statuses": {str(status): count for status, count in sorted(self._statuses.items())},
            "rate_limited": self._statuses[429],
            "peak_1s": {
                scope: window.peak
                for (scope, seconds), window in self._windows.items()
                if seconds == 1
            },
            "peak_10s": {
                scope: window.peak
                for (scope, seconds), window in self._windows.items()
                if seconds != 1
            },
            "defects": list(self.defects),
        }
