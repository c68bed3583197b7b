"""Asking the pretend HubSpot portal, and its ledger, in tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connectors.sandbox import Sandbox

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OBJECTS = {
    "v3": "/crm/v3/objects",
    "2026-03": "/crm/objects/2026-03",
    "2026-09": "/crm/objects/2026-09",
}
LINKS = {
    "v3": "/crm/v4/associations",
    "2026-03": "/crm/associations/2026-03",
    "2026-09": "/crm/associations/2026-09",
}
dialects = pytest.mark.parametrize("dialect", OBJECTS)


def pages(client: httpx.Client, path: str, **query: Any) -> Iterator[dict[str, Any]]:
    after: dict[str, str] = {}
    while True:
        page = client.get(path, params=query | after).raise_for_status().json()
        yield from page["results"]
        if "paging" not in page:
            return
        after = {"after": page["paging"]["next"]["after"]}


def search(client: httpx.Client, kind: str, *filters: dict[str, Any], **more: Any) -> Any:
    body: dict[str, Any] = {
        "filterGroups": [{"filters": list(filters)}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": [],
        "limit": 200,
        "after": "0",
    }
    return client.post(f"/crm/objects/2026-09/{kind}/search", json=body | more)


def found(client: httpx.Client, kind: str, *filters: dict[str, Any], **more: Any) -> list[str]:
    results = search(client, kind, *filters, **more).raise_for_status().json()["results"]
    return [record["id"] for record in results]


def where(name: str, operator: str, *values: Any) -> dict[str, Any]:
    if operator in {"IN", "NOT_IN"}:
        return {"propertyName": name, "operator": operator, "values": list(values)}
    named = dict(zip(("value", "highValue"), values, strict=False))
    return {"propertyName": name, "operator": operator, **named}


def live(sandbox: Sandbox, stream: str) -> dict[str, Any]:
    return {e.id: e.record for e in sandbox.ledger("hubspot", stream) if not e.deleted}
