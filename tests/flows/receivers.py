"""Where messages arrive in tests: a webhook and a mail server on loopback."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Received:
    """Where to send to, and what has come in."""

    url: str = ""
    status: int = 200
    messages: list[Any] = field(default_factory=list[Any])


@contextmanager
def webhook() -> Generator[Received]:
    """A server that takes JSON by POST and answers `status`."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.messages.append(json.loads(body))
            self.send_response(received.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received.url = f"http://127.0.0.1:{server.server_port}/services/T0/B0/very-secret-path"
        with _serving(server):
            yield received


@contextmanager
def mail_server() -> Generator[Received]:
    """A server that speaks just enough SMTP to take letters."""
    received = Received()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 pretend")
            while line := self.rfile.readline().decode().strip():
                verb = line.split(" ")[0].upper()
                if verb == "DATA":
                    self.say("354 go on")
                    lines: list[str] = []
                    while (part := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        lines.append(part)
                    received.messages.append("\n".join(lines))
                if verb == "QUIT":
                    self.say("221 bye")
                    return
                self.say("250 ok")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        received.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        with _serving(server):
            yield received


@contextmanager
def _serving(server: socketserver.TCPServer) -> Generator[None]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
