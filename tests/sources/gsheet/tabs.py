"""Tabs of a test's own in the pretend Google, and the setting that reads them."""

from __future__ import annotations

import json
from typing import Any

from connectors.sandbox.gsheet import File, Tab
from tests.sources.pretend import Gathered, Pretend

STREAM = "things"


def put(pretend: Pretend, rows: list[list[Any]], *, name: str = "book", **fields: Any) -> File:
    """Add a spreadsheet with one tab."""
    shape: dict[str, Any] = {"sheet_id": 7, "title": "Things", "columns": 8}
    tab = Tab(rows=rows, **(shape | fields))
    file = File(name, "Book", "America/New_York", [tab])
    pretend.vendor.files[name] = file
    return file


def setting(**fields: Any) -> dict[str, Any]:
    """The setting `spreadsheets` for it; as `Settings` reads it from the environment."""
    entry = {"stream": STREAM, "tab": "Things", "spreadsheets": ["book"]} | fields
    return {"spreadsheets": json.dumps([entry])}


def read(pretend: Pretend, cursor: dict[str, Any] | None = None, **fields: Any) -> Gathered:
    mode = "full" if cursor is None else "incremental"
    return pretend.read(STREAM, mode, cursor=cursor, settings=setting(**fields))


def cursor(gathered: Gathered) -> Any:
    return gathered.pages[-1].cursor
