"""One sync of a vendor with odd values, for all tests of a module."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from connectors.model import Source
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.conftest import migrated, setting_names
from tests.sources.pretend import Pretend, pretending

T = TypeVar("T")


@contextmanager
def synced(
    source: Source, folder: Path, make_odder: Callable[[Pretend], T]
) -> Generator[tuple[Pretend, Warehouse, T]]:
    """The vendor, the warehouse in `folder` that has every value of it, and what was made odder."""
    with pytest.MonkeyPatch.context() as patch, pretending(source) as pretend:
        for name in setting_names():  # a fixture of a module comes before those of its tests
            patch.delenv(name, raising=False)
        odd = make_odder(pretend)
        with migrated(f"sqlite:///{folder / 'warehouse.sqlite3'}") as warehouse:
            status, reports = pretend.sync(warehouse, "full")
            assert status is Status.SUCCESS, reports
            assert sum(report.counts.values_rejected for report in reports.values()) == 0
            yield pretend, warehouse, odd
