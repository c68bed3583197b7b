"""The pretend company's spreadsheets, and the truth about their rows."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.gsheet.files import File, Formula, Tab
from connectors.sandbox.ledger import Entry
from connectors.sandbox.vendors import World

ZONE = "America/New_York"
LEADS, SPENDS = "Marketing Source Leads", "All Marketing Spend"
LEAD_HEADERS = [
    *("first_name", "last_name", "phone_number", "email_address", "created_at"),
    *("utm_campaign", "", "Multiple Inquiry", "Appt Date-Time", "Total Job Value"),
    *("call_attempts", "lead_set", "call_notes", "call_notes", "marketing_channel"),
]
LEAD_FIELDS = [
    *("first_name", "last_name", "phone_number", "email_address", "created_at"),
    *("utm_campaign", "column_G", "multiple_inquiry", "appt_date_time", "total_job_value"),
    *("call_attempts", "lead_set", "call_notes", "call_notes_N", "channel"),
]
SPEND_HEADERS = ["Date", "Cost", "Division", "Channel", "Campaign", "Campaign ID"]
SPEND_FIELDS = ["spend_date", "cost", "Division", "Channel", "Campaign", "campaign_id"]
GAP = 9  # every so many rows one is left empty
FIRST = 2  # row below the headers


class Books:
    """Spreadsheets by id; a `Truth` made of what stands in them.

    `known` remembers every row that ever was, so that vanished ones count as deleted.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = world.random("gsheet", "cells")
        year = world.start.year
        self.years = (year - 1, year)
        self.files: dict[str, File] = {}
        self._known: dict[str, dict[str, Entry]] = {"marketing_leads": {}, "marketing_spends": {}}
        for number, each in enumerate(self.years):
            leads = Tab(0, LEADS, [list(LEAD_HEADERS)], columns=20, spare=40)
            self._fill(leads, world.count(60 + 30 * number, 12), self.lead)
            notes = Tab(77, "Chart1", kind="OBJECT", hidden=True)
            name = f"leads-{each}"
            self.files[name] = File(name, f"Leads {each}", ZONE, [notes, leads])
        spends = Tab(512, SPENDS, [list(SPEND_HEADERS)], columns=12, spare=100)
        self._fill(spends, world.count(80, 12), self.spend)
        self.files["spends"] = File("spends", "Spend", ZONE, [spends])

    def leads(self, year: int | None = None) -> Tab:
        """The leads of a year, the present one if unset."""
        return self.files[f"leads-{year or self.years[1]}"].tab(LEADS)

    def spends(self) -> Tab:
        """The spends."""
        return self.files["spends"].tab(SPENDS)

    def lead(self) -> list[Any]:
        """A new row of the leads."""
        dice = self._dice
        at = self._local(dice)
        number = dice.randrange(10_000)
        return [
            *(dice.choice(["Ann", "Bo", "Cy"]), dice.choice(["Lee", "O'Neil", "Núñez"])),
            *(2_120_000_000 + number, f"lead{number}@example.com", at),
            *(dice.choice(["spring", "fall", ""]), dice.choice(["", "", "note"])),
            *(dice.choice([True, False]), at + timedelta(days=3)),
            *(dice.choice([1234.5, "$1,234.50", "($5.00)", "", 0]), dice.randrange(9)),
            *(dice.choice([True, False, ""]), f"called {number}", dice.choice(["", "again"])),
            dice.choice(["radio", Formula("=VLOOKUP(A2;B:C;2)", "tv"), Formula("=A1/0", "#N/A")]),
        ]

    def spend(self) -> list[Any]:
        """A new row of the spends."""
        dice = self._dice
        day = self._local(dice).replace(hour=0, minute=0, second=0)
        return [
            day,
            dice.choice([100, 99.95, "$1,000.00", 0.5]),
            *(dice.choice(["West", "East"]), dice.choice(["radio", "tv", 5])),
            *(f"Campaign {dice.randrange(30)}", dice.randrange(10**9)),
        ]

    def streams(self) -> list[str]:
        """Names of the streams."""
        return list(self._known)

    def entries(self, stream: str) -> Iterator[Entry]:
        """See `Truth.entries`: rows by spreadsheet (or year) and number."""
        known, now = self._known[stream], self._rows(stream)
        for key, record in now.items():
            before = known.get(key)
            if before is None or before.deleted or before.record != record:
                version = before.version + 1 if before else 1
                known[key] = Entry(id=key, version=version, deleted=False, record=record)
        for key in known.keys() - now.keys():
            if not known[key].deleted:
                last = known[key]
                known[key] = Entry(
                    id=key, version=last.version + 1, deleted=True, record=last.record
                )
        return iter(list(known.values()))

    def _rows(self, stream: str) -> dict[str, Mapping[str, Any]]:
        if stream == "marketing_spends":
            fixed = {"_spreadsheet_id": "spends"}
            return dict(_truth(self.spends(), SPEND_FIELDS, fixed, "spends"))
        found: dict[str, Mapping[str, Any]] = {}
        for year in self.years:
            found |= _truth(self.leads(year), LEAD_FIELDS, {"year": year}, str(year))
        return found

    def _fill(self, tab: Tab, count: int, make: Any) -> None:
        for number in range(count):
            tab.rows.append([] if number % GAP == GAP - 1 else make())

    def _local(self, dice: Random) -> datetime:
        at = self._world.before_start(dice, 300).astimezone(ZoneInfo(ZONE))
        return at.replace(tzinfo=None, microsecond=0, minute=0, fold=0)


def _truth(
    tab: Tab, fields: list[str], fixed: Mapping[str, Any], label: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, row in enumerate(tab.rows[1:], start=FIRST):
        if any(cell not in {"", None} for cell in row):
            cells = [_meant(cell, name) for cell, name in zip(row, fields, strict=False)]
            named = dict(zip(fields, cells, strict=False))
            yield f"{label}:{number}", {**fixed, "_row_number": number, **named}


def _meant(cell: Any, name: str) -> Any:
    """What a person means by a cell."""
    value = cell.value if isinstance(cell, Formula) else cell
    if value in {"", "#N/A", None} and not isinstance(value, bool):
        return None
    if isinstance(value, datetime):
        if name.endswith("_date"):
            return f"{value:%Y-%m-%d}"
        moment = value.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.000000Z"
    if isinstance(value, str) and "$" in value:
        number = float(value.strip("()").replace("$", "").replace(",", ""))
        return -number if value.startswith("(") else number
    return value
