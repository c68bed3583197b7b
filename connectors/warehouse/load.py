"""Commit a batch: rows, rejects, checkpoint, counters and fence in one transaction.

If any part fails nothing of the batch happened, so the stored state can only be the
state of the stored rows. The run's own row is checked last: a run that was closed or
whose source was taken over while the batch was being merged commits nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NotSupportedError, OperationalError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from connectors.errors import WarehouseError
from connectors.model import Counts, Deletes, FieldType, Record, Refused, Stream
from connectors.warehouse import checkpoints, deletes, rejects, runs
from connectors.warehouse.batch import Layout, Rows, made_rows
from connectors.warehouse.checkpoints import State
from connectors.warehouse.engine import Warehouse, described, is_transient
from connectors.warehouse.gather import Batch
from connectors.warehouse.growth import fields_of, inferred_fields, suits, widening
from connectors.warehouse.isolate import REFUSED_BY_DATABASE, merge_records
from connectors.warehouse.merge import merge
from connectors.warehouse.runs import RunRef
from connectors.warehouse.schema import COLUMN_BUDGET, TargetTable
from connectors.warehouse.stream_runs import stream_counts

__all__ = ["Batch", "StreamWriter"]

ATTEMPTS = 3  # of one batch; a lock is waited for 30 s in each


class StreamWriter:
    """Writes one stream of one run, one thread at a time; `prepare` alone may go on beside it."""

    def __init__(
        self,
        warehouse: Warehouse,
        run: RunRef,
        stream: Stream,
        *,
        dry_run: bool = False,
        column_budget: int = COLUMN_BUDGET,
        delete_guard: float = deletes.GUARD_SHARE,
    ) -> None:
        self.warehouse = warehouse
        self.run = run
        self.stream = stream
        self.dry_run = dry_run
        self.delete_guard = delete_guard
        self.table = TargetTable(warehouse, run.source, stream, budget=column_budget)
        self.track_keys = False
        self.notes: list[str] = []
        self._counted = Counts()  # committed so far
        self._layout: Layout | None = None  # as committed
        self._attempted: Counts | None = None  # of a batch whose COMMIT got no answer

    def open(self, fields: Mapping[str, FieldType], *, fresh_keys: bool, track_keys: bool) -> None:
        """Make or update the table for what the vendor's metadata says.

        `track_keys` collects the keys of this read for a later comparison;
        `fresh_keys` forgets those of an earlier, abandoned read.
        """
        self.track_keys = track_keys and not self.dry_run
        with self.warehouse.write() as db:
            self.table.reload(db)
            self._prepare(db, fields)
            if fields:
                self.table.retire(fields)
            if self.track_keys:
                deletes.prepare(db, self.table, fresh=fresh_keys)
            if self.dry_run:
                db.rollback()
        if not self.dry_run:
            self._layout = Layout.of(self.table)

    def prepare(self, batch: Batch) -> None:
        """Make the rows of `batch` ahead of its turn, while another thread may `write`.

        For the table as the last commit left it: `write` makes them again where it has
        changed since, and by itself where it must change for this batch or where making
        them fails.
        """
        layout = self._layout
        if layout is not None and suits(layout, batch.records):
            with suppress(*REFUSED_BY_DATABASE):
                batch.made = made_rows(layout, batch.records)

    def write(self, batch: Batch, state: State | None) -> Counts:
        """Commit `batch` with `state` as the stream's checkpoint (None: leave it).

        A passing trouble of the database (deadlock, lock, restart) is tried again. Raises
        `FencedOff` when the run no longer owns its source, `WarehouseError` when the
        database fails for good. In both cases nothing of the batch is stored.
        """
        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=1, max=10),
            retry=retry_if_exception(_passes),
            reraise=True,
        )
        try:
            counts = attempts(self._commit, batch, state)
        except (DBAPIError, psycopg.Error, sqlite3.Error) as error:
            raise described(_wrapped(error)) from None  # the cause quotes rows
        self._counted += counts
        return counts

    def _commit(self, batch: Batch, state: State | None) -> Counts:
        if self._attempted is not None and self._was_committed(self._attempted):
            counts, self._attempted = self._attempted, None
            return counts
        try:
            with self.warehouse.begin() as db:
                counts = self._apply(db, batch)
                if self.dry_run:
                    db.rollback()
                else:
                    self._store(db, state)
                    runs.count_batch(db, self.run, self.stream.name, counts)
                    self._attempted = counts
        except BaseException:  # whatever it was, new columns were rolled back with the rows
            self._forget()
            raise
        self._attempted = None
        if self.dry_run:
            self._forget()
            with self.warehouse.write() as db:
                runs.count_batch(db, self.run, self.stream.name, counts)
        else:
            self._layout = Layout.of(self.table)
        return counts

    def _was_committed(self, counts: Counts) -> bool:
        """A connection lost during COMMIT leaves open whether it happened: ask the counters."""
        stored = stream_counts(self.warehouse, self.run.run_id, self.stream.name)
        return counts.read > 0 and stored.read == self._counted.read + counts.read

    def _store(self, db: sa.Connection, state: State | None) -> None:
        if state is not None:
            checkpoints.save(db, self.run.source, self.stream.name, state, self.run.run_id)

    def _forget(self) -> None:
        """Read the columns again next time: a rolled-back transaction took its own with it."""
        self.table.columns = {}
        self._layout = None

    def _apply(self, db: sa.Connection, batch: Batch) -> Counts:
        if not self.table.columns:
            self.table.reload(db)
            self._prepare(db, batch.fields)
        elif batch.fields:
            self.table.ensure(db, batch.fields, "vendor")
        made = batch.made
        if made is None or made.layout.generation != self.table.generation:
            made = None  # the table has changed since
            self._add_new_fields(db, batch.records)
        counts, refused = self._merge(db, batch, made)
        # Rows that lost a value at the source; the merge has counted those that lose one here.
        lost = {item.key for item in batch.refused if item.column and not item.empty}
        lost -= {item.key for item in refused}
        refused = [*batch.refused, *refused]
        rejected_whole = sum(item.column is None for item in batch.refused)
        rejects.save(db, self.run, self.stream.name, refused)
        gone = deletes.by_signal(db, self.table, batch.deleted, self.run.run_id)
        for whole in batch.whole:
            gone += deletes.missing(db, self.table, whole, batch.records, self.run.run_id)
        for closed in batch.closed:
            found = deletes.within(db, self.table, closed, self.run.run_id, guard=self.delete_guard)
            gone += found.deleted
            self.notes += found.notes
        return counts + Counts(
            read=rejected_whole,
            rejected=rejected_whole,
            deleted=gone,
            rows_damaged=len(lost),
            values_rejected=sum(item.column is not None for item in refused),
        )

    def _prepare(self, db: sa.Connection, vendor: Mapping[str, FieldType]) -> None:
        self.table.ensure(db, self.stream.fields, "declared")
        self.table.ensure(
            db, {n: k for n, k in vendor.items() if n not in self.stream.fields}, "vendor"
        )

    def _add_new_fields(self, db: sa.Connection, records: Sequence[Record]) -> None:
        seen = fields_of(records)
        self.table.unretire(seen)
        if names := seen - self.table.columns.keys():
            self.table.ensure(db, inferred_fields(names, records), "inferred")

    def _merge(
        self, db: sa.Connection, batch: Batch, made: Rows | None = None
    ) -> tuple[Counts, list[Refused]]:
        if made is None:
            for name, kind in widening(Layout.of(self.table), batch.records).items():
                self._widen(db, name, kind)
        merge_rows = partial(
            merge,
            db,
            self.table,
            run_id=self.run.run_id,
            track_keys=self.track_keys,
            handed_over=batch.handed_over.set,
        )
        return merge_records(db, self.table, batch.records, made, merge_rows)

    def _widen(self, db: sa.Connection, name: str, kind: FieldType) -> None:
        try:
            with db.begin_nested():
                self.table.widen(db, name, kind)
        except NotSupportedError:
            self.table.reload(db)
            self.notes.append(
                f"column {self.table.columns[name].column} would have to become {kind} but a view"
                " depends on it: values that do not fit are in sync_rejects; drop the view once"
            )

    def finish(self, state: State | None, *, complete: bool, names: frozenset[str]) -> Counts:
        """Close a read that came to its end: compare keys, store the final checkpoint.

        `complete`: the read saw everything there is, so that what it did not see is gone.
        """
        if self.dry_run:
            return Counts()
        counts = Counts()
        with self.warehouse.write() as db:
            self.table.reload(db)
            self.table.touch(db, names)
            if complete and self.stream.deletes is Deletes.COMPARE:
                found = deletes.unseen(db, self.table, self.run.run_id, guard=self.delete_guard)
                self.notes += found.notes
                counts = Counts(deleted=found.deleted)
            if self.track_keys:
                deletes.clear(db, self.table)
            self._store(db, state)
            runs.count_batch(db, self.run, self.stream.name, counts)
        return counts

    def reapply(self, db: sa.Connection, record: Record) -> bool:
        """Try again to merge a record that was refused whole; True when it is stored now."""
        self._add_new_fields(db, [record])
        counts, _ = self._merge(db, Batch(records=[record]))
        return not counts.rejected

    def live_rows(self) -> int:
        """Count the rows that are not soft-deleted; raises `WarehouseError`."""
        with self.warehouse.read() as db:
            count = db.exec_driver_sql(
                f"SELECT count(*) FROM {self.table.sql} WHERE _deleted_at IS NULL"
            ).scalar()
        if count is None:
            raise WarehouseError(f"{self.table.name}: count(*) gave no row")
        return int(count)


def _wrapped(error: BaseException) -> DBAPIError:
    """Return a driver's own error in the form that `described` reads."""
    if isinstance(error, DBAPIError):
        return error
    return OperationalError("", None, error)


def _passes(error: BaseException) -> bool:
    if not isinstance(error, DBAPIError | psycopg.Error | sqlite3.Error):
        return False
    return is_transient(_wrapped(error))
