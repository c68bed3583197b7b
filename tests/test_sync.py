"""One source into the warehouse without Prefect: what is read, stored and remembered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.errors import AccessError, ConfigError, CredentialsError, TransientError
from connectors.warehouse import checkpoints
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.acme import NOW, ORDERS, Acme, sync
from tests.warehouse.loading import rows


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
    acme: Acme, sqlite: Warehouse
) -> None:
    status, reports = sync(acme, sqlite)

    assert status is Status.SUCCESS
    assert reports["orders"].counts.inserted == 95
    assert "no checkpoint yet: read in full" in reports["orders"].notes
    assert amounts(sqlite) == {f"{n:03}": n for n in range(95)}


def test_the_next_run_reads_the_window_since_the_checkpoint(acme: Acme, sqlite: Warehouse) -> None:
    sync(acme, sqlite)
    acme.now += timedelta(minutes=30)
    acme.put("orders", "050", amount="5000")
    acme.now += timedelta(minutes=30)

    status, reports = sync(acme, sqlite)

    assert status is Status.SUCCESS
    assert reports["orders"].counts.updated == 1
    assert reports["orders"].counts.read == 1
    request = next(r for r in reversed(acme.requests) if r.stream.name == "orders")
    assert request.since == NOW - timedelta(minutes=61)  # checkpoint less the lookback
    assert request.until == acme.now - timedelta(minutes=1)


def test_a_failed_full_read_is_resumed_after_the_last_committed_page(
    acme: Acme, sqlite: Warehouse
) -> None:
    """Cases 1, 6 and 11 of the fault list."""
    acme.fails["orders"] = (4, TransientError("the vendor hung up"))
    status, reports = sync(acme, sqlite, streams=("orders",))
    assert status is Status.FAILED
    assert reports["orders"].counts.inserted == 40
    served = acme.pages_served

    status, reports = sync(acme, sqlite, streams=("orders",))

    assert status is Status.SUCCESS
    assert acme.pages_served - served == 6
    assert reports["orders"].counts.inserted == 55
    assert any("resumed the full read" in note for note in reports["orders"].notes)
    assert amounts(sqlite) == {f"{n:03}": n for n in range(95)}


def test_a_resumed_full_read_still_compares_every_key(acme: Acme, sqlite: Warehouse) -> None:
    sync(acme, sqlite, mode="full")
    del acme.records["orders"]["003"], acme.records["orders"]["090"]
    acme.fails["orders"] = (4, TransientError("the vendor hung up"))
    sync(acme, sqlite, mode="full")

    status, reports = sync(acme, sqlite, mode="full")

    assert status is Status.SUCCESS
    assert reports["orders"].counts.deleted == 2
    assert set(amounts(sqlite)) == set(acme.records["orders"])


def test_a_stream_without_permission_fails_alone(acme: Acme, sqlite: Warehouse) -> None:
    """Case 42 of the fault list."""
    acme.fails["orders"] = (0, AccessError("the token lacks a scope"))

    status, reports = sync(acme, sqlite)

    assert status is Status.PARTIAL
    assert reports["orders"].status is Status.FAILED
    assert reports["labels"].status is Status.SUCCESS


def test_refused_credentials_end_the_run(acme: Acme, sqlite: Warehouse) -> None:
    acme.fails["orders"] = (2, CredentialsError("the token was refused"))

    with pytest.raises(CredentialsError):
        sync(acme, sqlite)

    assert len(acme.requests) == 1


def test_a_failed_read_deletes_nothing_and_moves_no_cursor(acme: Acme, sqlite: Warehouse) -> None:
    sync(acme, sqlite)
    before = checkpoints.load(sqlite, "acme", "orders").cursor
    acme.records["orders"].clear()
    acme.fails["orders"] = (0, TransientError("down"))

    sync(acme, sqlite, mode="full")

    assert len(amounts(sqlite)) == 95
    assert checkpoints.load(sqlite, "acme", "orders").cursor == before


def test_limited_and_dry_runs_move_nothing(acme: Acme, sqlite: Warehouse) -> None:
    _, limited = sync(acme, sqlite, max_records=25, streams=("orders",))
    _, dry = sync(acme, sqlite, dry_run=True, streams=("orders",))

    assert limited["orders"].counts.read == 25
    assert dry["orders"].counts.read == 95
    assert len(amounts(sqlite)) == 25
    assert checkpoints.load(sqlite, "acme", "orders") == checkpoints.State()


def test_a_backfill_never_moves_the_live_cursor(acme: Acme, sqlite: Warehouse) -> None:
    sync(acme, sqlite)
    before = checkpoints.load(sqlite, "acme", "orders")
    acme.records["orders"]["007"]["amount"] = "700"  # changed without a new stamp

    status, reports = sync(
        acme,
        sqlite,
        mode="backfill",
        since=NOW - timedelta(days=2),
        until=NOW,
        streams=("orders",),
    )

    assert status is Status.SUCCESS
    assert reports["orders"].counts.updated == 1
    assert checkpoints.load(sqlite, "acme", "orders") == before


def test_a_checkpoint_in_the_future_is_explained_and_clamped(acme: Acme, sqlite: Warehouse) -> None:
    """Case 23 of the fault list."""
    sync(acme, sqlite)
    with sqlite.write() as db:
        future = checkpoints.State(cursor={"until": (NOW + timedelta(days=9)).isoformat()})
        checkpoints.save(db, "acme", "orders", future, "by hand")
    acme.now += timedelta(minutes=10)
    acme.put("orders", "001", amount="77")
    acme.now += timedelta(minutes=10)

    _, reports = sync(acme, sqlite, streams=("orders",))

    assert any("lies in the future" in note for note in reports["orders"].notes)
    assert amounts(sqlite)["001"] == 77


def test_a_checkpoint_removed_by_hand_leads_to_a_declared_full_read(
    acme: Acme, sqlite: Warehouse
) -> None:
    """Case 22 of the fault list."""
    sync(acme, sqlite)
    with sqlite.write() as db:
        checkpoints.forget(db, "acme", "orders")

    _, reports = sync(acme, sqlite, streams=("orders",))

    assert reports["orders"].counts.unchanged == 95
    assert "no checkpoint yet: read in full" in reports["orders"].notes


def test_a_run_told_to_start_after_the_checkpoint_does_not_jump_the_gap(
    acme: Acme, sqlite: Warehouse
) -> None:
    sync(acme, sqlite)
    before = checkpoints.load(sqlite, "acme", "orders").cursor
    acme.now += timedelta(days=2)

    sync(acme, sqlite, since=NOW + timedelta(days=1), streams=("orders",))

    assert checkpoints.load(sqlite, "acme", "orders").cursor == before


def test_a_total_that_differs_makes_the_run_partial_with_the_numbers(
    acme: Acme, sqlite: Warehouse
) -> None:
    """Case 64 of the fault list."""
    acme.total = 2_090_000

    status, reports = sync(acme, sqlite, streams=("orders",))

    assert status is Status.PARTIAL
    assert reports["orders"].error == (
        "the vendor says it has 2090000 records, the warehouse holds 95"
    )
    assert reports["orders"].source_count == 2_090_000
    assert reports["orders"].warehouse_count == 95


def test_rows_that_lost_values_make_the_run_partial(acme: Acme, sqlite: Warehouse) -> None:
    acme.records["orders"]["001"]["amount"] = "many"
    assert sync(acme, sqlite, mode="full")[0] is Status.PARTIAL

    for n in range(200):
        acme.put("orders", f"x{n}", amount="1")
    assert sync(acme, sqlite, mode="full")[0] is Status.SUCCESS  # one of 295 is below 1 %


def test_streams_are_read_after_those_they_depend_on(acme: Acme, sqlite: Warehouse) -> None:
    sync(acme, sqlite, streams=("notes", "labels", "orders"))

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
    acme: Acme, sqlite: Warehouse, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        sync(acme, sqlite, **options)

    assert acme.requests == []
