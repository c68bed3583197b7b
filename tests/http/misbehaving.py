"""A vendor on a real socket that misbehaves on demand, and a client whose time tests move."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.context import Context
from connectors.http import ApiClient

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


TOKEN = "pat-na1-5f0e8c1d"


@dataclass
class Reply:
    """What the server says next. `raw` replaces everything after the status line and headers."""

    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    write: Callable[[socket.socket], None] | None = None  # the whole answer, by hand


class Vendor:
    """A server on a real socket: answers from a list, then with the last of it for ever."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [Reply()]
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.over = threading.Event()
        vendor = self

        class Desk(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                vendor.asked.append((self.command, self.path, headers, self.rfile.read(length)))
                replies = vendor.replies
                reply = replies.pop(0) if len(replies) > 1 else replies[0]
                if reply.write:
                    self.close_connection = True
                    reply.write(self.connection)
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                """Keep the test output clean."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Desk)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hub"

    def serve(self, *replies: Reply) -> None:
        self.replies = list(replies)


@dataclass
class World:
    """A context whose clock moves when somebody waits; the client's waits are written down."""

    context: Context
    pass_time: Callable[[float], bool]
    waits: list[float] = field(default_factory=list[float])

    def client(self, url: str, **options: Any) -> ApiClient:
        throttle = self.context.throttles.open("acme", {"default": [], "search": []})

        def sleep(seconds: float) -> bool:
            self.waits.append(seconds)
            return self.pass_time(seconds)

        options = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "sleep": sleep, **options}
        return ApiClient(url, context=self.context, throttle=throttle, **options)
