"""Batches, put together from pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event

from connectors.model import FieldType, Key, Page, Range, Record, Refused, Whole
from connectors.warehouse.batch import Rows


@dataclass(slots=True, kw_only=True)
class Batch:
    """What one transaction commits. Made of whole pages, so that `state` describes it."""

    records: list[Record] = field(default_factory=list[Record])
    deleted: list[Key] = field(default_factory=list[Key])
    closed: list[Range] = field(default_factory=list[Range])
    whole: list[Whole] = field(default_factory=list[Whole])
    refused: list[Refused] = field(default_factory=list[Refused])
    fields: dict[str, FieldType] = field(default_factory=dict[str, FieldType])
    made: Rows | None = None
    """The rows of `records`, where `StreamWriter.prepare` has made them ahead."""
    handed_over: Event = field(default_factory=Event, compare=False)
    """Set once the database works on the rows and this process merely waits for it."""

    @property
    def size(self) -> int:
        """How much there is to write: rows, signals that rows are gone, refused rows."""
        return len(self.records) + len(self.deleted) + len(self.refused)

    def add(self, page: Page) -> None:
        """Put a page behind those that are here already."""
        self.records.extend(page.records)
        self.deleted.extend(page.deleted)
        self.refused.extend(page.refused)
        self.fields.update(page.fields)
        if page.closed:
            self.closed.append(page.closed)
        if page.whole:
            self.whole.append(page.whole)

    def contradicted_by(self, page: Page, key: Sequence[str]) -> bool:
        """Tell whether a page takes back what the batch says, so that it must come after it.

        Within a batch the records come first, then the keys that are gone.
        """
        if self.deleted and page.records:
            gone = {tuple(map(str, each)) for each in self.deleted}
            if any(tuple(str(r.get(name)) for name in key) in gone for r in page.records):
                return True
        whole = page.whole
        return whole is not None and any(
            not set(whole.values).isdisjoint(earlier.values) for earlier in self.whole
        )
