"""What a portal is made of: owners, pipelines, properties, schemas, lists. Always read whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from connectors.errors import AccessError, ContractError
from connectors.model import Deletes, FieldType, Page, Record, Request, Stream
from connectors.paging import NoRepeat
from connectors.sources.hubspot.kinds import Kind
from connectors.sources.hubspot.portal import Portal, after

OWNERS_PAGE = 100
LISTS_PAGE = 100
LISTS_WALL = 10_000  # offset beyond which list search does not go
MEMBERS_PAGE = 250
NOT_FOUND = 404
WHOLE = "Read whole in every run."

Read: TypeAlias = Callable[[Portal, Request], Iterator[Page]]
TEXT, TIME, JSON = FieldType.TEXT, FieldType.TIMESTAMP, FieldType.JSON
TIMES = {"createdAt": TIME, "updatedAt": TIME}


def owners(portal: Portal, request: Request) -> Iterator[Page]:
    """Yield those who own records now, then those who left."""
    for archived in ("false", "true"):
        tokens = NoRepeat("hubspot.owners")
        params: dict[str, Any] = {
            "limit": min(request.page_size, OWNERS_PAGE),
            "archived": archived,
        }
        while True:
            page = portal.items(portal.dialect.owners, params)
            yield Page(records=page.results)
            token = after(page.paging)
            if token is None:
                break
            tokens.check(token)
            params["after"] = token


def pipelines(portal: Portal, _request: Request) -> Iterator[Page]:
    """Yield the pipelines of every type that has some."""
    yield from _by_kind(
        [kind for kind in portal.kinds() if kind.pipelines],
        lambda kind: [
            {name: value for name, value in one.items() if name != "stages"}
            for one in portal.pipelines(kind)
        ],
    )


def stages(portal: Portal, _request: Request) -> Iterator[Page]:
    """Yield the stages of those pipelines."""
    yield from _by_kind(
        [kind for kind in portal.kinds() if kind.pipelines],
        lambda kind: [
            stage | {"pipelineId": one["id"]}
            for one in portal.pipelines(kind)
            for stage in one.get("stages") or ()
        ],
    )


def properties(portal: Portal, _request: Request) -> Iterator[Page]:
    """Yield the definitions of every type's properties."""
    yield from _by_kind(
        portal.kinds(), lambda kind: [dict(one) for one in portal.properties(kind).listed]
    )


def schemas(portal: Portal, _request: Request) -> Iterator[Page]:
    """Yield the definitions of the custom object types."""
    yield Page(records=portal.schemas())


def lists(portal: Portal, _request: Request) -> Iterator[Page]:
    """Yield the lists (segments), whatever they are lists of."""
    yield from _lists(portal)


def memberships(portal: Portal, request: Request) -> Iterator[Page]:
    """Yield who is on which list. Position: the list and the token within it."""
    done = request.position or {}
    every = sorted(str(one["listId"]) for page in _lists(portal) for one in page.records)
    for list_id in every if not portal.settings.lists else sorted(portal.settings.lists):
        if list_id < str(done.get("list", "")):
            continue
        token = done.get("after") if list_id == done.get("list") else None
        yield from _members(portal, request, list_id, token)


def _members(portal: Portal, request: Request, list_id: str, token: str | None) -> Iterator[Page]:
    tokens = NoRepeat("hubspot.list_memberships")
    while True:
        params: dict[str, Any] = {"limit": min(request.page_size, MEMBERS_PAGE)}
        if token:
            tokens.check(token)
            params["after"] = token
        page = portal.items(portal.dialect.memberships(list_id), params)
        token = after(page.paging)
        yield Page(
            records=[one | {"listId": list_id} for one in page.results],
            position={"list": list_id, "after": token} if token else None,
        )
        if token is None:
            return


def _lists(portal: Portal) -> Iterator[Page]:
    offset = 0
    while True:
        body = {"offset": offset, "count": LISTS_PAGE}
        found = portal.client.post(portal.dialect.lists, json=body).json()
        yield Page(records=found["lists"])
        if not found.get("hasMore"):
            return
        following = int(found["offset"])
        if following <= offset:
            raise ContractError("hubspot.lists: the vendor's offset does not grow")
        offset = following
        if offset >= LISTS_WALL:
            yield Page(incomplete=f"HubSpot shows no more than {LISTS_WALL} lists")
            return


def _by_kind(kinds: Sequence[Kind], read: Callable[[Kind], list[Record]]) -> Iterator[Page]:
    """What `read` says of each type. A type that may not be read leaves the others alone."""
    for kind in kinds:
        try:
            records = read(kind)
        except (AccessError, ContractError) as error:  # no scope or licence, or not activated
            yield Page(incomplete=f"{kind.name} left out: {error}")
        else:
            yield Page(records=[record | {"objectType": kind.name} for record in records])


def _stream(name: str, *key: str, sees: str = WHOLE, **fields: FieldType) -> Stream:
    return Stream(
        name=name,
        key=key,
        fields=dict.fromkeys(key, TEXT) | TIMES | fields,
        deletes=Deletes.COMPARE,
        sees=sees,
    )


CATALOG: tuple[tuple[Stream, Read], ...] = (
    (_stream("owners", "id", teams=JSON), owners),
    (_stream("pipelines", "objectType", "id"), pipelines),
    (
        _stream("pipeline_stages", "objectType", "pipelineId", "id", metadata=JSON),
        stages,
    ),
    (_stream("properties", "objectType", "name"), properties),
    (_stream("schemas", "objectTypeId"), schemas),
    (_stream("lists", "listId"), lists),
    (
        _stream(
            "list_memberships",
            "listId",
            "recordId",
            sees=f"{WHOLE} 250 members a request: HUBSPOT_LISTS names the lists that matter.",
            membershipTimestamp=TIME,
        ),
        memberships,
    ),
)
