"""What a list answers, and how its records are brought into one shape."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import msgspec

from connectors.answers import Answer
from connectors.errors import ContractError
from connectors.model import Key, Record, Stream
from connectors.shifting import Part
from connectors.sources.salesrabbit.streams import ADDRESS, COORDINATES, HISTORIES

NOT_MODIFIED = 304
A_YEAR = re.compile(r"[12]\d{3}-")

Row: TypeAlias = Any
"""What a page counts: a record, or a lead's id with the events of its history."""


class Envelope(msgspec.Struct):
    """What a list answers. `meta` may be missing; PHP writes an empty object as `[]`."""

    data: list[Record] | dict[str, list[Record]] | None
    meta: Any = None

    def promise(self) -> bool | None:
        """Return whether the vendor says that more pages follow; None where it says nothing."""
        said = cast("Record", self.meta).get("morePages") if isinstance(self.meta, dict) else None
        return None if said is None else str(said).lower() in {"true", "1"}


class Listing:
    """The pages of one list, as they are asked for one after the other."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._longest = 0

    def part(self, answer: Answer, size: int) -> Part[Row]:
        """Return the rows of an answer to a question for `size` rows.

        `morePages` false on a full page is not believed. Where it is missing, a page shorter
        than another of the list, or than asked for, is the last: the vendor may allow fewer
        rows than were asked for. Raises `ContractError` where a list and an object are mixed up.
        """
        if answer.status == NOT_MODIFIED:
            return Part(rows=(), ids=(), more=False)
        envelope = answer.decode(Envelope)
        data = envelope.data or []
        self._longest = max(self._longest, len(data))
        promised = envelope.promise()
        full = len(data) >= (size if promised is not None else min(size, self._longest))
        rows, ids = self._histories(answer, data) if self._keyed else self._records(answer, data)
        return Part(
            rows=rows,
            ids=ids,
            more=promised is True or (full and len(data) > 0),
            promised=promised is True,
        )

    @property
    def _keyed(self) -> bool:
        return self._stream is HISTORIES

    def _histories(
        self, answer: Answer, data: list[Record] | dict[str, list[Record]]
    ) -> tuple[Sequence[Row], Sequence[str]]:
        if isinstance(data, dict):
            return list(data.items()), list(data)
        if data:
            raise ContractError(f"{answer.where}: a list where histories by lead were expected")
        return (), ()

    def _records(
        self, answer: Answer, data: list[Record] | dict[str, list[Record]]
    ) -> tuple[Sequence[Row], Sequence[str]]:
        if isinstance(data, dict):
            raise ContractError(f"{answer.where}: an object where a list was expected")
        key = self._stream.key[0]
        ids: list[str] = []
        for row in data:
            if (each := row.get(key)) is not None:
                row[key] = text = str(each)  # here, for the whole page: the warehouse judges each
                ids.append(text)
        return data, ids


def lead(record: Record) -> Record:
    """Return a lead with its address at the top level, wherever it was sent.

    A coordinate that is "" becomes null, which spares the warehouse a look at each number.
    """
    for nest, names in (("address", ADDRESS), ("coordinates", COORDINATES)):
        nested = record.get(nest)
        if isinstance(nested, dict):
            _raise(record, cast("Record", nested), names)
            if not nested:
                del record[nest]
    for name in COORDINATES:
        if record.get(name) == "":
            record[name] = None
    return record


def _raise(record: Record, nested: Record, names: Sequence[str]) -> None:
    for name in names:
        if name in nested:
            record.setdefault(name, nested.pop(name))


def events(history: tuple[str, Sequence[Record]]) -> Sequence[Record]:
    """Return a lead's events with what they lack: the lead, and their place in the answer.

    Their times do not give their order, and `active` marks the lead's current one.
    """
    lead_id, some = history
    for at, event in enumerate(some):
        event["leadId"] = lead_id
        event["position"] = at
    return some


def deleted(leads: Sequence[Mapping[str, Any]]) -> list[Key]:
    """Return the keys of leads that say when they were deleted; a time of zeros says nothing."""
    return [
        (str(one["id"]),)
        for one in leads
        if one.get("deletedAt") and one.get("id") and A_YEAR.match(str(one["deletedAt"]))
    ]
