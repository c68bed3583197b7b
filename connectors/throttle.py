"""Keep every worker together inside a vendor's rate limits.

A source names its classes of request and their windows; `take` waits for room in all
windows of a class. Who else takes from the same account does not matter to the caller:
`connectors.budgets` counts in Redis when there is one, else in this process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from connectors.budgets.in_process import ProcessBudget, steady_clock
from connectors.budgets.windows import (
    MICROSECOND,
    Budget,
    Learned,
    Rate,
    Window,
    window,
    windows_by_class,
)
from connectors.errors import ConfigError, RateLimited, Stopped

__all__ = ["Rate", "Throttle", "Throttles", "open_throttles"]

log = logging.getLogger(__name__)

MAX_WAIT = 120.0  # seconds for one request; the run ends rather than hold its slot for longer
SHORTEST_WAIT = 0.001  # seconds; keeps a wait of microseconds from spinning
WORTH_SAYING = 10.0  # seconds


class Throttle(Protocol):
    """One account's budget, by class of request."""

    def take(self, cost_class: str = "default") -> float:
        """Wait for room in every window of `cost_class`; return the seconds waited.

        Raises `RateLimited` when the wait would be longer than the bound, `Stopped`
        when the run must end while waiting.
        """
        ...

    def pause(self, seconds: float, cost_class: str = "default") -> None:
        """The vendor said 429: nobody asks in this class for `seconds`."""
        ...

    def learn(self, cost_class: str, rate: Rate, remaining: int) -> None:
        """The vendor's headers say a window's size and what is left of it.

        A smaller size than ours counts, a larger one does not: ours may be a cap on purpose.
        A window that the class does not have yet is added.
        """
        ...


class Throttles(Protocol):
    """Where budgets live: Redis when several workers share them, else this process."""

    def open(self, account: str, rates: Mapping[str, Sequence[Rate]]) -> Throttle:
        """The budget of `account` (vendor + who we are there); classes -> windows."""
        ...


def open_throttles(
    redis_url: str | None,
    *,
    stopping: threading.Event,
    max_wait: float = MAX_WAIT,
    reserve: float = 0.0,
    process_wide: bool = False,
    clock: Callable[[], int] | None = None,
    sleep: Callable[[float], bool] | None = None,
) -> Throttles:
    """Return where budgets live: the Redis at `redis_url`, or this process.

    `max_wait` bounds one `take` in seconds; `reserve` is the share of windows of an hour
    and longer that is left to other applications. Setting `stopping` ends every wait.
    `process_wide`: without Redis, count together with all runs of this process that say so.
    `clock` (microseconds since 1970) and `sleep` (returns True to stop) are there for tests.
    """
    if not 0 <= reserve < 1:
        raise ConfigError("the reserve is a share of the budget: at least 0 and below 1")
    budget: Budget
    if redis_url:
        from connectors.budgets.in_redis import RedisBudget  # noqa: PLC0415 - only where used

        budget = RedisBudget(redis_url, reserve=reserve, clock=clock)
    elif process_wide:
        budget = _budget_of_this_process(reserve)
    else:
        budget = ProcessBudget(reserve=reserve, clock=clock or steady_clock)
    return _Throttles(
        budget=budget,
        max_wait=max_wait,
        clock=clock or steady_clock,
        sleep=sleep or stopping.wait,
    )


@lru_cache
def _budget_of_this_process(reserve: float) -> Budget:
    return ProcessBudget(reserve=reserve)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Throttles:
    """See `Throttles`. Accounts of one object share what it counts."""

    budget: Budget
    max_wait: float
    clock: Callable[[], int]
    sleep: Callable[[float], bool]

    def open(self, account: str, rates: Mapping[str, Sequence[Rate]]) -> Throttle:
        """See `Throttles.open`. Raises `ConfigError` for rates that contradict each other."""
        return _Throttle(account, windows_by_class(rates), self)


class _Throttle:
    """See `Throttle`."""

    def __init__(self, account: str, classes: dict[str, list[Window]], owner: _Throttles) -> None:
        self._account = account
        self._classes = classes
        self._budget = owner.budget
        self._max_wait = owner.max_wait
        self._clock = owner.clock
        self._sleep = owner.sleep
        self._learned: dict[str, dict[str, Learned]] = {}  # class -> window -> newest fact

    def take(self, cost_class: str = "default") -> float:
        """See `Throttle.take`."""
        windows = self._windows(cost_class)
        waited = 0.0
        while True:
            facts = list(self._learned.pop(cost_class, {}).values())
            wait = self._budget.attempt(self._account, cost_class, windows, facts) / 1_000_000
            if not wait:
                return waited
            if waited + wait > self._max_wait:
                raise self._rate_limited(cost_class, wait)
            if wait >= WORTH_SAYING:
                log.info("%s: waiting %.0f s for room in %r", self._account, wait, cost_class)
            wait = max(wait, SHORTEST_WAIT)
            if self._sleep(wait):
                raise Stopped(f"{self._account}: asked to stop while waiting for the rate limit")
            waited += wait

    def pause(self, seconds: float, cost_class: str = "default") -> None:
        """See `Throttle.pause`."""
        self._windows(cost_class)
        duration = timedelta(seconds=max(seconds, 0.0)) // MICROSECOND
        self._budget.pause(self._account, cost_class, duration)

    def learn(self, cost_class: str, rate: Rate, remaining: int) -> None:
        """See `Throttle.learn`. Travels with the next `take`, so it costs no round trip."""
        windows = self._windows(cost_class)
        told = window(cost_class, rate)
        ours = next((one for one in windows if _same(one, told)), None)
        if ours is None:
            windows.append(told)
            ours = told
        used = max(0, rate.limit - remaining)
        fact = Learned(window=ours, limit=rate.limit, used=used, at=self._clock())
        self._learned.setdefault(cost_class, {})[ours.key] = fact

    def _windows(self, cost_class: str) -> list[Window]:
        try:
            return self._classes[cost_class]
        except KeyError:
            raise ConfigError(
                f"{self._account}: no rate is declared for requests of class {cost_class!r}"
            ) from None

    def _rate_limited(self, cost_class: str, wait: float) -> RateLimited:
        resume_at = datetime.fromtimestamp(self._clock() / 1_000_000, UTC) + timedelta(seconds=wait)
        return RateLimited(
            f"{self._account}: the budget for {cost_class!r} requests is used up until "
            f"{resume_at:%Y-%m-%d %H:%M:%S} UTC. Run again then, or raise the budget",
            resume_at=resume_at,
        )


def _same(ours: Window, told: Window) -> bool:
    """Whether a header speaks of this window: it knows the length, not our name for it."""
    return ours.period == told.period and ours.aligned == told.aligned
