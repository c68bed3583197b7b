"""What became of a stream and of a run, in the words that people are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.errors import SyncError
from connectors.model import Counts
from connectors.warehouse.runs import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """What became of one stream. Times in seconds."""

    stream: str
    status: Status
    counts: Counts
    requests: int
    seconds: float
    cursor_before: str | None
    cursor_after: str | None
    source_count: int | None
    warehouse_count: int | None
    error: str | None
    notes: tuple[str, ...] = field(default=())


def sentence(error: BaseException) -> str:
    """Return an error as one sentence; of errors we did not write, only the kind.

    Foreign messages may quote values of records, ours never do.
    """
    if isinstance(error, SyncError):
        return str(error)
    return f"{type(error).__name__} (a defect of crm-sync: its log has the place)"


def verdict(reports: Sequence[StreamReport]) -> tuple[Status, str | None]:
    """Return a run's status and the sentence that explains it, from those of its streams."""
    failed = [report for report in reports if report.status is Status.FAILED]
    partial = [report for report in reports if report.status is Status.PARTIAL]
    if not failed and not partial:
        return Status.SUCCESS, None
    reason = "; ".join(f"{report.stream}: {report.error}" for report in failed + partial)
    everything_failed = len(failed) == len(reports)
    return (Status.FAILED if everything_failed else Status.PARTIAL), reason
