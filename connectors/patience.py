"""How often a stream is opened again when its vendor fails for passing reasons.

The retries of a request are used up by then: the vendor was away for minutes, or cuts
every answer. What is committed stays; the stream goes on behind it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from connectors.errors import Stopped, TransientError
from connectors.model import Json

REOPEN_AFTER = (15.0, 60.0)
"""Usual waits in seconds: the retries of a request have taken a minute or two before."""


class Patience:
    """Counts the failures of one stream. `waits` are seconds, as in `Context.reopen_after`."""

    def __init__(self, waits: Sequence[float], stopping: threading.Event) -> None:
        self._waits = waits
        self._stopping = stopping
        self._failures = 0  # in a row without getting further
        self._failed_at: Json | None = None

    def covers(self, error: TransientError, reached: Json | None) -> bool:
        """Count a failure at the position `reached`; tell whether to open the stream again.

        Counting begins anew with each position, so a read is bounded by its own length. A
        vendor that asks for a longer pause than ours is not asked again in this run.
        """
        further = reached != self._failed_at
        self._failures = 1 if further else self._failures + 1
        self._failed_at = reached
        if self._failures > len(self._waits):
            return False
        return (error.retry_after or 0) <= max(self._waits)

    def wait(self) -> None:
        """After a failure, wait for as long as its turn says. Raises `Stopped`."""
        if self._failures and self._stopping.wait(self._waits[self._failures - 1]):
            raise Stopped("the run was asked to stop; the next one resumes it")
