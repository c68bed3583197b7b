"""Earlier values of chosen properties: one stream per object type, off unless configured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from connectors.model import FieldType, Page, Record, Request, Stream, Window
from connectors.sources.hubspot.batch import TRIES, failed_ids, unread
from connectors.sources.hubspot.ids import of_all, of_changed
from connectors.sources.hubspot.kinds import LAG, LOOKBACK, Kind
from connectors.sources.hubspot.portal import Portal

INPUTS = 50  # most records in one batch read with history
SEES = "Incremental runs see new values of records that changed; values are never removed."


class Entry(msgspec.Struct):
    """A record with its values, newest first."""

    id: Any = None
    properties_with_history: dict[str, list[dict[str, Any]]] = msgspec.field(
        default_factory=dict[str, list[dict[str, Any]]], name="propertiesWithHistory"
    )


class Answer(msgspec.Struct):
    """A batch read with history."""

    results: list[Entry]
    errors: list[dict[str, Any]] = []


def stream(kind: str) -> Stream:
    """Return the stream of earlier values on records of type `kind`."""
    return Stream(
        name=f"{kind}_history",
        key=("id", "property", "timestamp"),
        fields={
            "id": FieldType.TEXT,
            "property": FieldType.TEXT,
            "timestamp": FieldType.TIMESTAMP,
            "value": FieldType.TEXT,
        },
        window=Window(lookback=LOOKBACK, lag=LAG),
        sees=SEES,
    )


def read(portal: Portal, kind: Kind, properties: Sequence[str], request: Request) -> Iterator[Page]:
    """Yield values with the time they were set, all that HubSpot kept of each record read."""
    ids_of = of_all if request.since is None else of_changed
    for found in ids_of(portal, kind, request):
        ids = found.live
        records: list[Record] = []
        failed: list[str] = []
        for start in range(0, len(ids), INPUTS):
            values, lost = _values(portal, kind, properties, ids[start : start + INPUTS])
            records += values
            failed += lost
        yield Page(
            records=records,
            position=found.position,
            incomplete=unread(f"hubspot.{kind.name}_history", failed) if failed else None,
        )


def _values(
    portal: Portal, kind: Kind, properties: Sequence[str], ids: Sequence[str]
) -> tuple[list[Record], list[str]]:
    path = portal.dialect.objects(kind.path, "/batch/read")
    records: list[Record] = []
    failed: list[str] = list(ids)
    for _ in range(TRIES):
        body = {
            "inputs": [{"id": each} for each in failed],
            "properties": [],
            "propertiesWithHistory": properties,
        }
        answer = portal.batch(path, body, Answer)
        records += [
            value | {"id": str(entry.id), "property": name}
            for entry in answer.results
            for name, values in entry.properties_with_history.items()
            for value in values
        ]
        failed = failed_ids(answer.errors, failed, {str(entry.id) for entry in answer.results})
        if not failed:
            break
    return records, failed
