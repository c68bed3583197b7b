"""Before the platform of old goes: its table and ours, row by row."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ConfigError
from connectors.model import FieldType, Stream
from connectors.warehouse.difference import Difference, alike, compare, sides
from connectors.warehouse.engine import Warehouse
from flows import difference as command
from tests.warehouse.loading import load

PEOPLE = Stream(
    name="people",
    fields={
        "name": FieldType.TEXT,
        "amount": FieldType.NUMERIC,
        "ok": FieldType.BOOLEAN,
        "at": FieldType.TIMESTAMP,
        "more": FieldType.JSON,
    },
)
OURS: list[dict[str, Any]] = [
    {"id": str(n), "name": f"n{n}", "amount": f"{n}.50", "ok": "true", "more": {"a": n}}
    | {"at": "2026-01-02T03:04:05Z"}
    for n in range(1, 121)
]


@pytest.fixture
def old(tmp_path: Path) -> Generator[Warehouse]:
    """The other platform's database: integer keys, text amounts, other names."""
    opened = Warehouse.open(f"sqlite:///{tmp_path / 'old.db'}")
    with opened.begin() as db:
        db.exec_driver_sql(
            "CREATE TABLE person (id INTEGER, full_name TEXT, amount TEXT, ok INTEGER,"
            " at TEXT, more TEXT)"
        )
        for n in range(1, 121):
            db.exec_driver_sql(
                "INSERT INTO person VALUES (?, ?, ?, 1, '2026-01-02 03:04:05+00:00', ?)",
                (n, f"n{n}", f"{n}.5", json.dumps({"a": n})),
            )
    yield opened
    opened.close()


def change(old: Warehouse, statement: str) -> None:
    with old.begin() as db:
        db.exec_driver_sql(statement)


def found(old: Warehouse, warehouse: Warehouse) -> Difference:
    columns = {"name": "full_name", "amount": "amount", "ok": "ok", "at": "at"}
    return compare(*sides(old, "person", warehouse, "acme_people", key={}, columns=columns))


def test_equal_records_are_equal_whatever_types_the_systems_chose(
    old: Warehouse, warehouse: Warehouse
) -> None:
    load(warehouse, PEOPLE, OURS)

    same = found(old, warehouse)

    assert (same.old, same.new, same.equal, same.keys) == (120, 120, 120, {})


def test_each_kind_of_difference_is_counted_and_its_keys_are_named(
    old: Warehouse, warehouse: Warehouse
) -> None:
    load(warehouse, PEOPLE, OURS[:-1])
    change(old, "DELETE FROM person WHERE id = 7")
    change(old, "UPDATE person SET full_name = 'x', amount = '0' WHERE id IN (10, 100)")

    other = found(old, warehouse)

    assert (other.old, other.new, other.equal, other.differing) == (119, 119, 116, 2)
    assert (other.only_old, other.only_new) == (1, 1)
    assert other.columns == {"name": 2, "amount": 2}
    assert other.keys == {
        "only old": ["120"],
        "only new": ["7"],
        "name": ["10", "100"],
        "amount": ["10", "100"],
    }


def test_rows_deleted_here_count_as_gone(old: Warehouse, warehouse: Warehouse) -> None:
    load(warehouse, PEOPLE, OURS)
    with warehouse.begin() as db:
        db.exec_driver_sql("UPDATE acme_people SET _deleted_at = _synced_at WHERE id = '5'")

    assert found(old, warehouse).keys == {"only old": ["5"]}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (None, "", True),
        (0, None, False),
        (Decimal("12.50"), "12.5", True),
        ("02134", "2134", False),
        (True, "true", True),
        (1, True, True),
        (False, "true", False),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T05:00:00+02:00", True),
        ("2026-01-02 03:04:05", "2026-01-02T03:04:05.000000Z", True),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z", False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ("x", "y", False),
        (float("nan"), "nan", True),
    ],
)
def test_values_are_alike_by_what_they_mean(one: Any, other: Any, same: bool) -> None:
    assert alike(one, other) is same
    assert alike(other, one) is same


def test_what_cannot_be_compared_is_said_in_a_sentence(
    old: Warehouse, warehouse: Warehouse
) -> None:
    load(warehouse, PEOPLE, OURS[:1])
    for table, columns, said in (
        ("nobody", {}, "there is no table nobody"),
        ("person", {"name": "nickname"}, "person has no column nickname"),
        ("person", {"shoe": "ok"}, "acme_people has no column shoe"),
    ):
        with pytest.raises(ConfigError, match=said):
            sides(old, table, warehouse, "acme_people", key={}, columns=columns)
    change(old, "INSERT INTO person (id) VALUES (3)")
    with pytest.raises(ConfigError, match="several rows with the key 3"):
        found(old, warehouse)


def test_the_command_tells_by_its_exit_code(
    old: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    monkeypatch.setenv("OLD_WAREHOUSE_URL", f"sqlite:///{tmp_path / 'old.db'}")
    asked = ["hubspot", "people", "--old-table", "person", "--columns", "name=full_name,amount"]
    assert command.main(asked) == 2
    assert "has it been synced?" in capsys.readouterr().err
    warehouse = Warehouse.open(f"sqlite:///{tmp_path / 'new.db'}")
    with warehouse.begin() as db:
        db.exec_driver_sql("CREATE TABLE hubspot_people (id TEXT PRIMARY KEY, name, amount)")
        db.exec_driver_sql("INSERT INTO hubspot_people VALUES ('1', 'n1', 1.5)")
    warehouse.close()

    assert command.main([*asked, "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    change(old, "DELETE FROM person WHERE id > 1")

    assert (shown["old"], shown["new"], shown["only_old"]) == (120, 1, 119)
    assert command.main(asked) == 0
    assert "1 rows there, 1 here, 1 equal" in " ".join(capsys.readouterr().out.split())
