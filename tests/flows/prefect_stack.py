"""Real Prefect servers and process workers, for tests of how runs end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import psutil

from connectors.warehouse import history
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from tests import servers
from tests.flows.prefect_servers import PrefectServers, prefect_servers

ROOT = Path(__file__).parents[2]
DEADLINE = 150.0  # seconds for anything to happen on a busy machine
T = TypeVar("T")


def eventually(
    look: Callable[[], T | None], what: str, seconds: float = DEADLINE, pause: float = 0.2
) -> T:
    """Return what `look` finds as soon as it finds something; fail when it never does."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(pause)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run with a warehouse and a folder of waits of its own."""

    folder: Path
    pool: str
    url: str
    fault: str = ""
    waits: bool = True

    def variables(self) -> dict[str, str]:
        given = {
            "WAREHOUSE_URL": self.url,
            "LISTED_TOKEN": "pat-very-secret",
            "LISTED_FAULT": self.fault,
            "LISTED_RECORDS": "40",
            "HEARTBEAT_SECONDS": "0.5",
        }
        if self.waits:
            given["LISTED_WAIT"] = str(self.folder)
        return given

    def open(self) -> Warehouse:
        warehouse = Warehouse.open(self.url)
        migrate(warehouse)
        return warehouse

    def row(self) -> history.Row | None:
        """The newest run of this case's warehouse."""
        warehouse = self.open()
        try:
            return next(iter(history.recent(warehouse, limit=1)), None)
        finally:
            warehouse.close()

    def flow_process(self) -> psutil.Process:
        """The process of the run, once it waits in the middle of its first stream."""
        eventually(self.folder.joinpath("reached").exists, f"{self.folder.name} began to read")
        row = self.row()
        assert row is not None
        return psutil.Process(row["pid"])

    def ended(self, seconds: float = DEADLINE) -> history.Row:
        """The run's row, once it is closed."""

        def closed() -> history.Row | None:
            row = self.row()
            return row if row and row["finished_at"] else None

        return eventually(closed, f"{self.folder.name} ended", seconds)


class Stack:
    """Prefect servers with pools, their deployments and workers, by name."""

    def __init__(self, servers_up: PrefectServers, held: ExitStack) -> None:
        self.servers = servers_up
        self.workers: dict[str, psutil.Process] = {}
        self._held = held
        self._deployments: dict[str, UUID] = {}

    def case(self, folder: Path, pool: str, fault: str = "", *, waits: bool = True) -> Case:
        """Prepare a run with an empty warehouse of its own."""
        url = self._held.enter_context(self.servers.warehouses(folder))
        return Case(folder=folder, pool=pool, url=url, fault=fault, waits=waits)

    def start_pool(self, pool: str, every_seconds: float = 1) -> None:
        """Make a pool as bootstrap does, its deployment of the listed flow, and a worker."""
        from prefect import get_client
        from prefect.client.schemas.actions import WorkPoolCreate

        from deployments.bootstrap import pool_template
        from tests.flows.listed_flow import sync_listed

        with get_client(sync_client=True) as client:
            template = pool_template()
            client.create_work_pool(
                WorkPoolCreate(name=pool, type="process", base_job_template=template)
            )
            self._deployments[pool] = client.create_deployment(
                flow_id=client.create_flow(sync_listed),
                name=pool,
                work_pool_name=pool,
                entrypoint="tests.flows.listed_flow.sync_listed",
                parameters={"source": "listed", "mode": "full"},
                pull_steps=[
                    {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}
                ],
            )
        self.start_worker(pool, pool, every_seconds)

    def start_worker(self, name: str, pool: str, every_seconds: float = 1) -> None:
        """Start a worker of a pool; workers take the servers' addresses in turn.

        It looks for runs `every_seconds`, and gives up, its runs with it, when some twelve
        such looks in a row (with pauses that grow) find no server.
        """
        api = self.servers.apis[len(self.workers) % len(self.servers.apis)]
        session = self.servers.session
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool]
        child = self._held.enter_context(
            servers.running(
                session,
                [*command, "--name", name],
                folder=session.subfolder(name),
                ready=lambda: True,
                environment=os.environ
                | dict(self.servers.client(api))
                | {"PREFECT_WORKER_QUERY_SECONDS": f"{every_seconds}"},
            )
        )
        self.workers[name] = psutil.Process(child.pid)

    def start(self, case: Case) -> UUID:
        """Start the run of a case; return its id."""
        from prefect import get_client

        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(
                self._deployments[case.pool], job_variables={"env": case.variables()}
            )
        return run.id

    def state(self, run_id: UUID) -> tuple[str, str]:
        """Type and name of a run's state."""
        from prefect import get_client

        with get_client(sync_client=True) as client:
            state = client.read_flow_run(run_id).state
        assert state is not None
        return state.type.value, str(state.name)

    def final_state(self, run_id: UUID) -> tuple[str, str]:
        """Type and name of a run's state, once it is final."""
        final = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
        return eventually(
            lambda: state if (state := self.state(run_id))[0] in final else None,
            f"run {run_id} got a final state",
        )


@contextmanager
def prefect_stack(session: servers.Session) -> Generator[Stack]:
    """Start the servers; stop them and all workers after the block."""
    from deployments.processes import hear_interrupts

    hear_interrupts()
    with prefect_servers(session) as servers_up, ExitStack() as held:
        yield Stack(servers_up, held)
