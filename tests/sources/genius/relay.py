"""A wire between a client and MariaDB at which a test stands: it acts in mid-query."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests import servers

BLOCK = 1 << 16  # bytes; less than any answer that a test wants to cut


@dataclass
class Relay:
    """Forwards connections to the server; `call`s once, at the `nth` query that holds `query`.

    Before the query reaches the server, or with `after` bytes of its answer forwarded. What
    `call` raises is raised at the end of the block.
    """

    server: servers.MariaDb
    query: bytes
    call: Callable[[], object]
    nth: int = 1
    after: int | None = None
    port: int = 0
    seen: int = 0
    left: int | None = None  # bytes of the answer to forward before the call
    failure: BaseException | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Listen."""
        listener = self._open.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hang up."""
        self._open.close()
        if self.failure is not None:
            raise self.failure

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the block has ended
            while True:
                client, _ = listener.accept()
                server = socket.socket()
                server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BLOCK)
                server.connect((self.server.host, self.server.port))
                for wire in (client, server):
                    self._open.callback(wire.close)
                for one, other, watch in (
                    (client, server, self._asked),
                    (server, client, self._answered),
                ):
                    threading.Thread(target=_pump, args=(one, other, watch), daemon=True).start()

    def _asked(self, block: bytes) -> None:
        if self.query not in block:
            return
        self.seen += 1
        if self.seen == self.nth:
            if self.after is None:
                self._call()
            self.left = self.after

    def _answered(self, block: bytes) -> None:
        if self.left is None:
            return
        self.left -= len(block)
        if self.left <= 0:
            self.left = None
            self._call()

    def _call(self) -> None:
        try:
            self.call()
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread
            self.failure = error


def _pump(one: socket.socket, other: socket.socket, watch: Callable[[bytes], None]) -> None:
    """Forward what `one` sends, watched, until either side hangs up; then hang up on both."""
    with suppress(OSError):
        while block := one.recv(BLOCK):
            watch(block)
            other.sendall(block)
    for wire in (one, other):
        with suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
