"""The report of a backfill: the estimate before it starts, what became of each window after."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from prefect.artifacts import create_markdown_artifact

from connectors import backfills
from connectors.backfills import Estimate, Span
from connectors.secrets import scrub
from connectors.warehouse.runs import Status
from flows.reports import escaped, run_url, table

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a backfill will take. `granted`: requests a day, None where nobody counts the day."""

    source: str
    title: str
    spans: Sequence[Span]
    to_do: Sequence[Span]
    estimates: Mapping[str, Estimate]
    used: int
    """Requests of this source in the last 24 hours."""
    granted: int | None

    @property
    def requests(self) -> int:
        """The estimate, as far as it can be made."""
        return backfills.known_requests(self.estimates)

    @property
    def left(self) -> int | None:
        """Requests that are left of the day."""
        return None if self.granted is None else max(0, self.granted - self.used)

    @property
    def exceeds(self) -> bool:
        """Whether the day is known not to be enough."""
        return self.left is not None and self.requests > self.left


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowEnd:
    """What became of a window."""

    span: Span
    run_id: str
    status: Status
    rows: int
    requests: int
    reason: str | None


def named(span: Span) -> str:
    """Return a window as people read it: days where it begins and ends at midnight."""
    whole = all(time == time.replace(hour=0, minute=0, second=0) for time in _ends(span))
    style = "%Y-%m-%d" if whole else "%Y-%m-%d %H:%M"
    since, until = (time.strftime(style) for time in _ends(span))
    return f"{since} to {until}"


def sentences(forecast: Forecast) -> Iterator[str]:
    """Say the estimate line by line, for the log."""
    for one in forecast.estimates.values():
        requests = "unknown" if one.requests is None else f"about {one.requests:,} requests"
        yield f"{one.stream}: {requests} ({one.basis})"
    yield verdict(forecast)


def verdict(forecast: Forecast) -> str:
    """Say what all of it takes, and what the vendor grants."""
    unknown = [one.stream for one in forecast.estimates.values() if one.requests is None]
    said = f"{len(forecast.to_do)} of {len(forecast.spans)} windows are to be read"
    if len(unknown) < len(forecast.estimates):
        said += f", with about {forecast.requests:,} requests"
    if unknown:
        said += f", with an unknown number of requests for {', '.join(unknown)}"
    if forecast.granted is None:
        return f"{said}; {forecast.title} does not count requests by the day."
    return (
        f"{said}; {forecast.granted:,} a day are granted, {forecast.used:,} were used in the "
        f"last 24 hours, {forecast.left:,} are left."
    )


def refusal(forecast: Forecast) -> str:
    """Say why a backfill does not start, and what to do."""
    return (
        f"{verdict(forecast)} That is too much for today: choose a shorter range or fewer "
        "streams, or start it with over_budget: it then reads until the vendor says no, and "
        "the same backfill started again goes on from there."
    )


def publish(forecast: Forecast, ended: Sequence[WindowEnd]) -> None:
    """Store the report with the flow run. A report that cannot be stored fails no run."""
    try:
        create_markdown_artifact(
            markdown(forecast, ended),
            key=f"backfill-{forecast.source}",
            description=f"{forecast.title}: backfill",
        )
    except Exception as error:  # noqa: BLE001 - the rows are in; a missing page is no reason to fail
        log.warning("the report of the backfill could not be stored: %s", type(error).__name__)


def markdown(forecast: Forecast, ended: Sequence[WindowEnd]) -> str:
    """Write the report. Text of vendors is escaped, secrets are scrubbed."""
    first, last = forecast.spans[0], forecast.spans[-1]
    whole = named(Span(since=first.since, until=last.until))
    lines = [f"# {escaped(forecast.title)}: backfill {whole}", "", escaped(verdict(forecast)), ""]
    if forecast.exceeds:
        lines += ["**More than is left today.**", ""]
    lines += table(
        ("stream", "requests", "rows", "made of"),
        (
            (
                escaped(one.stream),
                "unknown" if one.requests is None else f"{one.requests:,}",
                "unknown" if one.rows is None else f"{one.rows:,}",
                escaped(one.basis),
            )
            for one in forecast.estimates.values()
        ),
    )
    if ended:
        lines += ["", "## Windows", ""]
        lines += table(("window", "status", "rows", "requests", "reason"), map(_cells, ended))
    waiting = len(forecast.to_do) - len(ended)
    before = len(forecast.spans) - len(forecast.to_do)
    lines += ["", f"- Read by an earlier backfill: {before}", f"- Not read yet: {waiting}"]
    return scrub("\n".join(lines))


def _cells(one: WindowEnd) -> tuple[str, ...]:
    url = run_url(one.run_id)
    window = f"[{named(one.span)}]({url})" if url else named(one.span)
    reason = escaped(one.reason or "")
    return window, one.status, f"{one.rows:,}", f"{one.requests:,}", reason


def _ends(span: Span) -> tuple[datetime, datetime]:
    return span.since, span.until
