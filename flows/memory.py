"""What this process holds in memory: sampled at each beat, kept as start and peak."""

from __future__ import annotations

from dataclasses import dataclass, field

import psutil

MIB = 1024 * 1024


def rss_mb() -> float:
    """Resident memory of this process in MiB."""
    return psutil.Process().memory_info().rss / MIB


@dataclass(slots=True)
class Memory:
    """Resident memory of a run in MiB: at its start, now, and the highest sample.

    The peak is that of the samples, not the process's own high-water mark: a process
    that runs several syncs would carry the first one's peak into the next.
    """

    start: float = field(default_factory=rss_mb)
    now: float = 0.0
    peak: float = 0.0

    def sample(self) -> float:
        """Measure, remember the peak, return MiB."""
        self.now = rss_mb()
        self.peak = max(self.peak, self.start, self.now)
        return self.now
