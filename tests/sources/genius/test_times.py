"""Genius' times: local, of the server's zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.sources.genius.times import Zone
from tests import servers
from tests.sources.genius.database import Database, ago, records

LOS_ANGELES = "America/Los_Angeles"


@pytest.fixture
def database(mariadb: servers.MariaDb) -> Database:
    return Database.make(mariadb, "users_userassociations")


def test_naive_times_get_the_offset_of_their_zone(database: Database) -> None:
    database.run(
        "ALTER TABLE users_userassociations ADD stamped TIMESTAMP NULL",
        "SET time_zone = '+00:00'",
        "INSERT INTO users_userassociations VALUES"
        " (1, 1, '2026-01-15 12:00:00', '2026-07-15 12:00:00', '2026-07-15 12:00:00')",
    )

    (record,) = records(database.read("user_associations", db_zone=LOS_ANGELES))

    assert record["created_at"] == "2026-01-15 12:00:00-08:00"
    assert record["updated_at"] == "2026-07-15 12:00:00-07:00"
    assert record["stamped"] == "2026-07-15 12:00:00Z"  # a TIMESTAMP has a zone of its own


def test_a_window_finds_rows_stamped_in_local_time(database: Database) -> None:
    """The old system compared UTC with local time, and missed what changed for hours."""
    local = datetime.now(ZoneInfo(LOS_ANGELES)) - timedelta(minutes=10)
    database.run(
        "INSERT INTO users_userassociations VALUES"
        f" (1, 1, '2020-01-01', '{local:%Y-%m-%d %H:%M:%S}'), (2, 1, '2020-01-01', '{ago()}')"
    )
    since = datetime.now(UTC) - timedelta(minutes=30)

    found = records(database.read("user_associations", since, db_zone=LOS_ANGELES))

    assert [r["id"] for r in found] == [1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-01 00:30:00", "2026-11-01 00:30:00-07:00"),
        ("2026-11-01 01:30:00", "2026-11-01 01:30:00-07:00"),  # comes twice; the first is meant
        ("2026-11-01 02:30:00", "2026-11-01 02:30:00-08:00"),
        ("2026-03-08 02:30:00", "2026-03-08 02:30:00-08:00"),  # does not exist
        ("1883-11-18 12:30:00", "1883-11-18 12:30:00-08:00"),
        ("1880-01-01 00:00:00", "1880-01-01 00:00:00-07:52:58"),
        ("2026-02-31 00:00:00", "2026-02-31 00:00:00"),  # the warehouse refuses it whole
        (None, None),
    ],
)
def test_offsets_follow_the_zones_history(value: str | None, expected: str | None) -> None:
    assert Zone(LOS_ANGELES).add_offsets([value]) == [expected]


def test_a_zone_that_moves_within_an_hour_is_asked_for_each_value() -> None:
    lord_howe = Zone("Australia/Lord_Howe")  # half an hour back at 02:00

    found = lord_howe.add_offsets(
        ["2026-04-05 01:20:00", "2026-04-05 01:59:00", "2026-04-05 02:10:00"]
    )

    assert [value and value[-6:] for value in found] == ["+11:00", "+11:00", "+10:30"]


def test_the_hour_that_comes_twice_is_within_every_window_that_touches_it() -> None:
    zone = Zone(LOS_ANGELES)
    second_pass = datetime(2026, 11, 1, 9, 10, tzinfo=UTC)  # 01:10 standard time
    first_pass = second_pass - timedelta(hours=1)

    # A row stamped 01:05 twenty minutes later than `since` at 01:50 daylight time.
    assert zone.from_time(first_pass + timedelta(minutes=40)) <= "2026-11-01 01:05:00"
    # A row stamped 01:50 in the first pass, before `until` at 01:10 in the second.
    assert zone.to_time(second_pass) > "2026-11-01 01:50:00"
    assert zone.from_time(datetime(2026, 7, 1, 12, tzinfo=UTC)) == "2026-07-01 05:00:00"
    assert zone.to_time(datetime(2026, 7, 1, 12, 0, 0, 1, tzinfo=UTC)) == "2026-07-01 05:00:01"
