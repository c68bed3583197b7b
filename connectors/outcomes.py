"""What became of a stream and of a run, in the words that people are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.errors import SyncError
from connectors.model import Counts, Stream
from connectors.warehouse.runs import Status

DAMAGED_SHARE = 0.01
"""Share of rows that may lose a value (kept in `sync_rejects`) before a run is PARTIAL."""
FEW = 10
"""Records by which a vendor's total may always differ where it may differ at all."""


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


def refused(whole: int, counts: Counts) -> list[str]:
    """Say what of a read could not be stored, beyond what may be: `whole` rows, single values."""
    said = [f"{whole} rows were refused whole: see sync_rejects"] if whole else []
    if counts.rows_damaged > DAMAGED_SHARE * counts.read:
        said.append(f"{counts.rows_damaged} of {counts.read} rows lost a value: see sync_rejects")
    return said


def unequal(stream: Stream, total: int | None, counted: int) -> list[str]:
    """Say how the vendor's own `total` differs from what the warehouse holds, if it does."""
    share = stream.total_tolerance
    if total is None or abs(total - counted) <= max(share * total, FEW if share else 0):
        return []
    return [f"the vendor says it has {total} records, the warehouse holds {counted}"]
