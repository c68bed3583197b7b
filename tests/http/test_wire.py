"""The HTTP client: connections and bodies that break, stall or explode."""

from __future__ import annotations

import gzip
import io
import socket

import pytest

from connectors.errors import ContractError, TransientError
from tests.http.misbehaving import Reply, Vendor, World


def cut(head: bytes, body: bytes = b"") -> Reply:
    return Reply(write=lambda line: line.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body))


def reset(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize(
    "broken",
    [
        Reply(write=lambda _line: None),
        Reply(write=reset),
        Reply(body=b'{"results": [{"id": 1}'),
        Reply(body=b""),
        cut(b"Content-Length: 999\r\n", b'{"ok": true}'),
        cut(b"Transfer-Encoding: chunked\r\n", b'c\r\n{"ok": true}\r\n'),
        cut(b"Content-Encoding: gzip\r\n", gzip.compress(b'{"ok": true}')[:-6]),
        cut(b"Content-Encoding: gzip\r\n", b"not gzip at all"),
    ],
    ids=["hung up", "reset", "cut JSON", "empty", "cut body", "cut chunks", "cut gzip", "no gzip"],
)
def test_an_answer_cut_short_is_asked_for_again(
    vendor: Vendor, world: World, broken: Reply
) -> None:
    """Cases 24, 25 and 26 of the fault list."""
    vendor.serve(broken, Reply())

    with world.client(vendor.url) as client:
        assert client.get("/x").json() == {"ok": True}

    assert len(vendor.asked) == 2


def test_a_stall_between_bytes_ends_with_the_read_timeout(vendor: Vendor, world: World) -> None:
    """Case 27 of the fault list."""

    def stall(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{")
        vendor.over.wait(30)

    vendor.serve(Reply(write=stall), Reply())

    with world.client(vendor.url, timeout=0.2) as client:
        assert client.get("/x").json() == {"ok": True}


def test_a_slow_drip_ends_with_the_deadline(vendor: Vendor, world: World) -> None:
    """Case 28 of the fault list: each byte arrives in time, the answer does not."""

    def drip(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not vendor.over.wait(0.01):
            try:
                line.sendall(b" ")
            except OSError:  # the client hung up, as it should
                return

    vendor.serve(Reply(write=drip))

    with (
        world.client(vendor.url, deadline=0.2, max_attempts=2) as client,
        pytest.raises(TransientError, match="too slowly"),
    ):
        client.get("/x")


def test_a_gzip_bomb_meets_the_size_cap(vendor: Vendor, world: World) -> None:
    """Case 31 of the fault list: 64 MB of zeros in 64 kB."""
    bomb = io.BytesIO()
    with gzip.GzipFile(fileobj=bomb, mode="wb") as file:
        for _ in range(64):
            file.write(bytes(2**20))
    vendor.serve(Reply(body=bomb.getvalue(), headers={"Content-Encoding": "gzip"}))

    with (
        world.client(vendor.url, max_bytes=2**20) as client,
        pytest.raises(ContractError, match="larger than 1048576 bytes"),
    ):
        client.get("/x")

    assert len(vendor.asked) == 1


def test_gzip_in_several_members_is_one_body(vendor: Vendor, world: World) -> None:
    body = gzip.compress(b'{"ok":') + gzip.compress(b" true}")
    vendor.serve(Reply(body=body, headers={"Content-Encoding": "gzip"}))

    with world.client(vendor.url) as client:
        assert client.get("/x").json() == {"ok": True}

    assert vendor.asked[0][2]["accept-encoding"] == "gzip"


def test_nobody_listening_is_a_network_failure(world: World) -> None:
    """Case 29 of the fault list, for a name and for a port."""
    for url in ("http://127.0.0.1:9", "http://name.invalid"):
        with (
            world.client(url, max_attempts=2) as client,
            pytest.raises(TransientError, match="ConnectError"),
        ):
            client.get("/x")
