"""What a person reads after a run: one markdown artifact, a row per stream."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence

from prefect.artifacts import create_markdown_artifact
from prefect.settings import PREFECT_API_URL
from prefect.utilities.urls import url_for

from connectors.errors import (
    AccessError,
    ConfigError,
    CredentialsError,
    FencedOff,
    MemoryExceeded,
    RateLimited,
    WarehouseError,
)
from connectors.model import Source
from connectors.secrets import scrub
from connectors.sync import Options, StreamReport
from connectors.warehouse.runs import Status
from flows.heartbeat import Heartbeat
from flows.tracking import Ending

log = logging.getLogger(__name__)

NEXT_STEPS = {
    CredentialsError: "Renew the credential (the source's block, or the environment), then run.",
    ConfigError: "Correct the setting or parameter named above, then run again.",
    AccessError: "Grant the account the missing right, or leave the stream out.",
    RateLimited: "Nothing to do: the next run after the time named above goes on from here.",
    WarehouseError: "Bring the warehouse back; the next run goes on from the last commit.",
    FencedOff: "Nothing to do: another run has taken this source over.",
    MemoryExceeded: "Raise MEMORY_HARD_MB or lower batch_size; the next run goes on from here.",
}
BY_STATUS = {
    Status.PARTIAL: "See the streams that are not SUCCESS below, and `sync_rejects` for refused "
    "rows; what is committed stays, the next run reads the rest.",
    Status.FAILED: "What is committed stays; the next run goes on from the last commit.",
    Status.SKIPPED: "Nothing to do.",
}
# Two tables: one of fourteen columns runs below the side bar of Prefect's pages.
ROWS = (
    "stream", "status", "read", "inserted", "updated", "unchanged", "superseded", "rejected",
    "deleted",
)  # fmt: skip
READING = ("stream", "requests", "seconds", "rows/s", "cursor before", "cursor after")
MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def publish(
    source: Source,
    options: Options,
    ending: Ending,
    done: Sequence[StreamReport],
    beat: Heartbeat,
) -> None:
    """Store the report with the flow run. A report that cannot be stored fails no run."""
    text = markdown(source, options, ending, done, beat)
    try:
        create_markdown_artifact(
            text, key=f"sync-{source.name}", description=f"{source.title}: {ending.status}"
        )
    except Exception as error:  # noqa: BLE001 - the rows are in; a missing page is no reason to fail
        log.warning("the run report could not be stored: %s", type(error).__name__)


def markdown(
    source: Source,
    options: Options,
    ending: Ending,
    done: Sequence[StreamReport],
    beat: Heartbeat,
) -> str:
    """Write the report. Text of vendors is escaped, secrets are scrubbed."""
    meter, memory = beat.meter, beat.memory
    memory.sample()
    lines = [f"# {escaped(source.title)}: {options.mode}, {ending.status}", ""]
    if ending.reason:
        lines += [escaped(ending.reason), ""]
    if advice := next_step(ending):
        lines += [f"**What to do next:** {advice}", ""]
    if options.dry_run:
        lines += ["A dry run: nothing was written.", ""]
    if done:
        lines += [*table(ROWS, map(_rows, done)), ""]
        lines += ["### How it was read", "", *table(READING, map(_reading, done)), ""]
    lines += [
        f"- Requests: {meter.requests}, of which repeated: {meter.retries}",
        f"- Waited for rate limits: {meter.throttled_seconds:.1f} s",
        f"- Memory: {memory.start:.0f} MiB at the start, {memory.peak:.0f} MiB at the peak",
        *_counts(done),
    ]
    for report in done:
        remarks = [report.error] if report.error else []
        lines += [
            f"- {escaped(report.stream)}: {escaped(text)}" for text in (*remarks, *report.notes)
        ]
    return scrub("\n".join(lines))


def next_step(ending: Ending) -> str | None:
    """Tell what a person should do about a run that is not a plain success."""
    for kind, step in NEXT_STEPS.items():
        if isinstance(ending.error, kind):
            return step
    return BY_STATUS.get(ending.status)


def advice(status: str, error_type: str | None) -> str | None:
    """Tell the same from a row of the books; None where there is nothing to advise."""
    named = {kind.__name__: step for kind, step in NEXT_STEPS.items()}
    if error_type in named:
        return named[error_type]
    return {str(status): step for status, step in BY_STATUS.items()}.get(status)


def run_url(run_id: str) -> str | None:
    """Return where Prefect's UI shows a run; None where no server is configured."""
    return url_for("flow-run", obj_id=run_id) if PREFECT_API_URL.value() else None


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a markdown table; cells must be escaped already."""
    return [f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows)]


def escaped(text: str) -> str:
    """Return foreign text as markdown shows it literally, on one line."""
    return MARKUP.sub(r"\\\1", " ".join(text.split())).replace("\\<", "&lt;").replace("\\>", "&gt;")


def _rows(report: StreamReport) -> list[str]:
    counts = report.counts
    return [
        escaped(report.stream), report.status, f"{counts.read:,}", f"{counts.inserted:,}",
        f"{counts.updated:,}", f"{counts.unchanged:,}", f"{counts.superseded:,}",
        f"{counts.rejected:,}", f"{counts.deleted:,}",
    ]  # fmt: skip


def _reading(report: StreamReport) -> list[str]:
    rate = report.counts.read / report.seconds if report.seconds else 0.0
    return [
        escaped(report.stream), f"{report.requests:,}", f"{report.seconds:.1f}", f"{rate:,.0f}",
        escaped(report.cursor_before or "none"), escaped(report.cursor_after or "none"),
    ]  # fmt: skip


def _counts(done: Sequence[StreamReport]) -> list[str]:
    said = [report for report in done if report.source_count is not None]
    return [
        f"- {escaped(report.stream)}: the vendor says {report.source_count:,} records"
        + (f", the warehouse holds {report.warehouse_count:,}" if report.warehouse_count else "")
        for report in said
    ]
