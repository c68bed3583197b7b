"""The row of a run: opened before anything else, closed by whoever gets there first.

Three lines of defence close it, all with the same compare-and-set: the guard of the
flow's body here, Prefect's state hooks (`flows.hooks`), the sweeper (`flows.maintenance`).
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from prefect._internal.control_listener import get_intent
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext, SyncClientContext
from prefect.exceptions import ObjectNotFound, TerminationSignal
from prefect.states import Completed, Failed

from connectors import settings
from connectors.context import Context
from connectors.errors import RunError, Stopped, SyncError
from connectors.model import MODES
from connectors.patience import REOPEN_AFTER
from connectors.secrets import scrub
from connectors.throttle import open_throttles
from connectors.warehouse import migrate, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from flows import credentials, heartbeat, words
from flows.heartbeat import Heartbeat
from flows.settings import FlowSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends: a final status, one sentence without secrets, the error behind it."""

    status: Status
    reason: str | None = None
    error: BaseException | None = None

    @classmethod
    def of(cls, error: SyncError) -> Ending:
        """Return the ending by an error: FAILED, the error's own words as the reason."""
        return cls(Status.FAILED, scrub(str(error)), error)

    @classmethod
    def skipped(cls, reason: str) -> Ending:
        """Return the ending of a run that had no reason or no right to start."""
        return cls(Status.SKIPPED, reason)

    def state(self) -> State:
        """Return Prefect's state for it; PARTIAL is a failure there, so that alarms see it."""
        if self.status is Status.SUCCESS:
            return Completed(message=self.reason)
        if self.status is Status.SKIPPED:
            return Completed(name="Skipped", message=self.reason)
        if self.status is Status.PARTIAL:
            return Failed(name="Partial", message=self.reason)
        return Failed(message=self.reason)


@dataclass(frozen=True, slots=True)
class Tracked:
    """A run with a row, and the beat that keeps it."""

    run_id: str
    warehouse: Warehouse
    beat: Heartbeat
    settings: FlowSettings

    def context(self) -> Context:
        """Make the world that the source is handed: this run's meter, its stop signal, budgets."""
        core = credentials.core_settings()
        return Context(
            throttles=open_throttles(
                core.redis_url.get_secret_value() if core.redis_url else None,
                stopping=self.beat.stopping,
                max_wait=core.throttle_max_wait_seconds,
                reserve=core.budget_reserve,
                process_wide=True,
            ),
            meter=self.beat.meter,
            stopping=self.beat.stopping,
            reopen_after=REOPEN_AFTER,
        )

    def close(self, ending: Ending) -> Ending:
        """Close the row; return how the run ended, which another may have decided before."""
        closed = runs.finish(
            self.warehouse,
            self.run_id,
            ending.status,
            ending.reason,
            error=ending.error,
            last=self.beat.sign(),
        )
        if closed:
            return ending
        return Ending.of(Stopped("This run was closed from outside: taken for dead or cancelled."))

    def say(self, text: str, level: int = logging.INFO) -> None:
        """Write a line in the run's log on Prefect's pages, and nowhere else (see `heartbeat`)."""
        log_of_run = logging.getLogger(heartbeat.API_ONLY)
        log_of_run.log(level, "%s", scrub(text), extra={"flow_run_id": self.run_id})

    def let_go(self) -> None:
        """Stop the beat and close the connections."""
        self.beat.stop()
        self.warehouse.close()


_mine: dict[str, Tracked] = {}
"""Runs of this process. Prefect's hooks and the flow's body share nothing else."""


def here() -> list[Tracked]:
    """Return the runs that this process tracks now."""
    return list(_mine.values())


def begin(
    run_id: str, name: str, parameters: Mapping[str, Any], deployed_as: str | None
) -> Tracked:
    """Open the run's row as PENDING and start its beat; a second call returns the same.

    Raises `ConfigError` or `WarehouseError` where there is no warehouse to write to, and
    `Stopped` when the row is closed already (a flow run that was started a second time).
    """
    if run_id in _mine:
        return _mine[run_id]
    credentials.scrub_logs()
    flow_settings = settings.load(FlowSettings)
    mode = parameters.get("mode")
    new = runs.NewRun(
        run_id=run_id,
        source=str(parameters.get("source")),
        mode=mode if mode in MODES else "incremental",
        streams=parameters.get("streams") or (),
        parameters=parameters,
        deployment=deployed_as,
        flow_run_name=name,
    )
    warehouse = connect()
    try:
        migrate.migrate(warehouse)
        living = runs.open_run(warehouse, new)
    except BaseException:  # whatever ends us: no connection is left behind
        warehouse.close()
        raise
    if not living:
        warehouse.close()
        raise Stopped("This flow run has ended before: start a new one, it goes on from there.")
    tracked = Tracked(run_id, warehouse, Heartbeat(run_id, warehouse, flow_settings), flow_settings)
    _mine[run_id] = tracked
    tracked.beat.start()
    return tracked


def deployment_name(flow_run: FlowRun) -> str | None:
    """Return what a run was deployed as; None for one that was started as a function.

    Asked with the run's own client, the one that waits for a server which restarts. Raises
    `RunError` when the server stays away. A deployment that was deleted since has no name.
    """
    if flow_run.deployment_id is None:
        return None
    try:
        with SyncClientContext.get_or_create() as open_here:
            return open_here.client.read_deployment(flow_run.deployment_id).name
    except ObjectNotFound:
        return None
    except httpx.HTTPError as error:
        raise RunError(words.api_failed(error)) from None


@contextmanager
def guarded_here() -> Generator[Tracked]:
    """Hold row and beat of the flow run that is going on; close the row whatever ends it.

    A stopped worker leaves a few milliseconds: the row comes first, in one transaction.
    Raises what `begin` raises.
    """
    now = FlowRunContext.get()
    assert now is not None
    assert now.flow_run is not None
    run_id = str(now.flow_run.id)
    tracked = _mine.get(run_id) or begin(
        run_id, now.flow_run.name, now.parameters or {}, deployment_name(now.flow_run)
    )
    try:
        yield tracked
    except BaseException as stop:
        try:
            tracked.close(_ending_of(stop))
        except SyncError as error:  # the sweeper closes it; what ended the body matters more
            log.warning("the row of run %s stays open: %s", run_id, scrub(str(error)))
        tracked.beat.stopping.set()
        raise
    finally:
        _mine.pop(run_id, None)
        tracked.let_go()


def close(run_id: str, ending: Ending) -> None:
    """Close the row of a run from a state hook: in its process, or in one that knows nothing."""
    if tracked := _mine.pop(run_id, None):
        tracked.close(ending)
        tracked.let_go()
        return
    warehouse = connect()
    try:
        runs.finish(warehouse, run_id, ending.status, ending.reason, error=ending.error)
    finally:
        warehouse.close()


def connect() -> Warehouse:
    """Open the warehouse that the `warehouse` block or the environment names.

    Raises `ConfigError` or `WarehouseError`.
    """
    core = credentials.core_settings()
    return Warehouse.open(core.warehouse_url.get_secret_value(), core.warehouse_schema)


def _ending_of(stop: BaseException) -> Ending:
    if isinstance(stop, SyncError):
        return Ending.of(stop)
    kind = type(stop).__name__
    if isinstance(stop, KeyboardInterrupt) or (
        isinstance(stop, TerminationSignal) and get_intent() == "cancel"
    ):
        return Ending(Status.CANCELLED, "Cancelled by a person; the next run goes on from here.")
    reason = {
        "TerminationSignal": "The process was told to stop (SIGTERM); the next run goes on.",
        "CancelledError": "The flow ran out of its time limit; the next run goes on.",
    }.get(kind, f"{kind} ended the flow; the next run goes on.")
    return Ending(Status.FAILED, reason, stop)
