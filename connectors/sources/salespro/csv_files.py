"""Offices and users, from CSV files that a person exports from SalesPro and drops somewhere."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from connectors.errors import AccessError, ContractError
from connectors.model import Page, Record, Refused, Request, Stream

ROWS = 1000  # per page
KEY = "objectId"
MARKS = {"offices": {KEY, "name"}, "users": {KEY, "username"}}
"""Columns by which a file is known for what it is: one folder may hold both."""


def read(path: Path | None, request: Request) -> Iterator[Page]:
    """Yield the newest export of a stream; nothing when an incremental run knows it already.

    Raises `AccessError` for a file that is not there, `ContractError` for one that is something
    else, broken, or lacks columns: what it does not say would be taken for empty.
    """
    stream = request.stream.name
    setting = f"SALESPRO_{stream.upper()}_CSV"
    if path is None:
        yield Page(notes=[f"{stream}: {setting} is not set, so no export was read"])
        return
    try:
        file, others = _newest(path, stream) if path.is_dir() else (path, 0)
        if file is None:
            nothing = f"{stream}: no export of {stream} in the folder of {setting}"
            yield Page(notes=[f"{nothing} ({others} other CSV files are there)"])
            return
        with file.open("rb") as raw:  # hashed and read as one: it may be replaced meanwhile
            export = Export(
                request=request,
                digest=hashlib.file_digest(raw, "sha256").hexdigest(),
                name=file.name,
            )
            raw.seek(0)
            with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as lines:
                yield from export.pages(lines)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file that was found for a request; `digest` tells it from others."""

    request: Request
    digest: str
    name: str

    def pages(self, lines: io.TextIOWrapper) -> Iterator[Page]:
        """Yield its records, unless an incremental run has read this very file before."""
        stream = self.request.stream.name
        mark = {"sha256": self.digest}
        if self.request.mode == "incremental" and self.request.cursor == mark:
            yield Page(notes=[f"{stream}: {self.name} is the one that was read last"])
            return
        reader = csv.reader(lines, strict=True)
        nothing: list[str] = []
        names = _header(next(reader, nothing), self.request.stream)
        rows = (row for row in reader if row)  # not the blank lines
        done = 0
        if self.request.position and self.request.position.get("sha256") == self.digest:
            done = int(self.request.position["rows"])
        for _ in islice(rows, done):
            pass
        yield Page(notes=[f"{stream}: read from {self.name}"])
        while part := list(islice(rows, ROWS)):
            done += len(part)
            yield Page(
                records=[_record(names, row) for row in part if len(row) == len(names)],
                refused=[_refused(names, row) for row in part if len(row) != len(names)],
                position=mark | {"rows": done},
            )
        yield Page(cursor=mark)


def _header(found: Sequence[str], stream: Stream) -> list[str]:
    """Return the columns of a file. Raises `ContractError` for those of something else."""
    names = [name.strip() for name in found]
    if missing := sorted(stream.fields.keys() - set(names)):
        raise ContractError(
            f"salespro.{stream.name}: the export lacks the columns {', '.join(missing)}; nothing"
            f" was read. Is it the whole export of {stream.name}?"
        )
    if "" in names or len(set(names)) < len(names):
        raise ContractError(
            f"salespro.{stream.name}: the export has columns without a name, or two of one name;"
            " nothing was read. Export it again"
        )
    return names


def _record(names: Sequence[str], row: Sequence[str]) -> Record:
    return dict(zip(names, row, strict=True))


def _refused(names: Sequence[str], row: Sequence[str]) -> Refused:
    at = names.index(KEY)
    return Refused(
        key=row[at] if at < len(row) else None,
        column=None,
        value=None,
        reason=f"the row has {len(row)} values where the header has {len(names)} names",
        raw={"row": list(row)},
    )


def _newest(folder: Path, stream: str) -> tuple[Path | None, int]:
    """Return the file changed last among those of this stream, and how many are something else."""
    every = [file for file in folder.iterdir() if file.suffix.lower() == ".csv" and file.is_file()]
    fitting = [file for file in every if _is_of(file, stream)]
    newest = max(fitting, key=lambda file: (file.stat().st_mtime_ns, file.name), default=None)
    return newest, len(every) - len(fitting)


def _is_of(file: Path, stream: str) -> bool:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        nothing: list[str] = []
        try:
            header = next(csv.reader(lines), nothing)
        except csv.Error:  # somebody else's file
            return False
    return MARKS[stream] <= {name.strip() for name in header}
