"""LeadConduit's streams: events, the leads in them, and short lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connectors.model import Deletes, FieldType, Stream, Window

OVERLAP = timedelta(minutes=30)  # see `Settings.overlap_minutes`
LAG = timedelta(minutes=1)

TEXT, INTEGER, NUMERIC = FieldType.TEXT, FieldType.INTEGER, FieldType.NUMERIC
TIMESTAMP, JSON = FieldType.TIMESTAMP, FieldType.JSON
WHOLE = "Every run reads the whole list: all changes and deletions are seen."

COMMON = {
    **dict.fromkeys(("outcome", "reason", "host", "flow_id", "flow_name", "source_id"), TEXT),
    **dict.fromkeys(("source_name", "account_id", "handler_version", "version"), TEXT),
    **dict.fromkeys(("module_id", "package_version"), TEXT),
    **dict.fromkeys(("start_timestamp", "end_timestamp", "ms", "wait_ms"), INTEGER),
    **dict.fromkeys(("overhead_ms", "lag_ms", "total_ms", "step_count"), INTEGER),
    **dict.fromkeys(("started_at", "ended_at", "expires_at"), TIMESTAMP),
    **dict.fromkeys(("cost", "purchase_price", "sale_price", "revenue", "price"), NUMERIC),
    "appended": JSON,
}
"""Fields that events of all types and leads have. Times are in ms since 1970 and as instants."""

EVENTS = Stream(
    name="events",
    fields={
        **COMMON,
        **dict.fromkeys(("id", "type", "lead_id", "recipient_id", "recipient_name"), TEXT),
        **dict.fromkeys(("key", "step_id", "retry_status", "recipient_event_id"), TEXT),
        **dict.fromkeys(("vars", "firehose", "caps", "caps_reached", "cap_reached"), JSON),
        **dict.fromkeys(("flow_ping_limits", "source_ping_limits", "pricing", "feedback"), JSON),
    },
    window=Window(lookback=OVERLAP, lag=LAG),
    sees="Events never change. Incremental runs see all that finished since the last run and began"
    " at most 30 minutes before it (LEADCONDUIT_OVERLAP_MINUTES). LeadConduit forgets events"
    " after 90 days; here they stay.",
)
LEADS = Stream(
    name="leads",
    key=("lead_id",),
    fields={
        **COMMON,
        **dict.fromkeys(("lead_id", "first_name", "last_name", "email"), TEXT),
        **dict.fromkeys(("phone_1", "phone_2", "phone_3", "address_1", "address_2"), TEXT),
        **dict.fromkeys(("city", "state", "postal_code", "country", "submission_ip"), TEXT),
        "submitted_at": TIMESTAMP,
        "lead": JSON,
    },
    window=Window(lookback=OVERLAP, lag=LAG),
    sees="One row per submitted lead as it was when its flow ended. Incremental runs see leads"
    " submitted since the last run or up to 30 minutes before; what becomes known later"
    " (feedback, retries) is in events, by lead_id.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list that comes in one answer."""

    stream: Stream
    path: str
    params: tuple[tuple[str, str], ...] = ()
    single: bool = False  # the answer is one object, not a list of them


def _whole(name: str, *, key: str = "id", **fields: FieldType) -> Stream:
    known = {key: TEXT, "name": TEXT, "created_at": TIMESTAMP, "updated_at": TIMESTAMP}
    return Stream(
        name=name, key=(key,), fields={**known, **fields}, deletes=Deletes.COMPARE, sees=WHOLE
    )


LISTS = (
    Listed(
        stream=_whole(
            "flows",
            **dict.fromkeys(("fields", "sources", "steps", "destinations", "caps"), JSON),
            **dict.fromkeys(("acceptance_criteria", "pricing", "list_checks"), JSON),
            **dict.fromkeys(("ping_limits", "firehose", "errors"), JSON),
        ),
        path="/flows",
    ),
    Listed(
        stream=_whole("entities", flow_ids=JSON, module_ids=JSON, source=JSON, recipient=JSON),
        path="/entities",
    ),
    Listed(stream=_whole("fields", type=TEXT), path="/fields"),
    Listed(
        stream=_whole("destinations", key="instance_id", actions=JSON, flow_usages=JSON),
        path="/destinations",
        params=(("include", "flow_usages"),),
    ),
    Listed(
        stream=_whole(
            "vars", key="name", first_used_at=TIMESTAMP, last_used_at=TIMESTAMP, examples=JSON
        ),
        path="/vars",
    ),
    Listed(stream=_whole("users"), path="/user", single=True),
    Listed(stream=_whole("accounts"), path="/account", single=True),
)
BY_STREAM = {listed.stream.name: listed for listed in LISTS}
STREAMS = (EVENTS, LEADS, *(listed.stream for listed in LISTS))
