"""Open events of an answer as far as they are looked at.

Most of an event is nested and stored as JSON, so that part stays the text it came as. Which
members events have is learned from them: a class with exactly those is decoded in one go,
and made anew when an event has another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any, cast

import msgspec
from msgspec import Raw

from connectors.answers import decoded
from connectors.errors import ContractError
from connectors.model import Record

MAX_MEMBERS = 500  # names that an account may have given its steps; with more it works, slower
MEMBERS = msgspec.json.Decoder(dict[str, Raw])
BEYOND = "(beyond)"  # no member of an event has this name
PLAIN_NAME = re.compile(r"[^\\\"\x00-\x1f]+")  # what msgspec takes as a member's name


class Event(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """An event: plain members decoded, all others as they came (`Raw`), absent ones None."""

    id: Any = None
    type: Any = None
    beyond: Record | None = msgspec.field(default=None, name=BEYOND)
    """Members that are not learned."""

    def members(self) -> Record:
        """Return all members by name, absent ones as None."""
        names = type(self).__struct_encode_fields__
        found = dict(zip(names, msgspec.structs.astuple(self), strict=True))
        return found | (found.pop(BEYOND) or {})


class Opener:
    """Opens the events of one account. `plain` names the members to decode.

    `declared` are members that every event shall have: they are None where it has none.
    """

    def __init__(self, plain: AbstractSet[str], declared: Iterable[str] = ()) -> None:
        self._plain = plain
        self._attributes = {"id": "id", "type": "type"}  # by member
        self._take(Event)
        self._learn(declared)

    def open(self, item: Any) -> Event:
        """Return an item of a list of events. Raises `ContractError` when it is no object."""
        if type(item) is Raw:
            try:
                return self._decoder.decode(item)
            except ValueError:  # a member that no event had so far, or it is not as documented
                item = _members(item)
        if not isinstance(item, dict):
            raise ContractError("leadconduit.events: something came that is no event")
        members = cast("Record", item)
        self._learn(members)
        known: Record = {}
        beyond: Record = {}
        for name, text in members.items():
            value = decoded(text) if name in self._plain else text
            if name in self._attributes:
                known[self._attributes[name]] = value
            else:
                beyond[name] = value
        return self._shape(**known, beyond=beyond or None)

    def _learn(self, members: Iterable[str]) -> None:
        new = [
            name
            for name in members
            if name not in self._attributes and PLAIN_NAME.fullmatch(name) and name != BEYOND
        ]
        if not new or len(self._attributes) + len(new) > MAX_MEMBERS:
            return
        for name in new:
            self._attributes[name] = f"m{len(self._attributes)}"
        fields = [
            (attribute, Any if name in self._plain else Raw, msgspec.field(default=None, name=name))
            for name, attribute in self._attributes.items()
            if attribute not in {"id", "type"}
        ]
        shape = msgspec.defstruct(
            "Event", fields, bases=(Event,), kw_only=True, forbid_unknown_fields=True, gc=False
        )
        self._take(cast("type[Event]", shape))

    def _take(self, shape: type[Event]) -> None:
        self._shape = shape
        self._decoder = msgspec.json.Decoder(shape, float_hook=Decimal)


def _members(item: Raw) -> Any:
    try:
        return MEMBERS.decode(item)
    except ValueError:  # no object, or its names are not UTF-8
        return decoded(item)
