"""Two slots for the whole cluster, and how a run waits for one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.errors import RunError

pytestmark = pytest.mark.prefect

WAITER = """
import uuid
from flows import limits
limits.LOOK_SECONDS = 1.0
print("waits", flush=True)
with limits.slot(str(uuid.uuid4()), size=1):
    print("inside", flush=True)
"""


def test_six_runs_share_two_slots_and_all_finish() -> None:
    """Defects 7 to 10 of the old platform: its limit of two let eight callers in."""
    from flows import limits

    limits.create_limit(2)
    counting = threading.Lock()
    inside = most = 0
    both = threading.Event()  # two were seen inside together: the limit is used to the full

    def work(_number: int) -> bool:
        nonlocal inside, most
        with limits.slot(str(uuid.uuid4()), size=2, wait_seconds=60):
            with counting:
                inside += 1
                most = max(most, inside)
                if inside == 2:
                    both.set()
            both.wait(20)
            with counting:
                inside -= 1
        return True

    with ThreadPoolExecutor(6) as runs:
        finished = list(runs.map(work, range(6)))

    assert finished == [True] * 6
    assert most == 2


def test_a_wait_of_many_looks_ends_when_a_slot_comes_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flows import limits

    monkeypatch.setattr(limits, "LOOK_SECONDS", 0.1)
    limits.create_limit(1)
    waited = threading.Event()

    def wait() -> bool:
        with limits.slot(str(uuid.uuid4()), size=1, wait_seconds=60):
            return waited.is_set()

    with ThreadPoolExecutor(1) as other:
        with limits.slot(str(uuid.uuid4()), size=1):
            inside_after = other.submit(wait)
            with (
                pytest.raises(RunError, match="SYNC_MAX_CONCURRENT"),
                limits.slot(str(uuid.uuid4()), size=1, wait_seconds=1),
            ):
                pytest.fail("two are inside")
            waited.set()
        assert inside_after.result()


def test_a_process_interrupted_while_it_waits_is_gone_after_one_look() -> None:
    """Prefect's own wait goes on in a thread that is joined at exit, hours if it may."""
    from prefect.settings import PREFECT_API_URL

    from flows import limits

    limits.create_limit(1)
    with limits.slot(str(uuid.uuid4()), size=1):
        waiter = subprocess.Popen(
            [sys.executable, "-c", WAITER],
            env=os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == "waits\n"
        with pytest.raises(subprocess.TimeoutExpired):
            _ = waiter.wait(3)  # it does wait
        waiter.send_signal(signal.SIGINT)
        said, _ = waiter.communicate(timeout=60)

    assert said == ""
    assert waiter.returncode != 0
