"""A real Prefect server and process workers, for tests of how runs end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import psutil

from connectors.warehouse import history
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from tests import servers

ROOT = Path(__file__).parents[2]
DEADLINE = 150.0  # seconds for anything to happen on a busy machine
T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str) -> T:
    """Return what `look` finds as soon as it finds something; fail when it never does."""
    deadline = time.monotonic() + DEADLINE
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE:.0f} s"
        time.sleep(0.2)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run with a warehouse and a folder of waits of its own."""

    folder: Path
    pool: str
    fault: str = ""
    waits: bool = True
    environment: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'warehouse.sqlite3'}"

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

    def ended(self) -> history.Row:
        """The run's row, once it is closed."""

        def closed() -> history.Row | None:
            row = self.row()
            return row if row and row["finished_at"] else None

        return eventually(closed, f"{self.folder.name} ended")


class Stack:
    """A Prefect server with a pool, a deployment and a worker by name."""

    def __init__(self, api: str, session: servers.Session, held: ExitStack) -> None:
        self.api = api
        self.workers: dict[str, psutil.Process] = {}
        self._session = session
        self._held = held
        self._deployments: dict[str, UUID] = {}

    def start_worker(self, pool: str) -> None:
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
                pull_steps=[
                    {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}
                ],
            )
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool]
        child = self._held.enter_context(
            servers.running(
                self._session,
                command,
                folder=self._session.subfolder(pool),
                ready=lambda: True,
                environment=os.environ
                | {"PREFECT_API_URL": self.api, "PREFECT_WORKER_QUERY_SECONDS": "1"},
            )
        )
        self.workers[pool] = psutil.Process(child.pid)

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
    """Start the server; point this process at it while the block runs."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from deployments.local import SERVER_ENVIRONMENT, healthy
    from deployments.processes import hear_interrupts

    hear_interrupts()
    home = session.subfolder("prefect")
    port = servers.free_port()
    api = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
    environment = os.environ | SERVER_ENVIRONMENT | {"PREFECT_HOME": str(home)}
    with ExitStack() as held:
        held.enter_context(
            servers.running(
                session,
                [*command, "--port", str(port)],
                folder=home,
                ready=lambda: healthy(api),
                environment=environment,
            )
        )
        held.enter_context(temporary_settings({PREFECT_API_URL: api}))
        yield Stack(api, session, held)
