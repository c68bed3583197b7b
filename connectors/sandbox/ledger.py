"""The truth that a warehouse is compared with.

A ledger knows, per stream, every record that ever was: its key, how often it changed, whether it
is deleted now, and how a client sees it at this moment. A vendor with few records keeps them in a
`Records` each; one with very many may offer its own `Truth`, made on the fly.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record as the vendor has it now.

    `deleted` records keep their last state: archived ones can still be read by some route,
    gone ones by none.
    """

    id: str
    version: int  # 1 when new, one more with each change that a client can see, deletion included
    deleted: bool
    record: Mapping[str, Any]


class Truth(Protocol):
    """Anything that can list all entries of its streams."""

    def streams(self) -> list[str]:
        """Names of the streams."""
        ...

    def entries(self, stream: str) -> Iterator[Entry]:
        """All entries of a stream in a steady order. Raises `KeyError` for an unknown stream."""
        ...


class Records:
    """The records of one stream by key, oldest first."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self.generation = 0  # rises with each change, so that answers can be cached

    def put(self, key: str, record: Mapping[str, Any]) -> Entry:
        """Add a record, replace one, or bring a deleted one back."""
        return self._set(key, record, deleted=False)

    def delete(self, key: str, record: Mapping[str, Any] | None = None) -> Entry:
        """Mark a record deleted, with its last state if that changed too.

        Raises `KeyError` when there is none.
        """
        return self._set(key, self._entries[key].record if record is None else record, deleted=True)

    def get(self, key: str) -> Mapping[str, Any] | None:
        """A live record, or None."""
        entry = self._entries.get(key)
        return None if entry is None or entry.deleted else entry.record

    def live(self) -> list[Mapping[str, Any]]:
        """Records that are not deleted."""
        return [entry.record for entry in self._entries.values() if not entry.deleted]

    def live_keys(self) -> list[str]:
        """Keys of the records that are not deleted."""
        return [entry.id for entry in self._entries.values() if not entry.deleted]

    def entries(self) -> Iterator[Entry]:
        """Every entry, deleted ones too."""
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def _set(self, key: str, record: Mapping[str, Any], *, deleted: bool) -> Entry:
        before = self._entries.get(key)
        entry = Entry(
            id=key, version=before.version + 1 if before else 1, deleted=deleted, record=record
        )
        self._entries[key] = entry
        self.generation += 1
        return entry


class Ledger:
    """A `Truth` made of one `Records` per stream."""

    def __init__(self, *streams: str) -> None:
        self._records = {stream: Records() for stream in streams}

    def __getitem__(self, stream: str) -> Records:
        return self._records[stream]

    def streams(self) -> list[str]:
        """Names of the streams."""
        return list(self._records)

    def entries(self, stream: str) -> Iterator[Entry]:
        """All entries of a stream, oldest first. Raises `KeyError` for an unknown stream."""
        return self._records[stream].entries()
