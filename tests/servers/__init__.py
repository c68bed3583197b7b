"""Real servers for tests: PostgreSQL, Redis and MariaDB as children of this process.

Each lives in a short folder of its own below the session's folder and is stopped by
its pid. Every pid is written down first, so that the next session can end what a
killed one left behind.
"""

from tests.servers.mariadbd import MariaDb, mariadb
from tests.servers.postgresql import debian_postgres, postgres, postgres_database, wheel_binaries
from tests.servers.processes import free_port, running
from tests.servers.redis_wheel import flush_redis, redis_says, redis_server
from tests.servers.sessions import (
    ACCOUNT,
    HOME,
    Session,
    UnavailableError,
    alive,
    close_session,
    open_session,
    reap,
    recorded,
)

__all__ = [
    "ACCOUNT",
    "HOME",
    "MariaDb",
    "Session",
    "UnavailableError",
    "alive",
    "close_session",
    "debian_postgres",
    "flush_redis",
    "free_port",
    "mariadb",
    "open_session",
    "postgres",
    "postgres_database",
    "reap",
    "recorded",
    "redis_says",
    "redis_server",
    "running",
    "wheel_binaries",
]
