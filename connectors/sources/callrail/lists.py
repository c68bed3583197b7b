"""Read an offset-paged list that moves under the reader, and know whether all of it came.

A record that vanishes pulls those behind it one place forward, across the page boundary: one
of them is never shown. The list's total then shrinks between two pages; a page that repeats or
comes empty shows as fewer records than the total. In all these cases the list is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from connectors.model import Record
from connectors.paging import page_numbers
from connectors.sources.callrail.api import Listing

TRIES = 3  # a list that is disturbed in each of them is reported as incomplete
SIGNS = 2  # that a list is over, in a row, where its total does not say so: short or empty pages


@dataclass(slots=True, kw_only=True)
class Progress:
    """One pass over a list. `before` records were counted by an interrupted run."""

    before: int = 0
    total: int | None = None
    fault: str | None = None
    unkeyed: int = 0
    seen: set[str] = field(default_factory=set[str])

    @property
    def count(self) -> int:
        """Different records so far."""
        return self.before + len(self.seen) + self.unkeyed

    def take(self, listing: Listing) -> None:
        """Count a page; sets `fault` when records may have slipped between pages."""
        count = self.count
        for record in listing.records:
            key = record.get("id")
            if key is None:
                self.unkeyed += 1
            else:
                self.seen.add(str(key))
        if listing.records and self.count == count:
            self.fault = "a page came twice"
        if listing.total is not None:
            if self.total is not None and listing.total < self.total:
                self.fault = "records vanished between two pages"
            self.total = listing.total

    def missing(self) -> str | None:
        """Say what this pass cannot have seen, once its last page was taken."""
        if self.fault is None and self.total is not None and self.count < self.total:
            return f"only {self.count} of {self.total} records came"
        return self.fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Records of one page, and where the list stands after it."""

    records: Sequence[Record]
    page: int
    progress: Progress


def turns(
    fetch: Callable[[int], Listing], what: str, *, page: int = 1, progress: Progress | None = None
) -> Generator[Turn, None, str | None]:
    """Yield the pages of a list, again from its start where it was disturbed.

    Goes on at `page` of an interrupted pass when given. Returns None when the last pass saw
    everything, else what went wrong in it.
    """
    reason = None
    for _ in range(TRIES):
        progress = progress or Progress()
        signs = 0
        for number in page_numbers(what, start=page):
            listing = fetch(number)
            progress.take(listing)
            yield Turn(records=listing.records, page=number, progress=progress)
            over = not listing.more and listing.total is not None
            signs = 0 if listing.more and listing.records else signs + 1
            if progress.fault or over or signs == SIGNS:
                break
        reason = progress.missing()
        if reason is None:
            return None
        page, progress = 1, None
    return f"{what}: {reason}, in {TRIES} passes one after the other"
