"""Reports: run one, wait for it, read its CSV.

Times in reports have no offset and are the data centre's, Pacific in the US. So that the hour
that comes twice in autumn is told apart, no report is asked for across a change of the clock:
within one, every time has the same offset. A report is cut silently at 50,000 rows; one that has
as many is asked for again in halves.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.context import Context
from connectors.errors import ContractError, Stopped, TransientError
from connectors.model import Page, Record, Refused, Request
from connectors.sources.five9.faults import FaultError
from connectors.sources.five9.settings import Settings
from connectors.sources.five9.soap import Five9Api
from connectors.sources.five9.times import (
    SECOND,
    Slice,
    following,
    halved,
    printed,
    slices,
)

CAP = 50_000  # rows of a report
PAGE_ROWS = 2_000
POLL_SECONDS = 10  # how long Five9 holds one question whether the report still runs
POLLS = 60  # together ten minutes and more
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0  # seconds between polls, in case Five9 answers at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A standard report: where it stands and which of its columns are times."""

    folder: str
    name: str
    key: tuple[str, ...]
    time: str  # the column that the asked for time is about
    ends: tuple[str, ...] = ()  # times that come after it, maybe beyond a change of the clock
    dates: tuple[str, ...] = ()


CALLS = Report(folder="Call Log Reports", name="Call Log", key=("CALL ID",), time="TIMESTAMP")
LOGINS = Report(
    folder="Agent Reports",
    name="Agent Login-Logout",
    key=("AGENT", "LOGIN TIMESTAMP"),
    time="LOGIN TIMESTAMP",
    ends=("LOGOUT TIMESTAMP",),
    dates=("DATE",),
)


class Reports:
    """Reports of a domain as streams of pages."""

    def __init__(self, api: Five9Api, settings: Settings, context: Context) -> None:
        self._api = api
        self._zone = ZoneInfo(settings.report_zone)
        self._days = timedelta(days=settings.report_days)
        self._context = context

    def read(self, report: Report, request: Request) -> Iterator[Page]:
        """Yield the rows of `report` in the window of `request`; resumable between slices."""
        until = request.until or request.started_at
        notes: list[str] = []
        since = request.since
        if since is None:
            since = until - self._days
            notes.append(
                f"read from {since:%Y-%m-%d} on: FIVE9_REPORT_DAYS bounds how far a full read goes"
            )
        if request.position is None:
            todo = list(reversed(slices(since, until, self._zone)))
        else:
            todo = [_loaded(one) for one in request.position["todo"]]
        if notes:
            yield Page(notes=notes)
        while todo:
            each = todo.pop()
            text = self._csv(report, each)
            table = Table(report, text, each, self._zone)
            incomplete = None
            if table.count >= CAP:
                halves = halved(each)
                if halves:
                    todo += reversed(halves)
                    continue
                incomplete = (
                    f"report {report.name!r} has {CAP} rows in one second: Five9 gives no more"
                )
            position = {"todo": [[start.isoformat(), end.isoformat()] for start, end in todo]}
            yield from table.pages(position, incomplete)

    def numbers(self, since: datetime, until: datetime) -> set[str]:
        """Return the telephone numbers of all calls in a window."""
        found: set[str] = set()
        todo = slices(since, until, self._zone)
        while todo:
            each = todo.pop()
            table = Table(CALLS, self._csv(CALLS, each), each, self._zone)
            halves = halved(each) if table.count >= CAP else []
            todo += halves
            if not halves:
                for page in table.pages({}, None):
                    for row in page.records:
                        found |= {row.get("ANI") or "", row.get("DNIS") or ""}
        return {re.sub(r"\D", "", number) for number in found} - {""}

    def _csv(self, report: Report, window: Slice) -> str:
        """Run a report and wait for its CSV.

        Raises `TransientError` when it does not finish in a bounded time.
        """
        start, end = window
        identifier = self._api.text(
            "runReport",
            folderName=report.folder,
            reportName=report.name,
            criteria={"time": {"end": end, "start": start}},
        )
        if not identifier:
            raise ContractError(f"report {report.name!r}: Five9 gave no identifier for it")
        pause = FIRST_PAUSE
        for _ in range(POLLS):
            if not self._is_running(identifier):
                try:
                    return self._api.text("getReportResultCsv", identifier=identifier)
                except FaultError as error:
                    if error.fault != "ResultIsNotReadyFault":
                        raise
            if self._context.stopping.wait(pause):
                raise Stopped(f"report {report.name!r}: asked to stop while it ran")
            pause = min(pause * 2, LONGEST_PAUSE)
        raise TransientError(
            f"report {report.name!r} was not finished after {POLLS} questions of up to "
            f"{POLL_SECONDS} s each. Run again later, or set FIVE9_REPORT_DAYS lower"
        )

    def _is_running(self, identifier: str) -> bool:
        words = {"identifier": identifier, "timeout": POLL_SECONDS}
        answer = self._api.text("isReportRunning", **words)
        if answer not in {"true", "false", "1", "0"}:
            raise ContractError("isReportRunning: neither true nor false came back")
        return answer in {"true", "1"}


class Table:
    """The rows of one report's CSV."""

    def __init__(self, report: Report, text: str, window: Slice, zone: ZoneInfo) -> None:
        self._report = report
        self._window = window
        self._zone = zone
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            raise TransientError(f"report {report.name!r}: its CSV is damaged ({error})") from error
        self._empty = not rows
        self._header = [name.strip().upper() for name in rows[0]] if rows else []
        self._rows = [row for row in rows[1:] if row]
        self.count = len(self._rows)
        wanted = {*report.key, report.time}
        if rows and not wanted <= set(self._header):
            names = ", ".join(sorted(wanted - set(self._header)))
            raise ContractError(
                f"report {report.name!r} has no column {names}: is the user's locale English, and "
                f"the standard report unchanged?"
            )
        if len(set(self._header)) != len(self._header):
            raise ContractError(f"report {report.name!r} has two columns of one name")

    def pages(self, position: dict[str, Any], incomplete: str | None) -> Iterator[Page]:
        """Yield all rows, a bounded number at a time; only the last page carries `position`."""
        notes = ["a report came back without a header: taken for no rows"] if self._empty else []
        seen: dict[tuple[str | None, ...], Record] = {}
        doubles = 0
        for first in range(0, max(1, self.count), PAGE_ROWS):
            rows = self._rows[first : first + PAGE_ROWS]
            records, refused = self._records(rows)
            for record in records:
                key = tuple(record[name] for name in self._report.key)
                doubles += seen.setdefault(key, record) != record
            last = first + PAGE_ROWS >= self.count
            reasons = [incomplete] if incomplete and last else []
            if last and doubles:
                reasons.append(
                    f"report {self._report.name!r}: {doubles} rows share their key with another"
                )
            yield Page(
                records=records,
                refused=refused,
                position=position if last else None,
                incomplete="; ".join(reasons) or None,
                notes=notes if last else (),
            )

    def _records(self, rows: Sequence[list[str]]) -> tuple[list[Record], list[Refused]]:
        records: list[Record] = []
        refused: list[Refused] = []
        width = len(self._header)
        for row in rows:
            if len(row) != width:
                reason = f"has {len(row)} values for {width} columns"
                raw: Record = dict(zip(self._header, row, strict=False))
                refused.append(Refused(key=None, column=None, value=None, reason=reason, raw=raw))
                continue
            records.append(self._dated(dict(zip(self._header, row, strict=True))))
        return records, refused

    def _dated(self, record: Record) -> Record:
        """Give the record's times their offset; what is no time stays for the loader to refuse."""
        report = self._report
        begun = self._begun(record[report.time])
        if begun is not None:
            record[report.time] = begun.isoformat()
        for name in report.ends:
            local = printed(record.get(name) or "")
            if local is not None:
                record[name] = following(local, self._zone, begun).isoformat()
        for name in report.dates:
            local = printed(record.get(name) or "")
            if local is not None:
                record[name] = local.date().isoformat()
        return record

    def _begun(self, text: str) -> datetime | None:
        """Return the UTC time of a row; one offset holds for the whole slice.

        Raises `ContractError` when it lies outside: then the zone is not what we think.
        """
        local = printed(text)
        if local is None:
            return None
        start, end = self._window
        offset = start.astimezone(self._zone).utcoffset() or timedelta(0)
        moment = (local - offset).replace(tzinfo=UTC)
        if not start - SECOND <= moment <= end + SECOND:
            raise ContractError(
                f"report {self._report.name!r} has rows outside the time asked for: "
                f"FIVE9_REPORT_ZONE is not the zone of this data centre"
            )
        return moment


def _loaded(stored: Sequence[str]) -> Slice:
    start, end = stored
    return datetime.fromisoformat(start), datetime.fromisoformat(end)
