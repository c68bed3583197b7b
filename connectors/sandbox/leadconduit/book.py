"""The account's book: events as they were written, and the lists."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.clock import iso
from connectors.sandbox.leadconduit import records
from connectors.sandbox.leadconduit.records import FLOWS, Record, object_id
from connectors.sandbox.ledger import Entry, Ledger
from connectors.sandbox.vendors import World

STREAMS = ("events", "flows", "entities", "fields", "destinations", "vars", "users", "accounts")
KEPT = 80  # days before the start in which the first events lie: none is about to be forgotten


class Book(Ledger):
    """Events by id, and the lists. Leads are the events of type `source`."""

    def __init__(self, world: World) -> None:
        super().__init__(*STREAMS)
        self._world = world
        self.ids: list[str] = []  # of events, ascending
        self.leads: list[str] = []
        self._made = 0
        dice = world.random("leadconduit", "book")
        self._fill_lists(world.start - timedelta(days=400))
        days = (KEPT if number % 3 else 2 for number in range(world.count(250, 12)))
        for at in sorted(world.before_start(dice, some) for some in days):
            self.submit(at)

    def submit(self, at: datetime) -> str:
        """A lead that came at `at` and is through: a filter, recipients, then its own event."""
        number = len(self.leads) + 1
        lead_id = self._id(at)
        fields = records.lead(number, lead_id)
        step = at + timedelta(milliseconds=100)
        failed = number % 5 == 0
        if number % 2:
            reason = {"outcome": "stop", "reason": "Duplicate lead"} if failed else {}
            self._write(step, "filter", fields, **({"outcome": "continue"} | reason))
        for turn in range(1 + number % 2):
            recipient = {
                "key": ("trustedform", "briteverify")[turn],
                "step_id": "def456",
                "cost": 1.25,
                "purchase_price": 1.25,
                "credential": {"id": "x", "token": "hidden-recipient-token"},
                "mappings": [{"property": "url"}],
                "transactions": [records.exchange(step)],
                ("trustedform", "briteverify")[turn]: {"outcome": "success", "billable": turn},
            }
            self._write(step, "recipient", fields, **recipient)
        self.add(
            records.event(lead_id, "source", at, fields)
            | records.exchange(at)
            | {
                "outcome": "failure" if failed else "success",
                **({"reason": "Duplicate lead"} if failed else {}),
                "module_id": "leadconduit-default.inbound",
                "package_version": "2.9.14",
                "step_count": 2,
                "purchase_price": 0,
                "appended": {"trustedform": {"outcome": "success"}},
            }
        )
        self.leads.append(lead_id)
        return lead_id

    def feedback(self, lead_id: str, at: datetime) -> str:
        """A buyer sends a lead back; its id."""
        fields = self["events"].get(lead_id) or {}
        more = {"feedback": {"type": "return", "reason": "bad number"}, "step_id": "def456"}
        return self._write(at, "feedback-received", fields["vars"]["lead"], **more)

    def retry(self, lead_id: str, at: datetime) -> str:
        """A recipient is tried again; its id."""
        fields = self["events"].get(lead_id) or {}
        more = {"retry_status": "completed", "step_id": "def456", "cost": 2}
        return self._write(at, "retry", fields["vars"]["lead"], **more)

    def add(self, event: Record) -> str:
        """Write an event as it is; its id."""
        self["events"].put(event["id"], event)
        if (at := bisect_left(self.ids, event["id"])) == len(self.ids) or self.ids[at] != event[
            "id"
        ]:
            insort(self.ids, event["id"])
        return str(event["id"])

    def streams(self) -> list[str]:
        """Names of the streams."""
        return [*super().streams(), "leads"]

    def entries(self, stream: str) -> Iterator[Entry]:
        """See `Truth.entries`. An event that the retention took is still in the book."""
        if stream != "leads":
            return super().entries(stream)
        return (one for one in super().entries("events") if one.record["type"] == "source")

    def turn_over(self, step: int, at: datetime) -> None:
        """The lists change: a flow is renamed, a field is deleted and another made."""
        flow = dict(self["flows"].get(FLOWS[0][0]) or {})
        self["flows"].put(FLOWS[0][0], flow | {"name": f"Roofing {step}", "updated_at": iso(at)})
        self["fields"].delete(self["fields"].live_keys()[0])
        made = records.field(1000 + step, at)
        self["fields"].put(made["id"], made)

    def _write(self, at: datetime, kind: str, fields: Record, **more: Any) -> str:
        return self.add(records.event(self._id(at), kind, at, fields, **more))

    def _id(self, at: datetime) -> str:
        self._made += 1
        return object_id(at, self._made)

    def _fill_lists(self, created: datetime) -> None:
        for flow_id, name in FLOWS:
            self["flows"].put(flow_id, records.flow(flow_id, name, created))
        for number in range(1, self._world.count(20, 5) + 1):
            made = records.entity(number, created)
            self["entities"].put(made["id"], made)
        for number in range(1, self._world.count(60, 20) + 1):
            made = records.field(number, created)
            self["fields"].put(made["id"], made)
        for number in range(1, 4):
            key = f"instance{number}"
            usage = {"instance_id": key, "name": f"CRM {number}", "actions": ["add"]}
            self["destinations"].put(key, usage | {"flow_usages": [{"flow_id": FLOWS[0][0]}]})
        for name in ("lead.email", "lead.phone_1", "trustedform.outcome"):
            shown = {"name": name, "label": name.title(), "type": "string", "examples": ["x"]}
            self["vars"].put(name, shown | {"last_used_at": iso(created)})
        person = {"id": "5300000000000000000000f1", "name": "Owner", "email": "o@example.com"}
        self["users"].put(person["id"], person)
        self["accounts"].put(
            records.ACCOUNT["id"], {**records.ACCOUNT, "data_retention_in_days": 90}
        )


def begun_ms(event_id: str) -> int:
    """Milliseconds since 1970 of an id's second."""
    return int(event_id[:8], 16) * 1000
