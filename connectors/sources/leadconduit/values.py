"""From LeadConduit's nested events to flat records.

A lead's typed values are objects: `{"normal": "TX", "raw": "texas", "name": "Texas", ...}`.
`normal` is the value. Plain text types, custom fields and fields whose type was changed come
as plain values, so one field is now an object and now text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from connectors.model import Record
from connectors.sources.leadconduit.streams import COMMON, LEADS

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

SECRET = re.compile(r"api.?key|secret|passw|token|credential", re.IGNORECASE)
MAX_DEPTH = 8  # of lead fields inside lead fields; deeper ones stay JSON


def event_record(event: Record) -> Record:
    """Return an event as a flat record; what is nested in `vars` stays there, ids come up."""
    record: Record = {}
    appended: dict[str, Any] = {}
    for name, value in event.items():
        if name in EVENT_FIELDS:
            record[name] = value
        elif isinstance(value, dict):
            appended[name] = value
        else:
            record[name] = value
    record.pop("credential", None)  # what a recipient is logged in with
    return record | _told(event, appended)


def lead_record(event: Record) -> Record:
    """Return the lead of a source event. Its id is the event's."""
    whole = event_record(event)
    submission = _member(event, "vars", "submission")
    lead = _member(event, "vars", "lead")
    record = {name: whole[name] for name in COMMON if name in whole}
    record |= {
        "lead_id": event.get("id"),
        "submitted_at": submission.get("timestamp") or whole.get("started_at"),
        "submission_ip": submission.get("ip"),
        "lead": dict(lead),
    }
    for name, value in flat(lead):
        if name != "id":
            record[f"lead.{name}" if name in RESERVED else name] = value
    return record


def flat(fields: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield lead fields with their plain values; fields of fields by their dotted name."""
    for name, value in fields.items():
        inner = cast("Record", value) if isinstance(value, dict) else {}
        if inner and depth < MAX_DEPTH and not _is_typed(inner):
            yield from flat(inner, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", plain(value)


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
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (OverflowError, ValueError, OSError):  # beyond the years of a date
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def _is_typed(value: Record) -> bool:
    return "normal" in value or ("raw" in value and "valid" in value)


def _told(event: Record, appended: dict[str, Any]) -> Record:
    """What stands in an event's depth, or in another unit, and is asked for in every query."""
    own = event.get("appended")
    if isinstance(own, dict):
        appended = {**cast("Record", own), **appended}
    named = {part: _member(event, "vars", part) for part in ("flow", "source", "recipient")}
    told: Record = {
        "lead_id": _member(event, "vars", "lead").get("id"),
        "account_id": _member(event, "vars", "account").get("id"),
        "started_at": instant_of(event.get("start_timestamp")),
        "ended_at": instant_of(event.get("end_timestamp")),
        "appended": appended or None,
    }
    for part, members in named.items():
        told[f"{part}_id"] = members.get("id")
        told[f"{part}_name"] = plain(members.get("name"))
    return told


def _member(value: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return the object at `path`, empty where there is none."""
    inner: Any = value
    for name in path:
        inner = cast("Record", inner).get(name) if isinstance(inner, dict) else None
    return cast("Record", inner) if isinstance(inner, dict) else {}
