"""Rows of a result, made into records: keys that the export lacks, answers, line items."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.model import Page, Record, Whole
from connectors.sources.salespro import line_items
from connectors.sources.salespro.answers import Rows
from connectors.sources.salespro.streams import CHANGED, Export

FACTS = (
    "user_id",
    "customer_id",
    "estimate_id",
    "company_id",
    "activity_identifier",
    "activity_note",
    "key_metric",
    "price_type",
    "price",
    "local_customer_uuid",
    "created_at",
)
"""What makes an activity the one it is. New columns are not among them: keys must not change."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was met on the way and belongs into the report."""

    unkeyed: int = 0
    unreadable: int = 0

    def notes(self, export: Export) -> list[str]:
        """Return a sentence for each kind of oddity that was met."""
        key = "customer" if export.shape == "customers" else "estimate"
        said = [
            (self.unkeyed, f"rows without {key} id were left out"),
            (self.unreadable, "lead results hold no readable JSON; their text is kept as it is"),
        ]
        return [f"{export.stream.name}: {count} {text}" for count, text in said if count]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One page of a query's result, and what is to be said of it."""

    query_id: str
    rows: Rows
    notes: Sequence[str]

    def records(self) -> list[Record]:
        """Return the rows by column name."""
        return [dict(zip(self.rows.names, row, strict=True)) for row in self.rows.values]

    def position(self, token: str | None) -> Mapping[str, str] | None:
        """Return where an interrupted read goes on; None for the first page and after the last."""
        return {"query": self.query_id, "token": token} if token else None


def pages(
    export: Export, answers: Iterator[Answer], tally: Tally, *, grouped: bool
) -> Iterator[Page]:
    """Yield the pages of a stream. `grouped`: see `_line_items`."""
    if export.shape == "line items":
        yield from _line_items(answers, tally, grouped=grouped)
        return
    for answer in answers:
        yield Page(
            records=_records(export, answer.records(), tally),
            position=answer.position(answer.rows.following),
            fields={
                name: kind
                for name, kind in answer.rows.types.items()
                if name not in export.stream.fields
            },
            notes=answer.notes,
        )


def _records(export: Export, found: list[Record], tally: Tally) -> list[Record]:
    if export.shape == "customers":
        found = _keyed(found, "customer_id", tally)
        for record in found:
            record["row_id"] = f"{record['customer_id']}/{record.get('estimate_id') or ''}"
    if export.shape == "activity":
        for record in found:
            record["activity_id"] = record.get("id") or _fingerprint(record)
    if export.shape == "answers":
        found = _keyed(found, "estimate_id", tally)
        for record in found:
            try:
                record.update(line_items.columns(record.get("lead_results")))
            except line_items.UnreadableError:
                tally.unreadable += 1
    return found


def _keyed(records: Sequence[Record], key: str, tally: Tally) -> list[Record]:
    """Return the records that have a key. The export is known to hold some that have none."""
    kept = [record for record in records if record.get(key)]
    tally.unkeyed += len(records) - len(kept)
    return kept


def _fingerprint(activity: Record) -> str:
    facts = json.dumps([activity.get(name) for name in FACTS])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def _line_items(answers: Iterator[Answer], tally: Tally, *, grouped: bool) -> Iterator[Page]:
    """Yield the items of each estimate's newest readable result; with `grouped`, whole estimates.

    Rows come by estimate, newest last. The last estimate of a page may go on with the next one
    and is held back, so a page's position is its own token: a read that goes on there meets the
    held one again. A backfill shows old versions, whose silence about an item says nothing.
    """
    held: dict[str, list[Record]] = {}
    last: str | None = None
    for answer in answers:
        for result in _keyed(answer.records(), "estimate_id", tally):
            last = str(result["estimate_id"])
            items = _items(result, tally)
            if items is not None:
                held[last] = items
        rest = {last: held.pop(last)} if answer.rows.following and last in held else {}
        yield Page(
            records=[item for items in held.values() for item in items],
            position=answer.position(answer.rows.token),
            whole=Whole(column="estimate_id", values=list(held)) if grouped and held else None,
            notes=answer.notes,
        )
        held = rest


def _items(result: Record, tally: Tally) -> list[Record] | None:
    """Return the line items of a lead result; None when it cannot be read."""
    about = {"estimate_id": result["estimate_id"], CHANGED: result.get(CHANGED)}
    try:
        return [about | item for item in line_items.items(result.get("lead_results"))]
    except line_items.UnreadableError:
        tally.unreadable += 1
        return None
