"""What the account's records look like, oddities included."""

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

STATUSES = ("Not Home", "No Damage ", "Appointment", "Go Back", "Sold", "New Mover")
USED = STATUSES[:4]  # by the first leads
INACTIVE = "Sold"  # a status that nobody can choose any more
FIRST_STATUS = 200
NOTES = ("met the owner\nback on Friday", "said \u201cmaybe\u201d \U0001f3e0", "x" * 1500)
FIRST_USER, USERS = 911_700_001, 30
ODD = 4  # every fourth lead's history has another order than by time
ENDED = 50  # every fiftieth has no current event


def whole(at: datetime) -> str:
    """An instant in whole seconds with offset."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat()


def lead_record(number: int, dice: Random, at: str) -> dict[str, Any]:
    """A lead: "" for what is empty, an empty object as text, coordinates that may be missing."""
    user = FIRST_USER + dice.randrange(USERS)
    windows = str(dice.randrange(30))
    return {
        "id": number,
        "userName": f"Rep {user}",
        "userId": user,
        "firstName": dice.choice(("", "Ada", "Jos\u00e9")),
        "lastName": dice.choice(("", "Smith", "Featherstonehaugh-" * 7)),
        "businessName": "",
        "email": dice.choice(("", f"lead{number}@example.com")),
        "phonePrimary": dice.choice(("", "(303) 555-0101", "3035550102")),
        "phoneAlternate": "",
        "street1": f"{number % 900} Elm St",
        "street2": "",
        "city": "Springfield",
        "state": dice.choice(("CO", "Colorado", "co", "Colorado Springs")),
        "zip": dice.choice(("80000", "01234")),
        "country": "USA",
        "latitude": dice.choice((39.70000000001, 0, "", 39.123456789012)),
        "longitude": dice.choice((-104.90000000001, 0, "")),
        "status": STATUSES[0],
        "notes": dice.choice((None, "", *NOTES)),
        "appointment": dice.choice((None, {"start": at, "title": "Roof"}, "Friday 5 pm")),
        "customFields": dice.choice(("{}", {"windowCount": windows}, {"roof": "slate"})),
        "integrationData": {},
        "campaignId": dice.choice((None, 12)),
        "files": dice.choice(([], [{"id": number, "name": "roof.jpg"}])),
        "dateOfBirth": dice.choice((None, "", "1970-01-31")),
        "statusModified": at,
        "ownerModified": at,
        "dateCreated": at,
        "dateModified": at,
    }


def event_record(lead: Mapping[str, Any]) -> dict[str, Any]:
    """The event that gave a lead its status; its `id` is only the status."""
    status: str = lead["status"]
    return {
        "id": FIRST_STATUS + STATUSES.index(status),
        "name": status,
        "abbreviation": status[:2].upper(),
        "active": lead["id"] % ENDED != 0,
        "changedByUserId": str(lead["userId"]),
        "statusUpdated": lead["statusModified"],
        "leadCreated": lead["dateCreated"],
        "leadModified": lead["dateModified"],
    }


def event_key(lead: int, event: Mapping[str, Any]) -> str:
    """Key of an event in the ledger."""
    return f"{lead}:{event['id']}:{event['statusUpdated']}"


def knock_record(number: int, lead: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the knock log; ids as numbers and as text, times with and without offset."""
    at: str = lead["statusModified"]
    status: str = lead["status"]
    return {
        "dispositionID": number,
        "dispositionLeadID": lead["id"],
        "dispositionTimestamp": at,
        "dispositionType": "User",
        "dispositionLeadStatusID": FIRST_STATUS + STATUSES.index(status),
        "dispositionLeadStatusName": status,
        "dispositionLeadStatusAbbreviation": status[:2].upper(),
        "dispositionLeadStageID": "1",
        "dispositionerID": str(lead["userId"]),
        "dispositionerProximityStatus": "At location",
        "dispositionerProximityInFeet": 68,
        "dispositionerProximityLatitude": lead["latitude"],
        "dispositionerProximityLongitude": lead["longitude"],
        "currentLeadCreated": lead["dateCreated"],
        "currentLeadModified": at,
        "currentLeadFirstName": lead["firstName"],
        "currentLeadLastName": lead["lastName"],
        "currentLeadIsActive": True,
        "currentLeadLatitude": lead["latitude"],
        "currentLeadLongitude": lead["longitude"],
        "currentLeadOwnerID": lead["userId"],
        "currentLeadOwnerEmail": f"rep{lead['userId']}@example.com",
        "currentLeadCustomFields": {},
        "currentOnDeviceStatusCreated": at.removesuffix("+00:00"),
        "currentOnDeviceStatusModified": at.removesuffix("+00:00"),
    }


def user_record(user: int, dice: Random) -> dict[str, Any]:
    """A user; one field has another spelling than the rest."""
    return {
        "id": user,
        "firstName": dice.choice(("A", "B")),
        "lastName": "Rep",
        "email": f"rep{user}@example.com",
        "phone": "",
        "active": True,
        "hireDate": dice.choice((None, "", "2024-05-01")),
        "role": dice.choice(("Rep", "Manager")),
        "office": "North",
        "team": "Inbound",
        "region": None,
        "orgId": 77,
        "supervisorId": None,
        "externalIds": dice.choice(([], ["E-17"])),
        "photo_url": dice.choice((None, f"https://photos.example.com/{user}.jpg")),
        "dateCreated": "2025-01-01T00:00:00+00:00",
        "dateModified": "2025-01-02T00:00:00+00:00",
    }


def status_record(number: int) -> dict[str, Any]:
    """A status, by its place in `STATUSES`."""
    name = STATUSES[number]
    return {
        "id": FIRST_STATUS + number,
        "name": name,
        "abbreviation": name[:2].upper(),
        "active": name != INACTIVE,
    }


SMALL: Mapping[str, list[dict[str, Any]]] = {
    "lead_custom_fields": [
        {"id": 1, "name": "windowCount", "label": "Windows"},
        {"id": 2, "name": "roof", "label": "Roof"},
    ],
    "org_units": [
        {"id": 77, "name": "North", "parentId": None},
        {"id": 78, "name": "North 2", "parentId": 77},
    ],
    "roles": [{"id": 1, "name": "Rep", "permissions": ["leads"]}],
}
"""Lists of which no recording exists; their fields are invented."""
