"""Associations between records.

A pair of kinds is linked by rule (row `n` of the one to row `n mod size` of the other, for a share
of the rows), so that links need no memory; what was linked or unlinked since is kept beside it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.hubspot.answers import error_body, refuse
from connectors.sandbox.hubspot.objects import Objects
from connectors.sandbox.hubspot.rows import Row, mixed

MAX_INPUTS = 1000
MAX_TARGETS = 500


@dataclass(frozen=True, slots=True)
class LinkType:
    """One label of a pair, as seen from either side."""

    type_id: int
    back_id: int
    label: str | None = None
    category: str = "HUBSPOT_DEFINED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two kinds that can be associated."""

    source: str
    target: str
    types: tuple[LinkType, ...]  # the first is on every link, the others on some
    share: float  # of the source's first records that are linked


def _plain(source: str, target: str, type_id: int, back_id: int, share: float) -> Pair:
    return Pair(source=source, target=target, types=(LinkType(type_id, back_id),), share=share)


PAIRS = (
    Pair(
        source="contacts",
        target="companies",
        types=(LinkType(279, 280), LinkType(1, 2, "Primary")),
        share=0.6,
    ),
    _plain("contacts", "divisions", 61, 62, 1.0),
    Pair(
        source="appointments",
        target="contacts",
        types=(
            LinkType(906, 907),
            LinkType(31, 32, "Decision maker", "USER_DEFINED"),
        ),
        share=0.9,
    ),
    Pair(
        source="deals",
        target="contacts",
        types=(LinkType(3, 4), LinkType(35, 36, "Homeowner", "USER_DEFINED")),
        share=0.9,
    ),
    _plain("deals", "companies", 341, 342, 0.5),
    _plain("tickets", "contacts", 16, 15, 0.8),
    _plain("deals", "line_items", 19, 20, 0.7),
    _plain("quotes", "deals", 64, 63, 1.0),
    _plain("calls", "contacts", 194, 193, 0.9),
    _plain("emails", "contacts", 198, 197, 0.9),
    _plain("meetings", "contacts", 200, 199, 0.9),
    _plain("notes", "contacts", 202, 201, 0.9),
    _plain("tasks", "contacts", 204, 203, 0.9),
    _plain("leads", "contacts", 578, 579, 1.0),
)


class Links:
    """Links of one pair, readable from both sides."""

    def __init__(self, pair: Pair, source: Objects, target: Objects) -> None:
        self.pair = pair
        self.source = source
        self.target = target
        self._bases = (len(source), len(target))
        self._set: dict[tuple[int, int], tuple[tuple[LinkType, ...], int]] = {}  # types, version
        self._near: dict[int, set[int]] = {}
        self._far: dict[int, set[int]] = {}

    def types(self, near: int, far: int) -> tuple[LinkType, ...]:
        """Labels between two row numbers; empty when they are not linked."""
        kept = self._set.get((near, far))
        return self._by_rule(near, far) if kept is None else kept[0]

    def put(self, near: Row, far: Row, types: tuple[LinkType, ...] | None = None) -> None:
        """Link two records with these labels: the pair's first when None, unlink when empty."""
        place = (near.index, far.index)
        version = self._set[place][1] if place in self._set else bool(self._by_rule(*place))
        self._set[place] = (self.pair.types[:1] if types is None else types, version + 1)
        self._near.setdefault(near.index, set()).add(far.index)
        self._far.setdefault(far.index, set()).add(near.index)

    def targets(self, row: Row, *, forward: bool) -> Iterator[tuple[Row, tuple[LinkType, ...]]]:
        """Live records linked to a row of either side, by ascending id, with their labels."""
        other = self.target if forward else self.source
        for index in self._others(row.index, forward=forward):
            types = self.types(row.index, index) if forward else self.types(index, row.index)
            far = other.row(index)
            if types and far.live:
                yield far, types

    def all(self) -> Iterator[tuple[Row, Row, LinkType, int, bool]]:
        """Every link there is or was: source, target, label, version, deleted."""
        for near in range(len(self.source)):
            for far in self._others(near, forward=True):
                yield from self._told(near, far)

    def _told(self, near: int, far: int) -> Iterator[tuple[Row, Row, LinkType, int, bool]]:
        here, there = self.source.row(near), self.target.row(far)
        now, first = self.types(near, far), self._by_rule(near, far)
        version = self._set[near, far][1] if (near, far) in self._set else 1
        for label in dict.fromkeys((*first, *now)):
            deleted = label not in now or not (here.live and there.live)
            yield here, there, label, version, deleted

    def _others(self, index: int, *, forward: bool) -> list[int]:
        near, far = self._bases
        if forward:
            linked = {index % far} if index < near else set[int]()
        else:
            linked = set(range(index, near, far)) if index < far else set[int]()
        return sorted(linked | (self._near if forward else self._far).get(index, set()))

    def _by_rule(self, near: int, far: int) -> tuple[LinkType, ...]:
        if near >= self._bases[0] or far != near % self._bases[1]:
            return ()
        dice = mixed(near * 7919 + self.pair.types[0].type_id)
        if dice % 1000 >= self.pair.share * 1000:
            return ()
        return self.pair.types if dice % 3 == 0 else self.pair.types[:1]


def read_links(
    links: Links, objects: Objects, inputs: list[Any], other: str, *, forward: bool
) -> dict[str, Any]:
    """The body of a batch read of associations. Raises `Refused`."""
    if len(inputs) > MAX_INPUTS:
        raise refuse(400, f"at most {MAX_INPUTS} inputs are allowed, got {len(inputs)}")
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for one in inputs:
        row = objects.find(one["id"])
        found = targets_page(links, row, one.get("after"), forward=forward) if row else None
        if found is None or not found["to"]:
            errors.append(_nothing(objects.kind.type_id, other, str(one["id"])))
        else:
            results.append({"from": {"id": str(one["id"])}, **found})
    return {"status": "COMPLETE", "results": results, "errors": errors}


def targets_page(links: Links, row: Row, after: str | None, *, forward: bool) -> dict[str, Any]:
    """One page of a record's targets, with `paging` when there are more."""
    targets = list(links.targets(row, forward=forward)) if row.live else []
    start = _offset(after) if after else 0
    page = targets[start : start + MAX_TARGETS]
    to = [
        {
            "toObjectId": far.id,
            "associationTypes": [
                {
                    "category": label.category,
                    "typeId": label.type_id if forward else label.back_id,
                    "label": label.label,
                }
                for label in types
            ],
        }
        for far, types in page
    ]
    found: dict[str, Any] = {"to": to}
    if start + MAX_TARGETS < len(targets):
        cursor = urlsafe_b64encode(str(start + MAX_TARGETS).encode()).decode()
        found["paging"] = {"next": {"after": cursor, "link": f"?after={cursor}"}}
    return found


def _offset(after: str) -> int:
    try:
        return int(urlsafe_b64decode(after))
    except ValueError as error:
        raise refuse(400, f"invalid paging cursor {after!r}") from error


def _nothing(source: str, target: str, record_id: str) -> dict[str, Any]:
    return error_body(
        f"No {target} is associated with {source} {record_id}.",
        "OBJECT_NOT_FOUND",
        subCategory="crm.associations.NO_ASSOCIATIONS_FOUND",
        context={
            "fromObjectId": [record_id],
            "fromObjectType": [source],
            "toObjectType": [target],
        },
    )
