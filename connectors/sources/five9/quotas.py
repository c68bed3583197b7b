"""Five9's quotas: per class of operation, by the clock's minute, hour and day.

The table is the one of the Configuration Web Services API Reference Guide (2026). The day is the
data centre's; minutes and hours are the same everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sources.five9.settings import Settings
from connectors.throttle import Rate, Throttle

QUERY, REPORT, RESULT, FREE = "query", "report", "result", "free"
COST = {
    "runReport": REPORT,
    "getReportResultCsv": RESULT,
    "getCallCountersState": FREE,
    "closeSession": FREE,
}  # all others are queries
TYPES = {"Query": QUERY, "ReportRequest": REPORT, "RetrieveReport": RESULT}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DOCUMENTED = {QUERY: (450, 15_000, 172_800), REPORT: (16, 120, 800), RESULT: (20, 200, 1_000)}


def account(settings: Settings) -> str:
    """Name whose quota is spent: quotas are the user's, not the domain's."""
    who = f"{settings.base_url} {settings.username}"
    return f"five9:{hashlib.sha256(who.encode()).hexdigest()[:12]}"


def rates(settings: Settings, now: datetime) -> dict[str, list[Rate]]:
    """Return the windows of every class as documented, for a run that starts `now`."""
    day = day_offset(settings, now)
    found: dict[str, list[Rate]] = {FREE: []}
    for name, (minute, hour, per_day) in DOCUMENTED.items():
        own = settings.budget if name == QUERY and settings.budget else minute
        found[name] = [
            Rate(limit=own, period=MINUTE, aligned=True),
            Rate(limit=hour, period=HOUR, aligned=True),
            Rate(limit=per_day, period=DAY, aligned=True, offset=day),
        ]
    return found


def daily_requests(_settings: Settings) -> int:
    """Return the operations a day. Reports have a smaller quota of their own among them."""
    return DOCUMENTED[QUERY][2]


def day_offset(settings: Settings, now: datetime) -> timedelta:
    """Return how long after midnight UTC the data centre's day begins."""
    behind = now.astimezone(ZoneInfo(settings.report_zone)).utcoffset() or timedelta(0)
    return (-behind) % DAY


def learn(throttle: Throttle, states: Iterable[Mapping[str, Any]], day: timedelta) -> None:
    """Tell our throttle what Five9 has counted, and the limits it says it holds us to."""
    for period, counter in _counters(states):
        cost_class = TYPES.get(str(counter.get("operationType")))
        limit, used = int(counter.get("limit") or 0), int(counter.get("value") or 0)
        if cost_class is None or limit < 1:
            continue
        offset = day if period == DAY else timedelta(0)
        rate = Rate(limit=limit, period=period, aligned=True, offset=offset)
        throttle.learn(cost_class, rate, max(0, limit - used))


def resumes(
    states: Iterable[Mapping[str, Any]], cost_class: str, now: datetime, day: timedelta
) -> datetime:
    """Return when a class that was refused has room again: the end of its longest full window.

    The next minute when no counter is full: it was just reset, or another class was meant.
    """
    full = [MINUTE]
    for period, counter in _counters(states):
        if TYPES.get(str(counter.get("operationType"))) != cost_class:
            continue
        if int(counter.get("value") or 0) >= int(counter.get("limit") or 0):
            full.append(period)
    longest = max(full)
    return next_start(now, longest, day if longest == DAY else timedelta(0))


def next_start(now: datetime, period: timedelta, offset: timedelta) -> datetime:
    """Return when the clock's next `period` begins."""
    epoch = datetime.fromtimestamp(0, now.tzinfo) + offset
    return epoch + ((now - epoch) // period + 1) * period


def _counters(states: Iterable[Mapping[str, Any]]) -> Iterable[tuple[timedelta, Mapping[str, Any]]]:
    for state in states:
        period = timedelta(seconds=int(state.get("timeout") or 0))
        if period in {MINUTE, HOUR, DAY}:
            for counter in state.get("callCounterStates") or ():
                yield period, counter
