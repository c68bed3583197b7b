"""One record at one version, and the arithmetic behind made-up ones."""

from datetime import UTC, datetime, timedelta

import msgspec

EPOCH = datetime.fromtimestamp(0, UTC)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One record at one version; times in epoch milliseconds.

    A struct, not a dataclass: a page makes hundreds of them.
    """

    index: int
    id: int
    created: int
    modified: int
    written: int = 0  # when it really was written: the search index trails this, not `modified`
    version: int = 1
    archived_at: int | None = None
    gone: bool = False
    merged_into: int | None = None
    changes: dict[str, str | None] = {}
    history: dict[str, tuple[tuple[str | None, int], ...]] = {}  # see `Objects.history`
    previous: "Row | None" = None  # kept only while the search index may still show it

    @property
    def live(self) -> bool:
        """Neither archived nor gone."""
        return self.archived_at is None and not self.gone


def mixed(number: int) -> int:
    """A well-mixed 62-bit number of another one; the same everywhere."""
    number = (number + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    return (number ^ number >> 27) >> 2


def iso_ms(instant: int) -> str:
    """ISO text with milliseconds and Z of epoch milliseconds."""
    return (EPOCH + timedelta(milliseconds=instant)).isoformat(timespec="milliseconds")[:23] + "Z"
