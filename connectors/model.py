"""The nouns of a sync: a source has streams, a stream is read in pages.

A page carries records and the position that is safe to store once those records
are committed. Stored any earlier, a crash loses rows; stored with them, in one
transaction, it can only ever describe rows that are there.

Time is aware UTC everywhere. A record is what the vendor sent, its values still
as JSON decodes them (text, int, `Decimal`, bool, None, dict, list): converting
is the warehouse's work, and on the fast path it is not done at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from connectors.context import Context

Record: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str | int, ...]
Json: TypeAlias = Mapping[str, Any]
"""A JSON object that only its owner reads: a source's cursor or position."""

Mode: TypeAlias = Literal["incremental", "full", "backfill"]
MODES: tuple[Mode, ...] = ("incremental", "full", "backfill")


class FieldType(StrEnum):
    """What a column holds. `connectors.warehouse.engine` maps it to SQL types."""

    TEXT = "text"
    INTEGER = "integer"  # 64 bit
    NUMERIC = "numeric"  # exact; money is numeric
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"  # aware, UTC
    JSON = "json"


class Deletes(StrEnum):
    """How a stream's deletions become known."""

    UNSEEN = "never seen"  # the vendor gives no way to know
    SIGNAL = "by the vendor's signal"  # `Page.deleted`, or records that say so
    COMPARE = "by comparing keys after a complete full read"
    WINDOW = "by comparing keys within a re-read window"  # `Page.closed`


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How far an incremental read reaches around the time it has to cover.

    The engine fixes `[checkpoint - lookback, now - lag]` before the first request
    and stores its upper end as the next checkpoint once the whole window is in.
    """

    lookback: timedelta  # re-read this much, for changes the vendor shows late
    lag: timedelta  # stay this far behind now, for an index that trails writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One kind of record: its key, what its fields hold, how it is read."""

    name: str
    key: tuple[str, ...] = ("id",)
    fields: Mapping[str, FieldType] = field(default_factory=dict[str, FieldType])
    """Declared types. Fields the vendor's metadata or this table does not name are inferred."""
    version: str | None = None
    """Field that grows with each change of a record: an older sighting never overwrites a newer."""
    window: Window | None = None
    """Set when incremental reads are bounded by time; else the source keeps its own cursor."""
    deletes: Deletes = Deletes.UNSEEN
    rereads: bool = False
    """With `Deletes.COMPARE`: incremental reads may show everything too (`Page.everything`)."""
    zone: str = "UTC"
    """IANA zone of naive timestamps in this stream, as the vendor documents it."""
    after: tuple[str, ...] = ()
    """Streams that must be read before this one."""
    total_tolerance: float = 0.0
    """Share by which the vendor's own total may differ from ours before a run is PARTIAL.

    Any share also grants the few records that come and go while a small stream is read.
    """
    sees: str = ""
    """One sentence for the catalogue: what an incremental run can and cannot see."""
    optional: bool = False
    """Read only when asked for by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to read of a stream. Bounds are aware UTC, `since` inclusive, `until` exclusive.

    `since` is None for a full read. `cursor` is what this stream's last page left
    (streams without a window), `position` where an interrupted read goes on.
    """

    stream: Stream
    mode: Mode
    started_at: datetime
    since: datetime | None = None
    until: datetime | None = None
    cursor: Json | None = None
    position: Json | None = None
    page_size: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A value, or a whole record (`column` None), that cannot be stored, and why."""

    key: str | None
    column: str | None
    value: str | None
    reason: str
    raw: Record | None = None
    empty: bool = False  # the source itself has no value there (`#N/A`): nothing was lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Records whose `column` lies in `[since, until)`: all of them have now been yielded."""

    column: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Rows whose `column` holds one of `values`: the page that says so has all of them."""

    column: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Records in arrival order and what may be stored once they are committed."""

    records: Sequence[Record] = ()
    position: Json | None = None
    """Where an interrupted read goes on. None keeps the last one: no resume point here."""
    cursor: Json | None = None
    """The stream's next live cursor; only for streams without a window."""
    deleted: Sequence[Key] = ()
    """Keys the vendor says are gone, in the order of `Stream.key`."""
    closed: Range | None = None
    """Only with `Deletes.WINDOW`: rows in this range that the read did not yield are gone."""
    whole: Whole | None = None
    """In any mode: rows of these groups that the page does not show are gone."""
    refused: Sequence[Refused] = ()
    """Records the source itself could not make sense of."""
    fields: Mapping[str, FieldType] = field(default_factory=dict[str, FieldType])
    """Types learned from the vendor's metadata since the last page."""
    total: int | None = None
    """How many live records the vendor says the stream has, where it says."""
    everything: bool = False
    """Only with `Stream.rereads`, in any mode: this read has now shown all there is."""
    incomplete: str | None = None
    """Why this read cannot be complete (the run ends PARTIAL and nothing is deleted)."""
    notes: Sequence[str] = ()
    """Sentences for the run report: what was used, what was skipped and why."""


class Reader(Protocol):
    """An open connection to a vendor."""

    def streams(self) -> Sequence[Stream]:
        """Every stream this account has, discovered ones included."""
        ...

    def fields(self, stream: Stream) -> Mapping[str, FieldType]:
        """Types from the vendor's own metadata; empty where it has none."""
        ...

    def read(self, request: Request) -> Iterator[Page]:
        """Yield the stream page by page.

        Raises `SyncError`s; their class says whether the stream or the run fails.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A vendor: what it offers, how to know it, how to open a connection to it."""

    name: str  # lower case, no separator: `hubspot`; tables are `<name>_<stream>`
    title: str  # as the vendor writes it
    settings: type[BaseSettings]
    streams: tuple[Stream, ...]
    connect: Callable[[Any, Context], AbstractContextManager[Reader]]
    """`connect(settings, context)`; `settings` is an instance of `Source.settings`."""
    enabled_by_default: bool = True
    daily_requests: Callable[[Any], int | None] | None = None
    """Requests a day that the vendor grants under these settings, where it counts by the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the records read. `read` is the sum of the next five."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0  # older versions and doubles within the read
    rejected: int = 0  # rows refused whole
    deleted: int = 0  # rows soft-deleted; not part of `read`
    values_rejected: int = 0  # single values stored as null and kept in `sync_rejects`
    rows_damaged: int = 0  # rows that lost at least one value

    def __add__(self, other: Counts) -> Counts:
        """Sum two counts, field by field."""
        return Counts(
            read=self.read + other.read,
            inserted=self.inserted + other.inserted,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            superseded=self.superseded + other.superseded,
            rejected=self.rejected + other.rejected,
            deleted=self.deleted + other.deleted,
            values_rejected=self.values_rejected + other.values_rejected,
            rows_damaged=self.rows_damaged + other.rows_damaged,
        )
