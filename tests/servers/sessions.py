"""One test process, its folder and the record of its servers, by which the next one cleans up."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

HOME = Path("/tmp")  # not $TMPDIR, which may be long: a socket's path ends at 107 bytes
PREFIX = "crm-sync-t-"
STOPPING = 15.0  # seconds before a server that was asked to stop is killed
ACCOUNT = "nobody"  # PostgreSQL and MariaDB refuse to run as root


class UnavailableError(Exception):
    """A server cannot be started here; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Session:
    """One test process and its folder."""

    folder: Path

    def subfolder(self, name: str) -> Path:
        """A new folder for a server, owned by the account it will run as."""
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT)
        return folder

    def record(self, process: psutil.Process) -> None:
        """Write a server's pid down for the reaper."""
        with (self.folder / "servers").open("a") as file:
            file.write(json.dumps([process.pid, process.create_time()]) + "\n")


def open_session() -> Session:
    """Make this process's folder, once leftovers of dead sessions are gone."""
    reap()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=HOME))
    folder.chmod(0o755)  # servers run as another account
    me = psutil.Process()
    (folder / "owner").write_text(json.dumps([me.pid, me.create_time()]))
    return Session(folder)


def close_session(session: Session) -> None:
    """End whatever is still recorded as running, then remove the folder."""
    for process in recorded(session.folder / "servers"):
        _end(process)
    shutil.rmtree(session.folder, ignore_errors=True)  # a last writer may be a moment late


def reap() -> None:
    """End the servers of sessions whose test process no longer lives."""
    for folder in HOME.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # another session clears it right now
            owner = folder / "owner"
            # A folder without its owner file belongs to a session that is just starting.
            mine = folder.stat().st_uid == os.geteuid()
            if mine and owner.is_file() and not list(recorded(owner)):
                close_session(Session(folder))


def recorded(file: Path) -> Iterator[psutil.Process]:
    """Processes of a pid file that still are the ones written down."""
    for line in file.read_text().splitlines() if file.is_file() else ():
        with contextlib.suppress(psutil.NoSuchProcess, ValueError):  # gone, or half a line
            pid, created = json.loads(line)
            process = psutil.Process(pid)
            if process.create_time() == created and alive(process):
                yield process


def alive(process: psutil.Process) -> bool:
    """Whether it still runs. A killed child that nobody waited for does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _end(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        try:
            process.wait(STOPPING)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOPPING)
