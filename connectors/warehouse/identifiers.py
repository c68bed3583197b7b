"""Names that vendors choose, made into names that every database takes.

Vendors' field names are hostile input: any length, any script, two that differ only
by case, one that is SQL. A column name is lower snake case in ASCII and at most 63
bytes; where that says less than the original, or is taken, a hash of the original is
added. Names are always quoted as well, by `Warehouse.quote` alone. The original is
kept in `sync_columns`.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Container

MAX_BYTES = 63  # PostgreSQL cuts longer identifiers silently
HASH_CHARS = 8
SYSTEM = ("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid", "rowid", "_rowid_")
BOOKKEEPING = ("_synced_at", "_run_id", "_deleted_at", "_extra")
RESERVED: frozenset[str] = frozenset(SYSTEM + BOOKKEEPING)
"""Columns that PostgreSQL refuses, SQLite's row id, and our own."""


def identifier(name: str, taken: Container[str] = RESERVED) -> str:
    """Return the column or table name for a vendor's `name`, not among `taken`.

    The same name always gives the same result while it is free, and a result that
    depends only on the name once it is not.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", ascii_name).lower()
    plain = re.sub(r"[^a-z0-9_]+", "_", snake)
    trimmed = plain.strip("_") if plain != snake else plain
    if trimmed[:1].isdigit():
        trimmed = f"_{trimmed}"
    lossy = not trimmed.strip("_") or not name.isascii()
    if not lossy and len(trimmed) <= MAX_BYTES and trimmed not in RESERVED and trimmed not in taken:
        return trimmed
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    size = HASH_CHARS
    while (hashed := _with_hash(trimmed or "field", digest[:size])) in taken:
        size += HASH_CHARS
    return hashed


def stored(name: str) -> str:
    """Return a vendor's name in a form every database stores: NUL and half surrogates escaped."""
    plain = "\x00" not in name and "\\" not in name and name.isprintable()
    return name if plain else json.dumps(name)[1:-1]


def original(stored_name: str) -> str:
    """Return the vendor's name from its stored form."""
    return json.loads(f'"{stored_name}"') if "\\" in stored_name else stored_name


def _with_hash(plain: str, digest: str) -> str:
    return f"{plain[: MAX_BYTES - len(digest) - 1].rstrip('_') or 'field'}_{digest}"
