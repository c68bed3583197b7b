"""Genius' values: exact, or refused and kept. Case 82 of the fault list throughout."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.model import FieldType, Request
from connectors.sources.genius.columns import field_type, integers, text
from connectors.sources.genius.wire import values_of
from tests import servers
from tests.sources.genius.database import Database, ago, records, refused


@pytest.fixture
def database(mariadb: servers.MariaDb) -> Database:
    return Database.make(
        mariadb, "service", "appointment_type", "prospect", "third_party_source",
        "third_party_source_type", "users_userassociations", "job_status",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("tinyint(1)", FieldType.BOOLEAN),
        ("tinyint(1) unsigned", FieldType.BOOLEAN),
        ("tinyint(4)", FieldType.INTEGER),
        ("tinyint", FieldType.INTEGER),
        ("smallint(5) unsigned", FieldType.INTEGER),
        ("int unsigned", FieldType.INTEGER),
        ("bigint(20)", FieldType.INTEGER),
        ("bigint(20) unsigned", FieldType.NUMERIC),
        ("year(4)", FieldType.INTEGER),
        ("bit(1)", FieldType.BOOLEAN),
        ("bit(8)", FieldType.INTEGER),
        ("bit(64)", FieldType.NUMERIC),
        ("decimal(11,2)", FieldType.NUMERIC),
        ("float", FieldType.NUMERIC),
        ("double unsigned", FieldType.NUMERIC),
        ("date", FieldType.DATE),
        ("datetime(6)", FieldType.TIMESTAMP),
        ("timestamp", FieldType.TIMESTAMP),
        ("time", FieldType.TEXT),
        ("json", FieldType.JSON),
        ("varchar(255)", FieldType.TEXT),
        ("enum('a','b(1)')", FieldType.TEXT),
        ("longblob", FieldType.TEXT),
        ("SMALLINT UNSIGNED", FieldType.INTEGER),
        ("", FieldType.TEXT),
    ],
)
def test_types_come_from_the_declaration(declared: str, expected: FieldType) -> None:
    assert field_type(declared) is expected


VALUES: list[tuple[str, str, Any]] = [
    ("tinyint(1)", "1", True),
    ("tinyint(1)", "0", False),
    ("tinyint(1)", "7", "7"),  # the warehouse refuses it, with a reason
    ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
    ("int unsigned", "4294967295", 4294967295),
    ("bigint", "-9223372036854775808", -9223372036854775808),
    ("bit(1)", "b'1'", True),
    ("bit(8)", "b'10000001'", 129),
    ("bit(64)", "~0", "18446744073709551615"),
    ("decimal(30,10)", "'-0.0000000001'", "-0.0000000001"),
    ("double", "1e300", "1e300"),
    ("time", "'25:30:00'", "25:30:00"),
    ("time", "'-838:59:59'", "-838:59:59"),
    ("time(3)", "'00:00:00.5'", "00:00:00.500"),
    ("datetime", "'2026-01-02 03:04:05'", "2026-01-02 03:04:05"),
    ("datetime(6)", "'2026-01-02 03:04:05.000001'", "2026-01-02 03:04:05.000001"),
    ("date", "'9999-12-31'", "9999-12-31"),
    ("year", "2026", 2026),
    ("blob", "x'00ff7f'", "00FF7F"),
    ("binary(3)", "'a'", "610000"),
    ("geometry", "NULL", None),
    ("text", "''", ""),
    ("text", "NULL", None),
    ("text", r"'a\0b'", "a\0b"),
    ("text", "'line\r\nline'", "line\r\nline"),
    ("text", "'🐶 naïve 100%s %'", "🐶 naïve 100%s %"),
    ("varchar(20) character set latin1", "'caf\u00e9'", "caf\u00e9"),
    ("longtext", "repeat('x', 70000)", "x" * 70_000),
    ("longtext", "repeat('y', 17000000)", "y" * 17_000_000),  # longer than a packet
    ("enum('a','b')", "'b'", "b"),
    ("set('a','b')", "'a,b'", "a,b"),
]


def test_every_kind_of_value_arrives_as_the_database_shows_it(database: Database) -> None:
    columns = ", ".join(f"ADD `c{at}` {declared}" for at, (declared, _, _) in enumerate(VALUES))
    database.run(
        "SET GLOBAL max_allowed_packet = 1073741824",
        f"ALTER TABLE job_status {columns}",
    )
    for key in (1, 2):  # a column of two values, and one with a null in it
        database.run(
            f"INSERT INTO job_status VALUES ({key}, 'x', 1, "
            + ", ".join(value for _, value, _ in VALUES)
            + ")"
        )
    database.run("INSERT INTO job_status (id, is_system) VALUES (3, 1)")

    pages = database.read("job_statuses")

    first, second, third = records(pages)
    assert [first[f"c{at}"] for at in range(len(VALUES))] == [value for _, _, value in VALUES]
    assert {**second, "id": 1} == first
    assert all(third[f"c{at}"] is None for at in range(len(VALUES)))
    assert not refused(pages)


def test_a_column_may_have_any_name(database: Database) -> None:
    database.run("ALTER TABLE service ADD `100% ``odd`` %s?` INT, ADD `select` INT, ADD `t` INT")
    database.run(f"INSERT INTO service VALUES (1, 'x', 1, 1, 1, '{ago()}', '{ago()}', 5, 6, 7)")

    (record,) = records(database.read("services"))

    assert record["100% `odd` %s?"] == 5
    assert (record["select"], record["t"]) == (6, 7)


def test_zero_dates_become_null_and_are_kept_as_refused(database: Database) -> None:
    database.run(
        "ALTER TABLE appointment_type ADD born DATE, ADD seen DATETIME",
        "SET sql_mode = ''",
        "INSERT INTO appointment_type VALUES (1, 'a', 1, '2026-01-02', '2026-01-02 00:00:00')",
        "INSERT INTO appointment_type VALUES (2, 'b', 1, '0000-00-00', '0000-00-00 00:00:00')",
        "INSERT INTO appointment_type VALUES (3, 'c', 1, '2025-00-15', '2025-11-00 10:00:00')",
    )

    pages = database.read("appointment_types")

    assert [(r["born"], r["seen"]) for r in records(pages)] == [
        ("2026-01-02", "2026-01-02 00:00:00"),
        (None, None),
        (None, None),
    ]
    assert {(one.key, one.column, one.value) for one in refused(pages)} == {
        ("2", "born", "0000-00-00"),
        ("3", "born", "2025-00-15"),
        ("2", "seen", "0000-00-00 00:00:00"),
        ("3", "seen", "2025-11-00 10:00:00"),
    }
    raw = refused(pages)[0].raw
    assert raw is not None
    assert raw["born"] == "0000-00-00"


def test_bytes_that_are_no_utf8_are_refused_and_their_row_stays(database: Database) -> None:
    """A server refuses to write such text; a data file that was moved here can hold it."""
    shape = "id INT NOT NULL PRIMARY KEY, label {} NULL, is_active TINYINT(1)"
    database.run(
        "DROP TABLE appointment_type",
        f"CREATE TABLE appointment_type ({shape.format('TEXT')}) ENGINE=MyISAM",
        f"CREATE TABLE crooked ({shape.format('BLOB')}) ENGINE=MyISAM",
        "INSERT INTO crooked VALUES (1, 'fine', 1), (2, x'62ff64', 0), (3, NULL, 1)",
        "INSERT INTO appointment_type VALUES (1, 'fine', 1), (2, 'bad', 0), (3, NULL, 1)",
        "FLUSH TABLES",
    )
    ((folder,),) = database.run("SELECT @@datadir")
    files = Path(folder) / database.name
    for end in ("MYD", "MYI"):
        shutil.copyfile(files / f"crooked.{end}", files / f"appointment_type.{end}")

    pages = database.read("appointment_types")

    assert [r["label"] for r in records(pages)] == ["fine", None, None]
    (one,) = refused(pages)
    assert (one.key, one.column, one.value) == ("2", "label", "b\\xffd")
    assert "not UTF-8" in one.reason


def test_only_ids_of_hubspot_are_hubspot_ids(database: Database) -> None:
    """The old join let every third party's id through."""
    database.run(
        "INSERT INTO third_party_source_type VALUES (1, 'hubspot'), (2, 'leap'), (3, 'HubSpot')",
        "INSERT INTO third_party_source VALUES (1, 1, '900719925474099312'), (2, 2, 'LEAP-abc'),"
        " (3, 3, 'not-a-number'), (4, 9, 'orphan')",
    )
    for key, source in enumerate(("1", "2", "3", "4", "77", "NULL")):
        database.run(
            "INSERT INTO prospect (id, add_user_id, is_address_valid, updated_at,"
            f" third_party_source_id) VALUES ({key}, 1, 0, '{ago()}', {source})"
        )

    found = records(database.read("prospects"))

    assert [r["hubspot_contact_id"] for r in found] == [
        "900719925474099312",
        None,
        "not-a-number",
        None,
        None,
        None,
    ]
    assert found[1]["third_party_source_id"] == 2


def test_keys_that_differ_by_case_are_paged_in_the_databases_own_order(
    mariadb: servers.MariaDb,
) -> None:
    database = Database.make(mariadb, "marketsharp_marketing_source_map")
    keys = ["a", "B", "c", "C2", "Ä3", "z ", "Zz", "it's", "back\\slash"]
    for key in keys:
        database.run(
            "INSERT INTO marketsharp_marketing_source_map VALUES"
            f""" ("{key.replace(chr(92), chr(92) * 2)}", 1, '{ago()}', '{ago()}')"""
        )

    with database.reader() as reader:
        stream = next(s for s in reader.streams() if s.name == "marketsharp_marketing_source_maps")
        position = None
        found: list[str] = []
        for _ in keys:
            asked = Request(
                stream=stream,
                mode="full",
                started_at=datetime.now(UTC),
                position=position,
                page_size=1,
            )
            page = next(page for page in reader.read(asked) if page.records)
            found.append(page.records[0]["marketsharp_id"])
            position = page.position

    assert sorted(found) == sorted(keys)


def test_a_packet_is_split_into_values_of_any_length() -> None:
    middle, large = b"m" * 300, b"l" * 70_000
    packet = (
        b"\x00" + b"\xfb" + b"\x02ab"
        + b"\xfc" + (300).to_bytes(2, "little") + middle
        + b"\xfd" + (70_000).to_bytes(3, "little") + large
        + b"\xfe" + (1).to_bytes(8, "little") + b"z"
    )  # fmt: skip

    assert values_of(packet) == (b"", None, b"ab", middle, large, b"z")


def test_text_with_nul_bytes_is_not_torn_apart() -> None:
    assert text([b"a\0b", b"c"]).values == ["a\0b", "c"]
    assert text([b"a\0b"]).values == ["a\0b"]
    assert text([b"", None]).values == ["", None]


def test_a_whole_number_that_is_none_stays_text() -> None:
    """SQLite's columns hold anything; the warehouse refuses it, with a reason."""
    assert integers([b"12", None, b"-3"]).values == [12, None, -3]
    assert integers([b"12", None, b"1.5"]).values == ["12", None, "1.5"]
    assert integers([b"1_000", b" 7"]).values == ["1_000", " 7"]
    assert integers([b"1-2", None]).values == ["1-2", None]


def test_numbers_stay_exact(database: Database) -> None:
    database.run(
        "ALTER TABLE job_status ADD amount DECIMAL(30,10)",
        "INSERT INTO job_status VALUES (1, 'x', 1, 12345678901234567890.0123456789)",
    )

    (record,) = records(database.read("job_statuses"))

    assert Decimal(record["amount"]) == Decimal("12345678901234567890.0123456789")
