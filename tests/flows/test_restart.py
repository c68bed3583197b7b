"""Queued runs and their slots across a restart of the servers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from connectors.warehouse import history
from tests.flows.prefect_servers import CLUSTER
from tests.flows.prefect_stack import Case, Stack, eventually

RUNS = 20 if CLUSTER else 6  # each is a process that imports Prefect for seconds
PATIENCE = 400.0  # seconds for all of them on a busy machine


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("exit paths")
def test_queued_runs_of_two_workers_share_two_slots_across_a_restart_of_the_servers(
    stack: Stack, tmp_path: Path
) -> None:
    """Defects 7 to 10 of the old platform, and leases that a killed server must not lose.

    Those that work read their streams to the end while there is no server.
    """
    fresh_limit(2)
    stack.start_pool("slots", every_seconds=5)
    stack.start_worker("slots 2", "slots", every_seconds=5)
    cases = queue(stack, tmp_path, RUNS)
    # A look opens every warehouse, which must not slow down what it waits for.
    eventually(lambda: len(statuses(cases)) == RUNS, "every run opened its row", PATIENCE, 3)
    eventually(lambda: statuses(cases).count("RUNNING") == 2, "two runs work", PATIENCE, 3)

    stack.servers.kill()
    tmp_path.joinpath("go").touch()
    eventually(lambda: statuses(cases).count("SUCCESS") == 2, "two ended alone", PATIENCE, 1)
    alone = statuses(cases)
    stack.servers.start()
    rows = [case.ended(PATIENCE) for case in cases]

    assert alone == ["PENDING"] * (RUNS - 2) + ["SUCCESS"] * 2
    ends = [(row["status"], row["status_reason"]) for row in rows]
    assert ends == [("SUCCESS", None)] * RUNS
    assert most_at_once(rows) == 2
    eventually(lambda: slots_taken() == 0, "every slot was given back")


def fresh_limit(size: int) -> None:
    """Make the limit anew: leases of runs that other tests killed belong to the one before."""
    from prefect import get_client
    from prefect.exceptions import ObjectNotFound

    from flows import limits

    with get_client(sync_client=True) as client, suppress(ObjectNotFound):
        client.delete_global_concurrency_limit_by_name(limits.LIMIT)
    limits.create_limit(size)


def queue(stack: Stack, folder: Path, count: int) -> list[Case]:
    """Start runs that wait for one `go`: of one source each has a warehouse of its own."""
    cases: list[Case] = []
    for number in range(count):
        own = folder / f"run-{number:02}"
        own.mkdir()
        own.joinpath("go").symlink_to(folder / "go")
        cases.append(stack.case(own, "slots"))
        stack.start(cases[-1])
    return cases


def statuses(cases: list[Case]) -> list[str]:
    rows = [row for case in cases if (row := case.row())]
    return sorted(row["status"] for row in rows)


def most_at_once(rows: list[history.Row]) -> int:
    """Count the runs that worked at the same time, from the beginnings and ends in the books."""
    steps = [(row["started_at"], 1) for row in rows] + [(row["finished_at"], -1) for row in rows]
    at_once = most = 0
    for _, step in sorted(steps):  # at the same moment an end comes first
        at_once += step
        most = max(most, at_once)
    return most


def slots_taken() -> int:
    from prefect import get_client

    from flows import limits

    with get_client(sync_client=True) as client:
        return client.read_global_concurrency_limit_by_name(limits.LIMIT).active_slots
