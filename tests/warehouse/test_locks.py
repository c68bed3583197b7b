"""One run per source: exactly one gets the lock, and a late writer is told it is late."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import pytest

from connectors.errors import FencedOff
from connectors.model import Counts
from connectors.warehouse import locks, runs
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.locks import Acquired, Held
from connectors.warehouse.runs import RunRef, Status
from tests.warehouse.books import one, pending, running

THREADS = 6
ROUNDS = 8
PROCESSES = 3


def test_a_held_lock_names_its_holder(warehouse: Warehouse) -> None:
    run = running(warehouse, "a")
    pending(warehouse, "b")

    held = locks.acquire(warehouse, "hubspot", "b")

    assert isinstance(held, Held)
    assert (held.run_id, held.status) == ("a", "RUNNING")
    assert held.host
    assert held.pid
    assert held.heartbeat_at is not None
    assert held.since <= held.heartbeat_at
    assert one(warehouse, "SELECT run_id, fence FROM sync_locks") == ("a", run.fence)
    assert one(warehouse, "SELECT fence FROM sync_runs WHERE run_id = 'b'") == (None,)


def test_another_source_is_another_lock(warehouse: Warehouse) -> None:
    running(warehouse, "a", "hubspot")

    assert running(warehouse, "b", "five9").fence == 1


@pytest.mark.parametrize("status", sorted(runs.TERMINAL))
def test_the_lock_of_a_closed_run_is_free_and_its_fence_grows(
    warehouse: Warehouse, status: Status
) -> None:
    assert running(warehouse, "a").fence == 1
    runs.finish(warehouse, "a", status)

    assert running(warehouse, "b").fence == 2


def test_the_lock_of_a_run_that_is_gone_or_was_closed_by_hand_is_taken_over(
    warehouse: Warehouse,
) -> None:
    running(warehouse, "a")
    with warehouse.write() as conn:
        execute(conn, "DELETE FROM sync_runs")
    assert running(warehouse, "b").fence == 2
    with warehouse.write() as conn:
        execute(conn, "UPDATE sync_runs SET status = 'FAILED', finished_at = clock_timestamp()")

    assert running(warehouse, "c").fence == 3


def test_a_released_lock_keeps_its_fence(warehouse: Warehouse) -> None:
    running(warehouse, "a")

    assert not locks.release(warehouse, "hubspot", "b")
    assert locks.release(warehouse, "hubspot", "a")
    assert not locks.release(warehouse, "hubspot", "a")
    assert one(warehouse, "SELECT run_id, fence FROM sync_locks") == (None, 1)


def test_taking_the_own_lock_again_fences_off_the_first_process(warehouse: Warehouse) -> None:
    first = running(warehouse, "a")

    second = locks.acquire(warehouse, "hubspot", "a")

    assert isinstance(second, Acquired)
    assert second.fence == first.fence + 1
    with pytest.raises(FencedOff), warehouse.begin() as conn:
        runs.count_batch(conn, first, "contacts", Counts())
    with warehouse.begin() as conn:
        runs.count_batch(
            conn, RunRef(run_id="a", source="hubspot", fence=second.fence), "contacts", Counts()
        )


def test_a_closed_or_unknown_run_gets_no_lock(warehouse: Warehouse) -> None:
    pending(warehouse, "a")
    runs.finish(warehouse, "a", Status.CANCELLED)

    for run_id in ("a", "unknown"):
        with pytest.raises(FencedOff, match="cannot take hubspot"):
            locks.acquire(warehouse, "hubspot", run_id)


def test_of_many_threads_exactly_one_gets_the_lock(warehouse: Warehouse) -> None:
    """Case 9 of the fault list: runs of one source started within 5 ms."""
    for turn in range(ROUNDS):
        names = [f"{turn}-{number}" for number in range(THREADS)]
        barrier = threading.Barrier(THREADS)

        def compete(name: str, barrier: threading.Barrier = barrier) -> Acquired | Held:
            barrier.wait()
            pending(warehouse, name)
            return locks.acquire(warehouse, "hubspot", name)

        with ThreadPoolExecutor(THREADS) as pool:
            answers = dict(zip(names, pool.map(compete, names), strict=True))
        _check_one_won(answers, fence=turn + 1)
        for name in names:
            runs.finish(warehouse, name, Status.SUCCESS)


def test_of_several_processes_exactly_one_gets_the_lock(
    warehouse: Warehouse, warehouse_url: str
) -> None:
    """Case 9 of the fault list, with processes."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(PROCESSES), context.Queue()
    names = [f"p{number}" for number in range(PROCESSES)]
    children = [
        context.Process(target=_compete, args=(warehouse_url, name, barrier, answers))
        for name in names
    ]
    for child in children:
        child.start()
    found = dict(answers.get(timeout=60) for _ in names)
    for child in children:
        child.join()

    _check_one_won(found, fence=1)


def _compete(
    url: str, name: str, barrier: Barrier, answers: Queue[tuple[str, Acquired | Held]]
) -> None:
    warehouse = Warehouse.open(url)
    barrier.wait()
    pending(warehouse, name)
    answers.put((name, locks.acquire(warehouse, "hubspot", name)))
    warehouse.close()


def _check_one_won(answers: dict[str, Acquired | Held], fence: int) -> None:
    winners = [name for name, answer in answers.items() if isinstance(answer, Acquired)]
    assert len(winners) == 1
    assert answers[winners[0]] == Acquired(fence)
    named = {answer.run_id for answer in answers.values() if isinstance(answer, Held)}
    assert named == set(winners)
