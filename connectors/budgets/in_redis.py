"""A budget that all workers share, on the clock of their Redis (6.2 or newer).

One round trip per request: the whole decision is one script. While Redis cannot be asked,
each process keeps to a share of every limit, counted in its own memory, and says so once.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from connectors.budgets.in_process import ProcessBudget, steady_clock
from connectors.budgets.windows import BURST, MOST_HALVINGS, RECOVERY, Learned, Window
from connectors.errors import ConfigError

log = logging.getLogger(__name__)

ALONE_SHARE = 0.5  # of every limit while Redis is away: two workers is the usual number
ASK_AGAIN = 15_000_000  # microseconds between attempts to reach a Redis that is away
TIMEOUT = 2.0  # seconds; a slower Redis would cost more than it protects


class RedisBudget:
    """Counts in Redis. `reserve` is the share of long windows left to other applications.

    `clock` (microseconds) replaces the server's time in tests.
    """

    def __init__(
        self, url: str, *, reserve: float = 0.0, clock: Callable[[], int] | None = None
    ) -> None:
        client = _connect(url)
        self._take = client.register_script(_script("take.lua"))
        self._pause = client.register_script(_script("pause.lua"))
        self._kept_permille = 1000 - round(reserve * 1000)
        self._clock = clock
        self._alone = ProcessBudget(reserve=reserve, share=ALONE_SHARE, clock=clock or steady_clock)
        self._lock = threading.Lock()
        self._away_until = 0
        self._away = False

    def attempt(
        self, account: str, cost_class: str, windows: Sequence[Window], learned: Sequence[Learned]
    ) -> int:
        """See `Budget.attempt`."""
        keys = [_key(account, "state"), *(_key(account, window.key) for window in windows)]
        asked_at = self._steady()
        arguments: list[str | int] = [
            "" if self._clock is None else self._clock(),
            cost_class,
            self._kept_permille,
            RECOVERY,
            len(windows),
        ]
        for window in windows:
            arguments += _described(window)
        for fact in learned:
            age = max(0, asked_at - fact.at)
            arguments += [windows.index(fact.window) + 1, fact.limit, fact.used, age]
        wait = self._run(self._take, keys, arguments)
        if wait is None:
            return self._alone.attempt(account, cost_class, windows, learned)
        if not wait:  # so that the count is right if Redis goes away next
            self._alone.note(account, windows)
        return wait

    def pause(self, account: str, cost_class: str, duration: int) -> None:
        """See `Budget.pause`."""
        arguments = [
            "" if self._clock is None else self._clock(),
            cost_class,
            duration,
            BURST,
            RECOVERY,
            MOST_HALVINGS,
        ]
        self._alone.pause(account, cost_class, duration)
        self._run(self._pause, [_key(account, "state")], arguments)

    def _run(self, script: Script, keys: list[str], arguments: list[Any]) -> int | None:
        """Return the script's number, or None while Redis is away."""
        if self._away and self._steady() < self._away_until:
            return None
        try:
            answer = cast("bytes", script(keys=keys, args=arguments))
        except redis.RedisError as error:
            with self._lock:
                first, self._away = not self._away, True
                self._away_until = self._steady() + ASK_AGAIN
            if first:
                log.warning(
                    "Redis cannot be asked (%s): this process keeps to %.0f %% of each vendor "
                    "limit until it can",
                    type(error).__name__,
                    ALONE_SHARE * 100,
                )
            return None
        if self._away:
            with self._lock:
                back, self._away = self._away, False
            if back:
                log.info("Redis answers again: vendor limits are shared by all workers")
        return int(answer)

    def _steady(self) -> int:
        return self._clock() if self._clock else steady_clock()


def _connect(url: str) -> redis.Redis:
    from_url = cast("Callable[..., redis.Redis]", redis.Redis.from_url)  # pyright: ignore[reportUnknownMemberType]
    try:
        return from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 1),  # a connection that idled too long is opened anew
        )
    except ValueError:  # its text may quote the password
        raise ConfigError("REDIS_URL is not a URL like redis://host:6379/0") from None


def _described(window: Window) -> list[str | int]:
    return [
        window.key,
        window.limit,
        window.period,
        int(window.aligned),
        window.offset,
        int(window.long),
        window.tick,
        window.kept,
    ]


@lru_cache(maxsize=1024)
def _key(account: str, part: str) -> str:
    """Keys of an account share a cluster slot and do not tell whose it is."""
    digest = hashlib.sha256(account.encode()).hexdigest()[:16]
    return f"crm-sync:budget:{{{digest}}}:{part}"


def _script(name: str) -> str:
    return files("connectors.budgets").joinpath(name).read_text("utf-8")
