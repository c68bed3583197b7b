"""Links between two object types, with their labels: one stream per configured pair.

Nothing marks a record when a link of it comes or goes. So an incremental read reads the
links of changed records, and every so many hours those of all; a full read reads all.
What a record no longer has among its links is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors.model import Deletes, FieldType, Page, Record, Request, Stream, Whole, Window
from connectors.paging import NoRepeat
from connectors.sources.hubspot.batch import TRIES, absent_ids, failed_ids, unread
from connectors.sources.hubspot.ids import gathered, of_all, of_changed
from connectors.sources.hubspot.kinds import LAG, LOOKBACK, Kind
from connectors.sources.hubspot.portal import Paging, Portal, after
from connectors.sources.hubspot.search import due

INPUTS = 1000  # most ids in one batch read

SEES = (
    "Incremental runs see links that came or went on records that changed themselves, and every"
    " HUBSPOT_RELINK_EVERY_HOURS those of all records."
)


class Target(msgspec.Struct, rename="camel"):
    """A linked record. Its id is a number here, text everywhere else."""

    to_object_id: int | str
    association_types: list[dict[str, Any]] = []


class Links(msgspec.Struct):
    """The links of one record; `paging` when it has more than 500."""

    to: list[Target]
    from_: dict[str, Any] = msgspec.field(name="from")
    paging: Paging | None = None

    @property
    def from_id(self) -> str:
        """Whose links they are."""
        return str(self.from_["id"])


class Answer(msgspec.Struct):
    """A batch read of associations."""

    results: list[Links]
    errors: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two types whose links are read, from the side of the first."""

    near: Kind
    far: Kind

    @property
    def stream(self) -> str:
        """Its name in messages."""
        return f"hubspot.{self.near.name}_to_{self.far.name}"


def stream(near: str, far: str) -> Stream:
    """Return the stream of links from type `near` to type `far`."""
    return Stream(
        name=f"{near}_to_{far}",
        key=("from_id", "to_id", "category", "type_id"),
        fields={
            "from_id": FieldType.TEXT,
            "to_id": FieldType.TEXT,
            "category": FieldType.TEXT,
            "type_id": FieldType.INTEGER,
            "label": FieldType.TEXT,
        },
        window=Window(lookback=LOOKBACK, lag=LAG),
        deletes=Deletes.COMPARE,
        sees=SEES,
    )


def read(portal: Portal, pair: Pair, request: Request) -> Iterator[Page]:
    """Yield links, those of up to 1,000 records a page, and say that those are all they have.

    Position: as for records of the first type.
    """
    ids_of = of_all if due(portal.settings.relink_every_hours, request) else of_changed
    for ids in gathered(ids_of(portal, pair.near, request), INPUTS):
        read_now = _linked(portal, pair, ids.live)
        yield Page(
            records=read_now.links,
            whole=Whole(column="from_id", values=[*read_now.answered, *ids.gone]),
            position=ids.position,
            incomplete=unread(pair.stream, read_now.failed) if read_now.failed else None,
        )


@dataclass(slots=True, kw_only=True)
class Linked:
    """Links of some records, and for which of them HubSpot said anything at all."""

    links: list[Record] = field(default_factory=list[Record])
    answered: set[str] = field(default_factory=set[str])
    failed: list[str] = field(default_factory=list[str])


def _linked(portal: Portal, pair: Pair, ids: Sequence[str]) -> Linked:
    """Read all links of these records, following those that have more than fit."""
    path = portal.dialect.associations(pair.near.path, pair.far.path)
    tokens = NoRepeat(pair.stream)
    found = Linked()
    wanted: list[dict[str, str]] = [{"id": each} for each in ids]
    tries = 0  # answers in which some ids failed
    while wanted:
        answer = portal.batch(path, {"inputs": wanted}, Answer)
        found.links += [record for each in answer.results for record in _records(each)]
        answered = {each.from_id for each in answer.results}
        found.answered |= answered | absent_ids(answer.errors)
        failed = failed_ids(answer.errors, [each["id"] for each in wanted], answered)
        tries += bool(failed)
        again = set(failed) if tries < TRIES else set[str]()
        found.failed += [each for each in failed if each not in again]
        following = [
            {"id": each.from_id, "after": token}
            for each in answer.results
            if (token := after(each.paging)) is not None
        ]
        for each in following:
            tokens.check(tuple(each.items()))
        wanted = [each for each in wanted if each["id"] in again] + following
    found.answered -= set(found.failed)
    return found


def _records(links: Links) -> Iterator[Record]:
    for target in links.to:
        for kind in target.association_types:
            yield {
                "from_id": links.from_id,
                "to_id": str(target.to_object_id),
                "category": kind.get("category"),
                "type_id": kind.get("typeId"),
                "label": kind.get("label"),
            }
