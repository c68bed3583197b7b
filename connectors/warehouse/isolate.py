"""Merge records, and find exactly those that the database will not take.

The fast path merges a batch as it is. A batch that is refused takes the slow one: every
value is judged, and what is still refused is divided until the bad rows are alone.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence

import psycopg
import sqlalchemy as sa

from connectors.model import Counts, Record, Refused
from connectors.warehouse.batch import Layout, Rows, made_rows, refusal
from connectors.warehouse.merge import Merged
from connectors.warehouse.schema import TargetTable

log = logging.getLogger(__name__)

REFUSED_BY_DATABASE = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # a row wider than a page
    sqlite3.DataError,
    sqlite3.IntegrityError,
    OverflowError,  # an int beyond 64 bit
    UnicodeEncodeError,  # half a surrogate pair
)
"""What a value of a record can cause. Everything else is the database's own trouble."""


def merge_records(
    db: sa.Connection,
    table: TargetTable,
    records: Sequence[Record],
    made: Rows | None,
    merge: Callable[[Rows], Merged],
) -> tuple[Counts, list[Refused]]:
    """Merge what fits of `records`; return what became of them and what was refused.

    `made` are their rows, where somebody has made them for the table's present layout;
    `merge` merges rows, each time within a savepoint.
    Errors of the database that no value causes come through as the driver's.
    """

    def merge_rows(rows: Rows) -> tuple[Counts, list[Refused]]:
        with db.begin_nested():
            merged = merge(rows)
        counts = Counts(
            read=len(rows) + rows.superseded + rows.rejected,
            inserted=merged.inserted,
            updated=merged.updated,
            unchanged=merged.unchanged,
            superseded=rows.superseded + merged.superseded,
            rejected=rows.rejected,
            rows_damaged=rows.damaged,
        )
        return counts, rows.refused

    def merge_judged(records: Sequence[Record]) -> tuple[Counts, list[Refused]]:
        try:
            return merge_rows(made_rows(layout, records, judge_all=True))
        except REFUSED_BY_DATABASE as error:
            if len(records) == 1:
                reason = f"refused by the database: {_cause(error)}"
                whole = refusal(table.stream, records[0], None, reason)
                return Counts(read=1, rejected=1), [whole]
        middle = len(records) // 2
        first, first_refused = merge_judged(records[:middle])
        second, second_refused = merge_judged(records[middle:])
        return first + second, first_refused + second_refused

    if not records:
        return Counts(), []
    layout = Layout.of(table)
    try:
        return merge_rows(made_rows(layout, records) if made is None else made)
    except REFUSED_BY_DATABASE as error:
        log.info("%s: judging a batch value by value (%s)", table.name, _cause(error))
    return merge_judged(records)


def _cause(error: BaseException) -> str:
    """Name what the database refused, without the value it quotes."""
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    return f"{type(error).__name__}{f' {code}' if code else ''}"
