"""Read a stream of Genius: find its columns, choose its walks, yield its pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.errors import ContractError
from connectors.model import FieldType, Json, Page, Request, Stream
from connectors.sources.genius.columns import Field, fields_of, is_secret, records_of
from connectors.sources.genius.database import Bound, Column, Database, quote
from connectors.sources.genius.tables import BY_STREAM, Table, in_zone
from connectors.sources.genius.times import Zone
from connectors.sources.genius.walks import Route, Walk, route

PAGE_ROWS = 5_000
"""Most rows of a page, which is one query: pages of 200 cost a fifth more of our time a row."""
PAGE_VALUES = 25_000
"""Most values of a page, eight of which wait in memory: a thousand rows of 25 columns."""
USUAL_PAGE = 200  # `Request.page_size` when nobody asked for smaller pages


@dataclass(frozen=True, slots=True)
class Layout:
    """A table as it is today."""

    table: Table
    columns: Sequence[Column]
    fields: Sequence[Field]
    withheld: tuple[str, ...]  # columns that hold secrets


class GeniusReader:
    """An open Genius database. Not shared between threads."""

    def __init__(self, database: Database, zone: Zone) -> None:
        self._database = database
        self._zone = zone
        self._layouts: dict[str, Layout] = {}

    def streams(self) -> Sequence[Stream]:
        """Every stream, whether this user may read its table or not."""
        return in_zone(self._zone.name)

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        """Types from the information schema. Raises `ContractError` for a missing table."""
        return {one.name: one.type for one in self._layout(BY_STREAM[stream.name]).fields}

    def read(self, request: Request) -> Iterator[Page]:
        """Yield the records of the request, those that changed longest ago first.

        Raises `ContractError` for a missing table or column, `AccessError` for one that may
        not be read, `TransientError` when the server stays away.
        """
        layout = self._layout(BY_STREAM[request.stream.name])
        table = layout.table
        bounded, notes = self._bounded(request)
        way = route(self._database, table, layout.columns, bounded, self._zone)
        yield Page(notes=(*notes, *way.notes, *self._withheld(layout)))
        for walk, after in resumed(way, request.position):
            yield from self._pages(layout, walk, after, request.page_size)
        if request.since is None:
            ((total,),) = self._database.rows(f"SELECT COUNT(*) FROM {quote(table.name)}")  # noqa: S608 - the name is ours, and quoted
            yield Page(total=int(total or b"0"))

    def _layout(self, table: Table) -> Layout:
        if table.stream not in self._layouts:
            columns = self._database.columns(table.name)
            fields = fields_of(table, columns, self._zone)
            missing = set(table.key) - {one.name for one in fields}
            if not columns:
                raise ContractError(
                    f"Genius has no table {table.name}, or this user may not see it: grant SELECT"
                )
            if missing:
                raise ContractError(
                    f"table {table.name} has no column {', '.join(sorted(missing))} any more,"
                    f" the key of {table.stream}"
                )
            withheld = tuple(c.name for c in columns if is_secret(table, c.name))
            self._layouts[table.stream] = Layout(table, columns, fields, withheld)
        return self._layouts[table.stream]

    def _bounded(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        """Cut the window at the database's own clock: later stamps are still to come.

        The checkpoint moves to `until` all the same, so a clock that lags by more than the
        next run's lookback would lose changes: that is refused.
        """
        if request.stream.window is None or request.since is None:
            return request, ()
        warning = self._database.warning(self._zone.name)
        notes = (warning,) if warning else ()
        now, until = self._database.now(), request.until or request.started_at
        if now >= until:
            return request, notes
        behind = until - now
        if request.mode == "incremental" and behind > request.stream.window.lookback:
            raise ContractError(
                f"the clock of the Genius database is {behind.total_seconds():.0f} s behind ours:"
                " changes would be missed. Set one of the clocks right"
            )
        cut = f"read up to {now:%Y-%m-%d %H:%M:%S} UTC, where the database's clock stands"
        return replace(request, until=now), (*notes, cut)

    def _withheld(self, layout: Layout) -> tuple[str, ...]:
        if not layout.withheld:
            return ()
        return (f"not copied, since they hold secrets: {', '.join(layout.withheld)}",)

    def _pages(
        self, layout: Layout, walk: Walk, after: tuple[Bound, ...] | None, wished: int
    ) -> Iterator[Page]:
        table, fields = layout.table, layout.fields
        limit = page_rows(wished, len(fields))
        names = [one.name for one in fields]
        order = [(names.index(name), fields[names.index(name)].type) for name in walk.order]
        while True:
            statement, values = walk.statement(
                table, [one.expression for one in fields], after, limit
            )
            rows = self._database.rows(statement, values)
            if rows:
                last = tuple(key_value(table, rows[-1][at], kind) for at, kind in order)
                if last == after:
                    raise ContractError(f"table {table.name}: a page repeats the last one")
                after = last
                records, refused = records_of(fields, table.key, rows)
                position = {"walk": walk.name, "after": list(after)}
                yield Page(records=records, refused=refused, position=position)
            if len(rows) < limit:
                return


def page_rows(wished: int, fields: int) -> int:
    """Return how many rows a page has: as many as memory allows, unless fewer were wished."""
    return wished if wished < USUAL_PAGE else min(PAGE_ROWS, PAGE_VALUES // fields)


def key_value(table: Table, value: bytes | None, kind: FieldType) -> Bound:
    """Return a part of a key as it is bound again: a number as a number, or no index is used.

    Raises `ContractError` for a key that is NULL or no UTF-8: nothing can be read after it.
    """
    try:
        text = (value or b"").decode()
    except UnicodeDecodeError as error:
        raise ContractError(f"table {table.name}: a key holds bytes that are not UTF-8") from error
    if value is None:
        raise ContractError(f"table {table.name}: a part of a key is NULL")
    return int(text) if kind in {FieldType.INTEGER, FieldType.NUMERIC} else text


def resumed(way: Route, position: Json | None) -> Iterator[tuple[Walk, tuple[Bound, ...] | None]]:
    """Yield the walks still to go, the first from where an interrupted read stood.

    A position of a walk that is not on the way any more (an index came or went) counts for
    nothing: what was read is read again.
    """
    names = [walk.name for walk in way.walks]
    stood = position["walk"] if position and position.get("walk") in names else None
    for walk in way.walks[names.index(stood) if stood else 0 :]:
        yield walk, tuple(position["after"]) if position and walk.name == stood else None
