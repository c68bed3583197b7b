"""A Genius with a few tables; some modules open one of another size."""

from __future__ import annotations

import pytest

from tests import servers
from tests.sources.genius.database import Database


@pytest.fixture
def database(mariadb: servers.MariaDb) -> Database:
    """Some leads and two lookups."""
    made = Database.make(mariadb, "lead", "job_status", "service")
    made.fill(0.2)
    return made


@pytest.fixture(scope="session")
def filled(mariadb: servers.MariaDb) -> Database:
    """A filled database that no test changes."""
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
