"""See it work: `make demo`. Pretend vendors, two syncs of each source, the run table.

Needs no server, account or database: a Prefect API for this one process, an SQLite file.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
WAREHOUSE = ROOT / "demo.sqlite3"
PERSONAL = ("PREFECT_API_URL", "PREFECT_PROFILE", "WAREHOUSE_SCHEMA", "REDIS_URL")


def main() -> int:
    """Run the demo. Exit code 0 when every run ended as SUCCESS."""
    say("Starting the pretend vendors ...")
    with sandbox() as environment:
        for name in PERSONAL:  # a demo must not reach a real server or warehouse
            os.environ.pop(name, None)
        for leftover in ROOT.glob(WAREHOUSE.name + "*"):
            leftover.unlink()
        home = ROOT / ".prefect" / "demo"
        home.mkdir(parents=True, exist_ok=True)  # Prefect makes the last folder of a path only
        os.environ |= {
            **environment,
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "WAREHOUSE_URL": f"sqlite:///{WAREHOUSE}",
        }
        return syncs(origin(environment))


def syncs(sandbox_url: str) -> int:
    """Sync every source in full, let time pass at the vendors, sync what changed."""
    # Not before the environment is set: Prefect reads its settings when it is imported.
    from rich.console import Console  # noqa: PLC0415

    from connectors import settings  # noqa: PLC0415
    from connectors.registry import SOURCES  # noqa: PLC0415
    from connectors.warehouse import history  # noqa: PLC0415
    from flows import cli, progress, status, tracking  # noqa: PLC0415
    from flows.sync_source import sync_source  # noqa: PLC0415

    cli.quiet()
    console = Console(highlight=False)
    for mode in ("full", "incremental"):
        for name, source in SOURCES.items():
            if not settings.enabled(name, default=source.enabled_by_default):
                continue
            say(f"{source.title}: {mode} sync ...")
            with progress.shown(console, "starting a Prefect API for this process (20 s)"):
                state = sync_source(source=name, mode=mode, return_state=True)
            if not state.is_completed():
                say(f"{source.title}: {state.message}")
        if mode == "full":
            say("Letting time pass at the vendors: records appear, change and vanish ...")
            step = urllib.request.Request(f"{sandbox_url}/__step", method="POST")  # noqa: S310
            urllib.request.urlopen(step, timeout=30).close()  # noqa: S310 - our own loopback server
    with closing(tracking.connect()) as warehouse:
        runs = history.recent(warehouse, limit=100)[::-1]
    console.print(status.runs_table(runs, title="What ran"))
    say(
        f"The warehouse is {WAREHOUSE.name}: open it with any SQLite tool; every source's tables\n"
        "are <source>_<stream>, the runs are in sync_runs and sync_stream_runs.\n"
        "Next: `make up` for a Prefect server with schedules and a UI, README.md for the rest."
    )
    return 0 if runs and all(run["status"] == "SUCCESS" for run in runs) else 1


@contextmanager
def sandbox() -> Generator[dict[str, str]]:
    """Run the pretend vendors; yield the environment that makes the sources reach them."""
    command = [sys.executable, "-u", "-m", "connectors.sandbox"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            assert process.stdout is not None
            environment: dict[str, str] = {}
            for line in process.stdout:
                if line.strip() == "ready":
                    break
                if line.startswith("export "):
                    name, _, value = shlex.split(line)[1].partition("=")
                    environment[name] = value
            yield environment
        finally:
            process.terminate()


def origin(environment: dict[str, str]) -> str:
    """Return where the sandbox listens, from any of the base URLs it gave out."""
    url = next(urlsplit(value) for value in environment.values() if value.startswith("http://"))
    return f"{url.scheme}://{url.netloc}"


def say(text: str) -> None:
    """Tell the person what happens."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
