"""From LeadConduit's nested events to flat records.

A lead's typed values are objects: `{"normal": "TX", "raw": "texas", "name": "Texas", ...}`.
`normal` is the value. Plain text types, custom fields and fields whose type was changed come
as plain values, so one field is now an object and now text.

An event comes with what is stored as JSON still as text (see `opening`): the larger part of it
never becomes Python objects here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

import msgspec
from msgspec import Raw

from connectors.answers import decoded
from connectors.model import FieldType, Record
from connectors.sources.leadconduit.opening import Event
from connectors.sources.leadconduit.streams import COMMON, EVENTS, LEADS

NAMED_BY_LEAD = frozenset({"first_name", "last_name", "email", "city", "state", "country"}) | {
    name for name in LEADS.fields if re.match(r"(phone|address)_\d|postal", name)
}
RESERVED = (frozenset(LEADS.fields) | COMMON.keys() | {"id", "type"}) - NAMED_BY_LEAD
"""Columns of `leads` that are about the event; a lead field of that name gets `lead.` before it."""

EVENT_FIELDS = frozenset(
    (
        *("id", "type", "outcome", "reason", "vars", "host", "start_timestamp"),
        *("end_timestamp", "ms", "wait_ms", "overhead_ms", "lag_ms", "total_ms"),
        *("handler_version", "version", "cap_reached", "flow_ping_limits"),
        *("source_ping_limits", "ping_limit_reached", "expires_at", "firehose", "module_id"),
        *("package_version", "acceptance_criteria", "step_count", "appended", "request"),
        *("response", "step_id", "caps", "caps_reached", "key", "cost", "purchase_price"),
        *("sale_price", "revenue", "credential", "credential_updated", "rule_set", "mappings"),
        *("pricing", "transactions", "retry_status", "recipient_event_id", "feedback"),
        *("description", "disabled_step_count", "flow_acceptance_criteria", "flow_caps"),
        *("flow_pricing", "flow_pricing_service", "pricing_service", "recipient_record_id"),
        *("recipient_revenue", "source_caps", "price", "event_id"),
    )
)
"""What an event is known to have. Another member that is an object was appended by a step,
under a name of the account's own choice: without end, so they share one column."""

DOCUMENTS = frozenset(name for name, kind in EVENTS.fields.items() if kind is FieldType.JSON)
"""Members stored as JSON: the warehouse takes their text as it came."""
PLAIN = EVENT_FIELDS - DOCUMENTS
DECLARED = tuple(name for name in EVENTS.fields if name in EVENT_FIELDS)
"""Members that every event is given: of records with the same fields a batch is made faster."""
SECRET = re.compile(r"api.?key|secret|passw|token|credential", re.IGNORECASE)
MAX_DEPTH = 8  # of lead fields inside lead fields; deeper ones stay JSON
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Named(msgspec.Struct, frozen=True, gc=False):
    """Something that `vars` names: a lead, a flow, a source, a recipient, an account."""

    id: Any = None
    name: Any = None


class Submission(msgspec.Struct, frozen=True, gc=False):
    """When and from where a lead came."""

    timestamp: Any = None
    ip: Any = None


class Vars(msgspec.Struct, frozen=True, gc=False):
    """What is asked for of an event's `vars` in every query."""

    lead: Raw = Raw(b"{}")
    account: Named = Named()
    flow: Named = Named()
    source: Named = Named()
    recipient: Named = Named()
    submission: Submission = Submission()


VARS = msgspec.json.Decoder(Vars)
NAMED = msgspec.json.Decoder(Named)
FIELDS = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def event_record(event: Event) -> Record:
    """Return an event as a flat record; what is nested in `vars` stays there, ids come up."""
    record = event.members()
    told, lead = _vars(record)
    _flatten_event(record, told)
    record["lead_id"] = _named(lead).id
    return record


def lead_record(event: Event) -> Record:
    """Return the lead of a source event. Its id is the event's."""
    whole = event.members()
    told, lead = _vars(whole)
    _flatten_event(whole, told)
    record = {name: whole[name] for name in COMMON if name in whole}
    record["lead_id"] = event.id
    record["submitted_at"] = told.submission.timestamp or record["started_at"]
    record["submission_ip"] = told.submission.ip
    record["lead"] = document(lead)
    fields = flat(_fields(lead))
    fields.pop("id", None)
    for name in RESERVED & fields.keys():
        fields[f"lead.{name}"] = fields.pop(name)
    return record | fields


def flat(fields: Record) -> Record:
    """Return lead fields with their plain values; fields of fields by their dotted name."""
    found: Record = {}
    _flatten(fields, found, "", 0)
    return found


def _flatten(fields: Record, found: Record, prefix: str, depth: int) -> None:
    for name, value in fields.items():  # the inmost loop of a read: `plain` is written out here
        if isinstance(value, dict):
            inner = cast("Record", value)
            if "normal" in inner:
                found[prefix + name] = inner["normal"]
            elif inner and depth < MAX_DEPTH and not _is_typed(inner):
                _flatten(inner, found, f"{prefix}{name}.", depth + 1)
            else:
                found[prefix + name] = plain(inner)
        else:
            found[prefix + name] = plain(value) if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """Return `normal` of a typed value, also inside a list; any other value as it is."""
    if isinstance(value, dict):
        typed = cast("Record", value)
        return typed.get("normal") if _is_typed(typed) else typed
    if isinstance(value, list):
        return [plain(one) for one in cast("list[Any]", value)]
    return value


def without_secrets(value: Any) -> Any:
    """Return a list's record without members that hold keys: `/user` shows the account's own."""
    if isinstance(value, dict):
        return {
            name: without_secrets(member)
            for name, member in cast("Record", value).items()
            if not SECRET.search(name)
        }
    if isinstance(value, list):
        return [without_secrets(one) for one in cast("list[Any]", value)]
    return value


def instant_of(milliseconds: object) -> str | None:
    """Return a time in ms since 1970 as ISO text; None for anything else."""
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        return None
    minute, rest = divmod(milliseconds, 60_000)
    try:
        return f"{_minute(minute)}:{rest // 1000:02d}.{rest % 1000:03d}Z"
    except OverflowError:  # beyond the years of a date
        return None


@lru_cache(maxsize=4096)
def _minute(number: int) -> str:
    """Return a minute since 1970 as ISO text; events of one page share their minutes."""
    return (EPOCH + timedelta(minutes=number)).isoformat()[:16]


def _is_typed(value: Record) -> bool:
    return "normal" in value or ("raw" in value and "valid" in value)


def _vars(members: Record) -> tuple[Vars, Any]:
    """Return what `vars` tells, and the lead in it; empty where it is not as documented."""
    text = members.get("vars")
    if type(text) is Raw:
        try:
            told = VARS.decode(text)
        except ValueError:
            pass
        else:
            return told, told.lead
    parts = _object(decoded(text))
    submission = _object(parts.get("submission"))
    told = Vars(
        account=_named(parts.get("account")),
        flow=_named(parts.get("flow")),
        source=_named(parts.get("source")),
        recipient=_named(parts.get("recipient")),
        submission=Submission(submission.get("timestamp"), submission.get("ip")),
    )
    return told, _object(parts.get("lead"))


def _named(thing: Any) -> Named:
    if type(thing) is Raw:
        try:
            return NAMED.decode(thing)
        except ValueError:
            thing = decoded(thing)
    members = _object(thing)
    return Named(members.get("id"), members.get("name"))


def _fields(lead: Any) -> Record:
    if type(lead) is Raw:
        try:
            return FIELDS.decode(lead)
        except ValueError:
            lead = decoded(lead)
    return _object(lead)


def _flatten_event(record: Record, told: Vars) -> None:
    appended: Record = {}
    documents, others = _nested(tuple(record))
    for name in documents:
        record[name] = document(record[name])
    for name in others:
        value = decoded(record.pop(name))
        if isinstance(value, dict):
            appended[name] = value
        elif value is not None:
            record[name] = value
    own = record.get("appended")
    if appended:
        own = _object(decoded(Raw(own) if isinstance(own, str) else own)) | appended
    record["appended"] = None if own in ("{}", {}) else own
    record.pop("credential", None)  # what a recipient is logged in with
    record["account_id"] = told.account.id
    record["started_at"] = instant_of(record.get("start_timestamp"))
    record["ended_at"] = instant_of(record.get("end_timestamp"))
    for part, named in (
        ("flow", told.flow),
        ("source", told.source),
        ("recipient", told.recipient),
    ):
        record[f"{part}_id"] = named.id
        record[f"{part}_name"] = plain(named.name)


@lru_cache(maxsize=16)
def _nested(names: tuple[str, ...]) -> tuple[Sequence[str], Sequence[str]]:
    """Return those of an event's members that are JSON columns, and those named by the account."""
    rest = [name for name in names if name not in PLAIN]
    return (
        [name for name in rest if name in DOCUMENTS],
        [name for name in rest if name not in DOCUMENTS],
    )


def document(text: Any) -> Any:
    """Return a JSON object or list as the text it came as, any other value decoded."""
    if type(text) is Raw:
        try:
            shown = str(text, "utf-8")
        except UnicodeDecodeError:
            return decoded(text)
        if shown[0] in "{[":
            return shown
    return decoded(text)


def _object(value: Any) -> Record:
    return cast("Record", value) if isinstance(value, dict) else {}
