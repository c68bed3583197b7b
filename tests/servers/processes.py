"""Child processes that are servers: started, waited for, stopped."""

from __future__ import annotations

import contextlib
import grp
import importlib.util
import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import psutil

from tests.servers.sessions import ACCOUNT, STOPPING, Session, UnavailableError

STARTUP = 60.0  # seconds; a loaded machine needs a few


def free_port() -> int:
    """A loopback TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    session: Session,
    command: Sequence[str],
    *,
    folder: Path,
    ready: Callable[[], bool],
    unprivileged: bool = False,
    environment: Mapping[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Generator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends; enter once `ready()` is true.

    `ready` is polled; it answers False or raises OSError while the server starts. A
    server that exits or stays silent for `STARTUP` seconds fails with its own log. Output
    goes to `log.txt` in `folder`; `stop` is the signal that asks for an orderly end.
    """
    log = folder / "log.txt"
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches pytest, which then stops it in order
            env=None if environment is None else dict(environment),
            **_as_account(unprivileged=unprivileged),
        )
    process = psutil.Process(child.pid)
    session.record(process)
    try:
        deadline = time.monotonic() + STARTUP
        while not _answers(ready):
            if child.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace")[-2000:]
                message = f"{command[0]} did not start (exit code {child.poll()}):\n{last}"
                raise RuntimeError(message)
            time.sleep(0.02)
        yield child
    finally:
        child.send_signal(stop)
        try:
            child.wait(STOPPING)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(STOPPING)


def _answers(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except OSError:
        return False


class _Account(TypedDict):
    user: str | None
    group: str | None
    extra_groups: list[str] | None


def _as_account(*, unprivileged: bool) -> _Account:
    if unprivileged and os.geteuid() == 0:
        group = grp.getgrgid(pwd.getpwnam(ACCOUNT).pw_gid).gr_name
        return _Account(user=ACCOUNT, group=group, extra_groups=[])
    return _Account(user=None, group=None, extra_groups=None)


def set_up(command: Sequence[str], *, cwd: Path) -> None:
    """Run a set-up command as the server's account; its output is in the error."""
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        **_as_account(unprivileged=True),
    )
    if done.returncode:
        message = f"{command[0]} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}"
        raise RuntimeError(message)


def package_folder(name: str) -> Path:
    """Where an installed package lies. Importing it would start machinery of its own."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        message = f"{name} is not installed: pip install -r requirements-dev.lock"
        raise UnavailableError(message)
    return Path(spec.origin).parent
