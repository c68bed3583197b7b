"""One source into the warehouse without Prefect: what is read, stored and remembered."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.errors import AccessError, ConfigError, CredentialsError, TransientError
from connectors.warehouse import checkpoints
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.acme import NOW, ORDERS, Acme, sync
from tests.warehouse.loading import rows


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    opened = Warehouse.open(f"sqlite:///{tmp_path / 'w.db'}")
    migrate(opened)
    return opened


@pytest.fixture
def acme() -> Acme:
    vendor = Acme(now=NOW - timedelta(days=1))
    for n in range(95):
        vendor.put("orders", f"{n:03}", amount=str(n))
    vendor.put("labels", "a", text="x")
    vendor.now = NOW
    return vendor


def amounts(warehouse: Warehouse) -> dict[str, int]:
    return {
        key: int(row["amount"])
        for key, row in rows(warehouse, ORDERS).items()
        if not row["_deleted"]
    }


def test_the_first_incremental_run_reads_everything_and_says_so(
    acme: Acme, warehouse: Warehouse
) -> None:
    status, reports = sync(acme, warehouse)

    assert status is Status.SUCCESS
    assert reports["orders"].counts.inserted == 95
    assert "no checkpoint yet: read in full" in reports["orders"].notes
    assert amounts(warehouse) == {f"{n:03}": n for n in range(95)}


def test_the_next_run_reads_the_window_since_the_checkpoint(
    acme: Acme, warehouse: Warehouse
) -> None:
    sync(acme, warehouse)
    acme.now += timedelta(minutes=30)
    acme.put("orders", "050", amount="5000")
    acme.now += timedelta(minutes=30)

    status, reports = sync(acme, warehouse)

    assert status is Status.SUCCESS
    assert reports["orders"].counts.updated == 1
    assert reports["orders"].counts.read == 1
    request = next(r for r in reversed(acme.requests) if r.stream.name == "orders")
    assert request.since == NOW - timedelta(minutes=61)  # checkpoint less the lookback
    assert request.until == acme.now - timedelta(minutes=1)


def test_a_failed_full_read_is_resumed_after_the_last_committed_page(
    acme: Acme, warehouse: Warehouse
) -> None:
    """Cases 1, 6 and 11 of the fault list."""
    acme.fails["orders"] = (4, TransientError("the vendor hung up"))
    status, reports = sync(acme, warehouse, streams=("orders",))
    assert status is Status.FAILED
    assert reports["orders"].counts.inserted == 40
    served = acme.pages_served

    status, reports = sync(acme, warehouse, streams=("orders",))

    assert status is Status.SUCCESS
    assert acme.pages_served - served == 6
    assert reports["orders"].counts.inserted == 55
    assert any("resumed the full read" in note for note in reports["orders"].notes)
    assert amounts(warehouse) == {f"{n:03}": n for n in range(95)}


def test_a_resumed_full_read_still_compares_every_key(acme: Acme, warehouse: Warehouse) -> None:
    sync(acme, warehouse, mode="full")
    del acme.records["orders"]["003"], acme.records["orders"]["090"]
    acme.fails["orders"] = (4, TransientError("the vendor hung up"))
    sync(acme, warehouse, mode="full")

    status, reports = sync(acme, warehouse, mode="full")

    assert status is Status.SUCCESS
    assert reports["orders"].counts.deleted == 2
    assert set(amounts(warehouse)) == set(acme.records["orders"])


def test_a_stream_without_permission_fails_alone(acme: Acme, warehouse: Warehouse) -> None:
    """Case 42 of the fault list."""
    acme.fails["orders"] = (0, AccessError("the token lacks a scope"))

    status, reports = sync(acme, warehouse)

    assert status is Status.PARTIAL
    assert reports["orders"].status is Status.FAILED
    assert reports["labels"].status is Status.SUCCESS


def test_refused_credentials_end_the_run(acme: Acme, warehouse: Warehouse) -> None:
    acme.fails["orders"] = (2, CredentialsError("the token was refused"))

    with pytest.raises(CredentialsError):
        sync(acme, warehouse)

    assert len(acme.requests) == 1


def test_a_failed_read_deletes_nothing_and_moves_no_cursor(
    acme: Acme, warehouse: Warehouse
) -> None:
    sync(acme, warehouse)
    before = checkpoints.load(warehouse, "acme", "orders").cursor
    acme.records["orders"].clear()
    acme.fails["orders"] = (0, TransientError("down"))

    sync(acme, warehouse, mode="full")

    assert len(amounts(warehouse)) == 95
    assert checkpoints.load(warehouse, "acme", "orders").cursor == before


def test_limited_and_dry_runs_move_nothing(acme: Acme, warehouse: Warehouse) -> None:
    _, limited = sync(acme, warehouse, max_records=25, streams=("orders",))
    _, dry = sync(acme, warehouse, dry_run=True, streams=("orders",))

    assert limited["orders"].counts.read == 25
    assert dry["orders"].counts.read == 95
    assert len(amounts(warehouse)) == 25
    assert checkpoints.load(warehouse, "acme", "orders") == checkpoints.State()


def test_a_backfill_never_moves_the_live_cursor(acme: Acme, warehouse: Warehouse) -> None:
    sync(acme, warehouse)
    before = checkpoints.load(warehouse, "acme", "orders")
    acme.records["orders"]["007"]["amount"] = "700"  # changed without a new stamp

    status, reports = sync(
        acme,
        warehouse,
        mode="backfill",
        since=NOW - timedelta(days=2),
        until=NOW,
        streams=("orders",),
    )

    assert status is Status.SUCCESS
    assert reports["orders"].counts.updated == 1
    assert checkpoints.load(warehouse, "acme", "orders") == before


def test_a_checkpoint_in_the_future_is_explained_and_clamped(
    acme: Acme, warehouse: Warehouse
) -> None:
    """Case 23 of the fault list."""
    sync(acme, warehouse)
    with warehouse.write() as db:
        future = checkpoints.State(cursor={"until": (NOW + timedelta(days=9)).isoformat()})
        checkpoints.save(db, "acme", "orders", future, "by hand")
    acme.now += timedelta(minutes=10)
    acme.put("orders", "001", amount="77")
    acme.now += timedelta(minutes=10)

    _, reports = sync(acme, warehouse, streams=("orders",))

    assert any("lies in the future" in note for note in reports["orders"].notes)
    assert amounts(warehouse)["001"] == 77


def test_a_checkpoint_removed_by_hand_leads_to_a_declared_full_read(
    acme: Acme, warehouse: Warehouse
) -> None:
    """Case 22 of the fault list."""
    sync(acme, warehouse)
    with warehouse.write() as db:
        checkpoints.forget(db, "acme", "orders")

    _, reports = sync(acme, warehouse, streams=("orders",))

    assert reports["orders"].counts.unchanged == 95
    assert "no checkpoint yet: read in full" in reports["orders"].notes


def test_a_run_told_to_start_after_the_checkpoint_does_not_jump_the_gap(
    acme: Acme, warehouse: Warehouse
) -> None:
    sync(acme, warehouse)
    before = checkpoints.load(warehouse, "acme", "orders").cursor
    acme.now += timedelta(days=2)

    sync(acme, warehouse, since=NOW + timedelta(days=1), streams=("orders",))

    assert checkpoints.load(warehouse, "acme", "orders").cursor == before


def test_a_total_that_differs_makes_the_run_partial_with_the_numbers(
    acme: Acme, warehouse: Warehouse
) -> None:
    """Case 64 of the fault list."""
    acme.total = 2_090_000

    status, reports = sync(acme, warehouse, streams=("orders",))

    assert status is Status.PARTIAL
    assert reports["orders"].error == (
        "the vendor says it has 2090000 records, the warehouse holds 95"
    )
    assert reports["orders"].source_count == 2_090_000
    assert reports["orders"].warehouse_count == 95


def test_rows_that_lost_values_make_the_run_partial(acme: Acme, warehouse: Warehouse) -> None:
    acme.records["orders"]["001"]["amount"] = "many"
    assert sync(acme, warehouse, mode="full")[0] is Status.PARTIAL

    for n in range(200):
        acme.put("orders", f"x{n}", amount="1")
    assert sync(acme, warehouse, mode="full")[0] is Status.SUCCESS  # one of 295 is below 1 %


def test_streams_are_read_after_those_they_depend_on(acme: Acme, warehouse: Warehouse) -> None:
    sync(acme, warehouse, streams=("notes", "labels", "orders"))

    assert [r.stream.name for r in acme.requests] == ["orders", "notes", "labels"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"streams": ("orders", "x")}, "unknown stream x: choose from labels, notes, orders"),
        ({"mode": "full", "since": NOW}, "leave out since"),
        ({"mode": "backfill"}, "needs since"),
        ({"mode": "backfill", "since": NOW, "until": NOW}, "must be after since"),
        ({"until": NOW}, "until needs mode backfill"),
        ({"page_size": 0}, "page_size must be at least 1"),
        ({"max_records": 0}, "max_records must be at least 1"),
        ({"streams": ()}, "streams is empty"),
    ],
)
def test_contradictions_are_refused_in_one_sentence(
    acme: Acme, warehouse: Warehouse, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        sync(acme, warehouse, **options)

    assert acme.requests == []
