"""Which function reads which stream of a portal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import TypeAlias

from connectors.errors import ConfigError
from connectors.model import FieldType, Page, Request, Stream
from connectors.sources.hubspot import associations, history, objects
from connectors.sources.hubspot.catalog import CATALOG
from connectors.sources.hubspot.kinds import Kind
from connectors.sources.hubspot.portal import Portal

Read: TypeAlias = Callable[[Request], Iterator[Page]]


class HubSpot:
    """An open connection to a portal; a `connectors.model.Reader`."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def streams(self) -> Sequence[Stream]:
        """See `Reader.streams`: also the portal's custom objects and the configured pairs.

        Raises `ConfigError` when a setting names an object type that the portal has not.
        """
        return [stream for stream, _ in self._rows.values()]

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        """See `Reader.fields`: the properties of an object type."""
        kind = self._portal.kind(stream.name)
        return objects.fields(self._portal, kind) if kind else {}

    def read(self, request: Request) -> Iterator[Page]:
        """See `Reader.read`."""
        _, read = self._rows[request.stream.name]
        return read(request)

    @cached_property
    def _rows(self) -> Mapping[str, tuple[Stream, Read]]:
        portal = self._portal
        rows: list[tuple[Stream, Read]] = [
            (kind.stream, partial(objects.read, portal, kind)) for kind in portal.kinds()
        ]
        rows += [(stream, partial(read, portal)) for stream, read in CATALOG]
        rows += [
            (
                associations.stream(near.name, far.name),
                partial(associations.read, portal, associations.Pair(near=near, far=far)),
            )
            for near, far in self._pairs()
        ]
        rows += [
            (history.stream(kind.name), partial(history.read, portal, kind, names))
            for kind, names in self._histories()
        ]
        return {stream.name: (stream, read) for stream, read in rows}

    def _pairs(self) -> Iterator[tuple[Kind, Kind]]:
        settings = self._portal.settings
        for pair in settings.associations:
            near, far = map(self._portal.kind, pair.split(":"))
            if near and far:
                yield near, far
            elif "associations" in settings.model_fields_set:
                raise self._unknown("HUBSPOT_ASSOCIATIONS", pair)

    def _histories(self) -> Iterator[tuple[Kind, list[str]]]:
        by_kind: dict[str, list[str]] = {}
        for entry in self._portal.settings.history:
            name, _, wanted = entry.partition(":")
            by_kind.setdefault(name, []).append(wanted)
        for name, names in by_kind.items():
            kind = self._portal.kind(name)
            if kind is None:
                raise self._unknown("HUBSPOT_HISTORY", name)
            yield kind, names

    def _unknown(self, setting: str, given: str) -> ConfigError:
        names = ", ".join(kind.name for kind in self._portal.kinds())
        return ConfigError(
            f"{setting} names {given}, but the portal's object types are {names} (custom ones only"
            " with the scope crm.schemas.custom.read)"
        )
