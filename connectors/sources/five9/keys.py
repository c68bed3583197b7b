"""What tells contacts apart.

One key column of our own, so that its name is the same whatever a domain offers: the internal
record id, a field of the domain that is unique, or several fields together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from connectors.errors import ContractError
from connectors.model import Record
from connectors.sources.five9.streams import CONTACT_KEY

RECORD_ID = "contact_record_id"  # the column that we ask the internal id to be given in
COMPOSITE = ("number1", "first_name", "last_name")


class Keys:
    """Gives contacts their key: by `fields`, or by the best there is when none are named."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = tuple(fields)
        self._used: list[str] = []
        self._told = 0

    def give(self, rows: Sequence[Record]) -> int:
        """Add its key to each record; return how many differing records share one.

        Raises `ContractError` for a field that contacts do not have.
        """
        seen: dict[str, Record] = {}
        doubles = 0
        for row in rows:
            key = self._key(row)
            row[CONTACT_KEY] = key
            if key is not None:
                doubles += seen.setdefault(key, row) != row
        return doubles

    def said(self) -> list[str]:
        """Return what was used since this was last asked."""
        new, self._told = self._used[self._told :], len(self._used)
        return [f"contacts are told apart by {what}" for what in new]

    def _key(self, row: Record) -> str | None:
        if not self._fields and row.get(RECORD_ID):
            self._note("their internal record id")
            return str(row[RECORD_ID])
        names = self._fields or COMPOSITE
        missing = [name for name in names if name not in row]
        if missing:
            raise ContractError(f"contacts have no field {missing[0]!r}: correct FIVE9_CONTACT_KEY")
        self._note(" and ".join(names))
        values = [row[name] or "" for name in names]
        if len(values) == 1:
            return values[0] or None
        if not any(values):
            return None
        return hashlib.sha256("\x1f".join(values).encode()).hexdigest()[:32]

    def _note(self, what: str) -> None:
        if what not in self._used:
            self._used.append(what)
