"""Where each stream goes on.

`cursor` is the stream's live position: what the next incremental read starts from. It
is None until a first read is complete; then everything is read, never "from now on".
`reads` are unfinished reads by mode, so that a full refresh that died goes on without
touching the live cursor, and a backfill never moves it.

`save` belongs into the transaction of the rows the state speaks of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from connectors.errors import ConfigError
from connectors.model import Json, Mode
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.texts import json_value

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A read that has not come to its end. Bounds as in `connectors.model.Request`."""

    started_at: datetime
    run_id: str  # the last run that committed something of it
    since: datetime | None = None
    until: datetime | None = None
    position: Json | None = None  # last committed; None: nothing committed that it could go on from
    rejected: int = 0  # rows refused whole by the runs before `run_id`
    incomplete: Sequence[str] = ()  # why this read cannot be complete any more, if it cannot


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of a stream's progress. An unknown stream has an empty one."""

    cursor: Json | None = None
    reads: Mapping[Mode, Unfinished] = field(default_factory=dict[Mode, Unfinished])

    def as_json(self) -> dict[str, Any]:
        """The state as one JSON object, for logs and reports."""
        return {
            "version": VERSION,
            "cursor": self.cursor,
            "reads": {mode: _read_json(read) for mode, read in self.reads.items()},
        }


def load(where: Warehouse | sa.Connection, source: str, stream: str) -> State:
    """The stream's state; empty when none is stored.

    Raises `ConfigError` for a state this version cannot read.
    """
    if isinstance(where, Warehouse):
        with where.read() as conn:
            return load(conn, source, stream)
    row = execute(
        where,
        """
        SELECT CAST(cursor AS text) AS cursor, CAST(reads AS text) AS reads, state_version
        FROM sync_checkpoints WHERE source = :source AND stream = :stream
        """,
        {"source": source, "stream": stream},
    ).one_or_none()
    if row is None:
        return State()
    if row.state_version != VERSION:
        message = (
            f"the checkpoint of {source}.{stream} has format {row.state_version}, this "
            f"version reads {VERSION}: run the version that wrote it, or forget the checkpoint "
            "for a full read"
        )
        raise ConfigError(message)
    try:
        return State(
            cursor=json_value(row.cursor),
            reads={mode: _read(value) for mode, value in json_value(row.reads).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            f"the checkpoint of {source}.{stream} is damaged ({type(error).__name__}): "
            "restore its row in sync_checkpoints, or forget it for a full read"
        )
        raise ConfigError(message) from error


def save(conn: sa.Connection, source: str, stream: str, state: State, run_id: str) -> None:
    """Store `state` in the caller's transaction. Driver errors come through as they are."""
    document = state.as_json()
    execute(
        conn,
        """
        INSERT INTO sync_checkpoints (
            source, stream, cursor, reads, state_version, run_id, updated_at
        ) VALUES (:source, :stream, :cursor, :reads, :version, :run_id, clock_timestamp())
        ON CONFLICT (source, stream) DO UPDATE SET
            cursor = excluded.cursor, reads = excluded.reads,
            state_version = excluded.state_version, run_id = excluded.run_id,
            updated_at = excluded.updated_at
        """,
        {
            "source": source,
            "stream": stream,
            "cursor": None if state.cursor is None else _text(state.cursor),
            "reads": _text(document["reads"]),
            "version": VERSION,
            "run_id": run_id,
        },
    )


def forget(conn: sa.Connection, source: str, stream: str) -> bool:
    """Drop the stream's state, so that its next run reads everything. False: there was none."""
    gone = execute(
        conn,
        "DELETE FROM sync_checkpoints WHERE source = :source AND stream = :stream",
        {"source": source, "stream": stream},
    )
    return gone.rowcount == 1


def _text(value: object) -> str:
    # Not `texts.json_text`: a position must come back as it was, never scrubbed or cut.
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _read_json(read: Unfinished) -> dict[str, Any]:
    return {
        "since": read.since and _iso(read.since),
        "until": read.until and _iso(read.until),
        "started_at": _iso(read.started_at),
        "position": read.position,
        "run_id": read.run_id,
        "rejected": read.rejected,
        "incomplete": list(read.incomplete),
    }


def _read(value: Mapping[str, Any]) -> Unfinished:
    return Unfinished(
        since=value["since"] and _time(value["since"]),
        until=value["until"] and _time(value["until"]),
        started_at=_time(value["started_at"]),
        position=value["position"],
        run_id=value["run_id"],
        # Reads that an older version began do not say.
        rejected=value.get("rejected", 0),
        incomplete=tuple(value.get("incomplete", ())),
    )


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
