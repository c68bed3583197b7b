"""A Prefect server, a worker and the sandbox on this machine.

    python -m deployments.local up [--port 4200]
    python -m deployments.local down

Everything is kept in `.prefect/` of the project. `up` starts what is not running and leaves
the rest alone; `down` stops what `up` started, by process id.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import httpx
import yaml

from deployments.processes import FolderOfProcesses, NotStartedError

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".prefect"
START_SECONDS = 300.0  # a new server database takes half a minute, ten times that when others work
USUAL_PORT = 4200

STORAGE = "prefect.server.concurrency.lease_storage.filesystem"
SERVER_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # Leases in memory are lost with the server, and their slots with them.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": STORAGE,
    "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}


def up(
    port: int | None = None, *, home: Path = HOME, warehouse: str | None = None
) -> dict[str, str]:
    """Start what is missing; return the environment in which commands reach the stack.

    All state is kept in `home`; `warehouse` is a SQLAlchemy URL, by default that of the
    environment or a file of the project. Raises `NotStartedError` with the end of the log of
    what did not come up.
    """
    stack = FolderOfProcesses(home / "local")
    say("server", "starting; the first start takes half a minute")
    api = server(stack, port, home)
    say("server", f"ready at {api.removesuffix('/api')}")
    say("sandbox", "starting")
    environment = {"PREFECT_HOME": str(home), "PREFECT_API_URL": api} | _sandbox(stack)
    environment["WAREHOUSE_URL"] = (
        warehouse or os.environ.get("WAREHOUSE_URL") or f"sqlite:///{ROOT}/warehouse.sqlite3"
    )
    prepare(environment, home / "local")
    say("worker", "starting")
    _ = stack.start(
        "worker",
        [
            sys.executable,
            "-m",
            "prefect",
            "worker",
            "start",
            "--pool",
            "crm-sync",
            "--name",
            "local",
        ],
        environment | {"PREFECT_WORKER_QUERY_SECONDS": "2"},
        cwd=ROOT,
    )
    return environment


def down(home: Path = HOME) -> None:
    """Stop the stack: running syncs first, so that each can close its row, the server last."""
    stack = FolderOfProcesses(home / "local")
    for name in ("worker", "sandbox", "server"):
        say(name, "stopped" if stack.stop(name) else "was not running")


def prepare(environment: Mapping[str, str], folder: Path) -> None:
    """Bootstrap the server and deploy `prefect.yaml`, unless it holds just that already.

    `folder` remembers what was deployed. Raises `NotStartedError`.
    """
    say("bootstrap", "work pool, limits, block types")
    run([sys.executable, "-m", "deployments.bootstrap"], environment)
    note, wanted = folder / "deployed", deployed_by()
    if note.exists() and note.read_text() == wanted and _missing(environment) == set():
        say("deployments", "unchanged")
        return
    say("deployments", "schedules and parameters of prefect.yaml")
    run([sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"], environment)
    _ = note.write_text(wanted)


def deployed_by() -> str:
    """Return a digest of all that decides what `prefect deploy --all` tells the server.

    That is `prefect.yaml`, the flows' signatures and docstrings, the names that the run form
    offers, this folder, for the workers run it, and the release of Prefect.
    """
    files = [ROOT / "prefect.yaml", *ROOT.glob("flows/**/*.py"), *ROOT.glob("connectors/*.py")]
    digest = hashlib.sha256(f"{ROOT} {version('prefect')}".encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _missing(environment: Mapping[str, str]) -> set[str]:
    """Return the deployments of `prefect.yaml` that the server does not know, or does not say."""
    rows = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    wanted = {row["name"] for row in rows}
    access = environment.get("PREFECT_API_AUTH_STRING")
    try:
        answer = httpx.post(
            f"{environment['PREFECT_API_URL']}/deployments/filter",
            json={},
            auth=httpx.BasicAuth(*access.split(":", 1)) if access else None,
            timeout=30,
        ).raise_for_status()
    except httpx.HTTPError:  # too busy to tell: then it is told all of them again
        return wanted
    return wanted - {row["name"] for row in answer.json()}


def say(what: str, happens: str) -> None:
    """Print one line of progress on stderr."""
    print(f"{what:<12} {happens}", file=sys.stderr, flush=True)


def server(stack: FolderOfProcesses, port: int | None, home: Path) -> str:
    """Start the server unless it runs; return the address of its API once it answers.

    Raises `NotStartedError`.
    """
    running = stack.command("server")
    if running is None:
        port = port or free_port(USUAL_PORT)
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
        running = [*command, "--port", str(port)]
        # Without the second the UI calls port 4200, whatever the port that served it.
        own = {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api",
        }
        _ = stack.start("server", running, SERVER_ENVIRONMENT | own, cwd=ROOT)
    api = f"http://127.0.0.1:{running[-1]}/api"
    deadline = time.monotonic() + START_SECONDS
    while not healthy(api):
        if stack.command("server") is None or time.monotonic() > deadline:
            raise NotStartedError("the Prefect server", stack.log("server"))
        time.sleep(0.5)
    return api


def _sandbox(stack: FolderOfProcesses) -> dict[str, str]:
    """Start the pretend vendors; return the environment they print before `ready`."""
    if stack.command("sandbox") is None:
        command = [sys.executable, "-u", "-m", "connectors.sandbox", "--port", str(free_port())]
        _ = stack.start("sandbox", command, {}, cwd=ROOT)
    deadline = time.monotonic() + START_SECONDS
    while "ready" not in (lines := stack.log("sandbox").read_text().splitlines()):
        if stack.command("sandbox") is None or time.monotonic() > deadline:
            raise NotStartedError("the sandbox", stack.log("sandbox"))
        time.sleep(0.2)
    exports = (line.removeprefix("export ") for line in lines if line.startswith("export "))
    return dict(shlex.split(line)[0].split("=", 1) for line in exports)


def healthy(api: str) -> bool:
    """Tell whether the Prefect API at `api` answers."""
    try:
        return httpx.get(f"{api}/health", timeout=5).is_success
    except httpx.TransportError:
        return False


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if nothing listens there, else a port that is free now."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError("the system always has a free port")


def run(command: list[str], environment: Mapping[str, str]) -> None:
    """Run a command to its end, in the project's folder; raise `NotStartedError` if it fails."""
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=ROOT,
        env=os.environ | dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise NotStartedError(" ".join(command[1:4]), None)


def main() -> int:
    """Run from a shell."""
    parser = argparse.ArgumentParser(prog="python -m deployments.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up").add_argument("--port", type=int, help="of the Prefect server")
    commands.add_parser("down")
    chosen = parser.parse_args()
    if chosen.command == "down":
        down()
        return 0
    try:
        environment = up(chosen.port)
    except NotStartedError as error:
        print(error, file=sys.stderr)
        return 1
    print("\nUI:  " + environment["PREFECT_API_URL"].removesuffix("/api"))
    print("Run: prefect deployment run 'sync-source/hubspot' --watch, in this environment:\n")
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
