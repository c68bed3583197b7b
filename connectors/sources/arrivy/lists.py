"""Lists that come whole: paged or not, nobody knows.

Documented are pages for some of them. Of the others it is unknown whether Arrivy honours
`page` and `items_per_page`, ignores one of them or both, or allows fewer than we ask for.
The first answers tell:

    a page of fewer than `SURE` records        all there is
    fewer than asked for, and page 2 is empty or the same
                                               all there is
    else: half of them, when asked for half    numbered pages of that size, see `shifting.walk`
    else                                       the size is ignored: read without overlap, twice,
                                               so that a record that moved up is seen once
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from connectors.model import Json, Record
from connectors.shifting import Part, listed, walk

SURE = 100  # the smallest page size that the documentation names: no page is cut to fewer
PASSES = 2  # over a list whose pages cannot be made to overlap

Fetch = Callable[[int, int], Part[Record]]
"""`fetch(page, size)` asks Arrivy."""


def whole(
    what: str, fetch: Fetch, *, size: int, position: Json | None = None
) -> Iterator[tuple[Sequence[Record], Json | None]]:
    """Yield the pages of a list with positions to go on from (None: none but the one before).

    Raises what `walk` and `listed` raise.
    """
    if position is not None:
        for part, place in walk(what, fetch, size=size, position=position):
            yield part.rows, place
        return
    first = fetch(1, size)
    count = len(first.rows)
    if count < min(size, SURE) or (count < size and not _goes_on(first, fetch(2, size))):
        yield first.rows, None
        return
    half = max(1, count // 2)
    if count <= size and len(fetch(1, half).rows) <= half:
        yield from _numbered(what, fetch, first, count)
    else:
        yield from _twice(what, fetch, size)


def _goes_on(first: Part[Record], second: Part[Record]) -> bool:
    return bool(second.rows) and tuple(second.ids) != tuple(first.ids)


def _numbered(
    what: str, fetch: Fetch, first: Part[Record], size: int
) -> Iterator[tuple[Sequence[Record], Json]]:
    """Walk pages of `size` records, the first of which is here already."""
    kept = [Part(rows=first.rows, ids=first.ids, more=True)]
    pages = walk(what, lambda page, s: kept.pop() if kept else fetch(page, s), size=size)
    for part, place in pages:
        yield part.rows, place


def _twice(what: str, fetch: Fetch, size: int) -> Iterator[tuple[Sequence[Record], None]]:
    for _ in range(PASSES):
        pages = 0
        for part, _place in listed(what, lambda page: _full(fetch(page, size)), size=size):
            pages += 1
            yield part.rows, None
        if pages == 1:  # all at once: nothing can have moved between pages
            return


def _full(part: Part[Record]) -> Part[Record]:
    """Only an empty or repeated page ends a list whose page size is unknown."""
    return Part(rows=part.rows, ids=part.ids, more=bool(part.rows))
