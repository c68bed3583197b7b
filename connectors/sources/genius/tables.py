"""The tables of Genius, a stream each, those that others refer to first.

A row with `cursor` is read by time between full reads; a row without is a lookup of some
hundred rows, or has no time of change: it is read whole each time, so its deletions show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import NamedTuple

from connectors.model import Deletes, FieldType, Stream, Window

WINDOW = Window(
    # A transaction that stamps a row and commits later than that is not seen before a full read.
    lookback=timedelta(minutes=10),
    # The server's clock may be this far behind ours; `until` is cut at its clock besides.
    lag=timedelta(seconds=60),
)
TOTAL_TOLERANCE = 0.01
"""Rows come and go between our first page and the COUNT(*) after our last."""

SECRET = re.compile(
    r"(^|_)(password|passwd|pwd|secret|token|api_?key|private_key|access_key|credentials?)(_|$)",
    re.IGNORECASE,
)
"""A column with such a name is never selected, also one that is new."""


class Joined(NamedTuple):
    """A field that other tables give: an expression and what it holds."""

    expression: str  # the table itself is `t`
    type: FieldType


HUBSPOT_JOIN = (
    "LEFT JOIN third_party_source tps ON tps.id = t.third_party_source_id"
    " LEFT JOIN third_party_source_type tpst ON tpst.id = tps.third_party_source_type_id"
)
HUBSPOT_ID = Joined(
    "CASE WHEN LOWER(tpst.label) = 'hubspot' THEN tps.third_party_id END", FieldType.TEXT
)
"""The label decides the value: tested in the join it would let every other party's ids through."""

CHANGED = (
    "rows by updated_at: a row dated back, or changed without touching it, shows at the next"
    " full read, as deletions do"
)
WITH_NULLS = f"{CHANGED}; rows without updated_at are read again each time"
JOINED = f"{CHANGED}; so does a new third-party id of an unchanged row"
WHOLE = "everything: the table is read whole each time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where a stream's records are in the database."""

    name: str  # in the database
    stream: str
    key: tuple[str, ...] = ("id",)
    cursor: str | None = None  # column of the last change
    created: str | None = None  # stands in for a cursor that is NULL; set where it may be
    join: str = ""
    joined: Mapping[str, Joined] = field(default_factory=dict[str, Joined])
    secrets: frozenset[str] = frozenset()
    """Columns that are never selected, like those whose name matches `SECRET`."""
    after: tuple[str, ...] = ()
    text_key: bool = False
    optional: bool = False
    sees: str = WHOLE


TABLES = (
    Table(
        stream="division_groups",
        name="division_group",
        secrets=frozenset({"paysimple_secret", "mes_profile_key", "docusign_acct_id"}),
    ),
    Table(stream="user_titles", name="user_title"),
    Table(stream="services", name="service"),
    Table(stream="appointment_types", name="appointment_type"),
    Table(stream="appointment_outcome_types", name="appointment_outcome_type"),
    Table(stream="appointment_outcomes", name="appointment_outcome"),
    Table(stream="marketing_source_types", name="marketing_source_type"),
    Table(stream="marketsharp_sources", name="marketsharp_source"),
    Table(
        stream="marketsharp_marketing_source_maps",
        name="marketsharp_marketing_source_map",
        key=("marketsharp_id",),
        text_key=True,
    ),
    Table(stream="job_statuses", name="job_status"),
    Table(stream="job_financings", name="job_financing", key=("job_id",)),  # no time of change
    Table(stream="job_change_order_types", name="job_change_order_type"),
    Table(stream="job_change_order_statuses", name="job_change_order_status"),
    Table(stream="job_change_order_reasons", name="job_change_order_reason"),
    Table(stream="integration_field_definitions", name="integration_field_definition"),
    Table(stream="divisions", name="division", after=("division_groups",)),
    Table(stream="division_regions", name="division_region"),
    Table(stream="marketing_sources", name="marketing_source", after=("marketing_source_types",)),
    Table(
        stream="user_data",
        name="user_data",
        key=("user_id",),
        cursor="updated_at",
        join="LEFT JOIN users_userassociations ua ON ua.id = t.user_associations_id",
        joined={"primary_user_id": Joined("ua.primary_user_id", FieldType.INTEGER)},
        after=("divisions", "user_titles"),
        sees=f"{CHANGED}; so does a new primary user, which `user_associations` has at once",
    ),
    Table(
        stream="user_associations",
        name="users_userassociations",
        cursor="updated_at",
        after=("user_data",),
        sees=CHANGED,
    ),
    Table(
        stream="prospects",
        name="prospect",
        cursor="updated_at",
        join=HUBSPOT_JOIN,
        joined={"hubspot_contact_id": HUBSPOT_ID},
        after=("divisions", "user_data"),
        sees=JOINED,
    ),
    Table(
        stream="leads",
        name="lead",
        key=("lead_id",),
        cursor="updated_at",
        created="added_on",
        after=("divisions",),
        sees=WITH_NULLS,
    ),
    Table(
        stream="integration_fields",
        name="integration_field",
        cursor="updated_at",
        after=("integration_field_definitions", "user_data"),
        sees=CHANGED,
    ),
    Table(
        stream="prospect_sources",
        name="prospect_source",
        cursor="updated_at",
        created="add_date",
        after=("prospects", "marketing_sources"),
        sees=WITH_NULLS,
    ),
    Table(
        stream="appointments",
        name="appointment",
        cursor="updated_at",
        join=HUBSPOT_JOIN,
        joined={"hubspot_appointment_id": HUBSPOT_ID},
        after=("prospects", "prospect_sources"),
        sees=JOINED,
    ),
    Table(
        stream="quotes", name="quote", cursor="updated_at", after=("appointments",), sees=CHANGED
    ),
    Table(stream="jobs", name="job", cursor="updated_at", after=("prospects",), sees=CHANGED),
    Table(
        stream="appointment_services",
        name="appointment_to_service",
        key=("appointment_id", "service_id"),
        cursor="updated_at",
        after=("appointments", "services"),
        sees=CHANGED,
    ),
    Table(
        stream="job_change_order_items",
        name="job_change_order_item",
        cursor="updated_at",
        after=("jobs",),
        sees=CHANGED,
    ),
    Table(
        stream="job_change_orders",
        name="job_change_order",
        cursor="updated_at",
        after=("jobs",),
        sees=CHANGED,
    ),
    # For those who want other parties' ids than HubSpot's: big, and without a time of change.
    Table(stream="third_party_source_types", name="third_party_source_type", optional=True),
    Table(stream="third_party_sources", name="third_party_source", optional=True),
)

BY_STREAM: Mapping[str, Table] = {table.stream: table for table in TABLES}


def stream_of(table: Table) -> Stream:
    """Return the stream of a table, its naive times still in UTC."""
    key_type = FieldType.TEXT if table.text_key else FieldType.INTEGER
    return Stream(
        name=table.stream,
        key=table.key,
        fields=dict.fromkeys(table.key, key_type),
        window=WINDOW if table.cursor else None,
        deletes=Deletes.COMPARE,
        after=table.after,
        total_tolerance=TOTAL_TOLERANCE,
        sees=table.sees,
        optional=table.optional,
    )


STREAMS = tuple(stream_of(table) for table in TABLES)


def in_zone(zone: str) -> tuple[Stream, ...]:
    """Return the streams with their naive times in an IANA zone."""
    return tuple(replace(stream, zone=zone) for stream in STREAMS)
