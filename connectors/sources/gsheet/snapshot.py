"""A tab as it was at one moment, although it takes several requests to read it.

Rows inserted, deleted or sorted between two requests shift all later ones. So nothing is
handed on before the whole tab is here: the answers go to a temporary file, then Drive's
version tells whether anybody changed the spreadsheet meanwhile, and then it is read again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from connectors.answers import Answer
from connectors.errors import TransientError
from connectors.sources.gsheet.a1 import block
from connectors.sources.gsheet.api import Book, File, Google, Sheet, Values
from connectors.sources.gsheet.manners import TabMoved

BLOCK_CELLS = 200_000
"""Cells per request, filled or not: about the 2 MB that Google recommends. A spreadsheet has at
most ten million, so that any tab is read by 50 requests."""
FEWEST_ROWS = 500  # a block that fails at this size fails for another reason than its size
IN_MEMORY = 16 * 2**20  # bytes of answers; more goes to a file that has no name
TRIES = 3  # readings of a spreadsheet that is being changed


def _unnamed_file() -> BinaryIO:
    opened = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - `close` does
    return cast("BinaryIO", opened)


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """What was read of a tab."""

    book: Book
    sheet: Sheet
    version: str | None  # Drive's, from before the reading
    settled: bool = True  # False: it was changed during every reading
    tries: int = 1
    starts: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    _file: BinaryIO = field(default_factory=_unnamed_file)

    def add(self, first_row: int, answer: Answer) -> None:
        """Keep the answer that begins with `first_row`."""
        self.starts.append((first_row, len(answer.content)))
        _ = self._file.write(answer.content)

    def blocks(self) -> Iterator[tuple[int, Sequence[Sequence[Any]]]]:
        """Yield each block's first row number (from 1) and its rows, gaps as empty rows."""
        _ = self._file.seek(0)
        for first_row, size in self.starts:
            content = self._file.read(size)
            kept = Answer(where="a block of cells", status=200, headers={}, content=content)
            ranges = kept.decode(Values).value_ranges
            yield first_row, ranges[0].values if ranges else ()

    def close(self) -> None:
        """Free the file."""
        self._file.close()


def take(
    google: Google, spreadsheet: str, file: File | None, find: Callable[[Book], Sheet]
) -> Snapshot:
    """Read the tab that `find` picks, again while it is being changed.

    `file` is what Drive said before. Raises what `find` raises, and `TabMoved` when the tab
    was moved during each try.
    """
    for number in range(1, TRIES + 1):
        version = file.version if file else None
        try:
            snapshot = _once(google, spreadsheet, version, find)
        except TabMoved:
            if number == TRIES:
                raise
            file = google.file(spreadsheet)
            continue
        snapshot.tries = number
        file = google.file(spreadsheet)
        if version is None or file is None or file.version == version:
            return snapshot
        if number < TRIES:
            snapshot.close()
            continue
        snapshot.settled = len(snapshot.starts) == 1  # one answer is of one moment
        return snapshot
    raise AssertionError("unreachable: the last try returns or raises")


def _once(
    google: Google, spreadsheet: str, version: str | None, find: Callable[[Book], Sheet]
) -> Snapshot:
    book = google.book(spreadsheet)
    sheet = find(book)
    snapshot = Snapshot(book=book, sheet=sheet, version=version)
    grid = sheet.properties.grid
    try:
        rows = max(1, BLOCK_CELLS // max(1, grid.column_count))
        first = 1
        while first <= grid.row_count:  # never a short answer: gaps look the same
            last = min(first + rows - 1, grid.row_count)
            wanted = block(sheet.properties.title, first, last, grid.column_count)
            try:
                answer = google.values(spreadsheet, wanted)
            except TransientError:  # heavy formulas: Google gives up after three minutes
                if rows // 2 < FEWEST_ROWS:
                    raise
                rows //= 2
                continue
            snapshot.add(first, answer)
            first = last + 1
    except BaseException:  # whatever ends us: the temporary file goes, the error stays
        snapshot.close()
        raise
    return snapshot
