"""Reports: a run takes a few questions whether it still runs, then it can be fetched once more."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.five9.soap import Call, Fault
from connectors.sandbox.ledger import Ledger

CAP = 50_000
Name = tuple[str, str]  # folder and report

CALLS: Name = ("Call Log Reports", "Call Log")
LOGINS: Name = ("Agent Reports", "Agent Login-Logout")
COLUMNS: dict[Name, tuple[str, ...]] = {
    CALLS: (
        "CALL ID",
        "TIMESTAMP",
        "CAMPAIGN",
        "CALL TYPE",
        "AGENT",
        "AGENT NAME",
        "DISPOSITION",
        "ANI",
        "CUSTOMER NAME",
        "DNIS",
        "CALL TIME",
        "BILL TIME (ROUNDED)",
        "COST",
        "IVR TIME",
        "QUEUE WAIT TIME",
        "RING TIME",
        "TALK TIME",
        "HOLD TIME",
        "PARK TIME",
        "AFTER CALL WORK TIME",
        "TRANSFERS",
        "CONFERENCES",
        "HOLDS",
        "ABANDONED",
        "RECORDINGS",
    ),
    LOGINS: (
        "AGENT",
        "DATE",
        "AGENT FIRST NAME",
        "AGENT LAST NAME",
        "LOGIN TIMESTAMP",
        "LOGOUT TIMESTAMP",
        "LOGIN TIME",
    ),
}
STREAMS: dict[Name, str] = {CALLS: "call_log", LOGINS: "agent_login_logout"}
TIMES: dict[Name, str] = {CALLS: "TIMESTAMP", LOGINS: "LOGIN TIMESTAMP"}
LATER: dict[Name, tuple[str, ...]] = {CALLS: (), LOGINS: ("LOGOUT TIMESTAMP",)}


@dataclass
class Run:
    """A report that was asked for."""

    report: Name
    start: datetime
    end: datetime
    polls_left: int


class Reports:
    """The reports of a domain. `polls`: how often a run says that it still runs."""

    def __init__(self, ledger: Ledger) -> None:
        self.polls = 1
        self.missing: set[Name] = set()
        self.zone = ZoneInfo("America/Los_Angeles")
        self._ledger = ledger
        self._numbers = count(1)
        self._runs: dict[str, Run] = {}

    def run(self, call: Call) -> str:
        """Start a report; answers its identifier."""
        report = (call.text("folderName"), call.text("reportName"))
        if report not in COLUMNS or report in self.missing:
            folder, name = report
            raise Fault("ReportNotFound", "Report not found", folder=folder, reportName=name)
        try:
            time = call.arguments["criteria"]["time"]
            start, end = (datetime.fromisoformat(time[name]) for name in ("start", "end"))
        except (KeyError, TypeError, ValueError) as error:
            raise Fault("IncorrectArgument", "criteria.time") from error
        if start > end:
            raise Fault("IncorrectArgument", "start is after end")
        identifier = f"report-{next(self._numbers)}"
        self._runs[identifier] = Run(report, start, end, self.polls)
        return identifier

    def is_running(self, call: Call) -> bool:
        """Whether a report still runs. Each question brings it nearer to its end."""
        run = self._found(call)
        if not call.text("timeout"):
            raise Fault("MissedArgument", "timeout")
        run.polls_left -= 1
        return run.polls_left >= 0

    def csv(self, call: Call) -> str:
        """The rows of a report that has ended, 50,000 at most."""
        run = self._found(call)
        if run.polls_left > 0:
            raise Fault("ResultIsNotReady", "Result is not ready due to process is not complete")
        time = TIMES[run.report]
        rows = [
            row
            for row in self._ledger[STREAMS[run.report]].live()
            if run.start <= row[time] <= run.end
        ]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS[run.report])
        for row in rows[:CAP]:
            writer.writerow(self._printed(row, run.report))
        return text.getvalue()

    def _printed(self, row: Mapping[str, Any], report: Name) -> Sequence[str]:
        moments = {TIMES[report], *LATER[report]}
        cells: list[str] = []
        for name in COLUMNS[report]:
            value = row.get(name, "")
            if name in moments and value:
                value = value.astimezone(self.zone).strftime("%a, %d %b %Y %H:%M:%S")
            elif name == "DATE":
                local = row[TIMES[report]].astimezone(self.zone)
                value = local.strftime("%a, %d %b %Y")
            cells.append(str(value))
        return cells

    def _found(self, call: Call) -> Run:
        try:
            return self._runs[call.text("identifier")]
        except KeyError:
            raise Fault("UnknownIdentifier", "Unknown identifier") from None


def call_row(number: int, at: datetime, phone: str, disposition: str) -> dict[str, Any]:
    """One call of the call log; the time is kept as an instant, in whole seconds."""
    seconds = number * 7 % 600
    inbound = number % 3 == 0
    return {
        "CALL ID": str(900_000_000 + number),
        "TIMESTAMP": at.astimezone(UTC).replace(microsecond=0),
        "CAMPAIGN": f"Outbound {number % 2 * 3}",
        "CALL TYPE": "Inbound" if inbound else "Outbound",
        "AGENT": f"agent{number % 3}",
        "AGENT NAME": f"Agent {number % 3} Roe",
        "DISPOSITION": disposition,
        "ANI": phone if inbound else "6155550000",
        "CUSTOMER NAME": 'Ana "A", Roe\nand Co' if number % 10 == 0 else "Bo Roe",
        "DNIS": "6155550000" if inbound else phone,
        "CALL TIME": f"00:{seconds // 60:02}:{seconds % 60:02}",
        "BILL TIME (ROUNDED)": f"00:{seconds // 60 + 1:02}:00",
        "COST": f"0.{number % 100:02}",
        "TRANSFERS": "0",
        "ABANDONED": "-",
        "RECORDINGS": "1",
    }


def login_row(agent: int, begun: datetime, ended: datetime | None) -> dict[str, Any]:
    """One session of an agent; without an end, it goes on."""
    begun = begun.astimezone(UTC).replace(microsecond=0)
    ended = ended.astimezone(UTC).replace(microsecond=0) if ended else None
    length = int((ended - begun).total_seconds()) if ended else 0
    return {
        "AGENT": f"agent{agent}",
        "DATE": begun,
        "AGENT FIRST NAME": f"Agent {agent}",
        "AGENT LAST NAME": "Roe",
        "LOGIN TIMESTAMP": begun,
        "LOGOUT TIMESTAMP": ended or "",
        "LOGIN TIME": f"{length // 3600:02}:{length // 60 % 60:02}:{length % 60:02}",
    }


def login_key(row: Mapping[str, Any]) -> str:
    """What a session is known by."""
    return f"{row['AGENT']}:{row['LOGIN TIMESTAMP'].isoformat()}"
