"""Batch reads: what they return, what is rightly missing, and what failed for some ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.sources.hubspot.kinds import Kind
from connectors.sources.hubspot.portal import Portal, Row, Rows

GONE = frozenset({"OBJECT_NOT_FOUND"})
NOTHING_LINKED = "crm.associations.NO_ASSOCIATIONS_FOUND"
TRIES = 3  # for ids whose part of a batch failed while the answer as a whole did not
SHOWN_IDS = 20


def read_batch(
    portal: Portal, kind: Kind, ids: Sequence[Any], names: Sequence[str]
) -> tuple[list[Row], str | None]:
    """Return the records that still exist, and a sentence on those that could not be read."""
    path = portal.dialect.objects(kind.path, "/batch/read")
    rows: list[Row] = []
    wanted = [str(each) for each in ids]
    failed: list[str] = []
    for _ in range(TRIES):
        body = {"inputs": [{"id": each} for each in wanted], "properties": names}
        page = portal.batch(path, body, Rows)
        rows += page.results
        failed = failed_ids(page.errors, wanted, {str(row.id) for row in page.results})
        if not failed:
            return rows, None
        wanted = failed
    return rows, unread(f"hubspot.{kind.name}", failed)


def failed_ids(
    errors: Sequence[Mapping[str, Any]], asked: Sequence[str], answered: set[str]
) -> list[str]:
    """Return the ids that an error kept from being read. Not found is an answer, not an error."""
    failures = [error for error in errors if not is_absence(error)]
    if not failures:
        return []
    named = {each for error in failures for each in _ids(error)}
    if not named:  # it does not say which: all that are neither here nor known to be gone
        named = set(asked) - absent_ids(errors) - answered
    return [each for each in asked if each in named]


def absent_ids(errors: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the ids that HubSpot says are not there, or have nothing linked."""
    return {each for error in errors if is_absence(error) for each in _ids(error)}


def is_absence(error: Mapping[str, Any]) -> bool:
    """Tell whether an error only says that there is nothing: normal in a batch."""
    return error.get("category") in GONE or error.get("subCategory") == NOTHING_LINKED


def unread(what: str, ids: Sequence[str]) -> str:
    """Say which records could not be read."""
    shown = ", ".join(ids[:SHOWN_IDS]) + (", ..." if len(ids) > SHOWN_IDS else "")
    return (
        f"{what}: {len(ids)} records failed in a batch read {TRIES} times and keep their"
        f" old values: {shown}"
    )


def _ids(error: Mapping[str, Any]) -> set[str]:
    context: Mapping[str, Sequence[Any]] = error.get("context") or {}
    return {str(each) for name in ("ids", "id", "fromObjectId") for each in context.get(name, ())}
