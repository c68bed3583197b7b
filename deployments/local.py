"""A Prefect server, a worker and the sandbox on this machine.

    python -m deployments.local up [--port 4200]
    python -m deployments.local down

Everything is kept in `.prefect/` of the project. `up` starts what is not running and leaves
the rest alone; `down` stops what `up` started, by process id.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from deployments.processes import FolderOfProcesses, NotStartedError

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".prefect"
START_SECONDS = 180.0  # a new server database takes half a minute on a busy machine
USUAL_PORT = 4200

STORAGE = "prefect.server.concurrency.lease_storage.filesystem"
SERVER_ENVIRONMENT = {
    "PREFECT_HOME": str(HOME),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # Leases in memory are lost with the server, and their slots with them.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": STORAGE,
    "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}


def up(port: int | None = None) -> dict[str, str]:
    """Start what is missing; return the environment in which commands reach the stack.

    Raises `NotStartedError` with the end of the log of what did not come up.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A worker that inherits an ignored SIGINT never stops on SIGTERM.
    stack = FolderOfProcesses(HOME / "local")
    say("server", "starting; the first start takes half a minute")
    api = _server(stack, port)
    say("server", f"ready at {api.removesuffix('/api')}")
    say("sandbox", "starting")
    environment = {"PREFECT_HOME": str(HOME), "PREFECT_API_URL": api} | _sandbox(stack)
    environment["WAREHOUSE_URL"] = (
        os.environ.get("WAREHOUSE_URL") or f"sqlite:///{ROOT}/warehouse.sqlite3"
    )
    say("deployments", "work pool, limits, block types, schedules")
    _run([sys.executable, "-m", "deployments.bootstrap"], environment)
    _run([sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"], environment)
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


def down() -> None:
    """Stop the stack: running syncs first, so that each can close its row, the server last."""
    stack = FolderOfProcesses(HOME / "local")
    for name in ("worker", "sandbox", "server"):
        say(name, "stopped" if stack.stop(name) else "was not running")


def say(what: str, happens: str) -> None:
    """Print one line of progress on stderr."""
    print(f"{what:<12} {happens}", file=sys.stderr, flush=True)


def _server(stack: FolderOfProcesses, port: int | None) -> str:
    running = stack.command("server")
    if running is None:
        port = port or free_port(USUAL_PORT)
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
        running = [*command, "--port", str(port)]
        _ = stack.start("server", running, SERVER_ENVIRONMENT, cwd=ROOT)
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


def _run(command: list[str], environment: Mapping[str, str]) -> None:
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
