"""Genius: tables and columns that come and go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import ContractError
from tests.sources.genius.database import Database, records, request
from tests.sources.genius.interrupted import second_page


def test_a_missing_table_fails_its_stream_in_one_sentence(database: Database) -> None:
    """Error 1146, before and during a read."""
    with database.reader() as reader:
        with pytest.raises(ContractError, match="no table quote"):
            list(reader.read(request(reader, "quotes")))
        leads = reader.read(request(reader, "leads", page_size=10))
        second_page(leads)
        database.run("DROP TABLE `lead`")
        with pytest.raises(ContractError, match="1146"):
            list(leads)


def test_columns_come_and_go_between_runs(database: Database) -> None:
    before = records(database.read("leads"))[0]
    database.run(
        "ALTER TABLE `lead` DROP COLUMN email, ADD COLUMN vip TINYINT(1) NOT NULL DEFAULT 1,"
        " ADD COLUMN api_token VARCHAR(10) NOT NULL DEFAULT 'hidden' AFTER lead_id"
    )

    pages = database.read("leads")

    after = records(pages)[0]
    assert before.keys() - after.keys() == {"email"}
    assert after.keys() - before.keys() == {"vip"}
    assert after["vip"] is True
    assert "api_token" in " ".join(pages[0].notes)


def test_a_column_that_goes_while_it_is_read_fails_the_stream_until_the_next_run(
    database: Database,
) -> None:
    """Error 1054."""
    with database.reader() as reader:
        leads = reader.read(request(reader, "leads", page_size=10))
        second_page(leads)
        database.run("ALTER TABLE `lead` DROP COLUMN email")
        with pytest.raises(ContractError, match=r"1054.*next run"):
            list(leads)

    assert len(records(database.read("leads"))) == 80


def test_a_table_without_its_time_of_change_is_read_whole(database: Database) -> None:
    database.run("ALTER TABLE `lead` DROP COLUMN updated_at")

    pages = database.read("leads", datetime.now(UTC) - timedelta(hours=1))

    assert len(records(pages)) == 80
    assert "no updated_at any more" in " ".join(pages[0].notes)


def test_a_table_without_its_key_fails_its_stream(database: Database) -> None:
    database.run("ALTER TABLE job_status CHANGE id number INT")

    with pytest.raises(ContractError, match="no column id any more"):
        database.read("job_statuses")
