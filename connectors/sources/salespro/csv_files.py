"""Offices and users, from CSV files that a person exports from SalesPro and drops somewhere."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from connectors.errors import AccessError, ContractError
from connectors.model import Page, Record, Refused, Request

ROWS = 1000  # per page
MARKS = {"offices": {"objectId", "name"}, "users": {"objectId", "username"}}
"""Columns by which a file is known for what it is: one folder may hold both."""


def read(path: Path | None, request: Request) -> Iterator[Page]:
    """Yield the newest export of a stream; nothing when an incremental run knows it already.

    Raises `AccessError` for a file that is not there, `ContractError` for one that is something
    else.
    """
    stream = request.stream.name
    setting = f"SALESPRO_{stream.upper()}_CSV"
    if path is None:
        yield Page(notes=[f"{stream}: {setting} is not set, so no export was read"])
        return
    try:
        file = _newest(path, stream) if path.is_dir() else path
        if file is None:
            yield Page(notes=[f"{stream}: no export of {stream} in the folder of {setting}"])
            return
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        mark = {"sha256": digest}
        if request.mode == "incremental" and (request.cursor or {}).get("sha256") == digest:
            yield Page(notes=[f"{stream}: {file.name} is the one that was read last"])
            return
        done = 0
        if request.position and request.position.get("sha256") == digest:
            done = int(request.position["rows"])
        yield Page(notes=[f"{stream}: read from {file.name}"])
        yield from _pages(file, stream, done, digest)
        yield Page(cursor=mark)
    except OSError as error:
        raise AccessError(
            f"salespro.{stream}: the file that {setting} names cannot be read"
            f" ({type(error).__name__}). Check path and permissions"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ContractError(
            f"salespro.{stream}: the export is not CSV in UTF-8 ({type(error).__name__})."
            " Export it again"
        ) from None


def _pages(file: Path, stream: str, done: int, digest: str) -> Iterator[Page]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, restkey="", strict=True)
        if not MARKS[stream] <= set(reader.fieldnames or ()):
            wanted = ", ".join(sorted(MARKS[stream]))
            raise ContractError(
                f"salespro.{stream}: the export lacks one of the columns {wanted}."
                f" Is it the export of {stream}?"
            )
        for _ in islice(reader, done):
            pass
        while rows := list(islice(reader, ROWS)):
            done += len(rows)
            yield Page(
                records=[row for row in rows if "" not in row],
                refused=[_too_long(row) for row in rows if "" in row],
                position={"sha256": digest, "rows": done},
            )


def _too_long(row: Record) -> Refused:
    return Refused(
        key=row.get("objectId"),
        column=None,
        value=None,
        reason="the row has more values than the header has names",
        raw={name or "more": value for name, value in row.items()},
    )


def _newest(folder: Path, stream: str) -> Path | None:
    """Return the file of a folder that was changed last among those of this stream."""
    fitting = [file for file in folder.glob("*.csv") if _is_of(file, stream)]
    return max(fitting, key=lambda file: (file.stat().st_mtime_ns, file.name), default=None)


def _is_of(file: Path, stream: str) -> bool:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        nothing: list[str] = []
        return MARKS[stream] <= set(next(csv.reader(lines), nothing))
