"""Processes that outlive the command which started them, known by a folder of pid files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import psutil

STOP_SECONDS = 10.0
CREATED_TOLERANCE = 1.0  # seconds; psutil's start times of one process differ by rounding


def hear_interrupts() -> None:
    """Let children hear SIGINT; call it in the main thread before starting any.

    What a shell starts in its background ignores SIGINT and hands that down. A Prefect
    worker ends by SIGINT (it passes SIGTERM on as that), so it would never stop.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        _ = signal.signal(signal.SIGINT, signal.default_int_handler)


class NotStartedError(Exception):
    """Something did not come up; the text ends with the last lines of its log."""

    def __init__(self, what: str, log: Path | None) -> None:
        lines = log.read_text(errors="replace").splitlines()[-15:] if log and log.exists() else []
        super().__init__("\n".join([f"{what} did not come up", *lines]))


class FolderOfProcesses:
    """One `<name>.json` (pid, start time, command) and one `<name>.log` per process."""

    _children: ClassVar[dict[int, subprocess.Popen[bytes]]] = {}
    """Those that this very process started: they are its zombies until it has waited."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def log(self, name: str) -> Path:
        """Where the output of `name` goes."""
        return self._folder / f"{name}.log"

    def names(self) -> list[str]:
        """Return the names of all that was started here and not stopped since."""
        return sorted(note.stem for note in self._folder.glob("*.json"))

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, cwd: Path
    ) -> int:
        """Start `command` unless `name` runs already; return its pid.

        It gets a session of its own, so that Ctrl-C in this terminal does not reach it.
        """
        if running := self._process(name):
            return running.pid
        hear_interrupts()
        with self.log(name).open("w") as log:
            started = subprocess.Popen(  # noqa: S603 - our own command
                command,
                cwd=cwd,
                env=os.environ | dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children[started.pid] = started
        created = psutil.Process(started.pid).create_time()
        note = {"pid": started.pid, "created": created, "command": list(command)}
        self._note(name).write_text(json.dumps(note))
        return started.pid

    def pid(self, name: str) -> int | None:
        """Return the pid of `name`; None when it is not running."""
        process = self._process(name)
        return process.pid if process else None

    def command(self, name: str) -> list[str] | None:
        """Return the command with which `name` was started; None when it is not running."""
        if self._process(name) is None:
            return None
        command: list[str] = json.loads(self._note(name).read_text())["command"]
        return command

    def stop(self, name: str) -> bool:
        """Stop `name` with SIGTERM, its children before it, SIGKILL after `STOP_SECONDS`.

        Children first: a worker that is told to stop kills its runs at once, and they
        would have no time to say how they ended. False when it was not running.
        """
        process = self._process(name)
        if process is not None:
            children = process.children(recursive=True)
            _end(children)
            _end([process])
            if child := self._children.pop(process.pid, None):
                _ = child.wait()
        self._note(name).unlink(missing_ok=True)
        return process is not None

    def _note(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _process(self, name: str) -> psutil.Process | None:
        """The living process of `name`, unless its pid belongs to another one by now."""
        try:
            note = json.loads(self._note(name).read_text())
            process = psutil.Process(note["pid"])
            same = abs(process.create_time() - note["created"]) < CREATED_TOLERANCE
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None


def _end(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    for process in alive:
        process.kill()
    _ = psutil.wait_procs(alive, timeout=STOP_SECONDS)
