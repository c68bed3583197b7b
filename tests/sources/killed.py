"""A full read of a pretend vendor in a process of its own, to be killed and run again.

`python -m tests.sources.killed SOURCE URL OPTIONS` prints its run's id, reads into the warehouse at
URL, and prints how the run ended. OPTIONS are those of a sync, as JSON; the vendor is named by the
environment, as for any run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Reading:
    """A read of `pretend` into the warehouse at `url`, with these options and settings."""

    pretend: Pretend
    url: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    settings: dict[str, str] = field(default_factory=dict[str, str])

    @contextmanager
    def begun(self) -> Generator[subprocess.Popen[str]]:
        """Start the read; it is over with the block."""
        name = self.pretend.source.name
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, name, self.url, json.dumps(self.options)],
            cwd=ROOT,
            env=os.environ
            | self.pretend.sandbox.environment()
            | {f"{name.upper()}_BUDGET": BUDGET}
            | self.settings,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def killed(self, warehouse: Warehouse, stream: str, **rule: Any) -> None:
        """Kill it while it waits for the request that `rule` names, with pages committed."""
        told = threading.Event()
        with self.begun() as process:

            def kill() -> None:
                while not checkpoints.load(warehouse, self.pretend.source.name, stream).reads:
                    told.wait(0.01)
                process.kill()

            self.pretend.fault(call=kill, **rule)
            said, _ = process.communicate(timeout=120)
            assert process.returncode == -signal.SIGKILL, said
        runs.finish(warehouse, said.split()[0], runs.Status.FAILED)  # as the sweeper would

    def finished(self) -> str:
        """Let it come to its end; return how it ended."""
        with self.begun() as process:
            said, _ = process.communicate(timeout=120)
        return said.split(maxsplit=1)[1].strip()


def main(name: str, url: str, options: str) -> None:
    """Read until the end, if it comes."""
    source: Source = import_module(f"connectors.sources.{name}").SOURCE
    warehouse = Warehouse.open(url)
    begun = start_run(warehouse, name)
    print(begun.run_id, flush=True)
    stopping = threading.Event()
    context = Context(
        throttles=open_throttles(None, stopping=stopping), stopping=stopping, clock=lambda: NOW
    )
    with SourceSync.open(
        source,
        warehouse,
        begun,
        Options(mode="full", **json.loads(options)),
        context=context,
        settings=load(source.settings),
    ) as opened:
        status, reason = verdict(run(opened))
    runs.finish(warehouse, begun.run_id, status)
    print(status, reason or "", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
