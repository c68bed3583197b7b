"""The stack for more than one machine, as processes on this one: what `compose.yaml` runs.

    python -m deployments.cluster up --database URL --redis URL --warehouse URL
    python -m deployments.cluster down

PostgreSQL and Redis must be there; the database of Prefect's own tables needs the extension
pg_trgm (Debian's `postgresql` has it). The commands and the names of the settings are those
of `compose.yaml`, and a test holds the two together. `make cluster` runs the tests of how
runs end and of the slots against this stack.
"""

from __future__ import annotations

import argparse
import secrets
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deployments import local
from deployments.processes import FolderOfProcesses, NotStartedError

PREFECT = (sys.executable, "-m", "prefect")
MIGRATE = ("server", "database", "upgrade", "-y")
API = ("server", "start", "--no-services")
SERVICES = ("server", "services", "start")
WORKER = ("worker", "start", "--pool")
POOL = "crm-sync"

SHARED_BY_REPLICAS = {
    "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
    "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
    # Two replicas must not migrate at once: `prefect server database upgrade` does, before.
    "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
    "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "true",  # flow runs too, after 90 days
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
"""What a server keeps in memory by default and several must share, by the value it then has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """Where the cluster keeps its state, and the word that opens its API.

    database: SQLAlchemy URL (asyncpg) of Prefect's own tables. redis: URL without a database
    number, for three are used. warehouse: SQLAlchemy URL of ours. access: `user:password`.
    """

    database: str
    redis: str
    warehouse: str
    access: str

    def server(self, home: Path) -> dict[str, str]:
        """Return the settings of an API replica and of the background services."""
        return SHARED_BY_REPLICAS | {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_API_AUTH_STRING": self.access,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": self.database,
            "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
            "PREFECT_REDIS_MESSAGING_URL": _numbered(self.redis, 0),
            # Named apart: without it the services look for a Redis on this machine, for ever.
            "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL": _numbered(self.redis, 0),
            "PREFECT_SERVER_DOCKET_URL": _numbered(self.redis, 1),
        }

    def client(self, home: Path, api: str) -> dict[str, str]:
        """Return the settings of a worker and of every command that talks to the API."""
        return {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": api,
            "PREFECT_API_AUTH_STRING": self.access,
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "WAREHOUSE_URL": self.warehouse,
            "REDIS_URL": _numbered(self.redis, 2),
            "DO_NOT_TRACK": "1",
        }


class Cluster:
    """API replicas, background services and workers, by name, in a folder of their own."""

    def __init__(self, folder: Path, backing: Backing) -> None:
        self.processes = FolderOfProcesses(folder)
        self.backing = backing
        self.folder = folder

    def migrate(self) -> None:
        """Bring Prefect's own tables up to date. Raises `NotStartedError`."""
        local.run([*PREFECT, *MIGRATE], self._server("migrate"))

    def start_api(self, number: int, port: int | None = None) -> str:
        """Start replica `number` unless it runs; return its address. It need not answer yet."""
        name = f"api-{number}"
        command = self.processes.command(name)
        if command is None:
            port = port or local.free_port()
            command = [*PREFECT, *API, "--host", "127.0.0.1", "--port", str(port)]
            environment = self._server(name) | {
                "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api"
            }
            _ = self.processes.start(name, command, environment, cwd=local.ROOT)
        return f"http://127.0.0.1:{command[-1]}/api"

    def start_services(self) -> None:
        """Start the background services unless they run."""
        command = [*PREFECT, *SERVICES]
        _ = self.processes.start("services", command, self._server("services"), cwd=local.ROOT)

    def start_worker(self, number: int, api: str, pool: str = POOL) -> int:
        """Start worker `number` at one of the replicas unless it runs; return its pid."""
        name = f"worker-{number}"
        command = [*PREFECT, *WORKER, pool, "--name", name]
        environment = self.backing.client(self._home(name), api)
        return self.processes.start(name, command, environment, cwd=local.ROOT)

    def wait_for(self, number: int) -> str:
        """Start replica `number` unless it runs; return its address once it answers.

        Raises `NotStartedError`.
        """
        name, api = f"api-{number}", self.start_api(number)
        deadline = time.monotonic() + local.START_SECONDS
        while not local.healthy(api):
            if self.processes.command(name) is None or time.monotonic() > deadline:
                raise NotStartedError(name, self.processes.log(name))
            time.sleep(0.5)
        return api

    def serve(self, *ports: int | None) -> list[str]:
        """Start a replica per port (None: a free one) and the services; return the addresses.

        One after the other: the first registers Prefect's block types, and two would collide.
        Raises `NotStartedError`.
        """
        apis: list[str] = []
        for number, port in enumerate(ports, 1):
            _ = self.start_api(number, port)
            apis.append(self.wait_for(number))
        self.start_services()
        return apis

    def up(self, *, replicas: int = 2, workers: int = 2) -> dict[str, str]:
        """Start what is missing; return the environment in which commands reach the stack.

        Raises `NotStartedError` with the end of the log of what did not come up.
        """
        local.say("database", "migrating Prefect's own tables")
        self.migrate()
        apis = self.serve(*[None] * replicas)
        for number, api in enumerate(apis, 1):
            local.say(f"api-{number}", f"ready at {api.removesuffix('/api')}")
        environment = self.backing.client(self._home("shell"), apis[0])
        local.prepare(environment, self.folder)
        for number in range(1, workers + 1):
            _ = self.start_worker(number, apis[number % replicas])
            local.say(f"worker-{number}", "started")
        return environment

    def _server(self, name: str) -> dict[str, str]:
        return self.backing.server(self._home(name))

    def _home(self, name: str) -> Path:
        """Every process keeps its own state, as on a machine of its own."""
        home = self.folder / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        return home


def down(folder: Path) -> None:
    """Stop what was started: running syncs first, so that each closes its row, servers last."""
    processes = FolderOfProcesses(folder)
    for name in sorted(processes.names(), key=lambda name: not name.startswith("worker")):
        local.say(name, "stopped" if processes.stop(name) else "was not running")


def kept_access(folder: Path) -> str:
    """Return the API's `user:password` of this folder, made up when it is first needed."""
    file = folder / "access"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        _ = file.write_text(f"crm-sync:{secrets.token_urlsafe(24)}")
    return file.read_text()


def _numbered(redis: str, database: int) -> str:
    return urlsplit(redis)._replace(path=f"/{database}").geturl()


def main() -> int:
    """Run from a shell."""
    parser = argparse.ArgumentParser(prog="python -m deployments.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up")
    starting.add_argument("--database", required=True, help="postgresql+asyncpg://... of Prefect")
    starting.add_argument("--redis", required=True, help="redis://...")
    starting.add_argument("--warehouse", required=True, help="postgresql+psycopg://... of ours")
    commands.add_parser("down")
    chosen = parser.parse_args()
    folder = local.HOME / "cluster"
    if chosen.command == "down":
        down(folder)
        return 0
    backing = Backing(
        database=chosen.database,
        redis=chosen.redis,
        warehouse=chosen.warehouse,
        access=kept_access(folder),
    )
    try:
        environment = Cluster(folder, backing).up()
    except NotStartedError as error:
        print(error, file=sys.stderr)
        return 1
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
