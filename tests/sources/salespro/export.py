"""A pretend SalesPro: rows of a test's own in its export, and what was asked of Athena."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors.model import Mode
from connectors.outcomes import StreamReport, verdict
from connectors.sandbox import Sandbox
from connectors.sandbox.salespro.book import Book
from connectors.sandbox.salespro.queries import Execution
from connectors.sandbox.salespro.tables import TABLES, moment
from connectors.settings import load
from connectors.sources import salespro
from connectors.sync import Options, SourceSync, run
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import NOW, Pretend
from tests.warehouse.loading import start_run

TABLE = {
    "customers": "customer",
    "estimates": "estimate",
    "credit_applications": "credit_applications",
    "lead_results": "lead_results",
    "lead_result_line_items": "lead_results",
    "user_activity": "user_activity",
}
"""The table that each stream of Athena reads."""


class Account(Pretend):
    """As `Pretend`, with what Athena was asked and rows of the test's own."""

    @property
    def book(self) -> Book:
        book: Book = self.vendor.book
        return book

    def queries(self, text: str = "") -> list[Execution]:
        """Every query that holds `text`, oldest first."""
        found: list[Execution] = self.vendor.queries.all()
        return [query for query in found if text in query.sql]

    def asked(self, operation: str) -> int:
        """How often an operation was asked for so far."""
        found: dict[str, int] = self.sandbox.stats()["salespro"]["endpoints"]
        return found.get(operation, 0)

    def insert(self, table: str, **row: Any) -> None:
        """Add a row, the rest of it NULL, changed an hour ago unless it says."""
        changed = {"updated_at": ago(hours=1)} if "updated_at" in TABLES[table] else {}
        self.book.insert(table, [{"created_at": ago(hours=1)} | changed | row])

    def result(self, estimate_id: str, *answers: tuple[str, Any], **row: Any) -> None:
        """Add a lead result with these labels and answers."""
        told = json.dumps([{"title": title, "value": value} for title, value in answers])
        self.insert("lead_results", **{"estimate_id": estimate_id, "lead_results": told} | row)

    def sql(self, statement: str, *values: object) -> None:
        """Change the export behind everybody's back."""
        self.book.database.execute(statement, list(values))

    def empty(self, *tables: str) -> None:
        """Leave tables without rows."""
        for table in tables or TABLES:
            self.sql(f'DELETE FROM "{table}"')

    def load(
        self,
        warehouse: Warehouse,
        *streams: str,
        mode: Mode = "incremental",
        settings: dict[str, Any] | None = None,
        patience: Sequence[float] = (),
        **options: Any,
    ) -> tuple[Status, dict[str, StreamReport]]:
        """Sync some streams, as `sync` does all of them; what ends the run comes through.

        `patience`: see `Context.reopen_after`.
        """
        self.context = replace(self._context(), reopen_after=patience)
        begun = start_run(warehouse, "salespro")
        chosen = load(salespro.Settings, self._chosen() | (settings or {}))
        wish = Options(mode=mode, streams=streams or None, **options)
        status = Status.FAILED
        try:
            with SourceSync.open(
                salespro.SOURCE, warehouse, begun, wish, context=self.context, settings=chosen
            ) as opened:
                reports = run(opened)
            status, _ = verdict(reports)
        finally:
            runs.finish(warehouse, begun.run_id, status)
        return status, {report.stream: report for report in reports}


@contextmanager
def account(scale: float = 0.5, **sandbox: Any) -> Generator[Account]:
    """A company of 120 estimates times `scale`; a defect of the sandbox fails the test."""
    with Sandbox(seed=5, scale=scale, only=["salespro"], now=NOW, **sandbox) as running:
        yield Account(running, salespro.SOURCE)
        assert running.stats()["salespro"]["defects"] == []


def ago(since: datetime = NOW, **span: float) -> str:
    """A time before `since` as the export writes it."""
    return moment(since - timedelta(**span))
