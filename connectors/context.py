"""What a source is handed when it is opened: the world, so that it reaches for nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.throttle import Throttles


@dataclass(slots=True)
class Meter:
    """What a run has asked of its vendor so far; read by the heartbeat while it grows.

    Only the fetching thread writes, so plain increments are enough.
    """

    requests: int = 0  # requests sent, retries included
    retries: int = 0  # of which were second and later attempts
    throttled_seconds: float = 0.0  # time spent waiting for our throttle or their Retry-After


@dataclass(slots=True, kw_only=True)
class Context:
    """The clock, the budget, the meter, the patience and the stop signal of one run."""

    throttles: Throttles
    meter: Meter = field(default_factory=Meter)
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the run must end; every wait watches it."""
    reopen_after: Sequence[float] = ()
    """Seconds to wait before a stream is opened again at its last committed page, when its
    vendor has failed for passing reasons and the retries of the request are used up: one
    entry for each time in a row without getting further. None: the first such failure ends it."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
