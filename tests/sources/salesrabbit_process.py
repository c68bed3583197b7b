"""A full read of SalesRabbit in a process of its own, to be killed.

`python -m tests.sources.salesrabbit_process URL` prints its run's id and reads; SalesRabbit is
named by the environment, as for any run.
"""

from __future__ import annotations

import sys
import threading

from connectors.context import Context
from connectors.settings import load
from connectors.sources import salesrabbit
from connectors.sync import Options, SourceSync, run
from connectors.throttle import open_throttles
from connectors.warehouse.engine import Warehouse
from tests.sources.pretend import NOW
from tests.warehouse.loading import start_run


def main(url: str) -> None:
    """Read until the end, which is not expected to come."""
    warehouse = Warehouse.open(url)
    begun = start_run(warehouse, "salesrabbit")
    print(begun.run_id, flush=True)
    stopping = threading.Event()
    context = Context(
        throttles=open_throttles(None, stopping=stopping), stopping=stopping, clock=lambda: NOW
    )
    options = Options(mode="full", batch_size=40)
    settings = load(salesrabbit.SOURCE.settings)
    with SourceSync.open(
        salesrabbit.SOURCE, warehouse, begun, options, context=context, settings=settings
    ) as opened:
        run(opened)


if __name__ == "__main__":
    main(sys.argv[1])
