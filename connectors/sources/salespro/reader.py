"""An open connection to SalesPro: how each stream is read, and where a read goes on."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.context import Context
from connectors.errors import ContractError
from connectors.model import FieldType, Page, Request, Stream, Window
from connectors.sources.salespro import csv_files, shapes
from connectors.sources.salespro.settings import Settings
from connectors.sources.salespro.streams import BY_NAME, STREAMS, Export

if TYPE_CHECKING:
    from connectors.sources.salespro.athena import Athena

MAX_ROWS = 1000  # most rows a page may have
USUAL_PAGE = 200  # page size when nobody asked for one; Athena's own is used then
RESULT_LIVES = timedelta(days=1)
"""A result is a snapshot. One that is older is not gone on with: it would show as they were rows
that have changed, and been loaded, since."""


@contextmanager
def connect(settings: Settings, context: Context) -> Generator[SalesPro]:
    """Open SalesPro; a query that still runs at the end is stopped."""
    from connectors.sources.salespro.athena import open_athena  # noqa: PLC0415 - boto3 is slow

    with open_athena(settings, context) as athena:
        yield SalesPro(athena, settings, context)


class SalesPro:
    """See `connectors.model.Reader`."""

    def __init__(self, athena: Athena, settings: Settings, context: Context) -> None:
        self._athena = athena
        self._settings = settings
        self._context = context

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
        """Columns by the table's metadata, so that what leaves the export keeps its values.

        Nothing for streams whose columns are all declared, and where metadata are not to be had.
        """
        export = BY_NAME.get(stream.name)
        if export is None or not export.takes_all_columns:
            return {}
        columns = self._athena.columns(export.table, f"salespro.{stream.name}")
        return {name: kind for name, kind in columns.items() if name not in stream.fields}

    def read(self, request: Request) -> Iterator[Page]:
        """Yield a stream. Raises `SyncError`s; see the docstring of the package."""
        name = request.stream.name
        if export := BY_NAME.get(name):
            yield from self._export(export, request)
            return
        path = self._settings.offices_csv if name == "offices" else self._settings.users_csv
        yield from csv_files.read(path, request)

    def _export(self, export: Export, request: Request) -> Iterator[Page]:
        tally = shapes.Tally()
        answers = self._answers(export, request)
        yield from shapes.pages(export, answers, tally, grouped=request.mode != "backfill")
        yield Page(notes=tally.notes(export))

    def _answers(self, export: Export, request: Request) -> Iterator[shapes.Answer]:
        """Yield the result page by page; that of an interrupted read, if it still lives."""
        from connectors.sources.salespro.athena import ResultGoneError  # noqa: PLC0415 - as above

        name = request.stream.name
        where, sql = f"salespro.{name}", export.statement(request)
        notes: list[str] = []
        if request.position:
            try:
                yield from self._rest(request, sql, where)
            except ResultGoneError:
                notes = [f"{name}: the interrupted read's result is gone; read from the start"]
            else:
                return
        result = self._athena.run(sql, where)
        notes.append(f"{name}: query {result.id} scanned {result.scanned:,} bytes")
        try:
            for rows in self._athena.pages(result.id, where, limit=_limit(request)):
                yield shapes.Answer(query_id=result.id, rows=rows, notes=notes)
                notes = []
        except ResultGoneError as error:
            raise ContractError(f"{error.__cause__}") from error

    def _rest(self, request: Request, sql: str, where: str) -> Iterator[shapes.Answer]:
        """Yield what is left of an interrupted read's result. Raises `ResultGoneError`."""
        from connectors.sources.salespro.athena import ResultGoneError  # noqa: PLC0415 - as above

        position = request.position or {}
        query_id, token = str(position["query"]), position["token"]
        if self._context.clock() - request.started_at > RESULT_LIVES:
            raise ResultGoneError
        self._athena.again(query_id, sql, where)
        notes = [f"{request.stream.name}: goes on with the result of query {query_id}"]
        for rows in self._athena.pages(query_id, where, token=token, limit=_limit(request)):
            yield shapes.Answer(query_id=query_id, rows=rows, notes=notes)
            notes = []


def _limit(request: Request) -> int:
    """Return how many rows a page is to have: each is a request, so most unless told fewer."""
    return MAX_ROWS if request.page_size >= USUAL_PAGE else request.page_size
