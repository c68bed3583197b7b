"""The beat of a run: proof of life, progress and memory, every few seconds.

It has its own thread and its own connections, so it goes on while SQL or parsing blocks.
Failing to beat never harms the run. It never writes to the console either: once a worker
has died, its children's console is a broken pipe, and a line on it would end the run.
"""

from __future__ import annotations

import logging
import threading

from connectors.context import Meter
from connectors.errors import MemoryExceeded, RunError, Stopped
from connectors.secrets import scrub
from connectors.sync import SourceSync
from connectors.warehouse import runs
from connectors.warehouse.engine import Warehouse
from flows.memory import Memory
from flows.settings import FlowSettings

API_ONLY = "prefect.extra.heartbeat"  # Prefect sends this logger to its API and nowhere else
JOIN_SECONDS = 2.0  # a statement that hangs must not keep a run from ending


class Heartbeat:
    """Beats for one run from `start` to `stop`, and tells the run to end when it must.

    `stopping` is set when the run must end; `verdict` then says why.
    """

    def __init__(self, run_id: str, warehouse: Warehouse, settings: FlowSettings) -> None:
        self.meter = Meter()
        self.memory = Memory()
        self.stopping = threading.Event()
        self.verdict: RunError | None = None
        self.work: SourceSync | None = None
        self._run_id = run_id
        self._warehouse = warehouse
        self._settings = settings
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"beat {run_id}", daemon=True)
        self._log = logging.LoggerAdapter(logging.getLogger(API_ONLY), {"flow_run_id": run_id})

    def start(self) -> None:
        """Begin to beat; the first beat is sent at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the beat. Twice is fine."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_SECONDS)

    def check(self) -> None:
        """Raise why the run must end, if it must."""
        if self.verdict is not None:
            raise self.verdict

    def sign(self) -> runs.Beat:
        """Measure memory and read off progress."""
        self.memory.sample()
        where = self.work.progress if self.work else None
        return runs.Beat(
            rss_mb=self.memory.now,
            peak_rss_mb=self.memory.peak,
            stream=where.stream if where else None,
            rows=where.rows if where else None,
            page=where.pages if where else None,
            requests=self.meter.requests,
            retries=self.meter.retries,
            throttled_seconds=self.meter.throttled_seconds,
        )

    def _loop(self) -> None:
        while not self._ended.is_set():
            try:
                self._beat()
            except Exception as error:  # noqa: BLE001 - whatever it is, the run itself may be well
                self._log.warning("no beat: %s", scrub(f"{type(error).__name__}: {error}"))
            self._ended.wait(self._settings.heartbeat_seconds)

    def _beat(self) -> None:
        sign = self.sign()
        self._watch_memory(sign.rss_mb)
        if not runs.beat(self._warehouse, self._run_id, sign) and not self._ended.is_set():
            self._end_run(Stopped("This run was closed from outside: taken for dead or cancelled."))

    def _watch_memory(self, rss_mb: float) -> None:
        soft, hard = self._settings.memory_soft_mb, self._settings.memory_hard_mb
        if hard and rss_mb > hard:
            self._end_run(
                MemoryExceeded(
                    f"The process holds {rss_mb:.0f} MiB, above MEMORY_HARD_MB={hard}: what is "
                    "committed stays, and the next run goes on from there."
                )
            )
        elif soft and rss_mb > soft and self.work:
            self._log.info("%.0f MiB, above MEMORY_SOFT_MB=%d: smaller steps", rss_mb, soft)
            self.work.limit_memory()

    def _end_run(self, verdict: RunError) -> None:
        self.verdict = self.verdict or verdict  # the first reason stands
        self.stopping.set()
