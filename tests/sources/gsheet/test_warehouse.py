"""Google Sheets into a warehouse: equal to the ledger, and never empty."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend

NAMES = ("marketing_leads", "marketing_spends")


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


def test_full_then_incremental_runs_equal_the_ledger(pretend: Pretend, sqlite: Warehouse) -> None:
    first, _ = pretend.sync(sqlite, "full")
    compare(pretend, sqlite)
    pretend.sandbox.step()
    second, reports = pretend.sync(sqlite)
    compare(pretend, sqlite)
    third, skipped = pretend.sync(sqlite)

    assert (first, second, third) == (Status.SUCCESS,) * 3, reports
    assert reports["marketing_leads"].counts.deleted == 1
    assert reports["marketing_leads"].counts.inserted == 3
    assert reports["marketing_leads"].counts.updated == 1
    assert skipped["marketing_leads"].counts.read == 0
    assert any("unchanged since" in note for note in skipped["marketing_leads"].notes)
    compare(pretend, sqlite)


def test_rows_that_are_gone_at_the_end_are_deleted(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.sync(sqlite)
    del pretend.vendor.books.spends().rows[-3:]
    pretend.vendor.files["spends"].touch()

    status, reports = pretend.sync(sqlite)

    assert status is Status.SUCCESS
    assert reports["marketing_spends"].counts.deleted == 3
    compare(pretend, sqlite)


@pytest.mark.parametrize("left", [1, 5])
def test_an_emptied_tab_empties_no_table(pretend: Pretend, sqlite: Warehouse, left: int) -> None:
    """Case 63 of the fault list: the guard."""
    pretend.sync(sqlite)
    before = pretend.stored(sqlite, "marketing_spends")
    del pretend.vendor.books.spends().rows[left:]
    pretend.vendor.files["spends"].touch()

    status, reports = pretend.sync(sqlite)

    assert status is Status.PARTIAL
    assert reports["marketing_spends"].counts.deleted == 0
    assert pretend.stored(sqlite, "marketing_spends").keys() == before.keys()


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "values:batchGet", "status": 500, "body": "{}", "times": None},
        {"path": "/v4/spreadsheets/spends", "status": 403, "body": "{}", "times": None},
        {"path": "/drive/v3/files/spends", "status": 500, "body": "{}", "times": None},
    ],
)
def test_a_failed_read_leaves_the_table_as_it_was_and_the_next_run_recovers(
    pretend: Pretend, sqlite: Warehouse, fault: dict[str, Any]
) -> None:
    pretend.sync(sqlite)
    before = pretend.stored(sqlite, "marketing_spends")
    pretend.sandbox.step()
    pretend.fault(**fault)

    status, reports = pretend.sync(sqlite)

    assert status in {Status.PARTIAL, Status.FAILED}
    assert reports["marketing_spends"].status is Status.FAILED
    assert pretend.stored(sqlite, "marketing_spends") == before
    pretend.sandbox.faults.clear()

    status, _ = pretend.sync(sqlite)

    assert status is Status.SUCCESS
    compare(pretend, sqlite)


def test_a_tab_that_shrinks_while_it_is_read_ends_equal_in_the_same_run(
    pretend: Pretend, sqlite: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.sources.gsheet.snapshot.BLOCK_CELLS", 240)
    pretend.sync(sqlite)
    spends, file = pretend.vendor.books.spends(), pretend.vendor.files["spends"]
    spends.rows[2] = pretend.vendor.books.spend()
    file.touch()

    def shrink() -> None:
        del spends.rows[-4:]
        spends.spare = 0
        file.touch()

    pretend.fault(path="spends/values:batchGet", nth=2, call=shrink)

    status, reports = pretend.sync(sqlite)

    assert status is Status.SUCCESS, reports
    assert reports["marketing_spends"].counts.deleted > 0
    compare(pretend, sqlite)


def test_formula_errors_are_null_in_the_row_and_kept_in_the_rejects(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    _, reports = pretend.sync(sqlite)

    assert reports["marketing_leads"].counts.values_rejected > 0
    assert reports["marketing_leads"].counts.rejected == 0
    rows = pretend.stored(sqlite, "marketing_leads").values()
    assert "#N/A" not in {row["channel"] for row in rows}
