"""Plan a backfill: cut its range into windows, estimate what it will ask of the vendor.

The estimate is made of what past reads of the same streams took. It is meant to be too
high rather than too low: it decides whether a day's requests are enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.errors import ConfigError
from connectors.model import Source, Stream
from connectors.warehouse.figures import PastRead

DAY = timedelta(days=1)
SHORTEST_SPAN = timedelta(hours=1)  # of the time looked at; a rate of less is chance


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """Time to read again, aware UTC: `since` inclusive, `until` exclusive."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How much time it is."""
        return self.until - self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What windows of one stream will take. `requests` is None where nothing is known."""

    stream: str
    requests: int | None
    rows: int | None
    basis: str
    """What it is made of, in words."""


def windows(since: datetime, until: datetime, length: timedelta) -> list[Span]:
    """Cut a range into windows, counted from `since`, so that a later `until` only adds some.

    Raises `ConfigError` for a range that is empty.
    """
    if until <= since:
        raise ConfigError(
            f"until ({until:%Y-%m-%d %H:%M}) must be after since ({since:%Y-%m-%d %H:%M})"
        )
    count = math.ceil((until - since) / length)
    return [
        Span(since=since + n * length, until=min(since + (n + 1) * length, until))
        for n in range(count)
    ]


def readable_by_time(source: Source, wished: Sequence[str] | None) -> tuple[str, ...]:
    """Return the streams to read again: the wished ones, else all that can be read by time.

    Raises `ConfigError` where there is none, or one that every window would read whole.
    """
    known = {stream.name: stream for stream in source.streams}
    if wished:
        whole = [name for name in wished if name in known and known[name].window is None]
        if whole:
            raise ConfigError(
                f"{', '.join(whole)}: read whole at any time, so a range makes no sense. "
                f"Leave out, or sync with mode full"
            )
        return tuple(wished)
    found = tuple(s.name for s in source.streams if s.window is not None and not s.optional)
    if not found:
        raise ConfigError(
            f"{source.title} has no stream that can be read by time: sync it with mode full"
        )
    return found


def estimate(stream: str, spans: Sequence[Span], past: Sequence[PastRead]) -> Estimate:
    """Estimate what reading `spans` of a stream will take, from its past reads.

    Each window costs what the cheapest read did; the rows that it will show come on top,
    by the days they cover, as many to a request as in the best read.
    """
    if not past:
        return Estimate(stream=stream, requests=None, rows=None, basis="never read before")
    days = sum((span.length for span in spans), timedelta(0)) / DAY
    each = min(read.requests for read in past)
    per_request = max(1.0, *(read.rows / read.requests for read in past))
    timed = [(read, read.span) for read in past if read.span is not None]
    covered = sum((span for _, span in timed), timedelta(0))
    if covered >= SHORTEST_SPAN:
        daily = sum(read.rows for read, _ in timed) / (covered / DAY)
        rows = daily * days
        basis = f"{daily:,.0f} rows a day, {per_request:,.0f} a request"
    else:
        rows = float(max(read.rows for read in past))
        basis = f"at most all of it: {rows:,.0f} rows, {per_request:,.0f} a request"
    return Estimate(
        stream=stream,
        requests=each * len(spans) + math.ceil(rows / per_request),
        rows=round(rows),
        basis=basis,
    )


def lookback(stream: Stream | None) -> timedelta:
    """Return how far back an incremental read of the stream reaches."""
    return stream.window.lookback if stream and stream.window else timedelta(0)


def known_requests(estimates: Mapping[str, Estimate]) -> int:
    """Sum what is known; streams that nothing is known of count nothing."""
    return sum(one.requests or 0 for one in estimates.values())
