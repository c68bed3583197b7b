"""Fixtures on real parts: started when a test first asks, stopped when the session ends."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar, cast

import hypothesis
import psutil
import pytest

from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from tests import servers

ROOT = Path(__file__).parents[1]
REQUIRED = os.environ.get("REQUIRE_SERVERS") == "1"
SESSION = pytest.StashKey[servers.Session]()
T = TypeVar("T")

hypothesis.settings.register_profile("seeded", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("seeded")


def setting_names() -> list[str]:
    """Every environment name of `.env.example`."""
    example = (ROOT / ".env.example").read_text()
    return re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", example, re.MULTILINE)


def pytest_configure(config: pytest.Config) -> None:
    """Open the session's folder; keep Prefect out of the user's home and off the network.

    Prefect reads these when it is first imported, so no fixture could be early enough.
    """
    session = servers.open_session()
    config.stash[SESSION] = session
    config.add_cleanup(lambda: servers.close_session(session))
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    os.environ |= {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(session.folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share a Prefect server on one worker of pytest-xdist.

    First of all, for pytest-xdist looks at the groups in this same hook.
    """
    for item in items:
        if item.get_closest_marker("prefect"):
            item.add_marker(pytest.mark.xdist_group("prefect"))


@contextmanager
def available(server: AbstractContextManager[T]) -> Generator[T]:
    """`server`, or a skip with the reason; a failure where `REQUIRE_SERVERS=1`."""
    with ExitStack() as stack:
        try:
            entered = stack.enter_context(server)
        except servers.UnavailableError as error:
            if REQUIRED:
                pytest.fail(f"REQUIRE_SERVERS=1, but {error}")
            pytest.skip(str(error))
        yield entered


@pytest.fixture(scope="session")
def server_session(pytestconfig: pytest.Config) -> servers.Session:
    """Folder and pid record for every server of this test process."""
    return pytestconfig.stash[SESSION]


@pytest.fixture(scope="session")
def postgres_url(server_session: servers.Session) -> Generator[str]:
    """Superuser's SQLAlchemy URL of a PostgreSQL; `TEST_POSTGRES_URL` names another one."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield given
        return
    with servers.postgres(server_session, servers.wheel_binaries()) as url:
        yield url


@pytest.fixture(scope="session")
def debian_postgres_url(server_session: servers.Session) -> Generator[str]:
    """The same from the system's packages: with pg_trgm, so it can hold Prefect's own tables."""
    with available(servers.debian_postgres(server_session)) as url:
        yield url


@pytest.fixture(scope="session")
def redis_session_url(server_session: servers.Session) -> Generator[str]:
    """A Redis for the whole session; ask for `redis_url` to find it empty."""
    with servers.redis_server(server_session) as url:
        yield url


@pytest.fixture
def redis_url(redis_session_url: str) -> str:
    """An empty Redis."""
    servers.flush_redis(redis_session_url)
    return redis_session_url


@pytest.fixture(scope="session")
def mariadb(server_session: servers.Session) -> Generator[servers.MariaDb]:
    """A MariaDB; each test makes its own database with `new_database()`."""
    with available(servers.mariadb(server_session)) as server:
        yield server


@pytest.fixture
def postgres_warehouse_url(postgres_url: str) -> Generator[str]:
    """An empty PostgreSQL database of this test's own."""
    with servers.postgres_database(postgres_url) as url:
        yield url


@pytest.fixture
def sqlite_warehouse_url(tmp_path: Path) -> str:
    """An SQLite file of this test's own, not created yet."""
    return f"sqlite:///{tmp_path / 'warehouse.sqlite3'}"


@pytest.fixture(params=["sqlite", "postgres"])
def warehouse_url(request: pytest.FixtureRequest) -> str:
    """Runs the test once on each kind of warehouse, empty each time."""
    url: str = request.getfixturevalue(f"{request.param}_warehouse_url")
    return url


@pytest.fixture(scope="session")
def prefect_harness(server_session: servers.Session) -> Generator[None]:
    """One Prefect test server for all tests marked `prefect`; they get it without asking.

    A sync flow joins Prefect's own beat thread at its end, a second per flow: it is off.
    """
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        for child in psutil.Process().children():
            server_session.record(child)  # the harness keeps its server's pid to itself
        yield


@pytest.fixture(autouse=True)
def own_world(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No setting of the developer's shell or `.env` file reaches a test."""
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    test = cast("pytest.Item", request.node)  # pyright: ignore[reportUnknownMemberType]
    if test.get_closest_marker("prefect"):
        request.getfixturevalue("prefect_harness")


@pytest.fixture
def warehouse(warehouse_url: str) -> Generator[Warehouse]:
    """Return an empty, migrated warehouse; the test runs once on each kind."""
    with migrated(warehouse_url) as opened:
        yield opened


@pytest.fixture
def sqlite(sqlite_warehouse_url: str) -> Generator[Warehouse]:
    """Return the same for what one kind of warehouse shows as well as the other."""
    with migrated(sqlite_warehouse_url) as opened:
        yield opened


@contextmanager
def migrated(url: str) -> Generator[Warehouse]:
    opened = Warehouse.open(url)
    migrate(opened)
    yield opened
    opened.close()
