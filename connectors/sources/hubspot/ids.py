"""Ids of records, for what is read by id: associations and earlier values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connectors.model import Json, Request
from connectors.paging import NoRepeat
from connectors.sources.hubspot.kinds import MERGED, Kind, merged_away
from connectors.sources.hubspot.portal import Portal, Row, after
from connectors.sources.hubspot.search import changed


@dataclass(slots=True, kw_only=True)
class Ids:
    """Records that are there, records known to be gone, and where to go on behind them."""

    live: list[str] = field(default_factory=list[str])
    gone: list[str] = field(default_factory=list[str])
    position: Json | None = None


def of_changed(portal: Portal, kind: Kind, request: Request) -> Iterator[Ids]:
    """Yield ids of records that changed in the request's window, and those merged into them."""
    for found in changed(portal, kind, request, lambda: [kind.cursor, *MERGED]):
        yield _ids(found.rows, found.position)


def of_all(portal: Portal, kind: Kind, request: Request) -> Iterator[Ids]:
    """Yield ids of all records: live, merged and archived ones."""
    position = request.position or {}
    passes = (("after", False), ("archived", True))
    for name, archived in passes if "archived" not in position else passes[1:]:
        tokens = NoRepeat(f"hubspot.{request.stream.name}")
        token: str | None = position.get(name)
        while True:
            tokens.check(token)
            page = portal.list_page(
                kind,
                token,
                request.page_size,
                names=("hs_object_id", *MERGED),
                archived=archived,
            )
            token = after(page.paging)
            if archived:
                behind = {name: token} if token else None
                rows = _ids(page.results, behind)
                yield Ids(gone=rows.live + rows.gone, position=behind)
            else:
                yield _ids(page.results, {name: token} if token else {"archived": None})
            if token is None:
                break


def gathered(pages: Iterator[Ids], most: int) -> Iterator[Ids]:
    """Join pages until one more would make over `most` live ids."""
    joined = Ids()
    for page in pages:
        if joined.live and len(joined.live) + len(page.live) > most:
            yield joined
            joined = Ids()
        joined.live += page.live
        joined.gone += page.gone
        joined.position = page.position if page.position is not None else joined.position
    if joined.live or joined.gone:
        yield joined


def _ids(rows: Sequence[Row], position: Json | None) -> Ids:
    live = [str(row.id) for row in rows]
    gone = [loser for row in rows for loser in merged_away(row.properties, str(row.id))]
    return Ids(live=live, gone=gone, position=position)
