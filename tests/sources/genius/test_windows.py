"""Genius, read by time: what changed arrives exactly once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import ContractError
from connectors.sandbox.genius import STREAMS as TABLES
from connectors.sources import genius
from connectors.sources.genius.tables import BY_STREAM
from tests import servers
from tests.sources.genius.database import Database, ago, ids, key_of, naive, records, request
from tests.sources.genius.test_reading import long_ago

WINDOWED = [stream.name for stream in genius.STREAMS if stream.window]
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def changing(mariadb: servers.MariaDb) -> Database:
    database = Database.make(mariadb)
    database.fill()
    return database


@pytest.mark.parametrize("name", [stream.name for stream in genius.STREAMS])
def test_a_row_changed_between_two_runs_arrives_exactly_once(changing: Database, name: str) -> None:
    table, key = TABLES[name], key_of(name)
    since = datetime.now(UTC) - HOUR
    order = ", ".join(f"`{part}`" for part in key)
    first = changing.run(f"SELECT {order} FROM `{table}` ORDER BY {order} LIMIT 1")[0]
    stamped = "updated_at = %s" if name in WINDOWED else f"`{key[0]}` = `{key[0]}`"
    where = " AND ".join(f"`{part}` = '{value}'" for part, value in zip(key, first, strict=True))
    changing.run(f"UPDATE `{table}` SET {stamped} WHERE {where}".replace("%s", f"'{ago()}'"))

    with changing.reader() as reader:
        asked = request(reader, name, since if name in WINDOWED else None)
        found = Counter(tuple(r[k] for k in key) for r in records(reader.read(asked)))

    assert found[first] == 1
    if name in WINDOWED and not BY_STREAM[name].created:
        assert sum(found.values()) == 1


def test_the_window_holds_its_lower_end_and_not_its_upper(some: Database) -> None:
    lower = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    upper = lower + HOUR
    for number, moment in enumerate(
        (lower - timedelta(seconds=1), lower, upper - timedelta(seconds=1), upper), 1
    ):
        some.run(
            "INSERT INTO users_userassociations VALUES"
            f" ({number}, 1, '2020-01-01', '{naive(moment)}')"
        )

    with some.reader() as reader:
        asked = request(reader, "user_associations", lower, until=upper)
        found = ids(reader.read(asked))

    assert found == [2, 3]


def test_a_bulk_update_in_one_second_is_paged_through(some: Database) -> None:
    """Many rows with one time: the key decides among them."""
    some.run(
        "INSERT INTO users_userassociations SELECT seq, 1, '2020-01-01', '2026-01-01'"
        " FROM seq_1_to_95"
    )

    with some.reader() as reader:
        asked = request(reader, "user_associations", long_ago(), page_size=10)
        found = ids(reader.read(asked))

    assert found == list(range(1, 96))


@pytest.mark.parametrize("full", [True, False])
def test_rows_that_another_session_changes_during_a_read_are_read_now_or_the_next_time(
    some: Database, *, full: bool
) -> None:
    """Behind the reader, ahead of it, new and gone: no row is lost, none is doubled."""
    some.fill(0.05, job=20)
    some.run("UPDATE job SET updated_at = '2026-01-01' + INTERVAL id MINUTE")
    before = datetime.now(UTC) - timedelta(seconds=1)

    with some.reader() as reader:
        asked = request(reader, "jobs", None if full else long_ago(), page_size=3)
        reading = reader.read(asked)
        pages = [next(reading), next(reading)]  # notes, then the jobs 1 to 3
        some.run(
            "UPDATE job SET price_level = 'behind', updated_at = UTC_TIMESTAMP() WHERE id = 2",
            "UPDATE job SET price_level = 'ahead', updated_at = UTC_TIMESTAMP() WHERE id = 7",
            "CREATE TEMPORARY TABLE made AS SELECT * FROM job WHERE id = 5",
            "UPDATE made SET id = 900, price_level = 'new', updated_at = UTC_TIMESTAMP()",
            "INSERT INTO job SELECT * FROM made",
            "DELETE FROM job WHERE id = 9",
        )
        pages += reading
        changed = request(reader, "jobs", before, until=datetime.now(UTC) + timedelta(seconds=1))
        later = records(reader.read(changed))

    levels = {int(record["id"]): record["price_level"] for record in records(pages)}
    assert len(levels) == len(records(pages))
    # By time, what changed ahead has left the window: the next one begins before the change.
    ahead = {7: "ahead", 900: "new"} if full else {}
    assert set(levels) == {*range(1, 21)} - {7, 9} | set(ahead)
    assert {key: levels[key] for key in ahead} == ahead
    assert levels[2] != "behind"
    assert {int(record["id"]): record["price_level"] for record in later} == {
        2: "behind",
        7: "ahead",
        900: "new",
    }


def test_rows_without_a_time_are_read_each_time(some: Database) -> None:
    some.fill(0.05)
    some.run("UPDATE prospect_source SET updated_at = NULL WHERE id IN (2, 5)")

    found = ids(some.read("prospect_sources", datetime.now(UTC) - HOUR))

    assert found == [2, 5]


def test_of_very_many_rows_without_a_time_only_the_recent_are_read(
    some: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.sources.genius.walks.FEW", 2)
    some.fill(0.05)
    some.run(
        "UPDATE prospect_source SET updated_at = NULL, add_date = '2020-01-01'",
        f"UPDATE prospect_source SET add_date = '{ago()}' WHERE id = 4",
    )

    pages = some.read("prospect_sources", datetime.now(UTC) - HOUR)

    assert ids(pages) == [4]
    assert "more than 2 rows without updated_at" in " ".join(pages[0].notes)


def test_a_table_without_the_index_is_walked_by_its_key_and_the_report_says_so(
    some: Database,
) -> None:
    some.fill(0.05)
    some.run(
        "DROP INDEX ix_lead_updated ON `lead`",
        f"UPDATE `lead` SET updated_at = '{ago()}' WHERE lead_id IN (7, 3)",
        "UPDATE `lead` SET updated_at = NULL WHERE lead_id = 5",
    )

    pages = some.read("leads", datetime.now(UTC) - HOUR)

    assert ids(pages, "lead_id") == [3, 5, 7]
    assert "no index that begins with updated_at" in " ".join(pages[0].notes)


def test_a_position_of_a_way_that_is_gone_starts_over(some: Database) -> None:
    """The index is dropped between a run and the one that resumes it."""
    some.fill(0.05)
    with some.reader() as reader:
        pages = list(reader.read(request(reader, "jobs", long_ago(), page_size=1)))
    some.run("DROP INDEX ix_job_updated ON job")

    with some.reader() as reader:
        again = request(reader, "jobs", long_ago(), position=pages[2].position)
        found = ids(reader.read(again))

    assert len(found) == len(records(pages))


def test_the_window_ends_where_the_databases_clock_stands(some: Database) -> None:
    some.fill(0.05)
    with some.reader() as reader:
        soon = datetime.now(UTC) + timedelta(minutes=2)
        near = list(reader.read(request(reader, "jobs", long_ago(), until=soon)))
        far = request(reader, "jobs", long_ago(), until=soon + HOUR)

        assert "where the database's clock stands" in " ".join(near[0].notes)
        with pytest.raises(ContractError, match=r"is 3[67]\d\d s behind ours"):
            list(reader.read(far))


def test_a_zone_unlike_the_servers_is_reported(filled: Database) -> None:
    pages = filled.read("jobs", long_ago(), db_zone="Asia/Tokyo")

    assert "GENIUS_DB_ZONE (Asia/Tokyo) +9" in " ".join(pages[0].notes)
    assert not filled.read("jobs", long_ago())[0].notes
