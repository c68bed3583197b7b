"""Ways into a read of Genius that is under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.model import Page
from tests.sources.genius.database import Database, request


def sessions(database: Database) -> list[int]:
    """Sessions of the reader."""
    rows = database.run(
        "SELECT ID FROM information_schema.PROCESSLIST"
        f" WHERE DB = '{database.name}' AND ID <> CONNECTION_ID()"
    )
    return [row[0] for row in rows]


def interrupted(database: Database, trouble: Callable[[], object]) -> list[Page]:
    """Read the leads, with trouble after the second page."""
    with database.reader() as reader:
        pages: list[Page] = []
        for page in reader.read(request(reader, "leads", page_size=10)):
            pages.append(page)
            if len(pages) == 3:
                trouble()
    return pages


def second_page(reading: Iterator[Page]) -> list[Page]:
    """The first two pages of a read: its notes and its first rows."""
    return [next(reading), next(reading)]
