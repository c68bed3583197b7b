"""A small threaded HTTP/1.1 server that can misbehave on the wire.

The standard library's request handler parses headers as e-mail, which costs more than a page of
records does here, and has no way to cut or reset an answer. This one reads what clients send
(keep-alive, bodies with a length or in chunks, `Expect: 100-continue`) and delivers answers as
`Delivery` says.
"""

import contextlib
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from http import HTTPStatus
from io import BufferedIOBase

from connectors.sandbox.faults import Delivery
from connectors.sandbox.messages import Request, Response, decoded_path

MAX_LINE = (
    256 * 1024
)  # a request line may be absurdly long: the vendor answers 414, not this server
MAX_HEADERS = 200
REASONS = {status.value: status.phrase for status in HTTPStatus}
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: closing sends RST instead of FIN

Answer = Callable[[Request], Delivery]


class Listener(socketserver.ThreadingTCPServer):
    """Listens on loopback and answers each connection in a daemon thread."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, answer: Answer) -> None:
        self.answer = answer
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Connection)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def stop(self) -> None:
        """Stop listening and end every connection."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):  # already ended by its own thread
                connection.shutdown(socket.SHUT_RDWR)

    def track(self, connection: socket.socket) -> None:
        """Remember an open connection, so that `stop` can end it."""
        self._connections.add(connection)

    def forget(self, connection: socket.socket) -> None:
        """The connection is over."""
        self._connections.discard(connection)


class Connection(socketserver.StreamRequestHandler):
    """One client connection: requests one after the other until either side has enough."""

    server: Listener  # pyright: ignore[reportIncompatibleVariableOverride] - always ours
    rbufsize = 256 * 1024
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer requests until the connection ends."""
        self.server.track(self.connection)
        try:
            while (request := read_request(self.rfile, self.connection)) is not None:
                delivery = self.server.answer(request)
                if (
                    not self._deliver(request, delivery)
                    or request.headers.get("connection", "").lower() == "close"
                ):
                    break
        except (OSError, ValueError):
            return  # the client went away or speaks no HTTP: nothing to answer
        finally:
            self.server.forget(self.connection)

    def finish(self) -> None:
        """Close quietly: after a reset or a vanished client there is nothing left to flush."""
        with contextlib.suppress(OSError):
            super().finish()

    def _deliver(self, request: Request, delivery: Delivery) -> bool:
        """Send the answer as its rule wants; False when the connection must end with it."""
        rule, response = delivery.rule, delivery.response
        if rule.latency:
            self.server.stopping.wait(rule.latency)
        if rule.reset == "before":
            return self._reset()
        head, body = wire_head(response), b"" if request.method == "HEAD" else response.body
        if rule.reset == "headers":
            self.connection.sendall(head)
            return self._reset()
        if rule.cut is not None:
            self.connection.sendall(head + body[: int(len(body) * rule.cut)])
            return False
        if rule.drip or rule.stall:
            self.connection.sendall(head)
            return self._dawdle(body, stall=rule.stall, drip=rule.drip)
        self.connection.sendall(head + body)
        return True

    def _dawdle(self, body: bytes, *, stall: float, drip: float) -> bool:
        middle = len(body) // 2
        pieces = (
            [body[i : i + 1] for i in range(len(body))] if drip else [body[:middle], body[middle:]]
        )
        for number, piece in enumerate(pieces):
            if number and self.server.stopping.wait(drip or stall):
                return False
            self.connection.sendall(piece)
        return True

    def _reset(self) -> bool:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()
        return False


def wire_head(response: Response) -> bytes:
    """Status line and headers."""
    lines = [
        f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}",
        f"Content-Type: {response.content_type}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    if "Transfer-Encoding" not in response.headers:  # else the vendor framed its chunks itself
        lines.append(f"Content-Length: {len(response.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def read_request(stream: BufferedIOBase, connection: socket.socket) -> Request | None:
    """The next request, or None at the end of the connection.

    Raises `ValueError` when it is no HTTP/1.
    """
    line = stream.readline(MAX_LINE)
    if not line.strip():
        return None
    method, target, _version = line.decode("latin-1").split(maxsplit=2)
    headers: dict[str, str] = {}
    while (line := stream.readline(MAX_LINE)) not in {b"\r\n", b"\n", b""}:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
        if len(headers) > MAX_HEADERS:
            raise ValueError("too many headers")
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(
        method=method,
        path=decoded_path(target),
        target=target,
        headers=headers,
        body=_read_body(stream, headers),
    )


def _read_body(stream: BufferedIOBase, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        pieces: list[bytes] = []
        while size := int(stream.readline(MAX_LINE).partition(b";")[0], 16):
            pieces.append(stream.read(size))
            stream.readline(MAX_LINE)
        stream.readline(MAX_LINE)
        return b"".join(pieces)
    length = int(headers.get("content-length") or 0)
    return stream.read(length) if length else b""
