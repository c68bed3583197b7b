"""Reading what is small: properties, schemas, owners, pipelines, lists, account."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectors.sandbox.clock import iso
from connectors.sandbox.hubspot.answers import not_found, refuse
from connectors.sandbox.hubspot.directory import (
    ContactLists,
    account_details,
    membership_record,
    pipelines_of,
    property_record,
    schema_record,
)
from connectors.sandbox.hubspot.kinds import KINDS, Kind, find_kind
from connectors.sandbox.hubspot.objects import Objects
from connectors.sandbox.hubspot.quotas import Quotas
from connectors.sandbox.hubspot.reads import json_body
from connectors.sandbox.ledger import Records
from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sandbox.vendors import World

MAX_OWNERS = 100
MAX_MEMBERS = 250
MAX_LISTS = 500
LISTS_WALL = 10_000


class SmallReads:
    """Everything that is not a record or an association."""

    def __init__(
        self,
        *,
        world: World,
        objects: Mapping[str, Objects],
        owners: Records,
        pipelines: Records,
        lists: ContactLists,
        quotas: Quotas,
    ) -> None:
        self._world = world
        self._objects = objects
        self._owners = owners
        self._pipelines = pipelines
        self._lists = lists
        self._quotas = quotas

    def answer(  # noqa: PLR0911 - a table of paths
        self, parts: tuple[str, ...], request: Request
    ) -> Response:
        """Answer a path without its version. Raises `Refused`."""
        match parts:
            case ("crm", "properties", name, *rest):
                return self._properties(_kind(name), rest)
            case ("crm", "schemas", *rest):
                return self._schemas(rest)
            case ("crm", "owners", *rest):
                return self._read_owners(rest, request)
            case ("crm", "pipelines", name, *rest):
                return self._read_pipelines(_kind(name), rest)
            case ("crm", "lists", "search") if request.method == "POST":
                return self._search_lists(request)
            case ("crm", "lists", list_id, "memberships"):
                return self._memberships(list_id, request)
            case ("crm", "lists", list_id):
                return self._list(list_id)
            case ("account-info", "details"):
                return json_answer(account_details())
            case ("account-info", "api-usage", "daily", "private-apps"):
                return json_answer({"results": [self._usage()]})
            case _:
                raise not_found(request.path)

    def _properties(self, kind: Kind, rest: list[str]) -> Response:
        known = self._objects[kind.name].properties
        if rest:
            if rest[0] not in known:
                raise not_found(f"property {rest[0]}")
            return json_answer(property_record(known[rest[0]], self._world))
        return json_answer({"results": [property_record(o, self._world) for o in known.values()]})

    def _schemas(self, rest: list[str]) -> Response:
        records = [
            schema_record(kind, self._objects[kind.name], self._world)
            for kind in KINDS
            if kind.own_name
        ]
        if not rest:
            return json_answer({"results": records})
        for record in records:
            if rest[0] in {record["objectTypeId"], record["fullyQualifiedName"]}:
                return json_answer(record)
        raise not_found(f"schema {rest[0]}")

    def _read_owners(self, rest: list[str], request: Request) -> Response:
        archived = request.query.get("archived") == "true"
        owners = [e.record for e in self._owners.entries() if e.deleted is archived]
        if rest:
            owner = next((one for one in owners if one["id"] == rest[0]), None)
            if owner is None:
                raise not_found(f"owner {rest[0]}")
            return json_answer(owner)
        if email := request.query.get("email"):
            owners = [one for one in owners if one["email"] == email]
        limit = int(request.query.get("limit", MAX_OWNERS))
        if not 0 < limit <= MAX_OWNERS:
            raise refuse(400, f"limit must be between 1 and {MAX_OWNERS}")
        start = int(request.query.get("after") or 0)
        return json_answer(_page(owners, start, limit))

    def _read_pipelines(self, kind: Kind, rest: list[str]) -> Response:
        pipelines = pipelines_of(self._pipelines, kind.name)
        if not rest:
            return json_answer({"results": pipelines})
        pipeline = next((one for one in pipelines if one["id"] == rest[0]), None)
        if pipeline is None:
            raise not_found(f"pipeline {rest[0]}")
        if rest[1:] == ["stages"]:
            return json_answer({"results": pipeline["stages"]})
        return json_answer(pipeline)

    def _search_lists(self, request: Request) -> Response:
        wish = json_body(request)
        offset, count = int(wish.get("offset") or 0), int(wish.get("count") or 20)
        if count > MAX_LISTS or offset + count > LISTS_WALL:
            raise refuse(400, f"offset and count may reach {LISTS_WALL} at most")
        lists = [
            one
            for one in self._lists.records()
            if str(wish.get("query") or "").casefold() in one["name"].casefold()
            and one["listId"] in (wish.get("listIds") or [one["listId"]])
            and one["processingType"] in (wish.get("processingTypes") or [one["processingType"]])
            and one["objectTypeId"] == (wish.get("objectTypeId") or one["objectTypeId"])
        ]
        end = offset + count
        return json_answer(
            {
                "lists": lists[offset:end],
                "offset": min(end, len(lists)),
                "hasMore": end < len(lists),
                "total": len(lists),
            }
        )

    def _list(self, list_id: str) -> Response:
        for one in self._lists.records():
            if one["listId"] == list_id:
                return json_answer({"list": one})
        raise not_found(f"list {list_id}")

    def _memberships(self, list_id: str, request: Request) -> Response:
        try:
            members = [membership_record(row, at) for row, at in self._lists.members(list_id)]
        except KeyError as error:
            raise not_found(f"list {list_id}") from error
        limit = int(request.query.get("limit", 100))
        if not 0 < limit <= MAX_MEMBERS:
            raise refuse(400, f"limit must be between 1 and {MAX_MEMBERS}")
        start = int(request.query.get("after") or 0)
        return json_answer(_page(members, start, limit) | {"total": len(members)})

    def _usage(self) -> dict[str, Any]:
        now = self._world.clock.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return {
            "name": "private-apps-api-calls-daily",
            "usageLimit": self._quotas.limits.daily or 250_000,
            "currentUsage": self._quotas.used_today,
            "collectedAt": iso(now),
            "fetchStatus": "SUCCESS",
            "resetsAt": iso(midnight),
        }


def _page(records: list[Any], start: int, limit: int) -> dict[str, Any]:
    page: dict[str, Any] = {"results": records[start : start + limit]}
    if start + limit < len(records):
        page["paging"] = {"next": {"after": str(start + limit)}}
    return page


def _kind(name: str) -> Kind:
    kind = find_kind(name)
    if kind is None:
        raise not_found(f"object type {name}")
    return kind
