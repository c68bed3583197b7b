"""A batch is stored whole, once, and as the vendor sent it, or it is accounted for."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.errors import FencedOff
from connectors.model import Counts, Deletes, FieldType, Range, Refused, Stream
from connectors.warehouse import checkpoints, runs
from connectors.warehouse.checkpoints import State
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch
from connectors.warehouse.replay import Replayed, replay
from connectors.warehouse.stream_runs import stream_counts
from tests.warehouse.loading import (
    CONTACTS,
    SOURCE,
    load,
    opened,
    rejects,
    rows,
    start_run,
    types,
)

TYPED = Stream(
    name="typed",
    fields={
        "amount": FieldType.NUMERIC,
        "count": FieldType.INTEGER,
        "done": FieldType.BOOLEAN,
        "day": FieldType.DATE,
        "at": FieldType.TIMESTAMP,
        "more": FieldType.JSON,
        "note": FieldType.TEXT,
    },
)
VERSIONED = Stream(name="versioned", version="changed", fields={"changed": FieldType.TIMESTAMP})


def test_text_values_land_typed(warehouse: Warehouse) -> None:
    record = {
        "id": "1",
        "amount": "12.50",
        "count": "7",
        "done": "true",
        "day": "2026-01-02",
        "at": "2026-01-02T03:04:05.678Z",
        "more": {"a": [1, Decimal("2.5")]},
        "note": "",
    }

    assert load(warehouse, TYPED, [record]) == Counts(read=1, inserted=1)

    assert rows(warehouse, TYPED)["1"] | {"day": None} == {
        "id": "1",
        "amount": Decimal("12.5"),
        "count": 7,
        "done": True,
        "day": None,
        "at": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        "more": {"a": [1, 2.5]},
        "note": "",
        "_deleted": False,
    }


@pytest.mark.parametrize("amount", ["1e400", "1E-400", "-2e999"])
def test_a_number_beyond_a_float_is_kept_exactly(warehouse: Warehouse, amount: str) -> None:
    load(warehouse, TYPED, [{"id": "1", "amount": amount}])

    assert rows(warehouse, TYPED)["1"]["amount"] == Decimal(amount)


@pytest.mark.parametrize(
    ("name", "value"), [("amount", "1\n2"), ("count", "1\n2"), ("day", "2026-01-01\n2026-01-02")]
)
def test_two_lines_of_plain_text_are_not_a_plain_value(
    warehouse: Warehouse, name: str, value: str
) -> None:
    load(warehouse, TYPED, [{"id": "1", name: value}, {"id": "2", name: None}])

    assert rows(warehouse, TYPED)["1"][name] is None
    assert [row["value"] for row in rejects(warehouse)] == [value]


def test_an_unchanged_row_is_not_rewritten(warehouse: Warehouse) -> None:
    record = {"id": "1", "amount": "12.50", "at": "2026-01-02T03:04:05Z"}
    load(warehouse, TYPED, [record])
    with warehouse.read() as db:
        before = db.exec_driver_sql('SELECT _synced_at, _run_id FROM "acme_typed"').one()

    same = {"id": "1", "amount": "12.5", "at": "2026-01-02T03:04:05.000Z"}
    counts = load(warehouse, TYPED, [same])

    assert counts == Counts(read=1, unchanged=1)
    with warehouse.read() as db:
        after = db.exec_driver_sql('SELECT _synced_at, _run_id FROM "acme_typed"').one()
    assert after == before


def test_counts_tell_inserted_updated_and_unchanged_apart(warehouse: Warehouse) -> None:
    load(warehouse, CONTACTS, [{"id": str(n), "name": "a"} for n in range(10)])

    counts = load(
        warehouse, CONTACTS, [{"id": str(n), "name": "a" if n < 13 else "b"} for n in range(5, 15)]
    )
    again = load(warehouse, CONTACTS, [{"id": "6", "name": "z"}])

    assert counts == Counts(read=10, inserted=5, unchanged=5)
    assert again == Counts(read=1, updated=1)


def test_integer_keys_are_counted_too(warehouse: Warehouse) -> None:
    """SQLite would take an INTEGER key for the row id, by which insertions are counted."""
    stream = Stream(name="jobs", key=("id",), fields={"id": FieldType.INTEGER})
    load(warehouse, stream, [{"id": 1000, "v": 1}, {"id": 2000, "v": 1}])

    counts = load(
        warehouse, stream, [{"id": 2000, "v": 2}, {"id": 5, "v": 1}, {"id": 1000, "v": 1}]
    )

    assert counts == Counts(read=3, inserted=1, updated=1, unchanged=1)


def test_the_last_of_several_records_with_one_key_wins(warehouse: Warehouse) -> None:
    counts = load(
        warehouse, CONTACTS, [{"id": "1", "name": "a"}, {"id": "2"}, {"id": "1", "name": "b"}]
    )

    assert counts == Counts(read=3, inserted=2, superseded=1)
    assert rows(warehouse, CONTACTS)["1"]["name"] == "b"


def test_the_newest_of_several_versions_wins_in_any_order(warehouse: Warehouse) -> None:
    """Case 61 of the fault list."""
    old = {"id": "1", "changed": "2026-01-02T00:00:00Z", "name": "old"}
    new = {"id": "1", "changed": "2026-01-02T00:00:00.500Z", "name": "new"}

    assert load(warehouse, VERSIONED, [new, old]) == Counts(read=2, inserted=1, superseded=1)
    assert load(warehouse, VERSIONED, [old]) == Counts(read=1, superseded=1)

    assert rows(warehouse, VERSIONED)["1"]["name"] == "new"


def test_a_composite_key_is_compared_whole(warehouse: Warehouse) -> None:
    stream = Stream(name="stages", key=("pipeline", "stage"))
    load(warehouse, stream, [{"pipeline": "a", "stage": "1", "label": "x"}])

    counts = load(
        warehouse,
        stream,
        [
            {"pipeline": "a", "stage": "1", "label": "y"},
            {"pipeline": "b", "stage": "1", "label": "x"},
        ],
    )

    assert counts == Counts(read=2, inserted=1, updated=1)
    assert rows(warehouse, stream)["a", "1"]["label"] == "y"


def test_one_bad_value_costs_that_value_only(warehouse: Warehouse) -> None:
    """Cases 62, 67, 68 and 76 of the fault list."""
    batch: list[dict[str, Any]] = [
        {"id": "1", "amount": "1;2", "count": "1"},
        {"id": "2", "amount": "2", "count": str(2**70)},
        {"id": "3", "amount": "3", "done": "maybe", "at": "2026-02-30T00:00:00Z"},
        {"id": "4", "amount": "4", "count": 4},
    ]

    counts = load(warehouse, TYPED, batch)

    assert counts == Counts(read=4, inserted=4, values_rejected=4, rows_damaged=3)
    stored = rows(warehouse, TYPED)
    assert stored["1"]["amount"] is None
    assert stored["1"]["count"] == 1
    assert stored["4"]["count"] == 4
    kept = {(r["key"], r["column_name"]): r["value"] for r in rejects(warehouse)}
    assert kept == {
        ("1", "amount"): "1;2",
        ("2", "count"): str(2**70),
        ("3", "done"): "maybe",
        ("3", "at"): "2026-02-30T00:00:00Z",
    }


def test_a_time_that_its_offset_carries_out_of_the_calendar_is_refused(
    warehouse: Warehouse,
) -> None:
    """Case 62 of the fault list: PostgreSQL would hold it, and nobody could read it back."""
    batch = [
        {"id": "1", "at": "9999-12-31T23:59:59-05:00"},
        {"id": "2", "at": "0001-01-01T00:00:00+05:00"},
        {"id": "3", "at": "9999-12-31T20:00:00+05:00"},
    ]

    counts = load(warehouse, TYPED, batch)

    assert counts == Counts(read=3, inserted=3, values_rejected=2, rows_damaged=2)
    stored = rows(warehouse, TYPED)
    assert stored["3"]["at"] == datetime(9999, 12, 31, 15, tzinfo=UTC)
    assert stored["1"]["at"] is None


def test_a_row_counts_as_damaged_once_wherever_its_values_were_refused(
    warehouse: Warehouse,
) -> None:
    """The source refuses a zero date of row 1 and 2, the loader another value of row 2."""

    def refused(key: str, reason: str, **more: Any) -> Refused:
        return Refused(key=key, column="day", value="0000-00-00", reason=reason, **more)

    batch = Batch(
        records=[{"id": "1"}, {"id": "2", "amount": "1;2"}, {"id": "3"}],
        refused=[
            refused("1", "day is no date"),
            refused("2", "day is no date"),
            refused("3", "day is a formula's error", empty=True),
        ],
    )

    counts = opened(warehouse, start_run(warehouse), TYPED).write(batch, None)

    assert counts == Counts(read=3, inserted=3, values_rejected=4, rows_damaged=2)


@pytest.mark.parametrize("key", [None, "", "missing"])
def test_a_record_without_its_key_is_refused_whole(warehouse: Warehouse, key: str | None) -> None:
    """Case 80 of the fault list."""
    keyless = {"name": "x"} if key == "missing" else {"id": key, "name": "x"}

    counts = load(warehouse, CONTACTS, [keyless, {"id": "1", "name": "y"}])

    assert counts == Counts(read=2, inserted=1, rejected=1)
    assert set(rows(warehouse, CONTACTS)) == {"1"}
    assert "key" in rejects(warehouse)[0]["reason"]


def test_text_that_no_database_holds_is_kept_as_a_reject(warehouse: Warehouse) -> None:
    """Cases 72 and 73 of the fault list."""
    counts = load(
        warehouse,
        CONTACTS,
        [{"id": "1", "name": "a\x00b"}, {"id": "2", "name": "\ud800"}, {"id": "3", "name": "ok"}],
    )

    assert counts == Counts(read=3, inserted=3, values_rejected=2, rows_damaged=2)
    assert rows(warehouse, CONTACTS)["3"]["name"] == "ok"
    assert [r["value"] for r in rejects(warehouse)] == ["a\\0b", "\\ud800"]


def test_a_20_mb_text_is_stored_whole(warehouse: Warehouse) -> None:
    """Case 74 of the fault list."""
    load(warehouse, CONTACTS, [{"id": "1", "name": "x" * 20_000_000}])

    assert len(rows(warehouse, CONTACTS)["1"]["name"]) == 20_000_000


def test_json_nested_500_deep_is_stored(warehouse: Warehouse) -> None:
    """Case 75 of the fault list."""
    deep: Any = 1
    for _ in range(500):
        deep = [deep]

    counts = load(warehouse, TYPED, [{"id": "1", "more": deep}])

    assert counts == Counts(read=1, inserted=1)


def test_json_text_with_nan_is_refused_not_nulled_silently(warehouse: Warehouse) -> None:
    """Case 77 of the fault list."""
    counts = load(warehouse, TYPED, [{"id": "1", "more": {"a": Decimal("NaN")}, "amount": "NaN"}])

    assert counts.values_rejected == 2
    assert rows(warehouse, TYPED)["1"]["amount"] is None


def test_a_new_field_becomes_a_column_during_the_run(warehouse: Warehouse) -> None:
    """Case 65 of the fault list."""
    load(warehouse, CONTACTS, [{"id": "1"}], [{"id": "2", "score": 5, "seen": "2026-01-02"}])

    assert types(warehouse, CONTACTS)["score"] is FieldType.INTEGER
    assert types(warehouse, CONTACTS)["seen"] is FieldType.DATE
    assert rows(warehouse, CONTACTS)["2"]["score"] == 5
    assert rows(warehouse, CONTACTS)["1"]["score"] is None


def test_a_field_name_that_is_sql_stays_a_name(warehouse: Warehouse) -> None:
    """Case 71 of the fault list."""
    hostile = 'x"); DROP TABLE acme_contacts;--'

    load(warehouse, CONTACTS, [{"id": "1", hostile: "v", "a%sb": "w", "c:d": "x", "n\x00": "y"}])

    stored = rows(warehouse, CONTACTS)["1"]
    assert [stored[name] for name in (hostile, "a%sb", "c:d", "n\x00")] == ["v", "w", "x", "y"]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([True, 2, Decimal("2.5"), "x"], FieldType.TEXT, ["1", "2", "2.5", "x"]),
        ([True, 2], FieldType.INTEGER, [1, 2]),
        ([1, Decimal("2.5")], FieldType.NUMERIC, [Decimal(1), Decimal("2.5")]),
        (
            ["2026-01-02", "2026-01-02T03:00:00Z", "soon"],
            FieldType.TEXT,
            ["2026-01-02T00:00:00.000000Z", "2026-01-02T03:00:00.000000Z", "soon"],
        ),
        ([{"a": 1}, "x"], FieldType.TEXT, None),
        ([1, 2**70], FieldType.NUMERIC, [Decimal(1), Decimal(2**70)]),
    ],
)
def test_an_inferred_column_widens_without_losing_a_value(
    warehouse: Warehouse, values: list[Any], kind: FieldType, expected: list[Any] | None
) -> None:
    """Each value in a batch of its own, so that every step widens a column with rows in it."""
    counts = load(
        warehouse, CONTACTS, *([{"id": str(n), "v": value}] for n, value in enumerate(values))
    )

    assert counts == Counts(read=len(values), inserted=len(values))
    assert types(warehouse, CONTACTS)["v"] is kind
    stored = rows(warehouse, CONTACTS)
    if expected is not None:
        assert [stored[str(n)]["v"] for n in range(len(values))] == expected
    assert rejects(warehouse) == []


def test_columns_beyond_the_budget_share_one_json_column(warehouse: Warehouse) -> None:
    """Case 78 of the fault list, with a small budget."""
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS, column_budget=5)
    record = {"id": "1"} | {f"p{n:04}": str(n) for n in range(1_700)}

    writer.write(Batch(records=[record]), None)
    again = writer.write(Batch(records=[record | {"p1699": "changed"}]), None)

    assert again.updated == 1
    stored = rows(warehouse, CONTACTS)["1"]
    stored.pop("_deleted")
    assert stored == record | {"p1699": "changed"}


def test_nothing_of_a_batch_is_stored_once_the_run_lost_its_source(warehouse: Warehouse) -> None:
    """Case 8 of the fault list: a zombie commits nothing, its checkpoint included."""
    zombie = start_run(warehouse)
    writer = opened(warehouse, zombie, CONTACTS)
    writer.write(Batch(records=[{"id": "1", "name": "old"}]), State(cursor={"until": "1"}))
    runs.finish(warehouse, zombie.run_id, runs.Status.FAILED, "HeartbeatLost")
    load(warehouse, CONTACTS, [{"id": "1", "name": "new"}])

    with pytest.raises(FencedOff):
        writer.write(Batch(records=[{"id": "1", "name": "late"}]), State(cursor={"until": "2"}))

    assert rows(warehouse, CONTACTS)["1"]["name"] == "new"
    assert checkpoints.load(warehouse, SOURCE, "contacts").cursor == {"until": "1"}


def test_columns_of_a_batch_that_failed_are_made_again(warehouse: Warehouse) -> None:
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS)
    runs.finish(warehouse, run.run_id, runs.Status.FAILED, "closed")
    with pytest.raises(FencedOff):
        writer.write(Batch(records=[{"id": "1", "late": 1}]), None)

    load(warehouse, CONTACTS, [{"id": "1", "late": 2}])

    assert rows(warehouse, CONTACTS)["1"]["late"] == 2


def test_a_dry_run_counts_and_stores_nothing(warehouse: Warehouse) -> None:
    load(warehouse, CONTACTS, [{"id": "1", "name": "a"}])
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS, dry_run=True)

    counts = writer.write(
        Batch(records=[{"id": "1", "name": "b", "new": 1}, {"id": "2"}]), State(cursor={"u": 1})
    )

    assert counts == Counts(read=2, inserted=1, updated=1)
    assert set(rows(warehouse, CONTACTS)) == {"1"}
    assert "new" not in types(warehouse, CONTACTS)
    assert checkpoints.load(warehouse, SOURCE, "contacts") == State()


def test_counters_are_those_of_the_committed_batches(warehouse: Warehouse) -> None:
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS)
    writer.write(Batch(records=[{"id": "1"}, {"id": "2"}]), None)
    writer.write(Batch(records=[{"id": "2"}, {"name": "keyless"}]), None)

    counted = stream_counts(warehouse, run.run_id, "contacts")

    assert counted == Counts(read=4, inserted=2, unchanged=1, rejected=1)


def test_the_vendors_signal_deletes_softly_and_a_sighting_restores(warehouse: Warehouse) -> None:
    """Cases 55 and 56 of the fault list."""
    run = start_run(warehouse)
    writer = opened(warehouse, run, CONTACTS)
    writer.write(Batch(records=[{"id": "1", "n": 1}, {"id": "2", "n": 2}]), None)

    gone = writer.write(Batch(deleted=[("1",), ("9",)]), None)
    assert gone == Counts(deleted=1)
    assert rows(warehouse, CONTACTS)["1"]["_deleted"]
    assert writer.live_rows() == 1

    back = writer.write(Batch(records=[{"id": "1", "n": 1}]), None)
    assert back == Counts(read=1, updated=1)
    assert not rows(warehouse, CONTACTS)["1"]["_deleted"]


COMPARED = Stream(name="compared", deletes=Deletes.COMPARE)
WINDOWED = Stream(name="windowed", deletes=Deletes.WINDOW, fields={"starts": FieldType.TIMESTAMP})


def full_read(warehouse: Warehouse, *ids: str) -> tuple[Counts, list[str]]:
    """Read everything there is and compare."""
    run = start_run(warehouse)
    writer = opened(warehouse, run, COMPARED)
    writer.open({}, track_keys=True, fresh_keys=True)
    if ids:
        writer.write(Batch(records=[{"id": i} for i in ids]), None)
    counts = writer.finish(State(), complete=True, names=frozenset())
    runs.finish(warehouse, run.run_id, runs.Status.SUCCESS)
    return counts, writer.notes


def test_what_a_complete_read_did_not_see_is_deleted(warehouse: Warehouse) -> None:
    """Case 57 of the fault list."""
    full_read(warehouse, *"abcdefghij")

    counts, notes = full_read(warehouse, *"abcdefghi")

    assert counts == Counts(deleted=1)
    assert notes == []
    assert [k for k, row in rows(warehouse, COMPARED).items() if row["_deleted"]] == ["j"]


@pytest.mark.parametrize("seen", ["", "abcd"])
def test_an_empty_or_short_read_deletes_nothing_and_says_so(
    warehouse: Warehouse, seen: str
) -> None:
    """Case 63 of the fault list."""
    full_read(warehouse, *"abcdefghij")

    counts, notes = full_read(warehouse, *seen)

    assert counts == Counts()
    assert "nothing was deleted" in notes[0]
    assert f"{10 - len(seen)} of 10" in notes[0]
    assert not any(row["_deleted"] for row in rows(warehouse, COMPARED).values())


def test_a_window_read_again_deletes_inside_it_only(warehouse: Warehouse) -> None:
    first, later = "2026-01-01T10:00:00Z", "2026-01-05T10:00:00Z"
    run = start_run(warehouse)
    writer = opened(warehouse, run, WINDOWED)
    everything = [{"id": "1", "starts": first}, {"id": "2", "starts": first}]
    writer.write(Batch(records=[*everything, {"id": "3", "starts": later}]), None)
    writer.open({}, track_keys=True, fresh_keys=True)

    day = Range(
        column="starts",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 1, 2, tzinfo=UTC),
    )
    counts = writer.write(Batch(records=everything[:1], closed=[day]), None)

    assert counts == Counts(read=1, unchanged=1, deleted=1)
    assert [k for k, row in rows(warehouse, WINDOWED).items() if row["_deleted"]] == ["2"]


def test_the_same_reject_seen_again_is_kept_once(warehouse: Warehouse) -> None:
    for _ in range(3):
        load(warehouse, TYPED, [{"id": "1", "amount": "many"}])

    assert len(rejects(warehouse)) == 1


def replayed(warehouse: Warehouse, stream: Stream) -> Replayed:
    run = start_run(warehouse)
    done = replay(warehouse, run, stream)
    runs.finish(warehouse, run.run_id, runs.Status.SUCCESS)
    return done


def test_a_kept_value_fills_its_gap_once_the_column_can_hold_it(warehouse: Warehouse) -> None:
    load(warehouse, TYPED, [{"id": "1", "amount": "1;2"}, {"id": "2", "amount": "3;4"}])
    fixed = Stream(name="typed", fields={**TYPED.fields, "amount": FieldType.TEXT})
    load(warehouse, fixed, [{"id": "9"}])  # the mapping was corrected: the column widens

    assert replayed(warehouse, fixed) == Replayed(resolved=2, refused=0)

    stored = rows(warehouse, fixed)
    assert (stored["1"]["amount"], stored["2"]["amount"]) == ("1;2", "3;4")
    assert rejects(warehouse) == []


def test_a_value_that_still_does_not_fit_stays_open(warehouse: Warehouse) -> None:
    load(warehouse, TYPED, [{"id": "1", "amount": "1;2"}])

    assert replayed(warehouse, TYPED) == Replayed(resolved=0, refused=1)

    assert len(rejects(warehouse)) == 1


def test_replay_never_overwrites_what_came_later(warehouse: Warehouse) -> None:
    load(warehouse, VERSIONED, [{"id": "1", "changed": "2026-01-01T00:00:00Z", "n": 5}])
    typed = Stream(
        name="versioned",
        version="changed",
        fields={"changed": FieldType.TIMESTAMP, "amount": FieldType.NUMERIC},
    )
    load(warehouse, typed, [{"id": "1", "changed": "2026-01-02T00:00:00Z", "amount": "x"}])
    load(warehouse, typed, [{"id": "1", "changed": "2026-01-03T00:00:00Z", "amount": None}])
    fixed = Stream(
        name="versioned",
        version="changed",
        fields={"changed": FieldType.TIMESTAMP, "amount": FieldType.TEXT},
    )
    load(warehouse, fixed, [{"id": "2", "changed": "2026-01-03T00:00:00Z"}])

    assert replayed(warehouse, fixed) == Replayed(resolved=1, refused=0)

    assert rows(warehouse, fixed)["1"]["amount"] is None


def test_a_field_that_the_vendor_dropped_keeps_what_it_held(warehouse: Warehouse) -> None:
    """Case 66 of the fault list."""
    both = {"label": FieldType.TEXT, "color": FieldType.TEXT}
    for fields, record, color in (
        (both, {"id": "1", "label": "a", "color": "red"}, "red"),
        ({"label": FieldType.TEXT}, {"id": "1", "label": "b"}, "red"),
        (both, {"id": "1", "label": "c", "color": None}, None),
    ):
        run = start_run(warehouse)
        writer = opened(warehouse, run, CONTACTS)
        writer.open(fields, track_keys=False, fresh_keys=True)
        assert writer.write(Batch(records=[record]), None).read == 1
        runs.finish(warehouse, run.run_id, runs.Status.SUCCESS)

        stored = rows(warehouse, CONTACTS)["1"]
        assert (stored["label"], stored["color"]) == (record["label"], color)
