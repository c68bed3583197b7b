"""Records of one object kind, made on the fly from their row number.

A record nobody touched is a function of its row number: one of a hundred seeded profiles, plus what
differs in every record (id, e-mail, times). Only records that changed are kept. So a portal of a
million records starts at once, and a page of them costs little more than joining bytes.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from connectors.sandbox.clock import epoch_ms
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.recipes import Property
from connectors.sandbox.hubspot.rows import Row, iso_ms, mixed
from connectors.sandbox.vendors import World

PROFILES = 97  # a prime, so that profiles and other periods do not fall together
STRIDE = 3  # ids have gaps
SPAN = 730 * 86_400_000  # milliseconds before the start in which the first records were made


class Objects:
    """All records of a kind."""

    def __init__(self, kind: Kind, properties: Iterable[Property], world: World) -> None:
        self.kind = kind
        self.generation = 0
        self.index_lag = 0  # milliseconds by which the search index trails
        self._world = world
        self._start = epoch_ms(world.start)
        self._salt = world.random("hubspot", kind.name, "times").getrandbits(60)
        self._base = world.count(kind.records) if kind.scales else kind.records
        self._total = self._base
        self._rows: dict[int, Row] = {}
        self._profiles: dict[int, dict[str, str | None]] = {}
        self._projections: dict[tuple[str, ...], Projection] = {}
        self._modified: array[int] | None = None
        own = (
            Property(name=kind.created, type="datetime", field="date"),
            Property(name=kind.cursor, type="datetime", field="date"),
            Property(name="hs_object_id", type="number", field="number"),
        )
        self.system = tuple(one.name for one in own)
        self.properties = {one.name: one for one in (*properties, *own)}

    def __len__(self) -> int:
        return self._total

    def id_of(self, index: int) -> int:
        """The record id of a row number."""
        return self.kind.first_id + STRIDE * index

    def find(self, record_id: str | int) -> Row | None:
        """The row of a record id, whatever its state; None if there never was one."""
        try:
            index, rest = divmod(int(record_id) - self.kind.first_id, STRIDE)
        except ValueError:
            return None
        return None if rest or not 0 <= index < self._total else self.row(index)

    def row(self, index: int) -> Row:
        """The record at a row number."""
        return self._rows.get(index) or self._untouched(index)

    def live(self, start: int = 0) -> Iterator[Row]:
        """Live records from a row number on, by ascending id."""
        return (row for index in range(start, self._total) if (row := self.row(index)).live)

    def archived(self) -> list[Row]:
        """Archived records that can still be restored, by ascending id."""
        rows = (self._rows[index] for index in sorted(self._rows))
        return [row for row in rows if row.archived_at is not None and not row.gone]

    def touched(self) -> Iterator[Row]:
        """Records that were ever written since the start."""
        return iter(self._rows.values())

    def indexed(self, row: Row, now: int) -> Row | None:
        """The version of a record that the search index shows at `now` (epoch milliseconds)."""
        if not row.live:
            return None  # removals reach the index at once
        seen: Row | None = row
        while seen is not None and seen.written and seen.written + self.index_lag > now:
            seen = seen.previous
        return seen

    def modified_between(self, low: int, high: int, now: int) -> list[int]:
        """Row numbers that the search index shows with a modification time in [low, high]."""
        if self._modified is None:
            self._modified = array("q", (self._times(index)[1] for index in range(self._base)))
        rows = self._rows
        found = [
            index
            for index, modified in enumerate(self._modified)
            if low <= modified <= high and index not in rows
        ]
        for row in rows.values():
            seen = self.indexed(row, now)
            if seen is not None and low <= seen.modified <= high:
                found.append(row.index)
        return sorted(found)

    def value(self, row: Row, name: str) -> str | None:
        """One property's value."""
        if name in row.changes:
            return row.changes[name]
        if name == "hs_object_id":
            return str(row.id)
        if name == self.kind.created:
            return iso_ms(row.created)
        if name == self.kind.cursor:
            return iso_ms(row.modified)
        unique = self.properties[name].unique
        if unique is not None:
            return unique(row.index, row.id)
        return self._profile(row.index % PROFILES).get(name)

    def values(self, row: Row, names: Iterable[str] | None = None) -> dict[str, str | None]:
        """Values of these properties (all when None); unknown names are left out."""
        known = self.properties
        wanted = known if names is None else {*self.system, *(n for n in names if n in known)}
        return {name: self.value(row, name) for name in wanted}

    def record(self, row: Row, names: Iterable[str] | None = None) -> dict[str, Any]:
        """The record as answers carry it."""
        record: dict[str, Any] = {
            "id": str(row.id),
            "properties": self.values(row, names),
            "createdAt": iso_ms(row.created),
            "updatedAt": iso_ms(row.modified),
            "archived": row.archived_at is not None,
        }
        if row.archived_at is not None:
            record["archivedAt"] = iso_ms(row.archived_at)
        return record

    def history(self, row: Row, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """Values over time, newest first.

        A row keeps, per property, earlier values with the time each was replaced.
        """
        told: dict[str, list[dict[str, Any]]] = {}
        for name in names:
            if name not in self.properties:
                continue
            past = row.history.get(name, ())
            values = [self.value(row, name), *(value for value, _ in past)]
            times = [*(at for _, at in past), row.created]
            told[name] = [
                {"value": value, "timestamp": iso_ms(at), "sourceType": "CRM_UI", "sourceId": "1"}
                for value, at in zip(values, times, strict=True)
            ]
        return told

    def encode(self, rows: Iterable[Row], names: Sequence[str]) -> list[bytes]:
        """JSON of records with these properties and the system ones."""
        wanted = tuple(dict.fromkeys(name for name in names if name in self.properties))
        projection = self._projections.get(wanted)
        if projection is None:
            projection = self._projections[wanted] = Projection(self, wanted)
        return [
            msgspec.json.encode(self.record(row, wanted))
            if row.changes or not row.live
            else projection.encode(row)
            for row in rows
        ]

    def add(self, changes: Mapping[str, str | None], at: int) -> Row:
        """A new record, made at `at`; properties not named come from its profile."""
        index = self._total
        self._total += 1
        row = Row(
            index=index,
            id=self.id_of(index),
            created=at,
            modified=at,
            written=self._now(),
            changes=dict(changes),
        )
        return self._keep(row)

    def change(
        self, row: Row, changes: Mapping[str, str | None], at: int | None, **fields: Any
    ) -> Row:
        """Write values; `at` becomes the modification time, None leaves it as it was."""
        when = row.modified if at is None else at
        history = dict(row.history)
        for name in changes:
            if name in self.properties:
                history[name] = ((self.value(row, name), when), *history.get(name, ()))
        return self._keep(
            msgspec.structs.replace(
                row,
                changes={**row.changes, **changes},
                history=history,
                modified=when,
                written=self._now(),
                version=row.version + 1,
                previous=row if self.index_lag else None,
                **fields,
            )
        )

    def archive(self, row: Row, at: int) -> Row:
        """Archive: no modification time moves."""
        return self.change(row, {}, None, archived_at=at)

    def restore(self, row: Row, at: int | None) -> Row:
        """Bring an archived record back, with or without a new modification time."""
        return self.change(row, {}, at, archived_at=None)

    def purge(self, row: Row, *, merged_into: int | None = None) -> Row:
        """Make a record vanish without a trace."""
        return self.change(row, {}, None, gone=True, merged_into=merged_into)

    def define(self, one: Property) -> None:
        """Add a property or replace it (its type may differ)."""
        self.properties[one.name] = one
        self._schema_changed()

    def undefine(self, name: str) -> None:
        """Remove a property; its values vanish from every answer. Raises `KeyError`."""
        del self.properties[name]
        self._schema_changed()

    def profile(self, row: Row) -> dict[str, str | None]:
        """The values that a row shares with every `PROFILES`th other."""
        return self._profile(row.index % PROFILES)

    def _schema_changed(self) -> None:
        self._projections.clear()
        self.generation += 1

    def _keep(self, row: Row) -> Row:
        self._rows[row.index] = row
        self.generation += 1
        return row

    def _now(self) -> int:
        return epoch_ms(self._world.clock.now())

    def _untouched(self, index: int) -> Row:
        created, modified = self._times(index)
        return Row(index=index, id=self.id_of(index), created=created, modified=modified)

    def _times(self, index: int) -> tuple[int, int]:
        dice = mixed(index + self._salt)
        created = self._start - SPAN + index * (SPAN * 9 // 10) // self._base + dice % 86_400_000
        return created, created + (dice >> 7) % (self._start - created)

    def _profile(self, number: int) -> dict[str, str | None]:
        profile = self._profiles.get(number)
        if profile is None:
            start, random = self._world.start, self._world.random
            profile = self._profiles[number] = {
                one.name: one.make(random("hubspot", self.kind.name, one.name, number), start)
                for one in self.properties.values()
                if one.make is not None
            }
        return profile


class Projection:
    """Encodes untouched records with one selection of properties, the shared part only once."""

    def __init__(self, objects: Objects, names: tuple[str, ...]) -> None:
        self._objects = objects
        known = objects.properties
        plain = [name for name in names if name not in objects.system]
        self._shared = [name for name in plain if known[name].unique is None]
        self._unique = [
            (name, unique) for name in plain if (unique := known[name].unique) is not None
        ]
        self._tails: dict[int, bytes] = {}

    def encode(self, row: Row) -> bytes:
        """JSON of a live record without changes of its own."""
        kind, number = self._objects.kind, row.index % PROFILES
        tail = self._tails.get(number)
        if tail is None:
            profile = self._objects.profile(row)
            shared = {name: profile.get(name) for name in self._shared}
            inner = msgspec.json.encode(shared)[1:-1]
            tail = self._tails[number] = b"," + inner if inner else b""
        created, modified = iso_ms(row.created), iso_ms(row.modified)
        own = "".join(f',"{name}":"{make(row.index, row.id)}"' for name, make in self._unique)
        head = (
            f'{{"id":"{row.id}","properties":{{"{kind.created}":"{created}",'
            f'"hs_object_id":"{row.id}","{kind.cursor}":"{modified}"{own}'
        )
        foot = f'}},"createdAt":"{created}","updatedAt":"{modified}","archived":false}}'
        return b"".join((head.encode(), tail, foot.encode()))
