"""Records of one object type: all of them, those that changed, those that were archived."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from connectors.model import FieldType, Json, Key, Page, Record, Request
from connectors.paging import NoRepeat
from connectors.sources.hubspot.batch import read_batch
from connectors.sources.hubspot.kinds import MERGED, Kind, merged_away
from connectors.sources.hubspot.portal import Portal, Row, after
from connectors.sources.hubspot.search import changed, due

URL_ROOM = 6_000  # bytes for property names in a URL; 414 was seen from about 8,000
RENAMED_ID = "property_id"  # a customer's own property called `id`; the record's id keeps the name
AT_ARCHIVE: Json = {"archived": ""}


def read(portal: Portal, kind: Kind, request: Request) -> Iterator[Page]:
    """Yield the records of `kind`, then the keys of archived ones where that is due.

    A full read ends with what the search index counts, to be held against the warehouse.
    Position: `{"after": token}` in a list, `{"last_id": n}` in a search, `{"archived": token}`.
    """
    token = (request.position or {}).get("archived")
    if token is None:
        live = _listed if request.since is None else _changed
        yield from live(portal, kind, request)
    if due(portal.settings.archived_every_hours, request):
        yield from _archive(portal, kind, request, str(token or ""))
    if request.since is None:
        yield Page(total=portal.count(kind))


def fields(portal: Portal, kind: Kind) -> Mapping[str, FieldType]:
    """Return the types of the columns of `kind`."""
    known = portal.properties(kind).fields
    return {RENAMED_ID if name == "id" else name: field for name, field in known.items()}


def _listed(portal: Portal, kind: Kind, request: Request) -> Iterator[Page]:
    """Every live record by list pages, in one request each where the names fit into the URL.

    Where they do not, the list gives ids and a batch read the records.
    """
    news = News(portal, kind)
    token = (request.position or {}).get("after")
    tokens = NoRepeat(f"hubspot.{kind.name}")
    while True:
        tokens.check(token)
        names = news.names()
        fits = len(quote(",".join(names))) <= URL_ROOM
        asked = names if fits else ["hs_object_id"]
        page = portal.list_page(kind, token, request.page_size, names=asked)
        token = after(page.paging)
        rows, unread = page.results, None
        if rows and not fits:
            rows, unread = read_batch(portal, kind, [row.id for row in rows], names)
        yield _page(
            rows,
            position={"after": token} if token else AT_ARCHIVE,
            fields=news.learned(),
            incomplete=unread,
        )
        if token is None:
            return


def _changed(portal: Portal, kind: Kind, request: Request) -> Iterator[Page]:
    """Records that changed within the request's window, whole."""
    news = News(portal, kind)
    for found in changed(portal, kind, request, news.names):
        yield _page(found.rows, position=found.position, fields=news.learned())


def _archive(portal: Portal, kind: Kind, request: Request, token: str) -> Iterator[Page]:
    """Keys of archived records. Nothing tells when they were archived, so it is all of them."""
    tokens = NoRepeat(f"hubspot.{kind.name} archive")
    while True:
        tokens.check(token)
        page = portal.list_page(kind, token, request.page_size, names=MERGED, archived=True)
        token = after(page.paging) or ""
        yield Page(
            deleted=[*((str(row.id),) for row in page.results), *_merged(page.results)],
            position={"archived": token} if token else None,
        )
        if not token:
            return


class News:
    """The properties to ask for, and the types of those that appeared while reading."""

    def __init__(self, portal: Portal, kind: Kind) -> None:
        self._portal = portal
        self._kind = kind
        self._current = self._told = portal.properties(kind)

    def names(self) -> list[str]:
        """Return the names of all properties that there are now."""
        self._current = self._portal.properties(self._kind)
        return list(self._current.fields)

    def learned(self) -> Mapping[str, FieldType]:
        """Return all types if they changed since the last call, else nothing."""
        if self._current.fields == self._told.fields:
            return {}
        self._told = self._current
        return fields(self._portal, self._kind)


def _page(
    rows: Sequence[Row],
    *,
    position: Json | None,
    fields: Mapping[str, FieldType],
    incomplete: str | None = None,
) -> Page:
    return Page(
        records=[_record(row) for row in rows],
        deleted=_merged(rows),
        position=position,
        fields=fields,
        incomplete=incomplete,
    )


def _record(row: Row) -> Record:
    record = row.properties
    if "id" in record:
        record[RENAMED_ID] = record["id"]
    record["id"] = row.id
    return record


def _merged(rows: Sequence[Row]) -> list[Key]:
    """Keys of the records that were merged into these."""
    return [(loser,) for row in rows for loser in merged_away(row.properties, str(row.id))]
