"""Genius: passwords, grants and TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import (
    AccessError,
    ConfigError,
    ContractError,
    CredentialsError,
    SyncError,
    TransientError,
)
from connectors.sources.genius.mysql import MySqlServer
from tests.sources.genius.database import Database, records, request
from tests.sources.genius.interrupted import second_page, sessions


def open_with(database: Database, **changes: Any) -> None:
    with database.reader(**changes):
        raise AssertionError("it opened")


def test_a_wrong_password_is_explained_and_not_tried_again(database: Database) -> None:
    """Error 1045: some servers lock the account after a few attempts."""
    with pytest.raises(CredentialsError, match=r"1045.*GENIUS_DB_PASSWORD") as caught:
        open_with(database, db_password="hunter2-secret")

    assert "hunter2" not in str(caught.value)
    assert database.context.meter.requests == 1


def test_an_expired_password_is_explained_and_not_tried_again(database: Database) -> None:
    """Errors 1862 and 1820, which the old system met in production."""
    user = f"expired_{database.name}"
    database.run(
        "SET GLOBAL disconnect_on_expired_password = ON",
        f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY 'old' PASSWORD EXPIRE",
    )

    with pytest.raises(CredentialsError, match=r"has expired|must be changed"):
        open_with(database, db_user=user, db_password="old")

    assert database.context.meter.requests == 1


@pytest.mark.parametrize(
    ("changes", "grants", "error", "sentence"),
    [
        ({"db_name": "nowhere"}, "ALL ON *.*", ConfigError, "check GENIUS_DB_NAME"),
        ({}, "USAGE ON *.*", ConfigError, "grant SELECT"),
        ({"db_tls": "verify"}, "ALL ON *.*", ConfigError, "TLS failed"),
    ],
)
def test_what_settings_can_get_wrong_is_said_in_one_sentence(
    database: Database, changes: dict[str, Any], grants: str, error: type[SyncError], sentence: str
) -> None:
    """Errors 1049, 1044 and 2026."""
    user = f"u_{database.name}"
    database.run(
        f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY 'pw'",
        f"GRANT {grants} TO '{user}'@'127.0.0.1'",
    )

    with pytest.raises(error, match=sentence):
        open_with(database, db_user=user, db_password="pw", **changes)

    assert database.context.meter.retries == 0


def test_an_unreadable_ca_file_is_a_setting_to_correct(database: Database) -> None:
    with pytest.raises(ConfigError, match="GENIUS_DB_TLS_CA"):
        open_with(database, db_tls="verify", db_tls_ca=Path("/nowhere.pem"))


def test_without_tls_a_server_is_read_as_well(database: Database) -> None:
    assert records(database.read("job_statuses", db_tls="off"))


@pytest.fixture
def granted(database: Database) -> Iterator[tuple[Database, str]]:
    user = f"g_{database.name}"
    database.run(
        f"CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY 'pw'",
        f"GRANT SELECT ON `{database.name}`.`lead` TO '{user}'@'127.0.0.1'",
        f"GRANT SELECT (id, label) ON `{database.name}`.job_status TO '{user}'@'127.0.0.1'",
    )
    yield database, user
    database.run(f"DROP USER '{user}'@'127.0.0.1'")


def test_a_user_reads_what_it_may_and_is_told_what_it_may_not(
    granted: tuple[Database, str],
) -> None:
    """Errors 1142 and 1143: the stream fails, its siblings do not."""
    database, user = granted
    with database.reader(db_user=user, db_password="pw") as reader:
        assert len(records(reader.read(request(reader, "leads")))) == 80
        assert set(records(reader.read(request(reader, "job_statuses")))[0]) == {"id", "label"}
        with pytest.raises(ContractError, match="no table service, or this user may not see it"):
            list(reader.read(request(reader, "services")))

        leads = reader.read(request(reader, "leads", page_size=10))
        second_page(leads)
        database.run(f"REVOKE SELECT ON `{database.name}`.`lead` FROM '{user}'@'127.0.0.1'")
        with pytest.raises(AccessError, match=r"1142.*grant SELECT"):
            list(leads)


def test_the_session_can_only_read_and_only_for_a_while(database: Database) -> None:
    server = MySqlServer(
        database.settings(db_statement_seconds=1), database.context, first_backoff=0.01
    )

    with pytest.raises(ContractError, match="1792"):
        server.rows("DELETE FROM `lead`")
    with pytest.raises(TransientError, match="longer than GENIUS_DB_STATEMENT_SECONDS"):
        server.rows("SELECT COUNT(*) FROM seq_1_to_100000 a, seq_1_to_100000 b")

    assert database.context.meter.retries == 0
    assert len(sessions(database)) == 1
    server.close()
