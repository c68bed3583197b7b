"""The account's book: leads with their histories, the knock log, and the lists around them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from connectors.sandbox.ledger import Ledger
from connectors.sandbox.salesrabbit.records import (
    FIRST_USER,
    ODD,
    SMALL,
    STATUSES,
    USED,
    USERS,
    event_key,
    event_record,
    knock_record,
    lead_record,
    status_record,
    user_record,
    whole,
)
from connectors.sandbox.vendors import World

STREAMS = ("leads", "lead_status_histories", "lead_status_activities", "users", "lead_statuses")
FIRST_LEAD, FIRST_KNOCK = 20_417, 74_601


class Book(Ledger):
    """The account. `events`: the history of each live lead, in the order it is shown."""

    def __init__(self, world: World) -> None:
        super().__init__(*STREAMS, *SMALL)
        self._world = world
        self._next_lead, self._next_knock = FIRST_LEAD, FIRST_KNOCK
        self.events: dict[int, list[dict[str, Any]]] = {}
        self._fill_small()
        dice = world.random("salesrabbit", "leads")
        for _ in range(world.count(300)):
            self.add_lead(dice, world.before_start(dice))

    def add_lead(self, dice: Random, at: datetime) -> int:
        """A lead made at `at`, knocked on once or more in the seconds after; its id."""
        number, self._next_lead = self._next_lead, self._next_lead + 1
        self["leads"].put(str(number), lead_record(number, dice, whole(at)))
        for knock in range(dice.choice((1, 1, 1, 2, 3))):
            self.knock(number, dice.choice(USED), at + timedelta(seconds=knock))
        return number

    def change_lead(self, lead: int, *, dated: bool = True, **fields: Any) -> None:
        """Edit a lead now; not `dated`: `dateModified` does not tell."""
        now = {"dateModified": whole(self._world.clock.stamp())} if dated else {}
        self["leads"].put(str(lead), {**self.lead(lead), **fields, **now})

    def lead(self, lead: int) -> Mapping[str, Any]:
        """A live lead. Raises `KeyError` when there is none."""
        record = self["leads"].get(str(lead))
        if record is None:
            raise KeyError(lead)
        return record

    def delete_lead(self, lead: int) -> None:
        """Delete a lead: it vanishes from its lists, its knocks say that it is not active."""
        now = whole(self._world.clock.stamp())
        moved = {**self.lead(lead), "deletedAt": now, "dateModified": now}
        self["leads"].delete(str(lead), moved)
        for event in self.events.pop(lead, ()):
            self["lead_status_histories"].delete(event_key(lead, event))
        log = self["lead_status_activities"]
        gone = {
            "currentLeadIsActive": False,
            "currentOnDeviceStatusModified": now.removesuffix("+00:00"),
        }
        for entry in log.entries():
            if entry.record["dispositionLeadID"] == lead:
                log.put(entry.id, {**entry.record, **gone})

    def knock(self, lead: int, status: str, at: datetime | None = None) -> None:
        """Give a lead a status: a line in the log, and a new current event in its history."""
        stamp = whole(at or self._world.clock.stamp())
        moved = {
            **self.lead(lead),
            "status": status,
            "statusModified": stamp,
            "dateModified": stamp,
        }
        self["leads"].put(str(lead), moved)
        events = self.events.setdefault(lead, [])
        for event in events:
            event["active"] = False
        events.insert(0 if lead % ODD == 0 else len(events), event_record(moved))
        for event in events:
            shown = {**event, "leadId": str(lead)}
            self["lead_status_histories"].put(event_key(lead, event), shown)
        number, self._next_knock = self._next_knock, self._next_knock + 1
        self["lead_status_activities"].put(str(number), knock_record(number, moved))

    def turn_over(self, step: int, dice: Random) -> None:
        """Doors are knocked on, leads edited and deleted, users leave, a status is renamed."""
        leads = [int(key) for key in self["leads"].live_keys()]
        for lead in leads[3:9]:
            self.knock(lead, dice.choice(STATUSES))
        for lead in leads[9:12]:
            custom = {f"visit{step}": str(step)}
            self.change_lead(
                lead, notes=f"edited {step}", email="", firstName=None, customFields=custom
            )
        for lead in leads[step : step + 1]:
            self.delete_lead(lead)
        users = self["users"]
        leaving, left = users.live_keys()[-1], users.live_keys()[0]
        users.put(leaving, {**(users.get(leaving) or {}), "active": False, "team": "Gone"})
        users.delete(left)  # its name stays with its leads
        renamed = status_record(len(STATUSES) - 1) | {"name": f"New Mover {step}"}
        self["lead_statuses"].put(str(renamed["id"]), renamed)

    def _fill_small(self) -> None:
        dice = self._world.random("salesrabbit", "users")
        for user in range(FIRST_USER, FIRST_USER + USERS):
            self["users"].put(str(user), user_record(user, dice))
        for number in range(len(STATUSES)):
            status = status_record(number)
            self["lead_statuses"].put(str(status["id"]), status)
        for stream, records in SMALL.items():
            for record in records:
                self[stream].put(str(record["id"]), record)
