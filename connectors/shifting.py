"""Reading numbered pages of a list that moves while it is read.

When a record before the reader's place vanishes, all later ones move up by one, and the next
numbered page skips one of them: lost until the next full read, and a comparison of keys would
take it for deleted. No vendor lets us ask "from row 1,990 on", but page n of size s begins at
row (n-1)*s, so a slightly smaller size puts a page where it overlaps the one before. As long as
a page shows a record that was just read, nothing can have slipped through between the two; when
none is there, the walk steps back. The price is about 2 % more requests.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from connectors.errors import ContractError
from connectors.model import Json
from connectors.paging import page_numbers

OVERLAP = 10  # records that may vanish between two pages before the walk has to step back
TAIL = 3 * OVERLAP  # ids kept in a position, to find the place again
STEPS_BACK = 8  # of one walk; a list that outruns them cannot be read whole
SECOND = 2
OLD_NEWS = 8  # pages in a row without a new record: as many may have been put before our place
MOST_PAGES = 10_000  # of lists that only end when the vendor stops sending news
MEMORY = 3  # pages whose ids are remembered: steps back reach into them

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[Row]):
    """One numbered page: its rows, the id of each, and whether there may be more of them.

    `promised`: the vendor itself said so, it is not our guess from the number of rows.
    """

    rows: Sequence[Row]
    ids: Sequence[Hashable]
    more: bool
    promised: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A numbered page: which, of how many rows, beginning after how many."""

    page: int
    size: int
    start: int


Fetch = Callable[[int, int], Part[Row]]
"""`fetch(page, size)` asks the vendor."""


@lru_cache(maxsize=1024)
def slice_after(reached: int, cap: int) -> Slice:
    """Return the page of at most `cap` rows that brings most news after `reached` rows.

    It begins at least `OVERLAP` rows before `reached` where the size allows it, never after it.
    """
    if reached <= 0:
        return Slice(page=1, size=cap, start=0)
    overlap = min(OVERLAP, cap // 4)
    best = Slice(page=reached // cap + 1, size=cap, start=reached // cap * cap)
    gain = 0
    for size in range(cap, cap // 2, -1):
        start = max(0, reached - overlap) // size * size
        if overlap and start + size - reached > gain:
            best, gain = (
                Slice(page=start // size + 1, size=size, start=start),
                start + size - reached,
            )
    return best


def walk(
    what: str, fetch: Fetch[Row], *, size: int, position: Json | None = None
) -> Iterator[tuple[Part[Row], Json]]:
    """Yield every page with the position after it. `size`: rows per page that the vendor allows.

    A page that repeats, or that has nothing where there should be something, is asked for once
    more. Raises `ContractError` when that does not help, when the vendor sends more rows than
    asked for (it does not honour the size), or when the list moves faster than it can be read.
    """
    walker = _Walk(what, fetch, size, position or {})
    for _ in page_numbers(what):
        part = walker.next()
        if part is None:
            continue
        yield part, walker.position()
        if not part.more:
            return


class _Walk(Generic[Row]):
    """Where a walk is. `reached`: rows of the list that lie behind it."""

    def __init__(self, what: str, fetch: Fetch[Row], size: int, position: Json) -> None:
        self._what = what
        self._fetch = fetch
        self._size = size
        self._reached = int(position.get("reached", 0))
        self._cap = min(size, int(position.get("cap", size)))
        self._seen: deque[frozenset[Any]] = deque(maxlen=MEMORY)
        self._seen.append(frozenset(position.get("tail", ())))
        self._last: Sequence[Any] = tuple(position.get("tail", ()))
        self._steps_back = 0
        self._old_news = 0
        self._promised = False
        self._short_first = False
        self._start = sys.maxsize  # where the last page began; not known of one before a resume

    def next(self) -> Part[Row] | None:
        """Read on; None after a step back."""
        probing = self._short_first
        piece = self._piece()
        part = self._fetch(piece.page, piece.size)
        if self._fault(piece, part) or self._is_lost(piece, part):
            part = self._fetch(piece.page, piece.size)
        if fault := self._fault(piece, part):
            raise ContractError(f"{self._what}: page {piece.page} {fault}")
        if self._is_lost(piece, part):
            self._step_back()
            return None
        self._expect_news(part)
        if probing and part.rows:
            return None  # the vendor's pages are smaller: now with an overlap, from page 1 on
        self._move(piece, part)
        return part

    def position(self) -> Json:
        """Where to go on after the last page."""
        return {"reached": self._reached, "cap": self._cap, "tail": list(self._last[-TAIL:])}

    def _piece(self) -> Slice:
        if self._short_first:  # either the list's end or the vendor's own, smaller size: see
            self._short_first = False
            return Slice(page=2, size=self._size, start=self._reached)
        return slice_after(self._reached, self._cap)

    def _fault(self, piece: Slice, part: Part[Row]) -> str | None:
        """Say what is wrong with a page that no moving list explains."""
        if len(part.rows) > piece.size:
            return (
                f"has {len(part.rows)} records where {piece.size} were asked for; the vendor does"
                " not honour the page size, so that pages cannot be told apart"
            )
        if part.more and not part.rows:
            return "is empty but promises more after it"
        overlaps = 0 < piece.start < self._reached
        if self._last and not part.rows and not overlaps and (self._promised or not piece.start):
            return "is empty where there should be more"
        if part.more and tuple(part.ids) == self._last:
            return (
                "is the page before once more; the vendor does not page, or promises more than it"
                " has. Nothing after it can be read"
            )
        return None

    def _is_lost(self, piece: Slice, part: Part[Row]) -> bool:
        if self._start < piece.start and part.ids and tuple(part.ids) == self._last:
            return True  # the page before once more, which may look like the last
        if not 0 < piece.start < self._reached:
            return False  # it does not overlap: nothing to be found again
        known = frozenset[Any]().union(*self._seen)
        ends_early = self._last[-1:] and self._last[-1] not in part.ids
        if not part.more and ends_early and known.issuperset(part.ids):
            return True  # an end before the row that was read last: an older page
        # the first row: a record that was edited meanwhile may be shown again further down
        first = next((each for each in part.ids if each is not None), None)
        return first is None or not any(first in ids for ids in self._seen)

    def _expect_news(self, part: Part[Row]) -> None:
        """Refuse a vendor that shows the same records on every page."""
        known = frozenset[Any]().union(*self._seen)
        self._old_news = self._old_news + 1 if part.more and known.issuperset(part.ids) else 0
        if self._old_news > OLD_NEWS:
            raise ContractError(
                f"{self._what}: {self._old_news} pages in a row without a new record; the vendor"
                " does not page, or promises more than it has"
            )

    def _step_back(self) -> None:
        self._steps_back += 1
        if self._steps_back > STEPS_BACK:
            raise ContractError(
                f"{self._what}: the list changes faster than it can be read, or its pages do not"
                " follow each other. Run again when less is going on"
            )
        self._reached = max(0, self._reached - self._cap)

    def _move(self, piece: Slice, part: Part[Row]) -> None:
        count = len(part.rows)
        reached = piece.start + count
        if piece.start == 0 and part.more and count < piece.size:
            self._cap, self._short_first = count, not part.promised
        self._promised = part.promised
        self._start = piece.start
        self._reached = max(reached, self._reached)
        self._seen.append(frozenset(part.ids))
        self._last = tuple(part.ids)


def listed(
    what: str, fetch: Callable[[int], Part[Row]], *, size: int, position: Json | None = None
) -> Iterator[tuple[Part[Row], Json]]:
    """Yield a list that may be paged or not: ask for page after page until no id is new.

    `size`: rows asked for per page. For vendors that ignore the page number and send the same
    list again, and for those that do not. After a full page, or where more was promised, an
    empty or repeated one is asked for once more before it is taken for the end. Raises
    `ContractError` when what was promised does not come; a second page equal to the first is
    the sign of a vendor that does not page.
    """
    begin = int((position or {}).get("page", 1))
    first: tuple[Hashable, ...] | None = None
    before: tuple[Hashable, ...] | None = None
    promised = False
    for page in page_numbers(what, start=begin, limit=MOST_PAGES):
        part = fetch(page)
        expected = before is not None and (promised or len(before) >= size)
        if expected and _no_news(part, first, before):
            part = fetch(page)
        if _no_news(part, first, before):
            if promised and not (part.rows and page == SECOND):
                raise ContractError(f"{what}: more was promised before page {page}, none came")
            return
        yield part, {"page": page}  # read again on resuming: rows may have moved up meanwhile
        if not part.more:
            return
        promised = part.promised
        before = tuple(part.ids)
        first = before if page == begin else first


def _no_news(
    part: Part[Any], first: tuple[Hashable, ...] | None, before: tuple[Hashable, ...] | None
) -> bool:
    return not part.rows or tuple(part.ids) in {first, before}
