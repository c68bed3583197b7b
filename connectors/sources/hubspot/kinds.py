"""Object types: how they are called, and which property tells when a record changed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connectors.model import Deletes, FieldType, Stream, Window

LOOKBACK = timedelta(hours=1)  # the search index was seen to trail writes by up to an hour
LAG = timedelta(seconds=60)  # fresh writes are searchable after "moments"
TOTAL_TOLERANCE = 0.01  # of the index's count, which trails what was just made or deleted

SEES = (
    "Incremental runs see records created or edited, merged-away and archived ones; not recomputed"
    " calculated properties, restored records or those erased for good: a full read does."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One object type."""

    name: str  # our stream
    path: str  # what URLs call it
    cursor: str = "hs_lastmodifieddate"
    pipelines: bool = False  # whether its records move through stages

    @property
    def stream(self) -> Stream:
        """The stream of this type's records."""
        return Stream(
            name=self.name,
            fields={"id": FieldType.TEXT},
            version=self.cursor,
            window=Window(lookback=LOOKBACK, lag=LAG),
            deletes=Deletes.COMPARE,
            total_tolerance=TOTAL_TOLERANCE,
            sees=SEES,
        )


KINDS = (
    Kind(name="contacts", path="contacts", cursor="lastmodifieddate"),  # alone without `hs_`
    Kind(name="companies", path="companies"),
    Kind(name="deals", path="deals", pipelines=True),
    Kind(name="tickets", path="tickets", pipelines=True),
    Kind(name="appointments", path="0-421", pipelines=True),  # to be activated in the portal
    Kind(name="leads", path="0-136", pipelines=True),  # Sales Hub Professional and above
    Kind(name="products", path="products"),
    Kind(name="line_items", path="line_items"),
    Kind(name="quotes", path="quotes"),
    Kind(name="calls", path="calls"),
    Kind(name="emails", path="emails"),
    Kind(name="meetings", path="meetings"),
    Kind(name="notes", path="notes"),
    Kind(name="tasks", path="tasks"),
    Kind(name="users", path="0-115"),
)

RESERVED = frozenset(
    {
        "list_memberships",
        "lists",
        "owners",
        "pipeline_stages",
        "pipelines",
        "properties",
        "schemas",
    }
)
"""Names of the streams that are not records of a type; a custom type may not take one."""


MERGED = ("hs_merged_object_ids", "hs_calculated_merged_vids")
"""`id;id`, and on contacts `id:ms;id:ms`: records that became part of this one."""


def merged_away(properties: Mapping[str, Any], record_id: str) -> list[str]:
    """Return the ids of records that were merged into the one with these properties."""
    return [
        loser
        for name in MERGED
        if properties.get(name)
        for entry in str(properties[name]).split(";")
        if (loser := entry.partition(":")[0].strip()) and loser != record_id
    ]


def custom_kind(schema: Mapping[str, Any], taken: Collection[str]) -> Kind:
    """Return the type that a schema defines, its stream named in the plural like the others.

    Labels can be edited at any time, so the name comes from the schema's own, which cannot.
    """
    name = re.sub(r"[^a-z0-9]+", "_", str(schema["name"]).lower()).strip("_")
    name = plural(name or "custom")
    type_id = str(schema["objectTypeId"])
    if name in taken:
        name = f"{name}_{type_id.replace('-', '_')}"
    return Kind(name=name, path=type_id, pipelines=True)


def plural(noun: str) -> str:
    """Return a noun's plural, well enough for a table name."""
    if noun.endswith("s"):
        return noun
    return f"{noun[:-1]}ies" if re.search(r"[^aeiou]y$", noun) else f"{noun}s"
