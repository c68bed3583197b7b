"""Decide what to read: from which checkpoint, up to when, and whether to resume.

Upper bounds are fixed before the first request and never the largest value seen, so
that an unsorted or moving read cannot skip records. Only a read that came to its end
moves the live cursor; a backfill, a limited read and a dry run never do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import ConfigError
from connectors.model import Deletes, Json, Mode, Request, Source, Stream
from connectors.warehouse.checkpoints import State, Unfinished

RESUMABLE_FOR = timedelta(days=3)
"""An interrupted full read older than this starts over: list cursors do not live for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person or schedule asked for. Times are aware UTC."""

    mode: Mode = "incremental"
    streams: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    max_records: int | None = None
    page_size: int = 200
    batch_size: int = 1_000
    dry_run: bool = False
    delete_guard: float = 0.2  # share of rows that one comparison may delete


def check(source: Source, options: Options) -> None:
    """Refuse contradictions before anything runs. Raises `ConfigError`, one sentence each."""
    if options.mode == "full" and (options.since or options.until):
        raise ConfigError("mode full reads everything: leave out since and until, or use backfill")
    if options.mode == "incremental" and options.until:
        raise ConfigError("until needs mode backfill: an incremental run always reaches to now")
    if options.mode == "backfill" and not options.since:
        raise ConfigError("mode backfill needs since, the start of the time to read again")
    if options.since and options.until and options.until <= options.since:
        raise ConfigError(
            f"until ({options.until:%Y-%m-%d %H:%M}) must be after since"
            f" ({options.since:%Y-%m-%d %H:%M})"
        )
    for name, value in (("page_size", options.page_size), ("batch_size", options.batch_size)):
        if value < 1:
            raise ConfigError(f"{name} must be at least 1, not {value}")
    if options.max_records is not None and options.max_records < 1:
        raise ConfigError(f"max_records must be at least 1, not {options.max_records}")
    if options.streams is not None and not options.streams:
        raise ConfigError(f"streams is empty: name some of {source.title}'s, or leave it out")


def select(streams: Sequence[Stream], options: Options) -> list[Stream]:
    """Return the wished streams, each after those it depends on.

    Raises `ConfigError` for a name the source does not have.
    """
    known = {stream.name: stream for stream in streams}
    wished = options.streams or tuple(s.name for s in streams if not s.optional)
    unknown = sorted(set(wished) - known.keys())
    if unknown:
        raise ConfigError(
            f"unknown stream {', '.join(unknown)}: choose from {', '.join(sorted(known))}"
        )
    ordered: dict[str, Stream] = {}

    def place(stream: Stream) -> None:
        for before in stream.after:
            if before in wished and before not in ordered:
                place(known[before])
        ordered.setdefault(stream.name, stream)

    for name in wished:
        place(known[name])
    return list(ordered.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A read about to happen and how its progress is stored."""

    request: Request
    state: State
    run_id: str
    now: datetime
    continues: Unfinished | None  # the interrupted read that goes on here
    moves_cursor: bool  # the live cursor may move at the end
    stores: bool  # positions may be stored on the way
    notes: tuple[str, ...] = ()

    @property
    def compares(self) -> bool:
        """Whether the keys of this read are collected, for what it does not show is gone."""
        return self.stores and collects(self.request.stream, self.request.mode)

    @property
    def shares(self) -> bool:
        """Whether an unfinished read must hear of the keys that this one shows.

        A record that comes in by another read while that one is interrupted, at a place
        it has passed, would look gone to it.
        """
        unfinished = any(collects(self.request.stream, mode) for mode in self.state.reads)
        return unfinished and not self.compares

    @property
    def abandons(self) -> bool:
        """Whether the keys of an unfinished read must make room for those of this one.

        There is one side table for them: that read then starts over.
        """
        return self.compares and self.continues is None and bool(self.state.reads)

    def abandoning(self) -> Plan:
        """Return this plan without the unfinished reads that it abandons."""
        left = sorted(self.state.reads.keys() - {self.request.mode})
        told = tuple(f"the interrupted {mode} read of this stream starts over" for mode in left)
        return replace(self, state=State(cursor=self.state.cursor), notes=self.notes + told)

    def at(
        self,
        position: Json | None,
        cursor: Json | None,
        *,
        rejected: int = 0,
        incomplete: Sequence[str] = (),
    ) -> State | None:
        """Return the state to store with a batch; None when this read stores nothing.

        `rejected` rows were refused whole before this run, `incomplete` says what the
        whole read has failed to show.
        """
        if not self.stores:
            return None
        reads = dict(self.state.reads)
        reads[self.request.mode] = Unfinished(
            run_id=self.run_id,
            since=self.request.since,
            until=self.request.until,
            started_at=self.request.started_at,
            position=position,
            rejected=rejected,
            incomplete=tuple(incomplete),
        )
        live = cursor if cursor is not None and self.moves_cursor else self.state.cursor
        return replace(self.state, cursor=live, reads=reads)

    def ended(self, cursor: Json | None) -> State | None:
        """Return the state to store once the read came to its end."""
        if not self.stores:
            return None
        reads = {mode: read for mode, read in self.state.reads.items() if mode != self.request.mode}
        return replace(self.state, cursor=self._final_cursor(cursor), reads=reads)

    def _final_cursor(self, cursor: Json | None) -> Json | None:
        window = self.request.stream.window
        if not self.moves_cursor:
            return self.state.cursor
        if window is None:
            return cursor if cursor is not None else self.state.cursor
        until = self.request.until or self.request.started_at - window.lag
        before = reached(self.state)
        if before is None or before > self.now:  # what lies in the future was never read
            before = until
        return {"until": max(until, before).isoformat()}


def collects(stream: Stream, mode: Mode) -> bool:
    """Tell whether a read of `stream` collects its keys, to find what it does not show."""
    if stream.deletes is Deletes.WINDOW:
        return True
    return stream.deletes is Deletes.COMPARE and (mode == "full" or stream.rereads)


def reached(state: State) -> datetime | None:
    """Return how far a windowed stream's checkpoint reaches. Raises `ConfigError` if unreadable."""
    if state.cursor is None:
        return None
    try:
        return datetime.fromisoformat(str(state.cursor["until"]))
    except (KeyError, ValueError) as error:
        raise ConfigError(
            "the stored checkpoint is not one of this version: run once with mode full"
        ) from error


def plan(stream: Stream, options: Options, state: State, now: datetime, run_id: str) -> Plan:
    """Plan one stream's read for the run `run_id`, at `now` (aware UTC)."""
    stores = not options.dry_run and options.max_records is None
    mode: Mode = options.mode
    notes: list[str] = []
    if mode == "incremental" and options.since is None and state.cursor is None:
        mode = "full"  # never silently from now
        if stream.window is not None:
            notes.append("no checkpoint yet: read in full")
    since, until = _bounds(stream, replace(options, mode=mode), state, now, notes)
    request = Request(
        stream=stream,
        mode=mode,
        started_at=now,
        since=since,
        until=until,
        cursor=state.cursor if mode == "incremental" and stream.window is None else None,
        page_size=options.page_size,
    )
    pending = state.reads.get(mode)
    if pending is not None and not (stores and _same_read(pending, request, options, now)):
        pending = None
    if pending is not None:
        request = replace(
            request,
            started_at=pending.started_at,
            since=pending.since,
            until=pending.until,
            position=pending.position,
        )
        notes.append(f"resumed the {mode} read of {pending.started_at:%Y-%m-%d %H:%M} UTC")
    return Plan(
        request=request,
        state=state,
        run_id=run_id,
        now=now,
        continues=pending,
        moves_cursor=stores and mode != "backfill" and not _leaves_gap(stream, options, state),
        stores=stores,
        notes=tuple(notes),
    )


def _bounds(
    stream: Stream, options: Options, state: State, now: datetime, notes: list[str]
) -> tuple[datetime | None, datetime | None]:
    if options.mode == "full":
        return None, None
    if options.mode == "backfill":
        return options.since, options.until or now
    if stream.window is None:
        return options.since, None
    until = now - stream.window.lag
    if options.since:
        return options.since, until
    checkpoint = reached(state) or until
    if checkpoint > now:
        notes.append(
            f"the checkpoint ({checkpoint:%Y-%m-%d %H:%M} UTC) lies in the future;"
            " read from now less the lookback instead"
        )
        checkpoint = until
    return min(checkpoint - stream.window.lookback, until), until


def _same_read(pending: Unfinished, request: Request, options: Options, now: datetime) -> bool:
    """Tell whether an interrupted read is the one asked for now, and still alive."""
    if pending.position is None or pending.started_at > now:
        return False
    if request.mode == "full":
        return now - pending.started_at < RESUMABLE_FOR
    if request.mode == "backfill":
        return pending.since == request.since and (
            options.until is None or pending.until == request.until
        )
    return options.since is None or options.since == pending.since


def _leaves_gap(stream: Stream, options: Options, state: State) -> bool:
    """A run told to start later than the checkpoint must not move it past what it skips."""
    if options.since is None:
        return False
    if stream.window is None:
        return True
    checkpoint = reached(state)
    return checkpoint is None or options.since > checkpoint


def shown(cursor: Mapping[str, Any] | None) -> str | None:
    """Return a cursor as a report shows it."""
    if cursor is None:
        return None
    return ", ".join(f"{name} {value}" for name, value in cursor.items())
