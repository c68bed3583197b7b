"""Routing, guards and switches of the pretend portal."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec

from connectors.sandbox.clock import epoch_ms
from connectors.sandbox.hubspot.access import TOKEN, Access
from connectors.sandbox.hubspot.answers import Refused, not_found, refuse
from connectors.sandbox.hubspot.catalog import BY_KIND
from connectors.sandbox.hubspot.changes import Changes
from connectors.sandbox.hubspot.directory import ContactLists, make_owners, make_pipelines
from connectors.sandbox.hubspot.kinds import KINDS, Kind, find_kind
from connectors.sandbox.hubspot.links import PAIRS, Links, LinkType
from connectors.sandbox.hubspot.objects import Objects
from connectors.sandbox.hubspot.quotas import Limits, Quotas
from connectors.sandbox.hubspot.reads import ObjectReads, object_route
from connectors.sandbox.hubspot.recipes import Property
from connectors.sandbox.hubspot.routes import Route
from connectors.sandbox.hubspot.rows import Row
from connectors.sandbox.hubspot.search import Searches
from connectors.sandbox.hubspot.small import SmallReads
from connectors.sandbox.hubspot.truth import PortalTruth
from connectors.sandbox.messages import Request, Response, html_answer
from connectors.sandbox.vendors import World

SCOPES = {
    "owners": "crm.objects.owners.read",
    "schemas": "crm.schemas.custom.read",
    "lists": "crm.lists.read",
}
MAX_URL = 8192  # bytes; nginx in front of HubSpot answers 414 above about this


class HubSpot:
    """The portal. Attributes without underscore may be set by tests, or by `adjust`.

    `disabled` kinds answer 400 as objects that the portal has not activated do; `access` holds
    tokens and scopes, `quotas.limits` the rate limits. Kinds are named as in `kinds`.
    """

    name = "hubspot"

    def __init__(self, world: World) -> None:
        self._world = world
        self.max_url = MAX_URL
        self.disabled: set[str] = set()
        self.access = Access(world)
        self.quotas = Quotas()
        self.objects = {kind.name: Objects(kind, BY_KIND[kind.name], world) for kind in KINDS}
        self.searches = {name: Searches(objects) for name, objects in self.objects.items()}
        self.links = {
            (pair.source, pair.target): Links(
                pair, self.objects[pair.source], self.objects[pair.target]
            )
            for pair in PAIRS
        }
        self.owners, self.pipelines = make_owners(world), make_pipelines(world)
        self.lists = ContactLists(self.objects, world)
        self.changes = Changes(world, self.objects, self.links, self.owners, self.lists)
        self.ledger = PortalTruth(
            world=world,
            objects=self.objects,
            links=self.links,
            owners=self.owners,
            pipelines=self.pipelines,
            lists=self.lists,
        )
        self.reads = ObjectReads(world, self.objects, self.searches, self.links)
        self._small = SmallReads(
            world=world,
            objects=self.objects,
            owners=self.owners,
            pipelines=self.pipelines,
            lists=self.lists,
            quotas=self.quotas,
        )

    def environment(self, base_url: str) -> dict[str, str]:
        """Base URL and a private-app token."""
        return {"HUBSPOT_BASE_URL": base_url, "HUBSPOT_API_TOKEN": TOKEN}

    def endpoint(self, request: Request) -> str:
        """The class that HubSpot's limits and our statistics count a request in."""
        return Route.of(request.path).endpoint

    def handle(self, request: Request) -> Response:
        """Answer a request, with the headers that every answer has."""
        route = Route.of(request.path)
        search = route.endpoint == "search"
        try:
            response = self._guarded(request, route)
        except Refused as refused:
            response = refused.response
        headers = {
            "x-hubspot-correlation-id": "00000000-0000-4000-8000-000000000000",
            **self.quotas.headers(search=search),
            **response.headers,
        }
        return replace(response, headers=headers)

    def step(self) -> None:
        """Let time pass; see `Changes.step`."""
        self.changes.step()

    def adjust(self, settings: dict[str, Any]) -> None:
        """Switches by name, as a JSON object. Raises `ValueError` for an unknown one.

        `limits` (fields of `Limits`), `index_lag_seconds`, `disorder_seconds`, `disabled` (kinds),
        `missing_scopes`, `failing_ids` (in batch reads), `max_url`, `expire_tokens` (any value).
        """
        for name, value in settings.items():
            match name:
                case "limits":
                    self.quotas.limits = msgspec.convert(value, Limits)
                case "index_lag_seconds":
                    self.set_index_lag(value)
                case "disorder_seconds":
                    self.set_disorder(value)
                case "disabled":
                    self.disabled = set(value)
                case "missing_scopes":
                    self.access.scopes -= set(value)
                case "failing_ids":
                    self.reads.failing = {str(one) for one in value}
                case "max_url":
                    self.max_url = int(value)
                case "expire_tokens":
                    self.access.expire()
                case _:
                    raise ValueError(f"unknown switch {name!r}")

    def set_index_lag(self, seconds: float) -> None:
        """The search index shows writes only so long after they were made."""
        for objects in self.objects.values():
            objects.index_lag = round(seconds * 1000)

    def set_disorder(self, seconds: float) -> None:
        """Sorts by time are wrong by up to this much; the sort by id stays right."""
        for searches in self.searches.values():
            searches.disorder = round(seconds * 1000)

    def ids(self, kind: str) -> list[str]:
        """Ids of live records, ascending."""
        return [str(row.id) for row in self.objects[kind].live()]

    def add(self, kind: str, at: int | None = None, **values: str | None) -> str:
        """A new record, modified at `at` (epoch ms; by default the clock's stamp); its id."""
        return str(self.objects[kind].add(values, self._stamp(at)).id)

    def change(
        self, kind: str, record_id: str, at: int | None = None, **values: str | None
    ) -> None:
        """Write values. `at` as in `add`."""
        self.objects[kind].change(self._row(kind, record_id), values, self._stamp(at))

    def recalculate(self, kind: str, record_id: str, **values: str | None) -> None:
        """Write values as calculated properties do: the modification time stays."""
        self.objects[kind].change(self._row(kind, record_id), values, None)

    def cluster(self, kind: str, records: int, at: int | None = None) -> int:
        """That many new records with one modification time, which is answered (epoch ms)."""
        moment = self._stamp(at)
        for _ in range(records):
            self.objects[kind].add({}, moment)
        return moment

    def archive(self, kind: str, record_id: str) -> None:
        """Archive a record; its modification time stays."""
        self.objects[kind].archive(self._row(kind, record_id), self._stamp(None))

    def restore(self, kind: str, record_id: str, *, quietly: bool = False) -> None:
        """Bring an archived record back; `quietly`: without a new modification time."""
        at = None if quietly else self._stamp(None)
        self.objects[kind].restore(self._row(kind, record_id), at)

    def purge(self, kind: str, record_id: str) -> None:
        """Delete a record for good (GDPR): no trace is left."""
        self.objects[kind].purge(self._row(kind, record_id))

    def merge(self, kind: str, survivor: str, loser: str, *, new_id: bool = False) -> str:
        """Merge `loser` into `survivor`, or both into a record with a new id; the id that lives."""
        near, far = self._row(kind, survivor), self._row(kind, loser)
        merge = self.changes.merge_into_new if new_id else self.changes.merge
        return str(merge(self.objects[kind], near, far, self._stamp(None)).id)

    def link(
        self, source: str, from_id: str, target: str, to_id: str, types: Iterable[int] | None = None
    ) -> None:
        """Associate two records with the labels of these type ids (as seen from the source).

        None gives the pair's plain one, an empty list removes the link. No modification time moves.
        """
        near, far = self._row(source, from_id), self._row(target, to_id)
        links = self.links.get((source, target))
        if links is None:
            links, near, far = self.links[target, source], far, near
        wanted = None if types is None else set(types)
        links.put(near, far, None if wanted is None else _labels(links, wanted))

    def define(self, kind: str, one: Property) -> None:
        """Add a property, or change its definition."""
        self.objects[kind].define(one)

    def undefine(self, kind: str, name: str) -> None:
        """Remove a property and its values. Raises `KeyError`."""
        self.objects[kind].undefine(name)

    def _row(self, kind: str, record_id: str) -> Row:
        row = self.objects[kind].find(record_id)
        if row is None:
            raise KeyError(record_id)
        return row

    def _stamp(self, at: int | None) -> int:
        return epoch_ms(self._world.clock.stamp()) if at is None else at

    def _guarded(self, request: Request, route: Route) -> Response:
        if len(request.target) > self.max_url:
            return html_answer(414, "Request-URI Too Large")
        if route.parts == ("oauth", "token"):
            return self.access.issue(request)
        self.access.admit(request)
        refused = self.quotas.admit(search=route.endpoint == "search")
        return self._answer(request, route) if refused is None else refused

    def _answer(self, request: Request, route: Route) -> Response:
        match route.parts:
            case ("crm", "objects", source, _, "associations", target):
                return self._objects_answer(request, route, source, target)
            case ("crm", "associations", source, target, *_):
                return self._objects_answer(request, route, source, target)
            case ("crm", "objects", source, *_):
                return self._objects_answer(request, route, source)
            case (_, api, *_) if api in SCOPES:
                self.access.need(SCOPES[api])
            case _:
                pass
        return self._small.answer(route.parts, request)

    def _objects_answer(self, request: Request, route: Route, *names: str) -> Response:
        kinds = [self._allowed(name) for name in names]
        return object_route(self.reads, kinds, route, request)

    def _allowed(self, name: str) -> Kind:
        kind = find_kind(name)
        if kind is None:
            raise not_found(f"object type {name}")
        if kind.name in self.disabled:
            raise refuse(400, f"Object type {name} is not enabled in this portal")
        self.access.need(kind.scope)
        return kind


def _labels(links: Links, wanted: set[int]) -> tuple[LinkType, ...]:
    return tuple(one for one in links.pair.types if wanted & {one.type_id, one.back_id})
