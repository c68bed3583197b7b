"""Every way a run can end, against real servers and real workers.

The ways share one server and go on at the same time: starting processes is what takes long.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from connectors.warehouse import history, locks, runs
from tests.flows.prefect_stack import Case, Stack, eventually

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("exit paths"),
]

STEADY, STOPPED, KILLED = "steady", "stopped", "killed"  # what happens to the pool's worker


@dataclass(frozen=True, slots=True)
class End:
    """How one way ended."""

    row: history.Row
    state: tuple[str, str]
    case: Case


WAYS = {
    "flow killed": STEADY,
    "flow told to stop": STEADY,
    "cancelled": STEADY,
    "os._exit": STEADY,
    "worker told to stop": STOPPED,
    "worker killed": KILLED,
    "worker and flow killed": KILLED,
}


@pytest.fixture(scope="module")
def ends(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, End]:
    """Start a run for each way, end it that way, return what became of it."""
    from flows import limits

    base = tmp_path_factory.mktemp("ways")
    cases = {name: make_case(stack, base, name, pool) for name, pool in WAYS.items()}
    limits.create_limit(len(cases))
    for pool in (STEADY, STOPPED, KILLED):
        stack.start_pool(pool)
    started = {name: stack.start(case) for name, case in cases.items()}
    end_steady(stack, cases, started)
    end_with_workers(stack, cases)
    return {
        name: End(case.ended(), stack.final_state(started[name]), case)
        for name, case in cases.items()
    }


def make_case(stack: Stack, base: Path, name: str, pool: str) -> Case:
    folder = base / name.replace(" ", "-")
    folder.mkdir()
    fault = "exit" if name == "os._exit" else ""
    return stack.case(folder, pool, fault, waits=not fault)


def end_steady(stack: Stack, cases: dict[str, Case], started: dict[str, UUID]) -> None:
    """End the runs whose worker goes on."""
    from prefect import get_client
    from prefect.states import Cancelling

    cases["flow killed"].flow_process().kill()
    cases["flow told to stop"].flow_process().send_signal(signal.SIGTERM)
    cases["cancelled"].flow_process()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(started["cancelled"], Cancelling())


def end_with_workers(stack: Stack, cases: dict[str, Case]) -> None:
    """Stop one worker and kill another, with runs in progress; then sweep."""
    from connectors import settings
    from flows import maintenance
    from flows.settings import FlowSettings

    cases["worker told to stop"].flow_process()
    stack.workers[STOPPED].send_signal(signal.SIGTERM)
    victim = cases["worker and flow killed"].flow_process()
    cases["worker killed"].flow_process()
    stack.workers[KILLED].kill()
    victim.kill()
    cases["worker killed"].folder.joinpath("go").touch()  # the orphan goes on to its end
    short = settings.load(FlowSettings, {"stale_after_seconds": 3})
    for name in ("worker told to stop", "worker and flow killed"):
        warehouse = cases[name].open()
        eventually(lambda w=warehouse: maintenance.sweep(w, short), f"{name} was swept")
        warehouse.close()


@pytest.mark.parametrize(
    ("way", "status", "said", "state"),
    [
        ("flow killed", "FAILED", "process died", ("CRASHED", "Crashed")),
        ("flow told to stop", "FAILED", "SIGTERM", ("CRASHED", "Crashed")),
        ("cancelled", "CANCELLED", "Cancelled", ("CANCELLED", "Cancelled")),
        ("os._exit", "FAILED", "process died", ("CRASHED", "Crashed")),
        ("worker told to stop", "FAILED", "heartbeat lost", ("CRASHED", "Crashed")),
        ("worker killed", "SUCCESS", None, ("COMPLETED", "Completed")),
        ("worker and flow killed", "FAILED", "heartbeat lost", ("CRASHED", "Crashed")),
    ],
)
def test_a_run_ends_right_in_the_books_and_in_prefect(
    ends: dict[str, End], way: str, status: str, said: str | None, state: tuple[str, str]
) -> None:
    end = ends[way]

    assert (end.row["status"], end.state) == (status, state)
    assert said is None or said in end.row["status_reason"]


@pytest.mark.parametrize("way", WAYS)
def test_the_lock_is_free_for_the_next_run(ends: dict[str, End], way: str) -> None:
    warehouse = ends[way].case.open()
    runs.open_run(warehouse, runs.NewRun(run_id="next", source="listed", mode="full"))

    taken = locks.acquire(warehouse, "listed", "next")
    warehouse.close()

    assert isinstance(taken, locks.Acquired)
