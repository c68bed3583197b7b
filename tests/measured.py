"""One measured sync in a process of its own: `python -m tests.measured SOURCE URL [options]`.

Prints one JSON line with rows, seconds, CPU and peak memory of this process alone. The
vendor's address and credentials come from the environment, as in any run.
"""

from __future__ import annotations

import argparse
import json
import resource
import threading
import time
import uuid

from connectors.context import Context
from connectors.registry import SOURCES
from connectors.settings import load
from connectors.sync import Options, SourceSync, run
from connectors.throttle import open_throttles
from connectors.warehouse import locks, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate


def main() -> None:
    """Run one sync and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("url")
    parser.add_argument("--streams")
    parser.add_argument("--mode", default="full")
    parser.add_argument("--batch-size", type=int, default=1_000)
    parser.add_argument("--page-size", type=int, default=200)
    wished = parser.parse_args()
    source = SOURCES[wished.source]
    warehouse = Warehouse.open(wished.url)
    migrate(warehouse)
    stopping = threading.Event()
    context = Context(throttles=open_throttles(None, stopping=stopping), stopping=stopping)
    run_id = str(uuid.uuid4())
    runs.open_run(warehouse, runs.NewRun(run_id=run_id, source=source.name, mode=wished.mode))
    acquired = locks.acquire(warehouse, source.name, run_id)
    assert isinstance(acquired, locks.Acquired), acquired
    ref = runs.RunRef(run_id=run_id, source=source.name, fence=acquired.fence)
    runs.start(warehouse, ref)
    options = Options(
        mode=wished.mode,
        streams=tuple(wished.streams.split(",")) if wished.streams else None,
        batch_size=wished.batch_size,
        page_size=wished.page_size,
    )
    began, cpu = time.perf_counter(), time.process_time()
    with SourceSync.open(
        source, warehouse, ref, options, context=context, settings=load(source.settings)
    ) as opened:
        reports = run(opened)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    runs.finish(warehouse, run_id, runs.Status.SUCCESS)
    rows = sum(report.counts.read for report in reports)
    print(
        json.dumps(
            {
                "rows": rows,
                "seconds": round(seconds, 2),
                "rows_per_second": round(rows / seconds),
                "cpu_us_per_row": round(cpu / max(1, rows) * 1e6, 1),
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "requests": context.meter.requests,
                "throttled_seconds": round(context.meter.throttled_seconds, 1),
                "status": [f"{r.stream}:{r.status}:{r.error}" for r in reports if r.error],
            }
        )
    )


if __name__ == "__main__":
    main()
