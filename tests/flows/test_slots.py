from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = pytest.mark.prefect


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
