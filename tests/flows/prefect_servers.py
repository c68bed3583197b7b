"""The two shapes of Prefect server that runs are tested against: one, and several.

`TEST_STACK=cluster` (`make cluster`) chooses what `deployments.cluster` starts; otherwise it
is the server of `make up`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

import psutil
from sqlalchemy.engine import make_url

from deployments.processes import FolderOfProcesses
from tests import servers

Drained: TypeAlias = "tuple[set[Future[bool]], set[Future[bool]]]"
CLUSTER = os.environ.get("TEST_STACK") == "cluster"


@dataclass(kw_only=True)
class PrefectServers:
    """Running servers: where they answer, and how they are killed and started again."""

    session: servers.Session
    processes: FolderOfProcesses
    begin: Callable[[], list[str]]
    """Starts what does not run; returns the addresses once all answer."""
    client: Callable[[str], Mapping[str, str]]
    """The settings with which a worker reaches one address."""
    warehouses: Callable[[Path], AbstractContextManager[str]]
    """Makes an empty warehouse; a folder is there for its file."""
    access: str | None = None
    apis: list[str] = field(default_factory=list[str])

    def start(self) -> None:
        """Start what does not run, and write its pids down."""
        self.apis = self.begin()
        for name in self.processes.names():
            if pid := self.processes.pid(name):
                self.session.record(psutil.Process(pid))

    def kill(self) -> None:
        """Kill -9 all of them."""
        alive = [pid for name in self.processes.names() if (pid := self.processes.pid(name))]
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid) for pid in alive if psutil.pid_exists(pid)])

    def stop(self) -> None:
        """Stop them in order."""
        for name in self.processes.names():
            self.processes.stop(name)

    @contextmanager
    def addressed(self) -> Generator[None]:
        """Point this process at the first address while the block runs.

        Prefect keeps its senders of events and logs and its taker of slots for the whole
        process, each with the server it first spoke to: both ends of the block stop them.
        """
        from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

        _stop_senders()
        given: dict[Any, str | None] = {
            PREFECT_API_URL: self.apis[0],
            PREFECT_API_AUTH_STRING: self.access,
        }
        with temporary_settings(given):
            try:
                yield
            finally:
                _stop_senders()


def _stop_senders() -> None:
    from prefect._internal.concurrency.services import QueueService

    _, still_busy = cast("Drained", QueueService.drain_all(timeout=60))  # of every class
    assert not still_busy, "a sender still waits for the server before"


@contextmanager
def prefect_servers(session: servers.Session) -> Generator[PrefectServers]:
    """Start the chosen shape; stop it after the block."""
    with ExitStack() as held:
        made = held.enter_context(_cluster(session)) if CLUSTER else _one(session)
        held.callback(made.stop)
        made.start()
        yield made


def _one(session: servers.Session) -> PrefectServers:
    from deployments import local

    home = session.subfolder("prefect")
    processes, port = FolderOfProcesses(home / "processes"), servers.free_port()
    return PrefectServers(
        session=session,
        processes=processes,
        begin=lambda: [local.server(processes, port, home)],
        client=lambda api: {"PREFECT_API_URL": api},
        warehouses=_file,
    )


@contextmanager
def _file(folder: Path) -> Generator[str]:
    yield f"sqlite:///{folder / 'warehouse.sqlite3'}"


@contextmanager
def _cluster(session: servers.Session) -> Generator[PrefectServers]:
    from deployments.cluster import Backing, Cluster

    folder = session.subfolder("cluster")
    with (
        servers.debian_postgres(session) as admin,
        servers.redis_server(session) as redis,
        servers.postgres_database(admin) as database,
    ):
        asynchronous = make_url(database).set(drivername="postgresql+asyncpg")
        backing = Backing(
            database=asynchronous.render_as_string(hide_password=False),
            redis=redis,
            warehouse=admin,  # each run brings its own
            access="tester:a-word-of-this-test",
        )
        cluster, ports = Cluster(folder, backing), (servers.free_port(), servers.free_port())
        cluster.migrate()
        yield PrefectServers(
            session=session,
            processes=cluster.processes,
            begin=lambda: cluster.serve(*ports),
            client=lambda api: backing.client(session.subfolder("worker"), api),
            warehouses=lambda _folder: servers.postgres_database(admin),
            access=backing.access,
        )
