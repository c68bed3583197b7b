"""Reading records and their associations."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from connectors.sandbox.clock import epoch_ms, iso
from connectors.sandbox.hubspot.answers import error_body, not_found, refuse
from connectors.sandbox.hubspot.kinds import Kind, find_kind
from connectors.sandbox.hubspot.links import Links, read_links, targets_page
from connectors.sandbox.hubspot.objects import Objects
from connectors.sandbox.hubspot.routes import Route
from connectors.sandbox.hubspot.rows import Row
from connectors.sandbox.hubspot.search import Searches, listed
from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sandbox.vendors import World

MAX_PAGE = 100
MAX_PAGE_WITH_HISTORY = 50


class ObjectReads:
    """Lists, searches and batch reads of every kind."""

    def __init__(
        self,
        world: World,
        objects: Mapping[str, Objects],
        searches: Mapping[str, Searches],
        links: Mapping[tuple[str, str], Links],
    ) -> None:
        self._world = world
        self._objects = objects
        self._searches = searches
        self._links = links
        self.failing: set[str] = set()  # ids that batch reads answer with an error of their own

    def every(self, kind: Kind, request: Request) -> Response:
        """A page of all records, by ascending id."""
        objects, query = self._objects[kind.name], request.query
        history = names_of(query.get("propertiesWithHistory"))
        most = MAX_PAGE_WITH_HISTORY if history else MAX_PAGE
        limit = _number(query.get("limit", "10"), "limit")
        if not 0 < limit <= most:
            raise refuse(400, f"limit must be between 1 and {most}, was {limit}")
        after = _number(query.get("after") or "0", "after")
        if query.get("archived") == "true":
            rows = [row for row in objects.archived() if row.id >= after][: limit + 1]
        else:
            rows = list(islice(objects.live(self._index_from(objects, after)), limit + 1))
        names = names_of(query.get("properties")) or kind.defaults
        to = names_of(query.get("associations"))
        page, more = rows[:limit], rows[limit:]
        paging: dict[str, Any] | None = None
        if more:
            link = f"{request.base_url}{request.path}?limit={limit}&after={more[0].id}"
            paging = {"next": {"after": str(more[0].id), "link": link}}
        if history or to:
            records = [self._full(objects, row, names, history, to) for row in page]
            return json_answer({"results": records} | ({"paging": paging} if paging else {}))
        return _answer(objects.encode(page, names), {"paging": paging} if paging else {})

    def one(self, kind: Kind, record_id: str, request: Request) -> Response:
        """One record, by id or by a unique property."""
        objects, query = self._objects[kind.name], request.query
        row = self._find(objects, record_id, query.get("idProperty"))
        if (
            row is None
            or row.gone
            or (row.archived_at is not None) != (query.get("archived") == "true")
        ):
            raise not_found(f"{kind.name} {record_id}")
        names = names_of(query.get("properties")) or kind.defaults
        history = names_of(query.get("propertiesWithHistory"))
        return json_answer(
            self._full(objects, row, names, history, names_of(query.get("associations")))
        )

    def search(self, kind: Kind, request: Request, version: str) -> Response:
        """A page of a search."""
        objects, body = self._objects[kind.name], json_body(request)
        now = epoch_ms(self._world.clock.now())
        found = self._searches[kind.name].search(body, now, strict=version == "2026-09")
        names = body.get("properties") or kind.defaults
        after = {} if found.after is None else {"paging": {"next": {"after": str(found.after)}}}
        return _answer(objects.encode(found.rows, names), after, first={"total": found.total})

    def batch_read(self, kind: Kind, request: Request) -> Response:
        """Records by id; those that are not there are told in one error and make it a 207."""
        objects, body = self._objects[kind.name], json_body(request)
        history = tuple(body.get("propertiesWithHistory") or ())
        names = tuple(body.get("properties") or ()) or kind.defaults
        inputs = listed(body, "inputs")
        most = MAX_PAGE_WITH_HISTORY if history else MAX_PAGE
        if len(inputs) > most:
            raise refuse(400, f"at most {most} inputs are allowed, got {len(inputs)}")
        archived = request.query.get("archived") == "true"
        found: dict[int, Row] = {}
        missing: list[str] = []
        for one in self._healthy(inputs):
            row = self._find(objects, str(one["id"]), body.get("idProperty"))
            if row is not None and not row.gone and (row.archived_at is not None) == archived:
                found[row.index] = row
            elif row is None or row.merged_into is None:
                missing.append(str(one["id"]))  # merged ones are left out without a word
        errors = self._failures(inputs)
        if missing:
            error = error_body(
                "Could not get some objects, they may be deleted or not exist.",
                "OBJECT_NOT_FOUND",
                context={"ids": missing},
            )
            errors.append(error)
        more: dict[str, Any] = {"numErrors": len(errors), "errors": errors} if errors else {}
        stamp = iso(self._world.clock.now())
        more |= {"startedAt": stamp, "completedAt": stamp}
        rows = list(found.values())[::-1]  # no order is promised
        if history:
            pieces = [
                msgspec.json.encode(self._full(objects, row, names, history, ())) for row in rows
            ]
        else:
            pieces = objects.encode(rows, names)
        return _answer(pieces, more, first={"status": "COMPLETE"}, status=207 if errors else 200)

    def associations(self, source: Kind, target: Kind, request: Request) -> Response:
        """Targets of up to 1,000 records."""
        links, forward = self._between(source, target)
        body = json_body(request)
        objects = self._objects[source.name]
        inputs = listed(body, "inputs")
        healthy = self._healthy(inputs)
        answer = read_links(links, objects, healthy, target.type_id, forward=forward)
        if errors := [*answer.pop("errors", []), *self._failures(inputs)]:
            answer |= {"numErrors": len(errors), "errors": errors}
        status = 207 if errors else 200
        stamp = iso(self._world.clock.now())
        return json_answer(answer | {"startedAt": stamp, "completedAt": stamp}, status)

    def associations_of(
        self, source: Kind, record_id: str, target: Kind, request: Request
    ) -> Response:
        """Targets of one record."""
        links, forward = self._between(source, target)
        row = self._objects[source.name].find(record_id)
        if row is None or not row.live:
            raise not_found(f"{source.name} {record_id}")
        found = targets_page(links, row, request.query.get("after"), forward=forward)
        return json_answer({"results": found.pop("to")} | found)

    def labels(self, source: Kind, target: Kind) -> Response:
        """Labels that a pair of kinds may have."""
        links, forward = self._between(source, target)
        return json_answer(
            {
                "results": [
                    {
                        "category": one.category,
                        "typeId": one.type_id if forward else one.back_id,
                        "label": one.label,
                    }
                    for one in links.pair.types
                ]
            }
        )

    def _healthy(self, inputs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for one in inputs if str(one["id"]) not in self.failing]

    def _failures(self, inputs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        failed = [str(one["id"]) for one in inputs if str(one["id"]) in self.failing]
        if not failed:
            return []
        return [error_body("Internal error", "INTERNAL_ERROR", context={"ids": failed})]

    def _between(self, source: Kind, target: Kind) -> tuple[Links, bool]:
        if (source.name, target.name) in self._links:
            return self._links[source.name, target.name], True
        if (target.name, source.name) in self._links:
            return self._links[target.name, source.name], False
        raise refuse(400, f"{source.type_id} cannot be associated with {target.type_id}")

    def _full(
        self,
        objects: Objects,
        row: Row,
        names: Sequence[str],
        history: Sequence[str],
        to: Sequence[str],
    ) -> dict[str, Any]:
        record = objects.record(row, names)
        if history:
            record["propertiesWithHistory"] = objects.history(row, history)
        linked: dict[str, Any] = {}
        for name in to:
            target = find_kind(name)
            if target is None:
                raise refuse(400, f"unknown object type {name}")
            links, forward = self._between(objects.kind, target)
            results = [
                {"id": str(far.id), "type": f"{objects.kind.name}_to_{name}_{label.type_id}"}
                for far, types in links.targets(row, forward=forward)
                for label in types
            ]
            if results:
                linked[name] = {"results": results}
        return record | ({"associations": linked} if linked else {})

    def _find(self, objects: Objects, value: str, id_property: str | None) -> Row | None:
        if id_property is None or id_property == "hs_object_id":
            return objects.find(value)
        if id_property not in objects.properties:
            raise refuse(400, f"no property {id_property}")
        rows = objects.live()
        return next((row for row in rows if objects.value(row, id_property) == value), None)

    def _index_from(self, objects: Objects, after: int) -> int:
        first, step = objects.id_of(0), objects.id_of(1) - objects.id_of(0)
        return max(0, -(-(after - first) // step))


def object_route(  # noqa: PLR0911 - a table of endpoints
    reads: ObjectReads, kinds: Sequence[Kind], route: Route, request: Request
) -> Response:
    """Answer below `objects` and `associations`; `kinds` are those that the path names."""
    match route.endpoint, kinds:
        case "list", [kind]:
            return reads.every(kind, request)
        case "object", [kind]:
            return reads.one(kind, route.parts[3], request)
        case "search", [kind]:
            return reads.search(kind, request, route.version)
        case "batch_read", [kind]:
            return reads.batch_read(kind, request)
        case "labels", [source, target]:
            return reads.labels(source, target)
        case "associations", [source, target] if route.parts[1] == "associations":
            return reads.associations(source, target, request)
        case "associations", [source, target]:
            return reads.associations_of(source, route.parts[3], target, request)
        case _:
            raise not_found(request.path)


def names_of(text: str | None) -> tuple[str, ...]:
    """Names of a comma list."""
    return tuple(name for name in (text or "").split(",") if name)


def json_body(request: Request) -> dict[str, Any]:
    """The body as an object. Raises `Refused`."""
    try:
        body = request.json()
    except msgspec.DecodeError as error:
        raise refuse(400, f"Invalid input JSON: {error}") from error
    if not isinstance(body, dict):
        raise refuse(400, "Invalid input JSON: an object is expected")
    return body  # pyright: ignore[reportUnknownVariableType] - JSON keys are text


def _answer(
    pieces: list[bytes],
    more: dict[str, Any],
    *,
    first: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    """An object of `first`, the encoded results, then `more`."""
    head = msgspec.json.encode(first or {})[1:-1] + (b"," if first else b"")
    tail = (b"," if more else b"") + msgspec.json.encode(more)[1:-1]
    body = b"".join([b"{", head, b'"results":[', b",".join(pieces), b"]", tail, b"}"])
    return Response(status=status, body=body)


def _number(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise refuse(400, f"{name} is invalid: {text!r}") from error
