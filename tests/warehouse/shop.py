"""A vendor with a ledger of all it ever said, and what the warehouse may say after a run.

The ledger knows of each record every version it ever had. A row of the warehouse must
always be one of them, whole; after a run that succeeded it must be the version that the
run was bound to see.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.context import Context
from connectors.model import Deletes, Page, Record, Request, Stream
from tests.acme import ORDERS, Acme, stamp

BOARD = Stream(name="labels", deletes=Deletes.COMPARE, rereads=True)
"""Read whole in any mode, so that only a comparison can tell what is new or gone."""


@dataclass
class Shop(Acme):
    """Orders that are stamped when they change, and a board of labels that is read whole."""

    ahead: timedelta = timedelta(0)  # our clock before the vendor's
    versions: dict[tuple[str, str], dict[str, Record]] = field(
        default_factory=dict[tuple[str, str], dict[str, Record]]
    )
    """By stream and key, then by stamp: everything this vendor has ever shown."""
    unnoticed: dict[tuple[str, str], datetime] = field(
        default_factory=dict[tuple[str, str], datetime]
    )
    """When a record last changed in a way that only a comparison of all can find."""
    begun: dict[tuple[str, datetime], datetime] = field(
        default_factory=dict[tuple[str, datetime], datetime]
    )
    """By stream and our time of its start: when, by the vendor's clock, a read began."""

    def streams(self) -> Sequence[Stream]:
        return ORDERS, BOARD

    def clock(self) -> datetime:
        """Return the time as the runs have it."""
        return self.now + self.ahead

    def context(self) -> Context:
        return replace(super().context(), clock=self.clock)

    def put(self, stream: str, key: str, **fields: Any) -> None:
        super().put(stream, key, **fields)
        record = self.records[stream][key]
        self.versions.setdefault((stream, key), {})[record["changed"]] = record
        self.deleted = [gone for gone in self.deleted if gone != (key,) or stream != "orders"]
        self.unnoticed.pop((stream, key), None)
        if stream == BOARD.name:
            self.unnoticed[stream, key] = self.now

    def erase(self, stream: str, key: str, *, told: bool) -> None:
        """Remove a record; `told` orders are named as gone on every page from now on."""
        if self.records[stream].pop(key, None) is None:
            return
        if told and stream == "orders":
            self.deleted.append((key,))
            self.unnoticed.pop((stream, key), None)
        else:
            self.unnoticed[stream, key] = self.now

    def restore(self, stream: str, key: str) -> None:
        """Bring a removed record back as it was: its stamp is an old one."""
        known = self.versions.get((stream, key))
        if known and key not in self.records[stream]:
            self.records[stream][key] = known[max(known)]
            self.deleted = [gone for gone in self.deleted if gone != (key,)]
            self.unnoticed[stream, key] = self.now

    def read(self, request: Request) -> Iterator[Page]:
        name = request.stream.name
        if request.position is None or (name, request.started_at) not in self.begun:
            self.begun[name, request.started_at] = self.now
        if name != BOARD.name:
            yield from super().read(request)
            return
        yield from super().read(replace(request, since=None, until=None))
        yield Page(everything=True)

    def last_request(self, stream: str) -> Request:
        return next(r for r in reversed(self.requests) if r.stream.name == stream)


def check_versions(shop: Shop, stream: Stream, stored: dict[str, dict[str, Any]]) -> None:
    """Every row is one version of its record, whole."""
    for key, row in stored.items():
        version = shop.versions[stream.name, key].get(stamp(row["changed"]))
        assert version is not None, f"{key} was never as of {row['changed']}"
        for name, value in row.items():
            if name not in {"changed", "_deleted"}:
                sent = version.get(name)
                assert same(sent, value, declared=name == "amount"), (key, name, sent, value)


def check_seen(
    shop: Shop,
    stream: Stream,
    stored: dict[str, dict[str, Any]],
    *,
    compared: bool,
    guarded: bool,
) -> None:
    """After a read that succeeded: rows are as the vendor had them when it began.

    `compared`: keys that it did not show were taken for gone, unless it was `guarded`.
    """
    request = shop.last_request(stream.name)
    began = shop.begun[stream.name, request.started_at]
    present = shop.records[stream.name]
    if compared:
        shop.unnoticed = {
            (name, key): when
            for (name, key), when in shop.unnoticed.items()
            if name != stream.name or when >= began or (guarded and key not in present)
        }
    since = stamp(request.since) if request.since and stream is ORDERS else ""
    until = stamp(min(request.until or began, began)) if stream is ORDERS else stamp(began)
    alive = {key for key, row in stored.items() if not row["_deleted"]}
    for key, record in present.items():
        if (stream.name, key) in shop.unnoticed or not since <= record["changed"] < until:
            continue
        assert key in alive, f"{key} is missing"
        assert stamp(stored[key]["changed"]) == record["changed"], f"{key} is out of date"
    for key in alive - present.keys():
        assert (stream.name, key) in shop.unnoticed, f"{key} should be gone"


def same(sent: Any, stored: Any, *, declared: bool) -> bool:
    """Whether a stored value is what was sent, in a column that may have widened since."""
    if sent is None or sent == "":
        return stored is None or stored == ""
    if declared and not isinstance(sent, int | Decimal):
        return stored is None  # a reject keeps it
    if isinstance(sent, bool):
        return str(stored).lower() in ({"true", "1"} if sent else {"false", "0"})
    if isinstance(sent, int | Decimal):
        return number(stored) == sent
    if isinstance(sent, dict | list):
        return (json.loads(stored) if isinstance(stored, str) else stored) == sent
    return stored == sent or (moment(sent) is not None and moment(stored) == moment(sent))


def number(value: Any) -> Decimal | None:
    """Return the number that a stored value shows."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def moment(value: Any) -> datetime | None:
    """Return the time that a stored value shows; a date is its midnight in UTC."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
