"""How ages, rates and past runs are written for people, on pages and terminals alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

from connectors.sync import StreamReport
from connectors.warehouse.figures import PastRun
from connectors.warehouse.runs import Status

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))
BLOCKS = "▁▂▃▄▅▆▇█"
ENDED_ILL = {Status.PARTIAL: "!", Status.FAILED: "✗", Status.CANCELLED: "✗"}
SETTLED_SECONDS = 1.0  # a rate over less time says nothing


def span(seconds: float) -> str:
    """Say a time in its largest unit."""
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def ago(seconds: float | None) -> str:
    """Say an age; None is never."""
    return "never" if seconds is None else f"{span(seconds)} ago"


def trend(runs: Sequence[PastRun]) -> str:
    """Draw runs, oldest first: a block's height tells rows read, `!` and `✗` an ill end.

    Heights are logarithmic, for a full read may show thousands of times what a usual one does.
    """
    most = math.log1p(max((run.rows for run in runs), default=0))
    return "".join(ENDED_ILL.get(run.status) or _block(math.log1p(run.rows), most) for run in runs)


def bar(share: float, width: int = 20) -> str:
    """Draw a share from 0 to 1."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full)


def seconds_left(done: int, total: int | None, seconds: float) -> float | None:
    """Estimate the seconds to go at the rate so far.

    None where nobody knows: no total, a total that was passed, or nothing done yet.
    """
    if total is None or not 0 < done <= total or seconds < SETTLED_SECONDS:
        return None
    return (total - done) * seconds / done


def place(stream: str | None, done: int, total: int | None, seconds: float) -> str:
    """Say where a read is: stream, rows, rate, time to its end or that it is unknown."""
    if stream is None:
        return "connecting"
    of = f" of {total:,}" if total is not None and total >= done else ""
    rate = f"{_short(done / seconds)} rows/s" if seconds >= SETTLED_SECONDS else "just begun"
    left = seconds_left(done, total, seconds)
    end = "end unknown" if left is None else f"about {span(left)} left"
    return f"{stream}: {done:,}{of} rows, {rate}, {end}"


def outcome(report: StreamReport) -> str:
    """Say in one line what became of a stream: status, rows by what happened to them, cost."""
    counts = report.counts
    fates = {
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "superseded": counts.superseded,
        "rejected": counts.rejected,
        "deleted": counts.deleted,
    }
    said = [f"{count:,} {fate}" for fate, count in fates.items() if count]
    rows = f"{counts.read:,} read" + (f" ({', '.join(said)})" if said else "")
    asked = f"{report.requests:,} request{'' if report.requests == 1 else 's'}"
    cost = f"{asked} in {report.seconds:.1f} s"
    why = f": {report.error}" if report.error else ""
    return f"{report.stream} {report.status}: {rows}, {cost}{why}"


def api_failed(error: Exception) -> str:
    """Say that Prefect's server could not be asked, and what to do."""
    return f"The Prefect API failed ({type(error).__name__}): see its log, then run again."


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"  # noqa: PLR2004 - two digits


def _block(height: float, most: float) -> str:
    return BLOCKS[round(height / most * (len(BLOCKS) - 1)) if most else 0]
