"""A sync of the pretend vendor in a process of its own, to be killed, stopped and continued.

`python -m tests.crashing URL COUNT [--slow SECONDS] [--two-transactions]` reads COUNT
orders, ten to a page and batch, and prints `committed N` after each batch. With
`--two-transactions` the checkpoint is committed before its rows: the build that the
crash test must find out.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from connectors.errors import SyncError
from connectors.model import Counts
from connectors.warehouse import checkpoints
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.load import Batch, StreamWriter
from connectors.warehouse.migrate import migrate
from tests.acme import Acme, sync


def vendor(count: int) -> Acme:
    """Return a vendor with `count` orders."""
    acme = Acme()
    for n in range(count):
        acme.put("orders", f"{n:05}", amount=str(n))
    return acme


def tell(slow: float) -> None:
    """Print a line after each commit, and take one's time before the next."""
    write = StreamWriter.write

    def told(self: StreamWriter, batch: Batch, state: Any) -> Counts:
        counts = write(self, batch, state)
        print(f"committed {counts.read}", flush=True)
        time.sleep(slow)
        return counts

    StreamWriter.write = told


def tear_apart() -> None:
    """Commit the checkpoint in a transaction of its own, before the rows."""
    write = StreamWriter.write

    def torn(self: StreamWriter, batch: Batch, state: Any) -> Counts:
        with self.warehouse.write() as db:
            checkpoints.save(db, self.run.source, self.stream.name, state, self.run.run_id)
        print("torn", flush=True)
        time.sleep(0.05)
        return write(self, batch, None)

    StreamWriter.write = torn


def main() -> int:
    """Run one sync; exit 0 when it succeeded."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("--slow", type=float, default=0)
    parser.add_argument("--two-transactions", action="store_true")
    wished = parser.parse_args()
    if wished.two_transactions:
        tear_apart()
    tell(wished.slow)
    warehouse = Warehouse.open(wished.url)
    migrate(warehouse)
    print("started", flush=True)
    try:
        status, reports = sync(vendor(wished.count), warehouse, streams=("orders",))
    except SyncError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        return 1
    print(f"{status} {reports['orders'].counts.read}", flush=True)
    return 0 if status == "SUCCESS" else 1


if __name__ == "__main__":
    sys.exit(main())
