"""Read a range of time again, window by window: `prefect deployment run backfill/backfill`.

Every window is a sync run of its own (mode backfill): it has its row, its lock, its slot and
its checkpoint, and never moves the live cursor. Windows that the books show as done are left
out, so the same backfill started again goes on where it stopped. A scheduled sync that found
the source taken is made up for before the next window.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from connectors import backfills, settings
from connectors.backfills import Span
from connectors.errors import RunError, SyncError
from connectors.model import Source
from connectors.registry import SOURCES
from connectors.secrets import scrub
from connectors.warehouse import figures, history, migrate
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from flows import backfill_page, credentials, tracking
from flows.backfill_page import Forecast, WindowEnd
from flows.fleet import daily_requests
from flows.sync_source import sync_source
from flows.tasks import told_plainly

if TYPE_CHECKING:
    SourceName: TypeAlias = str
else:
    SourceName: TypeAlias = Literal[tuple(SOURCES)]

LOOK_SECONDS = 5.0  # between two looks whether another run has let go of the source
WAIT_SECONDS = 6 * 3600.0
"""Longest wait for another run of the source: a full read of a large one takes hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for. Times are aware UTC."""

    source: Source
    streams: tuple[str, ...]
    spans: Sequence[Span]
    page_size: int
    batch_size: int
    over_budget: bool


@flow(name="backfill", flow_run_name="backfill {source}", persist_result=False, retries=0)
def backfill(  # noqa: PLR0917 - Prefect's run form shows parameters in this order
    source: SourceName,
    since: datetime,
    until: datetime | None = None,
    days_per_window: Annotated[int, Field(ge=1, le=366)] = 7,
    streams: list[str] | None = None,
    over_budget: bool = False,
    estimate_only: bool = False,
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 200,
    batch_size: Annotated[int, Field(ge=1, le=50_000)] = 1000,
) -> State:
    """Read a range of time again in windows; start it again to go on where it stopped.

    Args:
        source: The system to read.
        since: Start of the range, inclusive; UTC unless it names a zone.
        until: End of the range, exclusive; nothing means the last midnight, UTC.
        days_per_window: Days that one window covers. Each window is a sync run of its own.
        streams: Names of the streams; nothing means all that can be read by time.
        over_budget: Start even if the estimate exceeds what is left of the vendor's daily requests.
        estimate_only: Write the estimate into the report and stop there.
        page_size: Records asked for per request, where the vendor lets us choose.
        batch_size: Rows per transaction of the warehouse.
    """
    try:
        with told_plainly():
            asked = SOURCES[source]
            end = _utc(until) if until else _midnight()
            wish = Wish(
                source=asked,
                streams=backfills.readable_by_time(asked, streams),
                spans=backfills.windows(_utc(since), end, timedelta(days=days_per_window)),
                page_size=page_size,
                batch_size=batch_size,
                over_budget=over_budget,
            )
            if not settings.enabled(asked.name, default=asked.enabled_by_default):
                reason = f"{asked.title} is switched off: ENABLE_{asked.name.upper()}."
                return Completed(name="Skipped", message=reason)
            with closing(tracking.connect()) as warehouse:
                migrate.migrate(warehouse)
                return run(wish, warehouse, estimate_only=estimate_only)
    except SyncError as error:
        return Failed(message=scrub(str(error)))


def run(wish: Wish, warehouse: Warehouse, *, estimate_only: bool) -> State:
    """Estimate, then read window by window; return the state that the backfill ends in."""
    log, looked = get_run_logger(), figures.now(warehouse)
    forecast = forecast_of(wish, warehouse)
    for line in backfill_page.sentences(forecast):
        log.info("%s", line)
    ended: list[WindowEnd] = []
    backfill_page.publish(forecast, ended)
    if not forecast.to_do:
        return Completed(message="Every window of this range has been read already.")
    if estimate_only:
        return Completed(message=backfill_page.verdict(forecast))
    if forecast.exceeds and not wish.over_budget:
        return Failed(name="Refused", message=backfill_page.refusal(forecast))
    try:
        for number, span in enumerate(forecast.to_do, start=1):
            if not wish.over_budget:
                _keep_budget(forecast, ended, warehouse)
            log.info("window %d of %d: %s", number, len(forecast.to_do), backfill_page.named(span))
            ended.append(_window(wish, span, warehouse))
            looked = _make_up(wish, warehouse, looked)
            if ended[-1].status not in {Status.SUCCESS, Status.PARTIAL}:
                break
    except SyncError as error:
        return Failed(name="Partial", message=f"{_so_far(forecast, ended)} {scrub(str(error))}")
    finally:
        backfill_page.publish(forecast, ended)
    return _ending(forecast, ended)


def forecast_of(wish: Wish, warehouse: Warehouse) -> Forecast:
    """Estimate what is left to read, and how much of the vendor's daily requests is left."""
    done = figures.finished_backfills(warehouse, wish.source.name, wish.streams)
    to_do = [span for span in wish.spans if (span.since, span.until) not in done]
    known = {stream.name: stream for stream in wish.source.streams}
    estimates = {
        name: backfills.estimate(
            name,
            to_do,
            figures.past_reads(
                warehouse, wish.source.name, name, backfills.lookback(known.get(name))
            ),
        )
        for name in wish.streams
    }
    used = figures.day(warehouse).get(wish.source.name, figures.Day()).requests
    return Forecast(
        source=wish.source.name,
        title=wish.source.title,
        spans=wish.spans,
        to_do=to_do,
        estimates=estimates,
        used=used,
        granted=granted(wish.source),
    )


def granted(source: Source) -> int | None:
    """Return the vendor's requests a day less the reserve for others; None without a limit."""
    allowed = daily_requests(source)
    return allowed and int(allowed * (1 - credentials.core_settings().budget_reserve))


def _window(wish: Wish, span: Span, warehouse: Warehouse) -> WindowEnd:
    """Read one window as a sync run of its own, once the source is free."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        _wait_until_free(wish.source, warehouse, deadline)
        state = sync_source(
            source=wish.source.name,
            streams=list(wish.streams),
            mode="backfill",
            since=span.since,
            until=span.until,
            page_size=wish.page_size,
            batch_size=wish.batch_size,
            return_state=True,
        )
        run_id = str(state.state_details.flow_run_id)
        row = history.run(warehouse, run_id)
        status = Status(row["status"]) if row else Status.FAILED
        if status is not Status.SKIPPED:  # else another run was a moment quicker
            break
    return WindowEnd(
        span=span,
        run_id=run_id,
        status=status,
        rows=row["rows_read"] if row else 0,
        requests=row["requests"] if row else 0,
        reason=state.message,
    )


def _make_up(wish: Wish, warehouse: Warehouse, looked: datetime) -> datetime:
    """Run the scheduled sync that was skipped, for want of the source, since we last `looked`."""
    now = figures.now(warehouse)
    skipped = figures.skipped_since(warehouse, wish.source.name, looked)
    if skipped:
        mode = "full" if "full" in skipped else "incremental"
        get_run_logger().info("a scheduled %s sync was skipped meanwhile: it runs now", mode)
        sync_source(source=wish.source.name, mode=mode, return_state=True)
    return now


def _wait_until_free(source: Source, warehouse: Warehouse, deadline: float) -> None:
    """Wait while another run of the source lives. Raises `RunError` when it takes too long."""
    told = False
    while alive := [row for row in history.running(warehouse) if row["source"] == source.name]:
        if time.monotonic() > deadline:
            raise RunError(
                f"Run {alive[0]['run_id']} has held {source.title} for {WAIT_SECONDS / 3600:.0f} "
                "hours: see what it does with `python -m flows.status`, then start this again."
            )
        if not told:
            get_run_logger().info("run %s has the source: waiting for it", alive[0]["run_id"])
            told = True
        time.sleep(LOOK_SECONDS)


def _keep_budget(forecast: Forecast, ended: Sequence[WindowEnd], warehouse: Warehouse) -> None:
    """See that the next window fits into what is left of the day.

    By what the windows so far took; before the first, by the estimate. Raises `RunError`.
    """
    if forecast.granted is None:
        return
    used = figures.day(warehouse).get(forecast.source, figures.Day()).requests
    each = forecast.requests // len(forecast.to_do)
    if ended:
        each = max(one.requests for one in ended)
    if used + each > forecast.granted:
        raise RunError(
            f"The next window needs about {each:,} requests, and {used:,} of "
            f"{forecast.granted:,} a day are used: start this again tomorrow, it goes on from here."
        )


def _ending(forecast: Forecast, ended: Sequence[WindowEnd]) -> State:
    said = _so_far(forecast, ended)
    last = ended[-1]
    if last.status not in {Status.SUCCESS, Status.PARTIAL}:
        window = backfill_page.named(last.span)
        reason = f"{said} Window {window} ended as {last.status}: {last.reason}"
        return Failed(name="Partial" if len(ended) > 1 else None, message=reason)
    ill = [one for one in ended if one.status is Status.PARTIAL]
    if ill:
        names = ", ".join(backfill_page.named(one.span) for one in ill)
        return Failed(name="Partial", message=f"{said} Not complete: {names}.")
    return Completed(message=said)


def _so_far(forecast: Forecast, ended: Sequence[WindowEnd]) -> str:
    good = sum(one.status is Status.SUCCESS for one in ended)
    before = len(forecast.spans) - len(forecast.to_do)
    return f"{before + good} of {len(forecast.spans)} windows are read."


def _utc(moment: datetime) -> datetime:
    """Read a time of the run form, which may come without a zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
