"""The HubSpot ledger: what a perfect copy of the portal would hold."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.sandbox.hubspot.directory import (
    LISTS,
    ContactLists,
    membership_record,
    property_record,
    schema_record,
)
from connectors.sandbox.hubspot.kinds import BY_NAME, KINDS
from connectors.sandbox.hubspot.links import Links
from connectors.sandbox.hubspot.objects import Objects
from connectors.sandbox.ledger import Entry, Records
from connectors.sandbox.vendors import World


class PortalTruth:
    """Entries of every stream, made when asked for.

    Streams: each kind by its name, `owners`, `pipelines`, `pipeline_stages` (key
    `kind:pipeline:stage`), `properties` (`kind:name`), `schemas`, `lists`, `list_memberships`
    (`list:record`), and one `<kind>_to_<kind>` per associated pair and direction (key
    `from:to:type id`).
    """

    def __init__(
        self,
        *,
        world: World,
        objects: Mapping[str, Objects],
        links: Mapping[tuple[str, str], Links],
        owners: Records,
        pipelines: Records,
        lists: ContactLists,
    ) -> None:
        self._world = world
        self._objects = objects
        self._links = links
        self._pipelines = pipelines
        self._lists = lists
        self._small: dict[str, Callable[[], Iterator[Entry]]] = {
            "owners": owners.entries,
            "pipelines": pipelines.entries,
            "pipeline_stages": self._stages,
            "properties": self._properties,
            "schemas": self._schemas,
            "lists": lambda: (_first(one["listId"], one) for one in lists.records()),
            "list_memberships": self._memberships,
        }

    def streams(self) -> list[str]:
        """Names of the streams."""
        pairs = [
            name for near, far in self._links for name in (f"{near}_to_{far}", f"{far}_to_{near}")
        ]
        return [*BY_NAME, *self._small, *pairs]

    def entries(self, stream: str) -> Iterator[Entry]:
        """Entries of a stream. Raises `KeyError` for an unknown one."""
        if stream in self._objects:
            return self._of_kind(self._objects[stream])
        near, _, far = stream.partition("_to_")
        for key, forward in (((near, far), True), ((far, near), False)):
            if key in self._links:
                return self._of_links(self._links[key], forward=forward)
        return self._small[stream]()

    def _of_kind(self, objects: Objects) -> Iterator[Entry]:
        for index in range(len(objects)):
            row = objects.row(index)
            yield Entry(
                id=str(row.id),
                version=row.version,
                deleted=not row.live,
                record=objects.record(row),
            )

    def _of_links(self, links: Links, *, forward: bool) -> Iterator[Entry]:
        for here, there, label, version, deleted in links.all():
            near, far = (here, there) if forward else (there, here)
            type_id = label.type_id if forward else label.back_id
            record: dict[str, Any] = {
                "fromId": str(near.id),
                "toId": str(far.id),
                "typeId": type_id,
                "category": label.category,
                "label": label.label,
            }
            key = f"{near.id}:{far.id}:{type_id}"
            yield Entry(id=key, version=version, deleted=deleted, record=record)

    def _stages(self) -> Iterator[Entry]:
        for entry in self._pipelines.entries():
            for stage in entry.record["stages"]:
                key = f"{entry.id}:{stage['id']}"
                yield Entry(id=key, version=entry.version, deleted=entry.deleted, record=stage)

    def _properties(self) -> Iterator[Entry]:
        for name, objects in self._objects.items():
            for one in objects.properties.values():
                yield _first(f"{name}:{one.name}", property_record(one, self._world))

    def _schemas(self) -> Iterator[Entry]:
        for kind in KINDS:
            if kind.own_name:
                record = schema_record(kind, self._objects[kind.name], self._world)
                yield _first(kind.type_id, record)

    def _memberships(self) -> Iterator[Entry]:
        for list_id, *_ in LISTS:
            for row, at, left in self._lists.ever(list_id):
                yield Entry(
                    id=f"{list_id}:{row.id}",
                    version=1,
                    deleted=left or not row.live,
                    record={"listId": list_id, **membership_record(row, at)},
                )


def _first(key: str, record: Mapping[str, Any]) -> Entry:
    return Entry(id=key, version=1, deleted=False, record=record)
