"""Genius on a real MariaDB: every row arrives, in pages that an index leads to."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import ContractError
from connectors.model import Deletes, Request
from connectors.sandbox.genius import STREAMS as TABLES
from connectors.sandbox.genius import tables
from connectors.sources import genius
from connectors.sources.genius.columns import fields_of, is_secret
from connectors.sources.genius.database import Column
from connectors.sources.genius.mysql import MySqlServer
from connectors.sources.genius.reading import GeniusReader, page_rows
from connectors.sources.genius.tables import BY_STREAM
from connectors.sources.genius.times import Zone
from connectors.sources.genius.walks import route
from tests import servers
from tests.sources.genius_database import Database, ago, ids, naive, records, request

ENTITIES = 30  # of the platform before this one, which ran them in this order
WINDOWED = [stream.name for stream in genius.STREAMS if stream.window]
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def filled(mariadb: servers.MariaDb) -> Database:
    """A filled database that no test of this module changes."""
    database = Database.make(mariadb)
    database.fill()
    return database


@pytest.fixture
def some(mariadb: servers.MariaDb) -> Database:
    """A few empty tables of this test's own."""
    return Database.make(
        mariadb,
        "users_userassociations",
        "prospect_source",
        "lead",
        "job",
        "appointment_to_service",
    )


def key_of(name: str) -> tuple[str, ...]:
    return BY_STREAM[name].key


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=3650)


def test_every_entity_of_the_old_full_run_is_a_stream_and_two_more_are_on_request() -> None:
    usual = [stream for stream in genius.STREAMS if not stream.optional]

    assert len(usual) == ENTITIES
    assert {stream.name for stream in genius.STREAMS} == set(TABLES)
    assert {name: table.name for name, table in BY_STREAM.items()} == TABLES


def test_a_stream_comes_after_those_it_refers_to() -> None:
    order = [stream.name for stream in genius.STREAMS]

    for stream in genius.STREAMS:
        assert all(order.index(before) < order.index(stream.name) for before in stream.after)
        assert stream.deletes is Deletes.COMPARE
        assert stream.sees


@pytest.mark.parametrize("name", TABLES)
def test_a_full_read_yields_every_row_once_and_every_column_but_secrets(
    filled: Database, name: str
) -> None:
    table = tables()[TABLES[name]]

    pages = filled.read(name)

    found = records(pages)
    ((count,),) = filled.run(f"SELECT COUNT(*) FROM `{table.name}`")
    assert len({tuple(r[k] for k in key_of(name)) for r in found}) == len(found) == count > 0
    assert pages[-1].total == count
    secret = {c.name for c in table.columns if is_secret(BY_STREAM[name], c.name)}
    assert set(found[0]) == {c.name for c in table.columns} - secret | set(BY_STREAM[name].joined)
    assert not any(page.refused for page in pages)


def test_secrets_are_never_selected_and_the_report_names_the_columns(filled: Database) -> None:
    pages = filled.read("division_groups")

    assert not {"paysimple_secret", "mes_profile_key", "docusign_acct_id"} & set(records(pages)[0])
    assert "paysimple_secret" in " ".join(pages[0].notes)
    assert "not-to-be-copied" not in str(pages)
    assert is_secret(BY_STREAM["leads"], "api_token")
    assert not is_secret(BY_STREAM["integration_field_definitions"], "key_name")


def test_key_zero_is_read_too(filled: Database) -> None:
    assert ids(filled.read("prospects"))[0] == 0


@pytest.mark.parametrize("page_size", [1, 3, 7, 1000])
@pytest.mark.parametrize("name", ["appointment_services", "marketsharp_marketing_source_maps"])
def test_pages_of_any_size_hold_the_same_rows(filled: Database, name: str, page_size: int) -> None:
    everything = records(filled.read(name))

    with filled.reader() as reader:
        pages = list(reader.read(request(reader, name, page_size=page_size)))

    assert records(pages) == everything
    assert max(len(page.records) for page in pages) <= page_size


@pytest.mark.parametrize("name", ["appointment_services", "leads", "prospects"])
@pytest.mark.parametrize("full", [True, False])
def test_a_read_goes_on_after_any_position(filled: Database, name: str, *, full: bool) -> None:
    with filled.reader() as reader:
        asked = request(reader, name, None if full else long_ago(), page_size=7)
        pages = list(reader.read(asked))
        whole = records(pages)

        for cut in range(1, len(pages), 3):
            if (position := pages[cut].position) is None:
                continue
            before = records(pages[: cut + 1])
            rest = records(reader.read(replace(asked, position=position)))
            assert before + rest == whole


def test_positions_are_plain_json(filled: Database) -> None:
    with filled.reader() as reader:
        pages = list(reader.read(request(reader, "appointment_services", long_ago())))

    assert pages[-1].position is not None
    after = pages[-1].position["after"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", after[0])
    assert [type(part) for part in after[1:]] == [int, int]


def test_a_page_is_one_query_of_as_many_rows_as_memory_allows(filled: Database) -> None:
    with filled.reader() as reader:
        usual = request(reader, "prospect_sources")
        reader.fields(usual.stream)
        before = filled.context.meter.requests
        pages = list(reader.read(usual))
        smaller = list(reader.read(replace(usual, page_size=5)))

    # The first page has no rows but needs to know the indexes, the last one counts.
    assert filled.context.meter.requests - before == len(smaller) + len(pages)
    assert [len(page.records) for page in pages] == [0, len(records(pages)), 0]
    assert {len(page.records) for page in smaller[1:-2]} == {5}
    assert (page_rows(200, 4), page_rows(10_000, 25), page_rows(199, 25)) == (5000, 1000, 199)


# Reads by time


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

    assert found[tuple(map(str, first))] == 1
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


# The index leads the way


def plans(database: Database, name: str, asked: Request) -> list[str]:
    """EXPLAIN of every query of a read's walks, at the start and after a key."""
    server = MySqlServer(database.settings(), database.context)
    table = BY_STREAM[name]
    fields = fields_of(table, server.columns(table.name), Zone("UTC"))
    after_of = {"updated_at": "2026-01-01 00:00:00", "marketsharp_id": "Ms-00003"}
    found: list[str] = []
    for walk in route(server, table, server.columns(table.name), asked, Zone("UTC")).walks:
        after = [after_of.get(name, 5) for name in walk.order]
        for stood in (None, after):
            statement, values = walk.statement(table, [f.expression for f in fields], stood, 100)
            rows = server.rows(f"EXPLAIN {statement}", values)
            found.append(" ".join((value or b"").decode() for value in rows[0]))
    server.close()
    return found


@pytest.mark.parametrize("name", TABLES)
def test_no_query_sorts_or_scans(filled: Database, name: str) -> None:
    with filled.reader() as reader:
        asked = [request(reader, name)]
        if name in WINDOWED:
            asked.append(request(reader, name, long_ago()))

        for one in asked:
            for plan in plans(filled, name, one):
                assert "filesort" not in plan
                assert "temporary" not in plan
                assert re.search(r"\b(PRIMARY|ix_\w+)\b", plan), plan


def test_a_late_page_touches_only_its_own_rows(some: Database) -> None:
    some.run(
        "INSERT INTO appointment_to_service SELECT seq, s.n, '2020-01-01', '2026-01-01'"
        " FROM seq_1_to_2000, (SELECT 1 n UNION SELECT 2 UNION SELECT 3) s"
    )
    server = MySqlServer(some.settings(), some.context)
    reader = GeniusReader(server, Zone("UTC"))
    after = ("2026-01-01 00:00:00", 1900, 2)

    asked = request(reader, "appointment_services", long_ago(), page_size=50)
    for full, position in (
        (False, {"walk": "time", "after": list(after)}),
        (True, {"walk": "key", "after": list(after[1:])}),
    ):
        one = replace(asked, since=None if full else asked.since, position=position)
        before = handler_reads(server)
        pages = reader.read(one)
        next(pages)
        assert next(pages).records[0]["appointment_id"] == "1900"
        assert handler_reads(server) - before < 400

    server.close()


def handler_reads(server: MySqlServer) -> int:
    """How many rows this session's queries have touched."""
    rows = server.rows("SHOW SESSION STATUS LIKE 'Handler_read%%'")
    return sum(int(value or b"0") for _, value in rows)


def test_a_partial_or_foreign_index_is_no_way(some: Database) -> None:
    server = MySqlServer(some.settings(), some.context)

    assert server.index("appointment_to_service", ("updated_at", "appointment_id")) is None
    assert server.index("lead", ("updated_at", "lead_id")) == "FORCE INDEX (`ix_lead_updated`)"
    assert server.index("lead", ("email",)) is None
    assert server.columns("no_such_table") == []
    assert server.columns("job")[0] == Column("id", "int(11)")
    server.close()
