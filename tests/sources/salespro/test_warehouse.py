"""SalesPro into a warehouse: after any story, what is stored is what the export says."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.warehouse import checkpoints
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.salespro.compared import differences
from tests.sources.salespro.export import TABLE, Account, account, ago
from tests.warehouse.loading import rejects


@pytest.mark.timeout(600)  # four runs of eight streams, on a busy machine
def test_full_and_incremental_runs_equal_the_ledger(pretend: Account, warehouse: Warehouse) -> None:
    """Cases 52 and 54 of the fault list: each step also shows a row that is thirty hours late."""
    status, reports = pretend.load(warehouse, mode="full")
    assert status is Status.SUCCESS, reports
    assert differences(pretend, warehouse) == {}
    assert rejects(warehouse) == []
    for _ in range(2):
        pretend.later(hours=1)
        status, reports = pretend.load(warehouse)
        assert status is Status.SUCCESS, reports
        assert differences(pretend, warehouse, ghosts=True) == {}
    assert reports["estimates"].counts.read < 40

    ghosts = set(pretend.stored(warehouse, "credit_applications")) - set(
        pretend.truth("credit_applications")
    )

    status, reports = pretend.load(warehouse, mode="full")

    assert status is Status.SUCCESS, reports
    assert reports["credit_applications"].counts.deleted == len(ghosts) > 0
    assert differences(pretend, warehouse) == {}


def test_a_second_run_changes_nothing(pretend: Account, warehouse: Warehouse) -> None:
    pretend.load(warehouse, mode="full")

    _, reports = pretend.load(warehouse, mode="full")

    changed = {n: r.counts for n, r in reports.items() if r.counts.inserted or r.counts.updated}
    assert changed == {}
    assert sum(report.counts.deleted for report in reports.values()) == 0


def test_what_is_read_and_not_new_was_superseded(sqlite: Warehouse) -> None:
    """At the demo's size twelve lead results stand beside an older version of theirs."""
    with account(scale=1) as pretend:
        _, reports = pretend.load(sqlite, mode="full")

    counts = {name: report.counts for name, report in reports.items()}
    assert {name: c.superseded for name, c in counts.items() if c.superseded} == {
        "lead_results": 12
    }
    for each in counts.values():
        assert each.read == each.inserted + each.superseded


def test_types_are_right_in_both_warehouses(pretend: Account, warehouse: Warehouse) -> None:
    pretend.empty()
    pretend.insert(
        "estimate",
        estimate_id="e",
        is_sale="false",
        has_credit_app="true",
        sale_amount="0.10",
        finance_amount="1.25E7",
        document_count=None,
        bank_name="",
        loan_name=None,
        zip_code="00501",
    )

    pretend.load(warehouse, "estimates", mode="full")

    row = pretend.stored(warehouse, "estimates")["e"]
    assert (row["is_sale"], row["has_credit_app"]) == (False, True)
    assert (row["sale_amount"], row["finance_amount"]) == (Decimal("0.1"), Decimal(12_500_000))
    assert (row["document_count"], row["bank_name"], row["loan_name"]) == (None, "", None)
    assert row["zip_code"] == "00501"
    assert row["changed_at"] == datetime(2026, 6, 15, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_the_newest_of_a_key_wins_wherever_it_stands(
    pretend: Account, sqlite: Warehouse, batch_size: int
) -> None:
    """Case 61 of the fault list, within a batch and between batches."""
    pretend.empty()
    for hours, note in ((3, "old"), (1, "new"), (2, "middle")):
        pretend.insert(
            "credit_applications",
            leap_credit_app_id="a",
            credit_app_note=note,
            updated_at=ago(hours=hours),
        )

    _, reports = pretend.load(
        sqlite, "credit_applications", mode="full", page_size=2, batch_size=batch_size
    )

    assert pretend.stored(sqlite, "credit_applications")["a"]["credit_app_note"] == "new"
    assert reports["credit_applications"].counts.read == 3


def test_a_row_that_shows_late_arrives_within_the_lookback(
    pretend: Account, sqlite: Warehouse
) -> None:
    """Case 52 of the fault list."""
    pretend.load(sqlite, "estimates", mode="full")
    pretend.advance(hours=1)
    pretend.insert("estimate", estimate_id="late", updated_at=ago(hours=47))
    pretend.insert("estimate", estimate_id="later", updated_at=ago(hours=95))

    pretend.load(sqlite, "estimates")
    assert {"late", "later"} & set(pretend.stored(sqlite, "estimates")) == {"late"}

    pretend.load(sqlite, "estimates", settings={"lookback_hours": 97})
    assert {"late", "later"} <= set(pretend.stored(sqlite, "estimates"))


def test_bytes_scanned_stand_in_the_report_of_each_stream(
    pretend: Account, sqlite: Warehouse
) -> None:
    _, reports = pretend.load(sqlite, mode="full")

    for name in TABLE:
        assert [note for note in reports[name].notes if "scanned" in note and "bytes" in note], name


def test_a_new_column_is_there_at_once_with_its_type(
    pretend: Account, warehouse: Warehouse
) -> None:
    """Case 65 of the fault list."""
    pretend.load(warehouse, "estimates", mode="full")
    pretend.sql("ALTER TABLE estimate ADD COLUMN tax DECIMAL(12,2)")
    pretend.insert("estimate", estimate_id="e", tax="1.50")

    status, _ = pretend.load(warehouse, "estimates")

    assert status is Status.SUCCESS
    assert pretend.stored(warehouse, "estimates")["e"]["tax"] == Decimal("1.5")


def test_a_column_that_left_the_export_keeps_what_it_held(
    pretend: Account, warehouse: Warehouse
) -> None:
    """Case 66 of the fault list."""
    pretend.load(warehouse, "estimates", mode="full")
    before = {k: r["city"] for k, r in pretend.stored(warehouse, "estimates").items()}
    pretend.sql("ALTER TABLE estimate DROP COLUMN city")
    pretend.insert("estimate", estimate_id="e", state="NY")

    for mode in ("incremental", "full"):
        status, reports = pretend.load(warehouse, "estimates", mode=mode)
        assert status is Status.SUCCESS, reports

    after = {k: r["city"] for k, r in pretend.stored(warehouse, "estimates").items()}
    assert after == before | {"e": None}


def test_a_column_of_another_type_is_widened(pretend: Account, warehouse: Warehouse) -> None:
    """Case 67 of the fault list."""
    pretend.load(warehouse, "estimates", mode="full")
    pretend.sql("ALTER TABLE estimate ALTER document_count TYPE VARCHAR")
    pretend.insert("estimate", estimate_id="e", document_count="1;2")

    status, reports = pretend.load(warehouse, "estimates")

    assert status is Status.SUCCESS, reports
    assert pretend.stored(warehouse, "estimates")["e"]["document_count"] == "1;2"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DROP TABLE estimate", "TABLE_NOT_FOUND: line 1:15: Table"),
        ("ALTER TABLE estimate DROP COLUMN updated_at", "COLUMN_NOT_FOUND: line 1:8: Column"),
    ],
)
def test_a_table_or_column_that_is_missing_fails_its_stream_alone(
    pretend: Account, sqlite: Warehouse, statement: str, reason: str
) -> None:
    """Case 43 of the fault list."""
    pretend.load(sqlite, mode="full")
    before = pretend.stored(sqlite, "estimates")
    checkpoint = checkpoints.load(sqlite, "salespro", "estimates").cursor
    pretend.advance(hours=1)
    pretend.sql(statement)

    status, reports = pretend.load(sqlite, mode="full")

    assert status is Status.PARTIAL
    assert {n for n, r in reports.items() if r.status is Status.FAILED} == {"estimates"}
    assert reason in str(reports["estimates"].error)
    assert pretend.stored(sqlite, "estimates") == before
    assert checkpoints.load(sqlite, "salespro", "estimates").cursor == checkpoint


def test_an_export_without_rows_deletes_nothing(pretend: Account, sqlite: Warehouse) -> None:
    """Case 63 of the fault list."""
    pretend.load(sqlite, "estimates", "lead_result_line_items", mode="full")
    before = [len(pretend.stored(sqlite, n)) for n in ("estimates", "lead_result_line_items")]
    pretend.empty()

    status, reports = pretend.load(sqlite, "estimates", "lead_result_line_items", mode="full")

    assert status is Status.PARTIAL
    assert all("delete guard" in str(report.error) for report in reports.values())
    assert [
        len(pretend.stored(sqlite, n)) for n in ("estimates", "lead_result_line_items")
    ] == before


def test_an_item_that_left_a_lead_result_goes_with_its_next_version(
    pretend: Account, warehouse: Warehouse
) -> None:
    pretend.result("e", ("Job Type 1", "Roof"), ("Job Type 2", "Bath"), updated_at=ago(hours=3))
    pretend.load(warehouse, "lead_result_line_items", mode="full")
    pretend.result("e", ("Job Type 2", "Bath"), updated_at=ago(hours=2))
    pretend.insert("lead_results", estimate_id="e", lead_results='[{"titl')  # says nothing

    pretend.load(warehouse, "lead_result_line_items")

    held = pretend.stored(warehouse, "lead_result_line_items")
    assert [key for key in held if key[0] == "e"] == [("e", 2)]


def test_a_backfill_does_not_bring_old_versions_back(pretend: Account, sqlite: Warehouse) -> None:
    pretend.result("e", ("Job Type 1", "Roof"), updated_at=ago(days=9))
    pretend.result("e", ("Job Type 2", "Bath"), updated_at=ago(hours=2))
    streams = ("lead_results", "lead_result_line_items")
    pretend.load(sqlite, *streams, mode="full")
    kept = [pretend.stored(sqlite, name) for name in streams]

    since = datetime(2026, 6, 1, tzinfo=UTC)
    pretend.load(sqlite, *streams, mode="backfill", since=since, until=since.replace(day=10))

    assert pretend.stored(sqlite, streams[0]) == kept[0]
    assert ("e", 2) in pretend.stored(sqlite, streams[1])
