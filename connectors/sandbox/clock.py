"""The sandbox's idea of now.

The clock runs with the real one until it is pinned. Changes made by a step are not stamped "now":
a client reads windows that end a lag (60 s by default) before its own now, and a change stamped
later than that would wait for the read after the next. So `stamp` answers instants `settle` (90 s)
ago, each later than the one before it.
"""

import threading
from datetime import UTC, datetime, timedelta

SETTLE = timedelta(seconds=90)  # a client's usual lag of 60 s and half a minute to start its read
SPREAD = timedelta(seconds=20)  # how far the stamps of one moment may run towards now
TICK = timedelta(milliseconds=1)  # the finest step that every vendor can express


class Clock:
    """Real time, or a pinned instant that moves only when told to; aware UTC throughout.

    Safe to share by threads.
    """

    def __init__(self, now: datetime | None = None, *, settle: timedelta = SETTLE) -> None:
        self._lock = threading.Lock()
        self._pinned = now
        self._settle = settle
        self._last = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """The present instant, whole milliseconds, aware UTC."""
        return whole_milliseconds(self._pinned or datetime.now(UTC))

    def pin(self, now: datetime) -> None:
        """Stop at an instant (aware; any zone)."""
        self._pinned = now.astimezone(UTC)

    def release(self) -> None:
        """Run with the real clock again."""
        self._pinned = None

    def advance(self, span: timedelta) -> datetime:
        """Move a pinned clock on, or pin a running one `span` after the present.

        Answers the new now.
        """
        with self._lock:
            self._pinned = self.now() + span
            return self._pinned

    def stamp(self) -> datetime:
        """An instant for the next change: `settle` ago, and a millisecond after the one before.

        Very many changes at once share the last instant of `SPREAD`, as in a vendor's own batches.
        """
        with self._lock:
            settled = self.now() - self._settle
            self._last = min(settled + SPREAD, max(self._last + TICK, settled))
            return self._last


def whole_milliseconds(instant: datetime) -> datetime:
    """The same instant without its microseconds below one millisecond."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def iso(instant: datetime) -> str:
    """`2026-01-02T03:04:05.678Z`: the way most vendors write an instant."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(instant: datetime) -> int:
    """Milliseconds since 1970 UTC."""
    return (instant - datetime.fromtimestamp(0, UTC)) // TICK
