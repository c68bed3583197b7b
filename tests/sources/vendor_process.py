"""A full read of a pretend vendor in a process of its own, to be killed and run again.

`python -m tests.sources.vendor_process SOURCE URL PAGE_SIZE` prints its run's id, reads every
stream into the warehouse at URL, one page a batch, and prints how the run ended. The vendor is
named by the environment, as for any run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from connectors.context import Context
from connectors.model import Source
from connectors.settings import load
from connectors.sync import Options, SourceSync, run, verdict
from connectors.throttle import open_throttles
from connectors.warehouse import checkpoints, runs
from connectors.warehouse.engine import Warehouse
from tests.sources.pretend import NOW, Pretend
from tests.warehouse.loading import start_run

ROOT = Path(__file__).parents[2]
BUDGET = "1000000"  # the child waits for real


@contextmanager
def child(pretend: Pretend, url: str, page_size: int) -> Generator[subprocess.Popen[str]]:
    """Start a full read of every stream."""
    name = pretend.source.name
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sources.vendor_process", name, url, str(page_size)],
        cwd=ROOT,
        env=os.environ
        | pretend.sandbox.environment()
        | {f"{name.upper()}_BUDGET": BUDGET, "CALLRAIL_CALL_FIELDS": "note,value,tags"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kill_in_mid_read(
    pretend: Pretend, warehouse: Warehouse, url: str, *, stream: str, page_size: int, **rule: Any
) -> None:
    """Kill a full read while it waits for the request that `rule` names, with pages committed."""
    told = threading.Event()
    with child(pretend, url, page_size) as process:

        def kill() -> None:
            while not checkpoints.load(warehouse, pretend.source.name, stream).reads:
                told.wait(0.01)
            process.kill()

        pretend.sandbox.fault(vendor=pretend.source.name, call=kill, **rule)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, said
    runs.finish(warehouse, said.split()[0], runs.Status.FAILED)  # as the sweeper would


def finished(pretend: Pretend, url: str, page_size: int) -> str:
    """Let a full read come to its end; return how it ended."""
    with child(pretend, url, page_size) as process:
        said, _ = process.communicate(timeout=120)
    return said.split(maxsplit=1)[1].strip()


def main(name: str, url: str, page_size: int) -> None:
    """Read until the end, if it comes."""
    source: Source = import_module(f"connectors.sources.{name}").SOURCE
    warehouse = Warehouse.open(url)
    begun = start_run(warehouse, name)
    print(begun.run_id, flush=True)
    stopping = threading.Event()
    context = Context(
        throttles=open_throttles(None, stopping=stopping), stopping=stopping, clock=lambda: NOW
    )
    options = Options(mode="full", page_size=page_size, batch_size=page_size)
    with SourceSync.open(
        source, warehouse, begun, options, context=context, settings=load(source.settings)
    ) as opened:
        status, reason = verdict(run(opened))
    runs.finish(warehouse, begun.run_id, status)
    print(status, reason or "", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
