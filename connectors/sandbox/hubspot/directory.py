"""The portal's small lists: owners, pipelines, lists with members, schemas, account."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from connectors.sandbox.clock import iso
from connectors.sandbox.hubspot.catalog import FIRST, LAST, OWNER_IDS
from connectors.sandbox.hubspot.kinds import KINDS, PORTAL, Kind
from connectors.sandbox.hubspot.objects import Objects
from connectors.sandbox.hubspot.recipes import Property
from connectors.sandbox.hubspot.rows import Row, iso_ms
from connectors.sandbox.ledger import Records
from connectors.sandbox.vendors import World

OPEN = {"isClosed": "false", "probability": "0.2"}
WON = {"isClosed": "true", "probability": "1.0"}
LOST = {"isClosed": "true", "probability": "0.0"}
TICKET_OPEN, TICKET_CLOSED = {"ticketState": "OPEN"}, {"ticketState": "CLOSED"}
LONG_AGO = "1970-01-01T00:00:00.000Z"

# each row: its kind, id, label, then stages with id, label and metadata
PIPELINES = (
    (
        "deals",
        "default",
        "Sales",
        (
            ("appointmentscheduled", "Appointment", OPEN),
            ("closedwon", "Won", WON),
            ("closedlost", "Lost", LOST),
        ),
    ),
    ("deals", "88001", "Re-roof", (("990017", "Quoted", OPEN), ("990018", "Sold", WON))),
    (
        "tickets",
        "0",
        "Support",
        (("1", "New", TICKET_OPEN), ("2", "Waiting", TICKET_OPEN), ("4", "Closed", TICKET_CLOSED)),
    ),
    (
        "appointments",
        "77001",
        "Visits",
        (("770011", "Booked", OPEN), ("770012", "Done", WON)),
    ),
    ("leads", "66001", "Leads", (("660011", "New", OPEN), ("660012", "Qualified", WON))),
)
# list id, name, kind, how it is filled, one of how many records is a member
LISTS = (
    ("9", "All homeowners", "contacts", "DYNAMIC", 1),
    ("12", "Spring mailing", "contacts", "MANUAL", 3),
    ("31", "Open deals", "deals", "SNAPSHOT", 2),
)
TYPES = {"phone": "phone_number"}


def make_owners(world: World) -> Records:
    """Owners, the last two of them having left."""
    owners, dice = Records(), world.random("hubspot", "owners")
    for number, owner_id in enumerate(OWNER_IDS):
        made = iso(world.before_start(dice))
        left = number >= len(OWNER_IDS) - 2
        user = 5_000_000 + number
        owners.put(
            owner_id,
            {
                "id": owner_id,
                "email": f"rep{number}@example.com",
                "type": "QUEUE" if number == 1 else "PERSON",
                "firstName": FIRST[number % len(FIRST)],
                "lastName": LAST[number % len(LAST)],
                "userId": None if left else user,
                "userIdIncludingInactive": user,
                "createdAt": made,
                "updatedAt": made,
                "archived": left,
                "teams": [] if left else [{"id": "301", "name": "West", "primary": True}],
            },
        )
        if left:
            owners.delete(owner_id)
    return owners


def make_pipelines(world: World) -> Records:
    """Pipelines with their stages, by `kind:id`."""
    pipelines, made = Records(), iso(world.start - timedelta(days=700))
    for order, (kind, pipeline_id, label, stages) in enumerate(PIPELINES):
        pipelines.put(
            f"{kind}:{pipeline_id}",
            {
                "id": pipeline_id,
                "label": label,
                "displayOrder": order,
                "createdAt": LONG_AGO,
                "updatedAt": made,
                "archived": False,
                "stages": [
                    {
                        "id": stage_id,
                        "label": name,
                        "displayOrder": place,
                        "metadata": metadata,
                        "createdAt": made,
                        "updatedAt": made,
                        "archived": False,
                    }
                    for place, (stage_id, name, metadata) in enumerate(stages)
                ],
            },
        )
    return pipelines


def pipelines_of(pipelines: Records, kind: str) -> list[Mapping[str, Any]]:
    """Pipelines of one kind."""
    return [
        record
        for key in pipelines.live_keys()
        if key.startswith(f"{kind}:") and (record := pipelines.get(key)) is not None
    ]


def property_record(one: Property, world: World) -> dict[str, Any]:
    """What the properties API says of a property."""
    options = [
        {"label": value.title(), "value": value, "displayOrder": place, "hidden": False}
        for place, value in enumerate(one.options)
    ]
    record: dict[str, Any] = {
        "name": one.name,
        "label": one.name.replace("_", " ").title(),
        "type": TYPES.get(one.name, one.type),
        "fieldType": one.field,
        "description": "",
        "groupName": "information",
        "options": options,
        "displayOrder": -1,
        "calculated": one.calculated,
        "externalOptions": one.external,
        "hasUniqueValue": one.name == "hs_object_id",
        "hidden": False,
        "hubspotDefined": one.defined,
        "formField": not one.calculated,
        "modificationMetadata": {
            "archivable": not one.defined,
            "readOnlyDefinition": one.defined,
            "readOnlyValue": one.calculated,
        },
        "createdAt": iso(world.start - timedelta(days=700)),
        "updatedAt": iso(world.start - timedelta(days=700)),
        "archived": False,
    }
    if one.external:
        record["referencedObjectType"] = "OWNER"
    return record


def schema_record(kind: Kind, objects: Objects, world: World) -> dict[str, Any]:
    """What the schemas API says of a custom object."""
    made = iso(world.start - timedelta(days=600))
    first = next(iter(objects.properties))
    return {
        "id": kind.type_id.partition("-")[2],
        "objectTypeId": kind.type_id,
        "fullyQualifiedName": kind.qualified_name,
        "name": kind.own_name,
        "labels": {
            "singular": kind.own_name.replace("_", " ").title(),
            "plural": kind.name.replace("_", " ").title(),
        },
        "primaryDisplayProperty": first,
        "requiredProperties": [first],
        "searchableProperties": [first],
        "secondaryDisplayProperties": [],
        "properties": [property_record(one, world) for one in objects.properties.values()],
        "associations": [],
        "createdAt": made,
        "updatedAt": made,
        "archived": False,
    }


class ContactLists:
    """Lists of records, filled by rule from row numbers, with those who joined or left since."""

    def __init__(self, objects: Mapping[str, Objects], world: World) -> None:
        self._objects = objects
        self._made = iso(world.start - timedelta(days=300))
        self._joined: dict[tuple[str, int], int] = {}  # list and row number -> when
        self._left: set[tuple[str, int]] = set()
        self._base = {kind.name: len(objects[kind.name]) for kind in KINDS}

    def records(self) -> list[dict[str, Any]]:
        """The lists themselves."""
        return [
            {
                "listId": list_id,
                "listVersion": 1,
                "name": name,
                "objectTypeId": self._objects[kind].kind.type_id,
                "processingType": how,
                "processingStatus": "COMPLETE",
                "createdAt": self._made,
                "updatedAt": self._made,
                "size": sum(1 for _ in self.members(list_id)),
            }
            for list_id, name, kind, how, _ in LISTS
        ]

    def members(self, list_id: str) -> Iterator[tuple[Row, int]]:
        """Live members by ascending id, with the time (epoch ms) they joined. Raises `KeyError`."""
        return ((row, at) for row, at, left in self.ever(list_id) if row.live and not left)

    def ever(self, list_id: str) -> Iterator[tuple[Row, int, bool]]:
        """Members that are or were: row, when it joined, whether it left."""
        _, _, kind, _, period = next((one for one in LISTS if one[0] == list_id), (None,) * 5)
        if kind is None or period is None:
            raise KeyError(list_id)
        objects = self._objects[kind]
        for index in range(len(objects)):
            place, row = (list_id, index), objects.row(index)
            if place in self._joined:
                yield row, self._joined[place], place in self._left
            elif index < self._base[kind] and index % period == 0:
                yield row, row.created, place in self._left

    def join(self, list_id: str, row: Row, at: int) -> None:
        """Put a record on a list."""
        self._joined[list_id, row.index] = at
        self._left.discard((list_id, row.index))

    def leave(self, list_id: str, row: Row) -> None:
        """Take a record off a list."""
        self._left.add((list_id, row.index))


def membership_record(row: Row, at: int) -> dict[str, Any]:
    """A member as the memberships API names it."""
    return {"recordId": str(row.id), "membershipTimestamp": iso_ms(at)}


def account_details() -> dict[str, Any]:
    """What the account API says."""
    return {
        "portalId": PORTAL,
        "accountType": "STANDARD",
        "timeZone": "US/Mountain",
        "companyCurrency": "USD",
        "additionalCurrencies": ["CAD"],
        "utcOffset": "-07:00",
        "utcOffsetMilliseconds": -25_200_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }
