"""Keep Python's collector of cycles out of the way while rows pass through."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

THRESHOLDS = (50_000, 20, 100)
"""Net allocations before a look at the youngest objects, and how rarely the older ones.

The oldest are in effect not looked at: a look at all that a process holds takes seconds.
"""


@contextmanager
def rarely_collected() -> Generator[None]:
    """Look for cycles rarely inside the block.

    Records are many, short-lived and free of cycles: their reference counts free them. By
    default the collector would walk the page in work after every 700 of them, a quarter of
    the CPU time of nested records (measured on LeadConduit's events).
    """
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
