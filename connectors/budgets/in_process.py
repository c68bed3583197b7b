"""A budget for the threads of one process."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connectors.budgets.windows import BURST, MOST_HALVINGS, RECOVERY, Learned, Window

_OPENED = time.time_ns() // 1000 - time.monotonic_ns() // 1000


def steady_clock() -> int:
    """Microseconds since 1970 as of this process's start; never jumps with the wall clock."""
    return _OPENED + time.monotonic_ns() // 1000


@dataclass(slots=True)
class _Count:
    """What was taken in one window: a log of [tick, takes] or one calendar counter."""

    log: deque[list[int]] = field(default_factory=deque[list[int]])
    total: int = 0
    index: int = 0  # which calendar period `total` is of
    learned_limit: int | None = None

    def expire(self, window: Window, now: int) -> None:
        if window.aligned:
            index = (now - window.offset) // window.period
            if index != self.index:
                self.index, self.total = index, 0
            return
        while self.log and self.log[0][0] + window.kept <= now:
            self.total -= self.log.popleft()[1]

    def wait(self, window: Window, limit: int, now: int) -> int:
        """Microseconds until one more fits."""
        if self.total < limit:
            return 0
        if window.aligned:
            return (self.index + 1) * window.period + window.offset - now
        must_go = self.total - limit + 1
        for tick, takes in self.log:
            must_go -= takes
            if must_go <= 0:
                return tick + window.kept - now
        return window.kept

    def book(self, window: Window, takes: int, now: int) -> None:
        self.total += takes
        if window.aligned:
            return
        tick = -(-now // window.tick) * window.tick
        if self.log and self.log[-1][0] >= tick:
            self.log[-1][1] += takes
        else:
            self.log.append([tick, takes])

    def learn(self, window: Window, learned: Learned, now: int) -> None:
        self.learned_limit = learned.limit
        same_period = (learned.at - window.offset) // window.period == self.index
        current = same_period if window.aligned else now - learned.at < window.period
        if current and learned.used > self.total:
            self.book(window, learned.used - self.total, now)


@dataclass(slots=True)
class _Pace:
    """How a class has been slowed down by 429s."""

    paused_until: int = 0
    burst_until: int = 0
    halvings: int = 0
    halved_at: int = 0

    def current_halvings(self, now: int) -> int:
        return max(0, self.halvings - max(0, now - self.halved_at) // RECOVERY)


class ProcessBudget:
    """Counts in memory under one lock. `share` lowers every limit, `reserve` the long ones."""

    def __init__(
        self,
        *,
        reserve: float = 0.0,
        share: float = 1.0,
        clock: Callable[[], int] = steady_clock,
    ) -> None:
        self._kept_permille = 1000 - round(reserve * 1000)
        self._share_permille = round(share * 1000)
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: defaultdict[tuple[str, str], _Count] = defaultdict(_Count)
        self._paces: defaultdict[tuple[str, str], _Pace] = defaultdict(_Pace)

    def attempt(
        self, account: str, cost_class: str, windows: Sequence[Window], learned: Sequence[Learned]
    ) -> int:
        """See `Budget.attempt`."""
        with self._lock:
            now = self._clock()
            pace = self._paces[account, cost_class]
            halvings = pace.current_halvings(now)
            counts = [self._counts[account, window.key] for window in windows]
            for window, count in zip(windows, counts, strict=True):
                count.expire(window, now)
            for fact in learned:
                self._counts[account, fact.window.key].learn(fact.window, fact, now)
            wait = max(0, pace.paused_until - now)
            for window, count in zip(windows, counts, strict=True):
                limit = self._usable(window, count.learned_limit, halvings)
                wait = max(wait, count.wait(window, limit, now))
            if not wait:
                for window, count in zip(windows, counts, strict=True):
                    count.book(window, 1, now)
            return wait

    def pause(self, account: str, cost_class: str, duration: int) -> None:
        """See `Budget.pause`."""
        with self._lock:
            now = self._clock()
            pace = self._paces[account, cost_class]
            if now >= pace.burst_until:
                pace.halvings = min(MOST_HALVINGS, pace.current_halvings(now) + 1)
                pace.halved_at = now + duration
                pace.burst_until = now + max(duration, BURST)
            pace.paused_until = max(pace.paused_until, now + duration)
            pace.burst_until = max(pace.burst_until, pace.paused_until)

    def note(self, account: str, windows: Sequence[Window]) -> None:
        """Book a request that was counted elsewhere, whether it fits or not."""
        with self._lock:
            now = self._clock()
            for window in windows:
                count = self._counts[account, window.key]
                count.expire(window, now)
                count.book(window, 1, now)

    def _usable(self, window: Window, learned_limit: int | None, halvings: int) -> int:
        limit = window.limit if learned_limit is None else min(window.limit, learned_limit)
        if window.long:
            limit = limit * self._kept_permille // 1000
        else:
            limit >>= halvings
        return max(1, limit * self._share_permille // 1000)
