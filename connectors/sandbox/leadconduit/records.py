"""Leads, events and lists in the shapes of LeadConduit's answers."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sandbox.clock import epoch_ms, iso

Record = dict[str, Any]
RETENTION = timedelta(days=90)
FLOWS = (("5300000000000000000000b1", "Roofing"), ("5300000000000000000000b2", "Windows & Doors"))
SOURCES = (("5300000000000000000000c1", "Vendor A"), ("5300000000000000000000c2", "Väter & Söhne"))
ACCOUNT = {"id": "5300000000000000000000a1", "sso_id": "5300000000000000000000a2", "name": "Buyer"}
STATES = (("TX", "Texas", "texas"), ("CO", "Colorado", "CO"), ("ZZ", "ZZ", "zz"))


def object_id(at: datetime, number: int) -> str:
    """An id as MongoDB makes them: seconds since 1970, then a counter."""
    return f"{int(at.timestamp()):08x}{number:016x}"


def phone(raw: str) -> Record:
    """A typed phone number; anything without ten digits is not valid."""
    digits = "".join(sign for sign in raw if sign.isdigit())
    if len(digits) != 10:  # noqa: PLR2004 - North American numbers
        return {"normal": raw, "raw": raw, "valid": False}
    return {
        "normal": digits,
        "raw": raw,
        "area": digits[:3],
        "exchange": digits[3:6],
        "line": digits[6:],
        "number": digits[3:],
        "extension": None,
        "country_code": "US",
        "country_calling_code": 1,
        "is_tollfree": False,
        "type": None,
        "valid": True,
    }


def email(raw: str) -> Record:
    """A typed address."""
    user, _, domain = raw.partition("@")
    return {
        "normal": raw.lower(),
        "raw": raw,
        "user": user,
        "domain": domain,
        "host": domain.partition(".")[0],
        "tld": domain.rpartition(".")[2],
        "is_free": False,
        "is_disposable": False,
        "valid": True,
    }


def lead(number: int, lead_id: str) -> Record:
    """A lead's fields: typed, plain, custom, nested, listed, masked."""
    state, state_name, typed = STATES[number % 3]
    street = f"{number} Main St"
    house = {"number": str(number), "name": "Main St", "valid": True}
    amount = None if number % 10 == 0 else number * 100.5
    mask = number % 25 == 0
    fields: Record = {
        "id": lead_id,
        "first_name": "Ana",
        "last_name": f"O'Neil {number}",
        "email": email(f"Ana.{number}@Example.com"),
        "phone_1": phone("garbage" if number % 20 == 0 else f"(512) 555-{number % 10_000:04d}"),
        "phone_2": phone(""),
        "address_1": {"normal": street, "raw": street, **house},
        "city": "Austin 🤠",
        "state": {"normal": state, "raw": typed, "name": state_name, "valid": True},
        "postal_code": {
            "normal": "78704" if not mask else "*****",
            "raw": "78704",
            "country_code": "US",
            "code": "78704",
            "zip": "78704",
            "four": None,
            "valid": True,
            **({"masked": True} if mask else {}),
        },
        "loan_amount": {"normal": amount, "raw": "abc", "valid": amount is not None},
        "homeowner": {"normal": number % 2 == 0, "raw": "Yes", "valid": True},
        "dob": {"normal": "1988-10-01T00:00:00.000Z", "raw": "10/1/1988", "valid": True},
        "owner_hge": "Rep",
        "note_hge": f"note {number}",
        "salesrabbit_lead_id_hge": str(20_000 + number),
        "agent": {"name": "Bo", "phone_1": phone("(512) 555-0199")},
        "interests": [
            {"normal": "roof", "raw": "Roof", "valid": True},
            {"normal": "gutter", "raw": "GUTTER", "valid": True},
        ],
        "reason": "moved house",  # a custom field with the name of an event's own
        f"custom.{'x' * 100}.field": "long name",
    }
    if number % 4 == 0:
        fields["phone_3"] = "5125550123"  # the field's type was changed to text
    return fields


def event(event_id: str, kind: str, at: datetime, fields: Mapping[str, Any], **more: Any) -> Record:
    """What events of every type have. It took 1.3 seconds; `at` is its start."""
    start = epoch_ms(at)
    flow, source = FLOWS[start % 2], SOURCES[start % 3 % 2]
    made: Record = {
        "id": event_id,
        "type": kind,
        "outcome": "success",
        "host": "ip-10-0-0-1",
        "start_timestamp": start,
        "end_timestamp": start + 1333,
        "ms": 1333,
        "wait_ms": 900,
        "overhead_ms": 20,
        "lag_ms": 3,
        "total_ms": 1333,
        "handler_version": "5.0.1",
        "version": "2.1.0",
        "cap_reached": False,
        "expires_at": iso(at + RETENTION),
        "firehose": {"enabled": False},
        "rule_set": {"op": "and", "rules": []},
        "vars": {
            "submission": {"timestamp": iso(at), "ip": "203.0.113.7"},
            "account": ACCOUNT,
            "flow": {"id": flow[0], "name": flow[1]},
            "source": {"id": source[0], "name": source[1]},
            "lead": dict(fields),
        },
    }
    return made | more


def exchange(at: datetime) -> Record:
    """An HTTP request and its answer, as events quote them."""
    return {
        "request": {
            "method": "POST",
            "uri": "/flows/x/sources/y/submit",
            "headers": {},
            "body": "first_name=Ana&x=\u0000&y=🙂",
            "timestamp": epoch_ms(at),
        },
        "response": {"status": 201, "headers": {}, "body": "<a>b</a>", "timestamp": epoch_ms(at)},
    }


def flow(flow_id: str, name: str, created: datetime) -> Record:
    """A flow with a source and two steps; a step names a credential."""
    return {
        "id": flow_id,
        "name": name,
        "enabled": True,
        "fields": ["first_name", "email"],
        "sources": [{"id": "c1", "entity": {"id": SOURCES[0][0], "name": SOURCES[0][1]}}],
        "steps": [
            {"id": "abc123", "type": "filter"},
            {"id": "def456", "type": "recipient", "credential": {"api_key": "hidden-step-key"}},
        ],
        "level": "gold",
        "created_at": iso(created),
        "updated_at": iso(created),
    }


def entity(number: int, created: datetime) -> Record:
    """A buyer or seller."""
    return {
        "id": f"53000000000000000000e{number:03x}",
        "name": f"Entity {number}",
        "standard": number % 2 == 0,
        "pending": False,
        "connected": "seller" if number % 2 else "buyer",
        "flow_ids": [FLOWS[0][0]],
        "module_ids": [],
        "time_zone": "America/Chicago",
        "created_at": iso(created),
        "updated_at": iso(created),
    }


def field(number: int, created: datetime) -> Record:
    """A field of the catalogue; names are long and have dots."""
    field_id = f"agent.part_{number}" if number % 2 else f"{'long_' * (number % 48)}field_{number}"
    return {
        "id": field_id,
        "name": f"Field {number}",
        "type": ("string", "phone", "boolean", "number")[number % 4],
        "standard": True,
        "created_at": iso(created),
        "updated_at": iso(created.astimezone(UTC)),
    }
