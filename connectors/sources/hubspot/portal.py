"""One HubSpot portal: asking it, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from connectors.errors import AccessError
from connectors.http import ApiClient
from connectors.model import FieldType
from connectors.sources.hubspot.dialect import Dialect
from connectors.sources.hubspot.kinds import KINDS, RESERVED, Kind, custom_kind
from connectors.sources.hubspot.manners import SEARCH
from connectors.sources.hubspot.settings import Settings

T = TypeVar("T")
MULTI_STATUS = 207  # documented for v3 batch reads only; accepted from every version
LIST_PAGE = 100  # most that one list page gives
REFRESH_PROPERTIES = timedelta(minutes=5)  # new ones appear any day, also during a long read

TYPES = {
    "number": FieldType.NUMERIC,
    "date": FieldType.DATE,
    "datetime": FieldType.TIMESTAMP,
    "bool": FieldType.BOOLEAN,
    "json": FieldType.JSON,
    "object_coordinates": FieldType.JSON,
}
"""What is not here is text: string, enumeration, phone_number, and what HubSpot adds next."""


class Next(msgspec.Struct):
    """Where the next page is."""

    after: str | int | None = None


class Paging(msgspec.Struct):
    """Absent on a last page; seen empty there as well."""

    next: Next | None = None


class Row(msgspec.Struct):
    """One record. `properties` are text or null; other values are the warehouse's to judge."""

    id: Any = None
    properties: dict[str, Any] = {}


class Rows(msgspec.Struct):
    """A page of records from any endpoint; searches tell how many there are in `total`."""

    results: list[Row]
    paging: Paging | None = None
    total: int | None = None
    errors: list[dict[str, Any]] = []


class Items(msgspec.Struct):
    """A page of anything else."""

    results: list[dict[str, Any]]
    paging: Paging | None = None
    total: int | None = None


def after(paging: Paging | None) -> str | None:
    """Return the token of the next page. Only its absence ends a list, an empty page does not."""
    if paging is None or paging.next is None or paging.next.after is None:
        return None
    return str(paging.next.after)


@dataclass(slots=True, kw_only=True)
class Properties:
    """The properties of one object type as read at `read_at`."""

    listed: Sequence[Mapping[str, Any]]
    read_at: datetime
    fields: Mapping[str, FieldType] = field(init=False)

    def __post_init__(self) -> None:
        self.fields = {
            str(one["name"]): TYPES.get(str(one.get("type")), FieldType.TEXT) for one in self.listed
        }


class Portal:
    """What a connection knows: the client, the dialect, and the portal's own description."""

    def __init__(
        self, client: ApiClient, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self.client = client
        self.settings = settings
        self.dialect = Dialect(settings.api_version)
        self.clock = clock
        self._properties: dict[str, Properties] = {}
        self._custom: tuple[Kind, ...] | None = None
        self._pipelines: dict[str, list[dict[str, Any]]] = {}

    def list_page(
        self,
        kind: Kind,
        token: str | None,
        size: int,
        *,
        names: Sequence[str] = ("hs_object_id",),
        archived: bool = False,
    ) -> Rows:
        """GET a page of records, live or archived ones; `token` is the page before's `after`."""
        params: dict[str, Any] = {"limit": min(size, LIST_PAGE), "properties": ",".join(names)}
        if archived:
            params["archived"] = "true"
        if token:
            params["after"] = token
        path = self.dialect.objects(kind.path)
        return self.client.get(path, params, shape=Rows).decode(Rows)

    def search(self, kind: Kind, body: Mapping[str, Any]) -> Rows:
        """POST a search for records."""
        path = self.dialect.objects(kind.path, "/search")
        return self.client.post(path, json=body, cost_class=SEARCH, shape=Rows).decode(Rows)

    def count(self, kind: Kind) -> int | None:
        """Return how many live records a search finds, of all there are; its index trails a bit.

        A search without filters counts everything, also beyond what it would show.
        """
        body: dict[str, Any] = {
            "filterGroups": [],
            "sorts": [],
            "properties": [],
            "limit": 1,
            "after": "0",
        }
        return self.search(kind, body).total

    def batch(self, path: str, body: Mapping[str, Any], shape: type[T]) -> T:
        """POST a batch read; 207 says that some inputs have an entry in `errors`."""
        return self.client.post(path, json=body, accept=(200, MULTI_STATUS), shape=shape).decode(
            shape
        )

    def items(self, path: str, params: Mapping[str, Any] | None = None) -> Items:
        """GET a page of anything else."""
        return self.client.get(path, params, shape=Items).decode(Items)

    def properties(self, kind: Kind) -> Properties:
        """Return the type's properties, at most `REFRESH_PROPERTIES` old.

        Raises `AccessError` when they may not be read.
        """
        known = self._properties.get(kind.name)
        if known is None or self.clock() - known.read_at >= REFRESH_PROPERTIES:
            listed = self.items(self.dialect.properties(kind.path)).results
            known = Properties(listed=listed, read_at=self.clock())
            self._properties[kind.name] = known
        return known

    def schemas(self) -> list[dict[str, Any]]:
        """Return the definitions of the custom object types."""
        return self.items(self.dialect.schemas).results

    def pipelines(self, kind: Kind) -> list[dict[str, Any]]:
        """Return the type's pipelines with their stages, as first read in this run."""
        if kind.name not in self._pipelines:
            self._pipelines[kind.name] = self.items(self.dialect.pipelines(kind.path)).results
        return self._pipelines[kind.name]

    def kinds(self) -> tuple[Kind, ...]:
        """Return every object type, custom ones included.

        Without the scope for schemas there are none of those, and the stream `schemas`
        fails and says so.
        """
        if self._custom is None:
            try:
                schemas = self.schemas()
            except AccessError:
                schemas = []
            taken = {kind.name for kind in KINDS} | RESERVED
            custom: list[Kind] = []
            for schema in schemas:
                kind = custom_kind(schema, taken)
                taken.add(kind.name)
                custom.append(kind)
            self._custom = tuple(custom)
        return (*KINDS, *self._custom)

    def kind(self, name: str) -> Kind | None:
        """Return the type of that name, None when the portal has no such type."""
        return next((kind for kind in self.kinds() if kind.name == name), None)
