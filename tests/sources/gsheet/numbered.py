"""Spreadsheets of numbered rows."""

from __future__ import annotations

from typing import Any


def numbered(count: int) -> list[list[Any]]:
    return [["n"], *([number] for number in range(count))]


def numbers(gathered: Any) -> list[Any]:
    assert gathered.error is None, gathered.error
    return [record["n"] for record in gathered.records]
