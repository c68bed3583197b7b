"""When to ask a vendor again: backoff with jitter, and what Retry-After says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, wait_exponential_jitter

from connectors.errors import SyncError

RETRIED = frozenset({408, 423, 425, 429, *range(500, 512), *range(520, 531)})
"""Statuses after which the same request may succeed; 520 to 530 are Cloudflare's."""
LONGEST_BACKOFF = 60.0  # seconds; without a word from the vendor nothing is gained by more
MAX_SECONDS = 10**8  # three years; keeps an absurd Retry-After inside what dates can say


class Again(Exception):
    """An attempt failed in a way that may pass.

    `error` is what to raise when no attempt is left, `wait` what the vendor asked for in
    seconds (None: nothing), `throttled` whether it said that we ask too much.
    """

    def __init__(
        self, error: SyncError, *, wait: float | None = None, throttled: bool = False
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait
        self.throttled = throttled


class Backoff:
    """Seconds before the next attempt: exponential with jitter, never below Retry-After.

    A `Retry-After: 0` therefore still backs off.
    """

    def __init__(self, first: float) -> None:
        """`first` is the wait after the first failure, in seconds."""
        self._grow = wait_exponential_jitter(multiplier=first, max=LONGEST_BACKOFF, jitter=first)

    def __call__(self, retry_state: RetryCallState) -> float:
        """Tenacity asks once per failed attempt."""
        failure = retry_state.outcome.exception() if retry_state.outcome else None
        asked = failure.wait if isinstance(failure, Again) and failure.wait is not None else 0.0
        return max(asked, self._grow(retry_state))


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, in either of its two forms.

    None when the header is absent or unreadable; never negative.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = (when - now).total_seconds()
    if seconds != seconds:  # noqa: PLR0124 - the text "nan" parses
        return None
    return min(max(seconds, 0.0), MAX_SECONDS)
