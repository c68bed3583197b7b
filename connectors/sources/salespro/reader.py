"""An open connection to SalesPro: how each stream is read, and where a read goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.context import Context
from connectors.errors import ContractError
from connectors.model import FieldType, Page, Record, Request, Stream, Whole, Window
from connectors.sources.salespro import csv_files, line_items
from connectors.sources.salespro.settings import Settings
from connectors.sources.salespro.streams import BY_NAME, CHANGED, STREAMS, Export

if TYPE_CHECKING:
    from connectors.sources.salespro.athena import Athena, Rows

MAX_ROWS = 1000  # most rows a page may have
USUAL_PAGE = 200  # page size when nobody asked for one; Athena's own is used then

KINDS = {
    "boolean": FieldType.BOOLEAN,
    "tinyint": FieldType.INTEGER,
    "smallint": FieldType.INTEGER,
    "integer": FieldType.INTEGER,
    "bigint": FieldType.INTEGER,
    "float": FieldType.NUMERIC,
    "real": FieldType.NUMERIC,
    "double": FieldType.NUMERIC,
    "decimal": FieldType.NUMERIC,
    "date": FieldType.DATE,
    "timestamp": FieldType.TIMESTAMP,
    "timestamp with time zone": FieldType.TIMESTAMP,
    "json": FieldType.JSON,
}
"""Athena's types by name; whatever else there is stays text (arrays and rows are not JSON)."""

FACTS = (
    "user_id",
    "customer_id",
    "estimate_id",
    "company_id",
    "activity_identifier",
    "activity_note",
    "key_metric",
    "price_type",
    "price",
    "local_customer_uuid",
    "created_at",
)
"""What makes an activity the one it is. New columns are not among them: keys must not change."""


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[SalesPro]:
    """Open SalesPro; a query that still runs at the end is stopped."""
    from connectors.sources.salespro.athena import open_athena  # noqa: PLC0415 - boto3 is slow

    with open_athena(settings, context) as athena:
        yield SalesPro(athena, settings)


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What was met on the way and belongs into the report."""

    unkeyed: int = 0
    unreadable: int = 0

    def notes(self, name: str) -> list[str]:
        said = [
            (self.unkeyed, "rows without a customer id were left out"),
            (self.unreadable, "lead results hold no readable JSON; their text is kept as it is"),
        ]
        return [f"{name}: {count} {text}" for count, text in said if count]


class SalesPro:
    """See `connectors.model.Reader`."""

    def __init__(self, athena: Athena, settings: Settings) -> None:
        self._athena = athena
        self._settings = settings

    def streams(self) -> Sequence[Stream]:
        """All streams, with the zone and the lookback that are set."""
        lookback = timedelta(hours=self._settings.lookback_hours)
        return [
            replace(
                stream,
                zone=self._settings.zone,
                window=Window(lookback=lookback, lag=stream.window.lag),
            )
            if stream.window
            else stream
            for stream in STREAMS
        ]

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        """Nothing yet: the types come with the first page, so that no query is spent on them."""
        del stream
        return {}

    def read(self, request: Request) -> Iterator[Page]:
        """Yield a stream. Raises `SyncError`s; see the docstring of the package."""
        name = request.stream.name
        if export := BY_NAME.get(name):
            yield from self._export(export, request)
            return
        path = self._settings.offices_csv if name == "offices" else self._settings.users_csv
        yield from csv_files.read(path, request)

    def _export(self, export: Export, request: Request) -> Iterator[Page]:
        tally = _Tally()
        pages = self._pages(export, request)
        if export.shape == "line items":
            yield from _line_items(pages, tally, grouped=request.mode != "backfill")
        else:
            for query_id, rows, notes in pages:
                yield Page(
                    records=_records(export, rows, tally),
                    position=_position(query_id, rows.following),
                    fields=_fields(export, rows),
                    notes=notes,
                )
        yield Page(notes=tally.notes(request.stream.name))

    def _pages(self, export: Export, request: Request) -> Iterator[tuple[str, Rows, Sequence[str]]]:
        """Yield pages with the id of their query; of an interrupted read's result, if it lives."""
        from connectors.sources.salespro.athena import ResultGoneError  # noqa: PLC0415 - as above

        athena, name = self._athena, request.stream.name
        where, sql = f"salespro.{name}", export.statement(request)
        limit = MAX_ROWS if request.page_size >= USUAL_PAGE else request.page_size
        notes: list[str] = []
        if request.position:
            query_id, token = str(request.position["query"]), request.position["token"]
            try:
                athena.again(query_id, sql, where)
                notes = [f"{name}: goes on with the result of query {query_id}"]
                for rows in athena.pages(query_id, where, token=token, limit=limit):
                    yield query_id, rows, notes
                    notes = []
            except ResultGoneError:
                notes = [f"{name}: the interrupted read's result is gone; read from the start"]
            else:
                return
        result = athena.run(sql, where)
        notes.append(f"{name}: query {result.id} scanned {result.scanned:,} bytes")
        try:
            for rows in athena.pages(result.id, where, limit=limit):
                yield result.id, rows, notes
                notes = []
        except ResultGoneError as error:
            raise ContractError(f"{error.__cause__}") from error


def _position(query_id: str, token: str | None) -> Mapping[str, str | None] | None:
    return {"query": query_id, "token": token} if token else None


def _fields(export: Export, rows: Rows) -> Mapping[str, FieldType]:
    """Types by Athena's column information, where we have not declared one."""
    declared = export.stream.fields
    return {
        name: KINDS.get(kind, FieldType.TEXT)
        for name, kind in rows.types.items()
        if name not in declared
    }


def _records(export: Export, rows: Rows, tally: _Tally) -> list[Record]:
    names = list(rows.types)
    records: list[Record] = [dict(zip(names, values, strict=False)) for values in rows.values]
    if export.shape == "customers":
        kept = [record for record in records if record.get("customer_id")]
        tally.unkeyed += len(records) - len(kept)
        for record in kept:
            record["row_id"] = f"{record['customer_id']}/{record.get('estimate_id') or ''}"
        return kept
    if export.shape == "activity":
        for record in records:
            record["activity_id"] = record.get("id") or _fingerprint(record)
    if export.shape == "answers":
        for record in records:
            try:
                record.update(line_items.columns(record.get("lead_results")))
            except line_items.UnreadableError:
                tally.unreadable += 1
    return records


def _fingerprint(activity: Record) -> str:
    facts = json.dumps([activity.get(name) for name in FACTS])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def _line_items(
    pages: Iterator[tuple[str, Rows, Sequence[str]]], tally: _Tally, *, grouped: bool
) -> Iterator[Page]:
    """Yield the items of each estimate's newest lead result; with `grouped`, whole estimates.

    Rows come by estimate, newest last. The last estimate of a page may go on with the next one
    and is held back, so a page's position is its own token: a read that goes on there meets the
    held one again. A backfill shows old versions, whose silence about an item says nothing.
    """
    held: dict[str, Record] = {}
    for query_id, rows, notes in pages:
        names = list(rows.types)
        for values in rows.values:
            record = dict(zip(names, values, strict=False))
            if record.get("estimate_id"):
                held[str(record["estimate_id"])] = record
            else:
                tally.unkeyed += 1
        last = next(reversed(held), None) if rows.following else None
        ready = [record for key, record in held.items() if key != last]
        held = {last: held[last]} if last else {}
        records, spoken = _itemised(ready, tally)
        yield Page(
            records=records,
            position=_position(query_id, rows.token),
            whole=Whole(column="estimate_id", values=spoken) if grouped and spoken else None,
            notes=notes,
        )


def _itemised(results: Sequence[Record], tally: _Tally) -> tuple[list[Record], list[str]]:
    """Return the line items of lead results, and the estimates that could be understood."""
    records: list[Record] = []
    spoken: list[str] = []
    for result in results:
        try:
            found = list(line_items.items(result.get("lead_results")))
        except line_items.UnreadableError:
            tally.unreadable += 1
            continue
        spoken.append(result["estimate_id"])
        about = {"estimate_id": result["estimate_id"], CHANGED: result.get(CHANGED)}
        records += [about | item for item in found]
    return records, spoken
