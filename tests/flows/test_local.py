"""The local stack: what a second `make up` may leave out, and how its processes are kept."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
import yaml

from deployments import local
from deployments.processes import FolderOfProcesses

PROJECT = Path(__file__).parents[2]
NAMES = ("hubspot", "callrail")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project of its own, in place of this one."""
    for folder in ("flows", "connectors"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "module.py").write_text("A = 1\n")
    rows = [{"name": name} for name in NAMES]
    (tmp_path / "prefect.yaml").write_text(yaml.safe_dump({"deployments": rows}))
    monkeypatch.setattr(local, "ROOT", tmp_path)
    return tmp_path


class Deployments(BaseHTTPRequestHandler):
    """Answers as a Prefect server that knows `known`, or that has no time at all."""

    known: tuple[str, ...] | None = NAMES

    def do_POST(self) -> None:
        body = json.dumps([{"name": name} for name in self.known or ()]).encode()
        self.send_response(200 if self.known is not None else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Say nothing."""


@pytest.fixture
def server() -> Generator[str]:
    """The address of such a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Deployments) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/api"
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("changed", ["prefect.yaml", "flows/module.py", "connectors/module.py"])
def test_a_change_of_what_deploying_tells_the_server_is_noticed(
    project: Path, changed: str
) -> None:
    before = local.deployed_by()
    assert local.deployed_by() == before

    with (project / changed).open("a") as file:
        file.write("# changed\n")

    assert local.deployed_by() != before


@pytest.mark.parametrize(
    ("known", "missing"),
    [(NAMES, set[str]()), (("hubspot",), {"callrail"}), (None, set(NAMES))],
    ids=["all there", "one deleted", "server too busy"],
)
def test_deployments_that_the_server_does_not_know_are_missed(
    project: Path,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    known: tuple[str, ...] | None,
    missing: set[str],
) -> None:
    monkeypatch.setattr(Deployments, "known", known)

    assert local._missing({"PREFECT_API_URL": server}) == missing  # pyright: ignore[reportPrivateUsage]


def test_a_process_is_known_by_its_folder_until_it_is_stopped(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    started = FolderOfProcesses(tmp_path).start("sleeper", command, {}, cwd=tmp_path)
    again = FolderOfProcesses(tmp_path)

    assert again.names() == ["sleeper"]
    assert again.pid("sleeper") == started
    assert again.start("sleeper", command, {}, cwd=tmp_path) == started
    assert again.stop("sleeper")
    assert not psutil.pid_exists(started)
    assert (again.names(), again.pid("sleeper")) == ([], None)
