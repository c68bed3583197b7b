"""What the pretend account holds, in the shapes of Arrivy's answers."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

Record = dict[str, Any]

FIRST_ID = 5_348_024_557_500_000
OWNER = 5_629_499_534_213_120
HOME = ZoneInfo("America/New_York")
KINDS = ("tasks", "entities", "groups", "customers", "bookings", "statuses", "crews")
MORE_KINDS = ("resources", "templates", "events", "ratings")
STATUSES = ("NOTSTARTED", "CONFIRMED", "ENROUTE", "STARTED", "COMPLETE", "CANCELLED", "EXCEPTION")
LONG = "Ladder at the back, dog is friendly 🐕. " * 40
NAMES = ("Ana", "Bo", "Chloé", "", None)


def identifier(kind: str, number: int) -> int:
    """A 16-digit id, far from those of other kinds."""
    return FIRST_ID + (*KINDS, *MORE_KINDS).index(kind) * 10**12 + number * 7919


def utc(moment: datetime, *, fine: bool = False) -> str:
    """`2017-10-14T06:23:33`, or with microseconds: UTC without saying so."""
    bare = moment.astimezone(UTC).replace(tzinfo=None)
    return bare.isoformat(timespec="microseconds" if fine else "seconds")


def entered(moment: datetime, shape: int = 0) -> str:
    """The time as a person entered it, with an offset, in one of the shapes seen."""
    local = moment.astimezone(HOME)
    match shape % 9:
        case 7:
            return local.strftime("%Y-%m-%dT%H:%M:%S%z")
        case 8:
            return f"{local:%Y-%m-%dT%H:%M}:{local.second}{local.isoformat()[19:]}"
        case _:
            return local.isoformat(timespec="seconds")


def loosely(value: object, number: int) -> Any:
    """A JSON value as an object or list, as its text, as null or as an empty text."""
    match number % 5:
        case 1:
            return msgspec.json.encode(value).decode()
        case 3:
            return None
        case 4:
            return ""
        case _:
            return value


def phone(number: int) -> str | int:
    """A phone number as text, or as a number."""
    return 6_175_550_000 + number % 10_000 if number % 3 == 0 else f"+1617555{number % 10_000:04d}"


def times(start: datetime | None, minutes: int, number: int) -> Record:
    """The times of a task; a task without a date has them all null."""
    if start is None:
        return dict.fromkeys(
            f"{end}_datetime{part}"
            for end in ("start", "end")
            for part in ("", "_original_iso_str")
        )
    end = start + timedelta(minutes=minutes)
    return {
        "start_datetime": utc(start, fine=number % 11 == 0),
        "end_datetime": utc(end),
        "start_datetime_original_iso_str": entered(start, number),
        "end_datetime_original_iso_str": entered(end),
    }


def task(number: int, start: datetime | None, created: datetime, dice: Random) -> Record:
    """A task of about 60 fields. Times, phones, addresses and JSON come in mixed shapes."""
    group = identifier("groups", number % 4)
    location = {"lat": 42.36 + dice.randrange(1000) / 10_000, "lng": -71.06}
    product = {"name": "Product", "type": "TEXT", "value": ("Siding", 7, None, True)[number % 4]}
    twice = [product, {"name": "Product", "type": "NUMBER", "value": number}]
    made: Record = {
        "id": identifier("tasks", number),
        "url_safe_id": f"ah{number:032x}",
        "owner": OWNER,
        "title": f"Roof inspection {number}",
        "details": LONG if number % 10 == 0 else ("", None, "Side door")[number % 3],
        **times(start, 120, number),
        "unscheduled": False,
        "self_scheduling": number % 6 == 0,
        "duration": 120,
        "status": "NOTSTARTED",
        "status_title": "Not started",
        "template": identifier("templates", number % 3) if number % 2 else f"Template {number % 3}",
        "template_type": "TASK",
        "template_extra_fields": loosely(twice if number % 4 == 0 else [product], number),
        "customer_id": identifier("customers", number % 8),
        "customer_first_name": NAMES[number % 5],
        "customer_last_name": f"O'Neil {number}",
        "customer_company_name": None,
        "customer_email": f"ana.{number}@example.com" if number % 4 else "",
        "customer_phone": phone(number),
        "customer_mobile_number": phone(number + 1),
        "customer_address_line_1": f"{number} Main St",
        "customer_address_line_2": "" if number % 2 else None,
        "customer_city": "Cambridge",
        "customer_state": "MA",
        "customer_country": ("USA", "United States")[number % 2],
        "customer_zipcode": f"0{2139 + number % 50}",
        "customer_exact_location": loosely(location, number),
        "customer_notes": "said “maybe” 🏠",
        "customer_timezone": "America/New_York",
        "is_customer_address_geo_coded": True,
        "additional_addresses": loosely(
            [{"title": "Office", "address_line_1": "1 Side St", "exact_location": location}],
            number + 2,
        ),
        "entity_ids": [identifier("entities", number % 9)],
        "resource_ids": [identifier("resources", number % 4)] if number % 3 else [],
        "crew_ids": None,
        "number_of_workers_required": 2,
        "extra_fields": loosely({"note": f"n{number}", "nested": {"deep": [1, 2]}}, number + 1),
        "notifications": loosely({"sms": True, "email": False}, number),
        "enable_time_window_display": True,
        "time_window_start": 60,
        "source": "web",
        "external_id": f"EXT-{number}" if number % 5 else None,
        "external_type": "HUBSPOT",
        "group_id": group,
        "group": {"id": group, "name": f"Region {number % 4}"},
        "mileage": ([12.5, 3], [], None, "7.5")[number % 4],
        "travel_time": ("0:25", "", None)[number % 3],
        "total_time": "2:25",
        "rating": None,
        "outbound_sms_count": number % 3,
        "booking_id": f"{identifier('bookings', number % 3)}",
        "is_linked": False,
        "items": [],
        "created": utc(created, fine=True),
        "updated": utc(created, fine=True),
        "created_by": OWNER,
    }
    files = [{"file_id": number, "filename": "roof 🏠.jpg", "thumb_url": None}]
    made["files" if number % 2 else "attachments"] = files if number % 7 == 0 else []
    return made


def event(number: int, kind: str, at: datetime) -> Record:
    """An entry of a task's status history."""
    return {
        "id": identifier("events", number),
        "type": kind,
        "title": kind.title(),
        "time": utc(at, fine=number % 2 == 0),
        "time_original_iso_str": entered(at, number),
        "reporter_id": identifier("entities", number % 9),
        "reporter_name": "Bo Crew",
        "source": ("web", "app", "sms")[number % 3],
        "color": "#00ff00" if number % 2 else "00ff00",
        "extra_fields": loosely({"notes": "on site 👷", "files": []}, number),
        "current_destination": None,
    }


def rating(number: int, at: datetime) -> Record:
    """What a customer said about a task."""
    return {
        "id": identifier("ratings", number),
        "rating": 5 - number % 5,
        "text": "Great work 👍" if number % 2 else "",
        "time": utc(at, fine=True),
        "time_original_iso_str": entered(at),
        "customer_first_name": None,
        "customer_city": "Cambridge",
        "customer_country": "USA",
    }


def placed(kind: str, number: int, created: datetime) -> Record:
    """What groups, customers and crew members have in common. Addresses are flat or nested."""
    address = {
        "address_line_1": f"{number} Elm St",
        "city": "Boston",
        "state": "MA",
        "country": "USA",
        "zipcode": f"0{2100 + number}",
        "exact_location": loosely({"lat": 42.1, "lng": -71.2}, number),
    }
    return {
        "id": identifier(kind, number),
        "owner": OWNER,
        "email": f"{kind}.{number}@example.com" if number % 4 else "",
        "phone": phone(number),
        "external_id": None if number % 3 else f"{kind}-{number}",
        "extra_fields": loosely({"level": number}, number),
        "created": utc(created, fine=True),
        "updated": utc(created),
        **({"address": address} if number % 3 == 1 else address),
    }


def entity(number: int, created: datetime, seen: datetime) -> Record:
    """A crew member, with where the phone was last."""
    return {
        **placed("entities", number, created),
        "name": f"Crew {number}",
        "type": ("Technician", "Sales", "")[number % 3],
        "color": "",
        "details": None,
        "group_id": identifier("groups", number % 4) if number % 2 else None,
        "permission": ("ADMIN", "SCHEDULER", "FIELDCREW", "LIMITEDACCESS")[number % 4],
        "is_disabled": number % 7 == 0,
        "can_turnoff_location": True,
        "skill_ids": [],
        "lastreading": reading(number, seen),
    }


def reading(number: int, at: datetime) -> Record:
    """Where a phone was."""
    return {
        "entity": identifier("entities", number),
        "time": utc(at, fine=True),
        "lat": 42.3,
        "lng": -71.1 - number / 1000,
        "city": "Boston",
        "street": None,
        "country": "USA",
        "meta": None,
        "authorized": True,
    }


def named(kind: str, number: int, created: datetime, **more: Any) -> Record:
    """A record of the small lists: id, owner, name and what is given."""
    return {
        "id": identifier(kind, number),
        "owner": OWNER,
        "name": f"{kind.title()} {number}",
        "created": utc(created),
        "updated": utc(created, fine=True),
        **more,
    }


def member(of: Mapping[str, Any]) -> Record:
    """A crew member as crews show it."""
    return {name: of[name] for name in ("id", "name", "email", "phone", "type")}
