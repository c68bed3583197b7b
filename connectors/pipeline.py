"""Let fetching and loading overlap: a short queue of pages between two threads.

Bounded, so that memory does not grow when the vendor is faster than the warehouse.
Either side's end ends the other: a failed reader still lets the loader commit the whole
pages that came before, a failed loader stops the reader at its next page.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from connectors.errors import Stopped
from connectors.model import Page

QUEUE_PAGES = 8  # overlaps bursts on either side; more only costs memory


class LoaderGoneError(Exception):
    """The loading side failed; what it raised is the error to report."""


class PageQueue:
    """Pages on their way from the fetching thread to the loading thread."""

    def __init__(self, stopping: threading.Event, pages: int = QUEUE_PAGES) -> None:
        self.limit = pages
        self._stopping = stopping
        self._pages: deque[Page | None] = deque()  # None ends a chunk
        self._changed = threading.Condition()
        self._loader_gone = False

    def shrink(self, pages: int) -> None:
        """Let no more than `pages` wait from now on; those that wait already are not dropped."""
        with self._changed:
            self.limit = min(self.limit, pages)

    def put(self, page: Page) -> None:
        """Hand over a page, waiting for room.

        Raises `LoaderGoneError` when nobody will take it, `Stopped` when the run must end.
        """
        with self._changed:
            while len(self._pages) >= self.limit and not self._loader_gone:
                if self._stopping.is_set():
                    raise Stopped("the run was asked to stop; the next one resumes it")
                self._changed.wait(1)  # the stop signal is not ours to be woken by
            if self._loader_gone:
                raise LoaderGoneError
            self._pages.append(page)
            self._changed.notify_all()

    def end_chunk(self) -> None:
        """Tell the loading side that this chunk is complete (or has failed)."""
        with self._changed:
            self._pages.append(None)
            self._changed.notify_all()

    def chunk(self) -> Iterator[Page]:
        """Yield the pages of one chunk. Leaving early releases the fetching side."""
        ended = False
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._pages)
                    page = self._pages.popleft()
                    self._changed.notify_all()
                if page is None:
                    ended = True
                    return
                yield page
        finally:
            if not ended:
                with self._changed:
                    self._loader_gone = True
                    self._pages.clear()
                    self._changed.notify_all()
