"""`make chaos`: kill, stop and cut things while syncs run, one JSON line per figure.

Every storm hits syncs of the same orders at seeded moments until one ends by itself, then
compares the warehouse with the vendor: `lost` rows, rows counted `twice`, rows `foreign` to
the vendor must all be 0, and the build that commits rows and checkpoint apart must lose some,
or the storm proves nothing. Exit code 1 when a figure is not as it must be.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import make_url

from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.migrate import migrate
from connectors.warehouse.sweep import sweep
from tests import servers
from tests.acme import ORDERS
from tests.warehouse.loading import rows
from tests.warehouse.test_crash import child, until

ROOT = Path(__file__).parents[1]
SLOW = "0.02"  # seconds a victim rests after each commit, so that harm meets it alive
OUTAGE = 2.0  # seconds that a cut connection stays cut, and a vendor silent
Victim = subprocess.Popen[str]
Harm = Callable[[Victim, Warehouse], None]
wrong: list[str] = []


def say(figure: str, **values: Any) -> None:
    """Print one figure."""
    print(json.dumps({"figure": figure} | values), flush=True)


def must(figure: str, *, hold: bool) -> None:
    """Remember a figure that is not as it must be."""
    if not hold:
        wrong.append(figure)


def kill(victim: Victim, _warehouse: Warehouse) -> None:
    """Kill -9."""
    victim.kill()


def replace(victim: Victim, warehouse: Warehouse) -> None:
    """Stop it, let another run take over and commit a batch, kill that one, wake the first."""
    os.kill(victim.pid, signal.SIGSTOP)
    sweep(warehouse, timedelta(0))
    url = warehouse.engine.url.render_as_string(hide_password=False)
    with child(url, total(victim), "--slow", SLOW) as second:
        until(second, "committed")
    os.kill(victim.pid, signal.SIGCONT)


def end_sessions(_victim: Victim, warehouse: Warehouse) -> None:
    """Let the database end every session but ours."""
    with warehouse.begin() as db:
        db.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


def kill_backend(_victim: Victim, warehouse: Warehouse) -> None:
    """Kill -9 a process of the database, which then restarts all of itself."""
    with warehouse.read() as db:
        found = db.exec_driver_sql(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND application_name = 'crm-sync'"
        ).scalars()
        backends = list(found)
    for pid in backends[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def total(victim: Victim) -> int:
    """Return the count of orders that a victim was started with."""
    command = victim.args
    assert isinstance(command, list)
    return int(str(command[4]))


def storm(figure: str, url: str, harm: Harm, *, count: int, harms: int, victim_url: str) -> None:
    """Harm syncs at seeded moments, `harms` times; then let one end; print the balance."""
    warehouse, dice, began = Warehouse.open(url), random.Random(figure), time.monotonic()
    migrate(warehouse)
    started = ended_well = 0
    while harms:
        started += 1
        with child(victim_url, count, "--slow", SLOW) as victim:
            while harms:
                try:
                    until(victim, "committed", dice.randint(1, 6))
                except pytest.fail.Exception:  # the victim has ended
                    break
                harms -= 1
                harm(victim, warehouse)
            output, _ = victim.communicate(timeout=120)
            ended_well += victim.returncode == 0 and "SUCCESS" in output
        reachable(warehouse)
        sweep(warehouse, timedelta(0))
    started += 1
    with child(victim_url, count) as last:
        output, _ = last.communicate(timeout=120)
    must(f"{figure}: the last run succeeds", hold=last.returncode == 0)
    balance(figure, warehouse, count, runs=started, ended_well=ended_well, began=began)
    warehouse.close()


def balance(figure: str, warehouse: Warehouse, count: int, *, began: float, **more: int) -> None:
    """Compare the warehouse with the vendor and the books with the warehouse."""
    stored = {key: int(row["amount"]) for key, row in rows(warehouse, ORDERS).items()}
    truth = {f"{n:05}": n for n in range(count)}
    with warehouse.read() as db:
        sums = "SELECT sum(rows_inserted), sum(rows_read) FROM sync_runs"
        inserted, read = map(int, execute(db, sums).one())
    kept = {
        "lost": sum(stored.get(key) != n for key, n in truth.items()),
        "foreign": len(stored.keys() - truth.keys()),
        "twice": inserted - count,
    }
    must(figure, hold=not any(kept.values()))
    seconds = round(time.monotonic() - began, 1)
    say(figure, rows=count, **kept, read_again=read - count, **more, seconds=seconds)


def reachable(warehouse: Warehouse) -> None:
    """Wait until the database answers again: it may be restarting."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with warehouse.read() as db:
                execute(db, "SELECT 1")
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def torn(url: str, count: int) -> None:
    """Kill the build that commits rows and checkpoint apart: it must be found out."""
    figure = "control: two transactions, kill -9 (lost must not be 0)"
    warehouse = Warehouse.open(url)
    migrate(warehouse)
    with child(url, count, "--two-transactions") as victim:
        until(victim, "torn", 4)
        victim.kill()
    sweep(warehouse, timedelta(0))
    with child(url, count) as last:
        last.communicate(timeout=120)
    lost = count - len(rows(warehouse, ORDERS))
    warehouse.close()
    must(figure, hold=lost > 0)
    say(figure, rows=count, lost=lost)


class Cable:
    """A unix socket in front of PostgreSQL's that can be cut for a while."""

    def __init__(self, behind: str, folder: str) -> None:
        self.folder = folder
        self._behind, self._open = behind, list[socket.socket]()
        self._cut = threading.Event()
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(f"{folder}/.s.PGSQL.5432")
        self._door.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def harm(self, _victim: Victim, _warehouse: Warehouse) -> None:
        """End every connection, and refuse new ones for `OUTAGE` seconds."""
        self._cut.set()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()
        threading.Timer(OUTAGE, self._cut.clear).start()

    def _serve(self) -> None:
        while True:
            near, _ = self._door.accept()
            if self._cut.is_set():
                near.close()
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect(f"{self._behind}/.s.PGSQL.5432")
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while piece := one.recv(65_536):
                other.sendall(piece)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def vendors() -> Generator[tuple[Victim, dict[str, str]]]:
    """Start the pretend HubSpot; yield its process and the environment that reaches it."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "connectors.sandbox", "--only", "hubspot", "--scale", "5"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    environment: dict[str, str] = {}
    for line in process.stdout:
        if line.strip() == "ready":
            break
        name, _, text = line.removeprefix("export ").strip().partition("=")
        environment[name] = text.strip("'")
    try:
        yield process, environment
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def silent_vendor(url: str) -> None:
    """Stop the vendor's process again and again while HubSpot's contacts are read."""
    figure = f"hubspot contacts: the vendor falls silent for {OUTAGE:.0f} s, three times"
    warehouse, began = Warehouse.open(url), time.monotonic()
    migrate(warehouse)
    with vendors() as (vendor, environment):
        origin = environment["HUBSPOT_BASE_URL"].removesuffix("/hubspot")
        asked = httpx.get(f"{origin}/__ledger/hubspot/contacts?records=0&limit=1000000")
        truth = {entry["id"] for entry in asked.json() if not entry["deleted"]}
        command = [sys.executable, "-m", "tests.measured", "hubspot", url, "--streams", "contacts"]
        with subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, text=True
        ) as run:
            for _ in range(3):
                before = served(origin)
                while run.poll() is None and served(origin) == before:
                    time.sleep(0.05)
                os.kill(vendor.pid, signal.SIGSTOP)
                time.sleep(OUTAGE)
                os.kill(vendor.pid, signal.SIGCONT)
            output, _ = run.communicate(timeout=300)
    with warehouse.read() as db:
        kept = "SELECT id FROM hubspot_contacts WHERE _deleted_at IS NULL"
        stored = {str(key) for key in execute(db, kept).scalars()}
    warehouse.close()
    must(figure, hold=stored == truth and run.returncode == 0)
    found = json.loads(output) if run.returncode == 0 else {"status": output}
    seconds = round(time.monotonic() - began, 1)
    lost, foreign = len(truth - stored), len(stored - truth)
    say(figure, lost=lost, foreign=foreign, **found | {"seconds": seconds})


def served(origin: str) -> int:
    """Return how many requests the pretend vendor has answered."""
    return int(httpx.get(f"{origin}/__stats").json()["hubspot"]["requests"])


def main() -> int:
    """Let the storms loose."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000, help="orders of each storm")
    parser.add_argument("--harms", type=int, default=8, help="times that each storm strikes")
    wished = parser.parse_args()
    logging.getLogger("connectors").setLevel(logging.ERROR)  # sweeps are what happens all the time
    storms: dict[str, Harm] = {
        "kill -9": kill,
        "stopped, replaced, woken": replace,
        "sessions ended": end_sessions,
        "database process killed": kill_backend,
    }
    size = {"count": wished.rows, "harms": wished.harms}
    session = servers.open_session()
    try:
        with tempfile.TemporaryDirectory() as folder:
            torn(f"sqlite:///{folder}/torn.db", 100)
            for name in ("kill -9", "stopped, replaced, woken"):
                url = f"sqlite:///{folder}/{name[:4]}.db"
                storm(f"sqlite: {name}", url, storms[name], victim_url=url, **size)
        with servers.postgres(session, servers.wheel_binaries()) as admin:
            for name, harm in storms.items():
                with servers.postgres_database(admin) as url:
                    storm(f"postgresql: {name}", url, harm, victim_url=url, **size)
            cable = Cable(str(make_url(admin).query["host"]), str(session.subfolder("cable")))
            with servers.postgres_database(admin) as url:
                through = make_url(url).update_query_dict({"host": cable.folder})
                storm(
                    f"postgresql: connections cut for {OUTAGE:.0f} s",
                    url,
                    cable.harm,
                    victim_url=through.render_as_string(hide_password=False),
                    **size,
                )
            with servers.postgres_database(admin) as url:
                silent_vendor(url)
    finally:
        servers.close_session(session)
    for figure in wrong:
        print(f"not as it must be: {figure}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
