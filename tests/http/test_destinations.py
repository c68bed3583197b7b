"""The HTTP client: whom it talks to, and whom it never does."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.errors import ConfigError, ContractError
from tests.http.misbehaving import Reply, Vendor, World


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
