"""The HTTP client against a real socket that misbehaves on demand."""

from __future__ import annotations

import gzip
import http.server
import io
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.context import Context
from connectors.errors import (
    AccessError,
    ConfigError,
    ContractError,
    CredentialsError,
    RateLimited,
    Stopped,
    SyncError,
    TransientError,
)
from connectors.http import Answer, ApiClient
from connectors.throttle import Rate, open_throttles

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


@pytest.fixture
def vendor() -> Generator[Vendor]:
    vendor = Vendor()
    thread = threading.Thread(target=vendor.server.serve_forever, args=(0.02,))
    thread.start()
    yield vendor
    vendor.over.set()
    vendor.server.shutdown()
    thread.join()
    vendor.server.server_close()


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


@pytest.fixture
def world() -> World:
    stopping = threading.Event()
    now = [NOW]

    def pass_time(seconds: float) -> bool:
        now[0] += timedelta(seconds=seconds)
        return stopping.is_set()

    throttles = open_throttles(
        None, stopping=stopping, clock=lambda: round(now[0].timestamp() * 1e6), sleep=pass_time
    )
    context = Context(throttles=throttles, stopping=stopping, clock=lambda: now[0])
    return World(context, pass_time)


def test_an_answer_decodes_to_exact_numbers(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(body=b'{"amount": 0.10, "big": 123456789012345678901234567890}'))

    with world.client(vendor.url) as client:
        answer = client.get("/deals", {"limit": 100, "after": "a b"})

    assert answer.json() == {"amount": Decimal("0.10"), "big": 123456789012345678901234567890}
    command, path, headers, _ = vendor.asked[0]
    assert (command, path) == ("GET", "/hub/deals?limit=100&after=a+b")
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert world.context.meter.requests == 1


class Listing(msgspec.Struct):
    results: list[dict[str, Any]]


def test_an_answer_of_another_shape_is_a_broken_contract(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(body=b'{"results": [{"email": "ann@example.com"}]}'), Reply(body=b"[7]"))

    with world.client(vendor.url) as client:
        listing = client.get("/contacts", shape=Listing).decode(Listing)
        with pytest.raises(ContractError, match=r"GET /hub/contacts: 200, unexpected shape"):
            client.get("/contacts", shape=Listing)

    assert listing.results == [{"email": "ann@example.com"}]
    assert world.waits == []


@pytest.mark.parametrize(
    ("body", "value"),
    [(b'{"a": "\\ud800"}', "\ud800"), (b'{"a": "\xff"}', "\udcff"), (b'{"a": -Infinity}', None)],
)
def test_one_bad_value_does_not_cost_the_page(
    vendor: Vendor, world: World, body: bytes, value: str | None
) -> None:
    """Cases 73 and 77 of the fault list: the warehouse refuses the value, not the page."""
    vendor.serve(Reply(body=body))

    with world.client(vendor.url) as client:
        decoded = client.get("/x", shape=dict[str, Any]).json()

    assert decoded["a"] == (float("-inf") if value is None else value)


def test_a_question_is_posted_and_retried_like_a_get(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=502), Reply())

    with world.client(vendor.url) as client:
        client.post("/search", json={"limit": 200}, cost_class="search")

    assert [json.loads(body) for _, _, _, body in vendor.asked] == [{"limit": 200}] * 2


@pytest.mark.parametrize("status", [408, 423, 425, 429, 500, 502, 503, 504, 521, 524])
def test_a_failure_that_may_pass_is_tried_again(vendor: Vendor, world: World, status: int) -> None:
    """Case 39 of the fault list."""
    vendor.serve(Reply(status=status), Reply(status=status, body=b"<html>"), Reply())

    with world.client(vendor.url) as client:
        assert client.get("/x").json() == {"ok": True}

    assert world.context.meter.requests == 3
    assert world.context.meter.retries == 2
    assert 1 <= world.waits[0] <= 2 <= world.waits[1] <= 3


def test_attempts_are_bounded(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=503))

    with world.client(vendor.url) as client, pytest.raises(TransientError, match="503"):
        client.get("/x")

    assert len(vendor.asked) == 6
    assert world.context.meter.retries == 5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("2.5", 2.5),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        ("0", 1),
        ("-3", 1),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 1),
        ("soon", 1),
    ],
)
def test_retry_after_is_honoured_in_both_forms(
    vendor: Vendor, world: World, text: str, seconds: float
) -> None:
    """Cases 32, 33, 34 and 36 of the fault list: `0` and nonsense still back off."""
    vendor.serve(Reply(status=429, headers={"Retry-After": text}), Reply())

    with world.client(vendor.url) as client:
        client.get("/x")

    assert seconds <= world.waits[0] <= max(seconds, 2)
    assert world.context.meter.throttled_seconds >= seconds


def test_a_daily_quota_is_not_slept_for(vendor: Vendor, world: World) -> None:
    """Case 35 of the fault list; the next request of anybody is refused before it is sent."""
    vendor.serve(Reply(status=429, headers={"Retry-After": "86400"}))

    with world.client(vendor.url) as client, pytest.raises(RateLimited) as caught:
        client.get("/x")

    assert caught.value.resume_at == NOW + timedelta(days=1)
    assert "2026-03-05 12:00:00 UTC" in str(caught.value)
    assert world.waits == []


def test_a_429_pauses_everybody_of_its_class(vendor: Vendor, world: World) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> bool:
        slept.append(seconds)
        return True

    throttles = open_throttles(None, stopping=threading.Event(), sleep=sleep)
    throttle = throttles.open("acme", {"default": [Rate(limit=9, period=timedelta(seconds=1))]})
    vendor.serve(Reply(status=429, headers={"Retry-After": "30"}))

    with (
        ApiClient(
            vendor.url, context=world.context, throttle=throttle, sleep=lambda _s: False
        ) as c,
        pytest.raises(Stopped),
    ):
        c.get("/x")

    assert 29 < slept[0] <= 30


def test_a_rate_limit_that_does_not_end_is_said_with_its_time(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=429))

    with world.client(vendor.url) as client, pytest.raises(RateLimited) as caught:
        client.get("/x")

    assert caught.value.resume_at > NOW


def test_a_long_outage_notice_is_given_up_at_once(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=503, headers={"Retry-After": "7200"}))

    with world.client(vendor.url) as client, pytest.raises(TransientError) as caught:
        client.get("/x")

    assert caught.value.retry_after == 7200
    assert len(vendor.asked) == 1


def test_a_stop_ends_the_wait_between_attempts(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(write=lambda _line: world.context.stopping.set()))

    with world.client(vendor.url) as client:
        with pytest.raises(Stopped):
            client.get("/x")
        with pytest.raises(Stopped):
            client.get("/x")

    assert len(vendor.asked) == 1


def test_an_expired_token_is_renewed_once_and_the_request_repeated(
    vendor: Vendor, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Case 40 of the fault list."""
    caplog.set_level(logging.DEBUG)
    vendor.serve(Reply(), Reply(status=401), Reply(), Reply(status=401))
    renewals: list[str] = []

    def renew() -> dict[str, str]:
        renewals.append(f"Bearer fresh-token-{len(renewals)}")
        return {"Authorization": renewals[-1]}

    with world.client(vendor.url, reauthorize=renew) as client:
        client.get("/x", {"page": 1})
        client.get("/x", {"page": 2})
        with pytest.raises(CredentialsError, match="Renew the credential"):
            client.get("/x", {"page": 3})

    pages = [path.rpartition("=")[2] for _, path, _, _ in vendor.asked]
    assert pages == ["1", "2", "2", "3", "3"]
    assert [h["authorization"] for _, _, h, _ in vendor.asked][2:4] == [renewals[0]] * 2
    assert len(renewals) == 2
    assert "fresh-token" not in caplog.text


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, CredentialsError),
        (403, AccessError),
        (404, ContractError),
        (400, ContractError),
        (414, ContractError),
        (422, ContractError),
        (304, ContractError),
    ],
)
def test_a_refusal_is_sorted_by_who_must_act_and_not_repeated(
    vendor: Vendor, world: World, status: int, kind: type[SyncError]
) -> None:
    """Cases 42 and 43 of the fault list."""
    vendor.serve(Reply(status=status))

    with world.client(vendor.url) as client, pytest.raises(kind, match=f"GET /hub/x: {status}"):
        client.get("/x")

    assert len(vendor.asked) == 1


def test_messages_hold_no_secret_no_query_and_no_record(
    vendor: Vendor, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Case 91 of the fault list."""
    caplog.set_level(logging.DEBUG)
    body = json.dumps({"message": f"token {TOKEN} lacks scope", "category": "MISSING_SCOPES"})
    personal = b'{"message": "ann@example.com is not valid"}'
    vendor.serve(Reply(status=403, body=body.encode()), Reply(status=422, body=personal))

    with world.client(vendor.url) as client:
        with pytest.raises(AccessError) as refused:
            client.get("/x", {"email": "ann@example.com", "key": TOKEN})
        with pytest.raises(ContractError) as unprocessable:
            client.post("/x", json={"email": "ann@example.com"})

    assert "MISSING_SCOPES, token *** lacks scope" in str(refused.value)
    told = f"{refused.value} {unprocessable.value} {caplog.text}"
    assert TOKEN not in told
    assert "ann@example.com" not in told


def test_a_status_that_the_source_accepts_is_an_answer(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=404, body=b"gone"), Reply(status=204, body=b""))

    with world.client(vendor.url) as client:
        assert client.get("/x", accept=(200, 404)).status == 404
        assert client.get("/x", accept=(204,)).content == b""


def test_a_source_may_read_answers_its_own_way(vendor: Vendor, world: World) -> None:
    """Case 44 of the fault list: 200 with an error inside."""
    vendor.serve(
        Reply(body=b'{"error": "busy"}'), Reply(), Reply(status=477, body=b'{"error": "moving"}')
    )

    def classify(answer: Answer) -> SyncError | None:
        match answer.status, answer.json():
            case 200, {"error": "busy"}:
                return TransientError("the vendor is busy", retry_after=11)
            case 477, _:
                return RateLimited("the portal is moving", resume_at=NOW)
            case _:
                return None

    with world.client(vendor.url, classify=classify) as client:
        assert client.get("/x").json() == {"ok": True}
        with pytest.raises(RateLimited, match="moving"):
            client.get("/x")

    assert world.waits == [11]


def test_an_answer_the_source_cannot_read_is_sorted_by_its_status(
    vendor: Vendor, world: World
) -> None:
    vendor.serve(Reply(status=502, body=b"<html>"), Reply(status=401, body=b"<html>"))

    def classify(answer: Answer) -> SyncError | None:
        return ContractError("odd") if answer.json() == [] else None

    with world.client(vendor.url, classify=classify) as client, pytest.raises(CredentialsError):
        client.get("/x")

    assert len(vendor.asked) == 2


def test_a_login_page_is_a_failure_and_not_zero_rows(vendor: Vendor, world: World) -> None:
    """Case 44 of the fault list."""
    vendor.serve(Reply(body=b"<!doctype html><form>", headers={"Content-Type": "text/html"}))

    with world.client(vendor.url) as client, pytest.raises(ContractError, match="web page"):
        client.get("/x")

    assert len(vendor.asked) == 6


def test_a_body_that_is_not_json_is_left_alone_when_asked(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(body=b"<soap/>", headers={"Content-Type": "text/xml"}))

    with world.client(vendor.url) as client:
        answer = client.post("/soap", content=b"<ask/>", shape=None)

    assert answer.content == b"<soap/>"
    assert vendor.asked[0][3] == b"<ask/>"


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


def certificate_of(name: str, folder: Path) -> None:
    """Write a self-signed `cert.pem` and its `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form, no_password = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(signed.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, no_password))


def test_a_certificate_of_another_host_fails_closed(world: World, tmp_path: Path) -> None:
    """Case 30 of the fault list: no retry, nothing sent."""
    certificate_of("other.example", tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    received: list[bytes] = []

    def answer(listener: socket.socket) -> None:
        line, _ = listener.accept()
        with line:
            try:
                with tls.wrap_socket(line, server_side=True) as secured:
                    received.append(secured.recv(1000))
            except ssl.SSLError:
                pass  # the client refused, as it should

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        port = listener.getsockname()[1]
        with (
            world.client(f"https://127.0.0.1:{port}") as client,
            pytest.raises(ConfigError, match="TLS certificate is not trusted"),
        ):
            client.get("/x")
        thread.join()

    assert received == []
    assert world.waits == []


@pytest.mark.parametrize(
    "link",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1:{port}/hub/x",
        "http://127.0.0.1:1/x",
        "http://user:pass@127.0.0.1:{port}/x",
        "http://127.0.0.1:{port}\\@evil.example/x",
    ],
)
def test_a_link_to_another_origin_is_refused(vendor: Vendor, world: World, link: str) -> None:
    """Case 48 of the fault list: the credential is not sent."""
    with world.client(vendor.url) as client, pytest.raises(ContractError):
        client.get(link.format(port=vendor.server.server_port))

    assert vendor.asked == []


def test_a_link_on_our_origin_keeps_its_query(vendor: Vendor, world: World) -> None:
    with world.client(vendor.url) as client:
        client.get(vendor.url + "/x?after=NTI1Cg%3D%3D")

    assert vendor.asked[0][1] == "/hub/x?after=NTI1Cg%3D%3D"


def test_redirects_are_followed_on_our_own_origin_only(vendor: Vendor, world: World) -> None:
    away = Reply(status=302, headers={"Location": "http://169.254.169.254/"})
    vendor.serve(Reply(status=307, headers={"Location": "/hub/y?a=1"}), Reply(), away)

    with world.client(vendor.url) as client:
        assert client.post("/x", json=[1]).json() == {"ok": True}
        with pytest.raises(ContractError, match="another origin"):
            client.get("/x")

    assert [(path, body) for _, path, _, body in vendor.asked][:2] == [
        ("/hub/x", b"[1]"),
        ("/hub/y?a=1", b"[1]"),
    ]


def test_a_circle_of_redirects_ends(vendor: Vendor, world: World) -> None:
    vendor.serve(Reply(status=302, headers={"Location": "/hub/x"}))

    with world.client(vendor.url) as client, pytest.raises(ContractError, match="redirected"):
        client.get("/x")

    assert len(vendor.asked) == 4


@pytest.mark.parametrize(
    "path", ["/users/update-auth-keys", "/USERS/x/../update-auth-keys", "/users/update%2Dauth-keys"]
)
def test_a_path_on_the_deny_list_is_never_asked_for(
    vendor: Vendor, world: World, path: str
) -> None:
    with (
        world.client(vendor.url, deny=(r"/users/update-auth-keys",)) as client,
        pytest.raises(ConfigError, match="must never be called"),
    ):
        client.get(path)

    assert vendor.asked == []


@pytest.mark.parametrize("url", ["", "ftp://x", "https://user:pw123456@vendor.example", "vendor"])
def test_a_base_url_that_is_none_is_refused(world: World, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        world.client(url)

    assert "pw123456" not in str(caught.value)
