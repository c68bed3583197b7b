"""Rejects that are applied again."""

from __future__ import annotations

from connectors.model import FieldType, Stream
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.replay import Replayed, replay
from tests.warehouse.loading import (
    TYPED,
    VERSIONED,
    load,
    rejects,
    rows,
    start_run,
)


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
