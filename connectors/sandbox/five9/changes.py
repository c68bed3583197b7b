"""What there was at the start, and what happens as time passes."""

from datetime import datetime, timedelta

from connectors.sandbox.five9 import catalog
from connectors.sandbox.five9.contacts import Contacts
from connectors.sandbox.five9.reports import call_row, login_key, login_row
from connectors.sandbox.ledger import Ledger
from connectors.sandbox.vendors import World

DAYS = 20  # of calls and sessions before the start
CALLS_A_DAY = 30
SHIFT = timedelta(hours=8)
FIRST_ADDED = 500_000_000  # call numbers of steps


def fill_reports(ledger: Ledger, contacts: Contacts, world: World) -> None:
    """Calls and sessions of the days before the start."""
    number = 0
    for day in range(DAYS, 0, -1):
        midnight = world.start - timedelta(days=day)
        for each in range(world.count(CALLS_A_DAY, 3)):
            dice = world.random("five9", "call", day, each)
            at = midnight + timedelta(seconds=dice.randrange(86_400))
            phone = contacts.get(dice.randrange(contacts.next))["number1"] or "8885550100"
            row = call_row(number, at, phone, "No Answer")
            ledger["call_log"].put(row["CALL ID"], row)
            number += 1
        for agent in range(3):
            begun = midnight + timedelta(hours=14 + agent, minutes=day)
            put_session(ledger, agent, begun, begun + SHIFT)


def put_session(ledger: Ledger, agent: int, begun: datetime, ended: datetime | None) -> None:
    """Begin a session, or end one."""
    row = login_row(agent, begun, ended)
    ledger["agent_login_logout"].put(login_key(row), row)


class Changes:
    """What a step does."""

    def __init__(self, ledger: Ledger, contacts: Contacts, world: World) -> None:
        self._ledger = ledger
        self._contacts = contacts
        self._world = world
        self._steps = 0

    def step(self) -> None:
        """Some of everything; every third step erases contacts and a disposition."""
        self._steps += 1
        dice = self._world.random("five9", "step", self._steps)
        alive = list(self._contacts.alive())
        stamp = self._world.clock.stamp
        for number in self._world.some(dice, alive, 0.01):
            fields = {"Lead Status": f"Step {self._steps}", "last disposition": "Sold"}
            self._contacts.put(number, stamp(), **fields)
            self._call(number, "Sold")
        moved = dice.choice(alive)
        self._contacts.put(moved, stamp(), number1=f"720{dice.randrange(2_000_000, 10_000_000)}")
        self._call(moved, "Busy")
        for each in range(3):
            phone = f"303{dice.randrange(2_000_000, 10_000_000)}"
            name = f"Newcomer {self._steps}.{each}"
            added = self._contacts.add(stamp(), number1=phone, first_name="New", last_name=name)
            self._call(added, "No Answer")
        if self._steps % 3 == 0:
            for number in self._world.some(dice, alive, 0.002):
                self._contacts.erase(number)
            self._ledger["dispositions"].delete(self._ledger["dispositions"].live_keys()[-1])
        self._late_edits()
        self._configuration()

    def _call(self, number: int, disposition: str) -> None:
        phone = self._contacts.get(number)["number1"] or "8885550100"
        at = self._world.clock.stamp()
        row = call_row(FIRST_ADDED + len(self._ledger["call_log"]), at, phone, disposition)
        self._ledger["call_log"].put(row["CALL ID"], row)

    def _late_edits(self) -> None:
        """A disposition of the evening before is corrected; a session begins, another ends."""
        calls, sessions = self._ledger["call_log"], self._ledger["agent_login_logout"]
        now = self._world.clock.now()
        recent = [row for row in calls.live() if row["TIMESTAMP"] > now - timedelta(days=1)]
        if recent:
            row = dict(recent[0])
            calls.put(row["CALL ID"], row | {"DISPOSITION": f"Corrected {self._steps}"})
        for row in sessions.live():
            if not row["LOGOUT TIMESTAMP"]:
                agent = int(row["AGENT"].removeprefix("agent"))
                put_session(self._ledger, agent, row["LOGIN TIMESTAMP"], self._world.clock.stamp())
        put_session(self._ledger, self._steps % 3, self._world.clock.stamp(), None)

    def _configuration(self) -> None:
        ledger, step = self._ledger, self._steps
        name = f"List new {step}"
        ledger["lists"].put(name, {"name": name, "size": step})
        first = ledger["lists"].live_keys()[0]
        ledger["lists"].put(first, {"name": first, "size": 1_000 + step})
        catalog.put_campaign_list(ledger, "Outbound 0", name, step)
        skill = dict(ledger["skills"].live()[0])
        ledger["skills"].put(str(skill["id"]), skill | {"description": f"Changed in step {step}"})
        if step == 2:  # noqa: PLR2004 - once
            field = catalog.contact_field("Roof Type", "STRING", "None")
            ledger["contact_fields"].put("Roof Type", field)
