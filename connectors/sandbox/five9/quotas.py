"""Quotas by class of operation, on the clock's minute, hour and day."""

from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.five9.soap import Fault

PACIFIC = ZoneInfo("America/Los_Angeles")
CLASSES = {
    "runReport": "ReportRequest",
    "getReportResultCsv": "RetrieveReport",
    "getCallCountersState": "",
    "closeSession": "",
}  # all others are queries
LIMITS = {
    "Query": {60: 450, 3600: 15_000, 86_400: 172_800},
    "ReportRequest": {60: 16, 3600: 120, 86_400: 800},
    "RetrieveReport": {60: 20, 3600: 200, 86_400: 1_000},
}
STARTS = {60: "%Y-%m-%d %H:%M", 3600: "%Y-%m-%d %H", 86_400: "%Y-%m-%d"}


class Quotas:
    """What one user has used of each class; nothing is refused while `limits` is empty."""

    def __init__(self) -> None:
        self.limits: dict[str, dict[int, int]] = {}
        self.peaks: Counter[tuple[str, int]] = Counter()  # the fullest window of each length
        self._used: Counter[tuple[str, int, str]] = Counter()

    def enforce(self, **per_minute: int) -> None:
        """Refuse what is over the documented limits; `Query=5` changes one class's minute."""
        self.limits = {name: dict(row) for name, row in LIMITS.items()}
        for name, limit in per_minute.items():
            self.limits[name][60] = limit

    def take(self, operation: str, now: datetime) -> None:
        """Count one call. Raises `Fault` when a window is full; the call then counts nothing."""
        name = CLASSES.get(operation, "Query")
        if not name:
            return
        for seconds, limit in self.limits.get(name, {}).items():
            if self._used[self._window(name, seconds, now)] >= limit:
                raise Fault(
                    "OperationsLimitExceeded",
                    f"The limit of {name} operations is exceeded",
                    limit=str(limit),
                    operationType=name,
                )
        for seconds in STARTS:
            window = self._window(name, seconds, now)
            self._used[window] += 1
            self.peaks[name, seconds] = max(self.peaks[name, seconds], self._used[window])

    def fill(self, name: str, seconds: int, now: datetime) -> None:
        """Use up a window, as another program with the same user would."""
        self._used[self._window(name, seconds, now)] = LIMITS[name][seconds]

    def state(self, now: datetime) -> list[dict[str, Any]]:
        """What `getCallCountersState` tells."""
        limits = self.limits or LIMITS
        return [
            {
                "callCounterStates": [
                    {
                        "limit": limits[name][seconds],
                        "operationType": name,
                        "value": self._used[self._window(name, seconds, now)],
                    }
                    for name in limits
                ],
                "timeout": seconds,
            }
            for seconds in STARTS
        ]

    def _window(self, name: str, seconds: int, now: datetime) -> tuple[str, int, str]:
        return name, seconds, now.astimezone(PACIFIC).strftime(STARTS[seconds])
