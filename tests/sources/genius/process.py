"""A full read of one table of Genius in a process of its own, to be killed and run again.

`python -m tests.sources.genius.process URL STREAM PAGE_SIZE` reads, a page a batch, and prints how
the run ended. Genius is named by the environment, as for any run.
"""

from __future__ import annotations

import sys

from connectors.outcomes import verdict
from connectors.settings import load
from connectors.sources import genius
from connectors.sync import Options, SourceSync, run
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse
from tests.sources.genius.database import context
from tests.warehouse.loading import start_run


def main(url: str, stream: str, page_size: int) -> None:
    """Read until the end, if it comes."""
    warehouse = Warehouse.open(url)
    begun = start_run(warehouse, "genius")
    options = Options(mode="full", streams=(stream,), page_size=page_size, batch_size=page_size)
    settings = load(genius.SOURCE.settings)
    with SourceSync.open(
        genius.SOURCE, warehouse, begun, options, context=context(), settings=settings
    ) as opened:
        status, reason = verdict(run(opened))
    runs.finish(warehouse, begun.run_id, status)
    print(status, reason or "", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
