"""Google Sheets into a warehouse: equal to the ledger, and never empty."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.sources.gsheet_tabs import google
from tests.sources.pretend import Pretend

NAMES = ("marketing_leads", "marketing_spends")


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Generator[Pretend]:
    with google() as vendor:
        yield vendor


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    opened = Warehouse.open(f"sqlite:///{tmp_path / 'w.db'}")
    migrate(opened)
    return opened


def plain(value: Any) -> Any:
    """A value as both sides can show it: instants as instants, numbers as numbers."""
    if isinstance(value, str) and value.endswith("Z") and "T" in value:
        return datetime.fromisoformat(value)
    if isinstance(value, Decimal):
        return float(value)
    return value


def compare(pretend: Pretend, warehouse: Warehouse) -> None:
    """Every row and value of the table is the ledger's, and the other way round."""
    for name in NAMES:
        stored, truth = pretend.stored(warehouse, name), pretend.truth(name)
        assert {":".join(map(str, key)) for key in stored} == set(truth), name
        for key, row in stored.items():
            record = truth[":".join(map(str, key))]
            for field, meant in record.items():
                found = plain(row.get(field))
                if isinstance(found, str) and not isinstance(meant, str | None):
                    meant = str(meant)  # noqa: PLW2901 - a column of text
                assert str(found) == str(plain(meant)) or found == plain(meant), (key, field)


def test_full_then_incremental_runs_equal_the_ledger(
    pretend: Pretend, warehouse: Warehouse
) -> None:
    first, _ = pretend.sync(warehouse, "full")
    compare(pretend, warehouse)
    pretend.sandbox.step()
    second, reports = pretend.sync(warehouse)
    compare(pretend, warehouse)
    third, skipped = pretend.sync(warehouse)

    assert (first, second, third) == (Status.SUCCESS,) * 3, reports
    assert reports["marketing_leads"].counts.deleted == 1
    assert reports["marketing_leads"].counts.inserted == 3
    assert reports["marketing_leads"].counts.updated == 1
    assert skipped["marketing_leads"].counts.read == 0
    assert any("unchanged since" in note for note in skipped["marketing_leads"].notes)
    compare(pretend, warehouse)


def test_rows_that_are_gone_at_the_end_are_deleted(pretend: Pretend, warehouse: Warehouse) -> None:
    pretend.sync(warehouse)
    del pretend.vendor.books.spends().rows[-3:]
    pretend.vendor.files["spends"].touch()

    status, reports = pretend.sync(warehouse)

    assert status is Status.SUCCESS
    assert reports["marketing_spends"].counts.deleted == 3
    compare(pretend, warehouse)


@pytest.mark.parametrize("left", [1, 5])
def test_an_emptied_tab_empties_no_table(pretend: Pretend, warehouse: Warehouse, left: int) -> None:
    """Case 63 of the fault list: the guard."""
    pretend.sync(warehouse)
    before = pretend.stored(warehouse, "marketing_spends")
    del pretend.vendor.books.spends().rows[left:]
    pretend.vendor.files["spends"].touch()

    status, reports = pretend.sync(warehouse)

    assert status is Status.PARTIAL
    assert reports["marketing_spends"].counts.deleted == 0
    assert pretend.stored(warehouse, "marketing_spends").keys() == before.keys()


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "values:batchGet", "status": 500, "body": "{}", "times": None},
        {"path": "/v4/spreadsheets/spends", "status": 403, "body": "{}", "times": None},
        {"path": "/drive/v3/files/spends", "status": 500, "body": "{}", "times": None},
    ],
)
def test_a_failed_read_leaves_the_table_as_it_was_and_the_next_run_recovers(
    pretend: Pretend, warehouse: Warehouse, fault: dict[str, Any]
) -> None:
    pretend.sync(warehouse)
    before = pretend.stored(warehouse, "marketing_spends")
    pretend.sandbox.step()
    pretend.fault(**fault)

    status, reports = pretend.sync(warehouse)

    assert status in {Status.PARTIAL, Status.FAILED}
    assert reports["marketing_spends"].status is Status.FAILED
    assert pretend.stored(warehouse, "marketing_spends") == before
    pretend.sandbox.faults.clear()

    status, _ = pretend.sync(warehouse)

    assert status is Status.SUCCESS
    compare(pretend, warehouse)


def test_a_tab_that_shrinks_while_it_is_read_ends_equal_in_the_same_run(
    pretend: Pretend, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.sources.gsheet.snapshot.BLOCK_CELLS", 240)
    pretend.sync(warehouse)
    spends, file = pretend.vendor.books.spends(), pretend.vendor.files["spends"]
    spends.rows[2] = pretend.vendor.books.spend()
    file.touch()

    def shrink() -> None:
        del spends.rows[-4:]
        spends.spare = 0
        file.touch()

    pretend.sandbox.fault(vendor="gsheet", path="spends/values:batchGet", nth=2, call=shrink)

    status, reports = pretend.sync(warehouse)

    assert status is Status.SUCCESS, reports
    assert reports["marketing_spends"].counts.deleted > 0
    compare(pretend, warehouse)


def test_formula_errors_are_null_in_the_row_and_kept_in_the_rejects(
    pretend: Pretend, warehouse: Warehouse
) -> None:
    _, reports = pretend.sync(warehouse)

    assert reports["marketing_leads"].counts.values_rejected > 0
    assert reports["marketing_leads"].counts.rejected == 0
    rows = pretend.stored(warehouse, "marketing_leads").values()
    assert "#N/A" not in {row["channel"] for row in rows}
