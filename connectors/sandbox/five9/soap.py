"""SOAP by hand: envelopes, faults, and what a question says."""

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast
from xml.sax.saxutils import escape

from connectors.sandbox.messages import Request, Response

etree: Any = import_module("lxml.etree")  # ships no types

NAMESPACE = "http://service.admin.ws.five9.com/"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
XML = "text/xml;charset=UTF-8"
PARSER = etree.XMLParser(resolve_entities=False, no_network=True)
WORTH_PACKING = 1_400  # bytes; below, an answer fits one packet
CHUNKED_FROM = 64_000  # bytes; larger answers are made while they are sent
CHUNK = 16_384


class Fault(Exception):
    """A SOAP fault: the local name of its detail's element, without `Fault`."""

    def __init__(self, name: str, text: str, status: int = 500, **members: str) -> None:
        super().__init__(text)
        self.name = name
        self.text = text
        self.status = status
        self.members = members


@dataclass(frozen=True)
class Call:
    """One operation and its arguments: text, dicts of arguments, lists where they repeat."""

    operation: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def text(self, name: str) -> str:
        """An argument's text, "" when it is missing."""
        given = self.arguments.get(name)
        return given if isinstance(given, str) else ""


def read_call(body: bytes) -> Call:
    """The operation asked for. Raises `Fault` for what is no SOAP."""
    try:
        root = etree.fromstring(body, PARSER)
        operation = root.find(f"{{{ENVELOPE}}}Body")[0]
    except (etree.XMLSyntaxError, TypeError, IndexError) as error:
        raise Fault("Server", f"no SOAP envelope: {type(error).__name__}") from error
    name = etree.QName(operation)
    if name.namespace != NAMESPACE:
        raise Fault("Server", "unknown namespace")
    return Call(name.localname, _members(operation))


def element(name: str, value: Any) -> str:
    """`<name>value</name>`.

    None leaves it out, a mapping nests, a list repeats, a flag is `true` or `false`.
    """
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join(element(name, each) for each in cast("list[Any]", value))
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return f"<{name}>{''.join(element(key, each) for key, each in members.items())}</{name}>"
    if isinstance(value, bool):
        return f"<{name}>{'true' if value else 'false'}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"


def answer(operation: str, returned: str) -> bytes:
    """The envelope of an answer; `returned` is XML."""
    return _envelope(
        f'<ns2:{operation}Response xmlns:ns2="{NAMESPACE}">{returned}</ns2:{operation}Response>'
    )


def fault(found: Fault) -> Response:
    """The envelope of a fault."""
    members = "".join(element(key, each) for key, each in found.members.items())
    detail = (
        f'<detail><ns2:{found.name}Fault xmlns:ns2="{NAMESPACE}">'
        f"<message>{escape(found.text)}</message>{members}</ns2:{found.name}Fault></detail>"
        if found.name
        else ""
    )
    body = _envelope(
        f"<env:Fault><faultcode>env:Server</faultcode>"
        f"<faultstring>{escape(found.text)}</faultstring>{detail}</env:Fault>"
    )
    return Response(status=found.status, body=body, content_type=XML)


def packed(request: Request, body: bytes) -> Response:
    """An answer with gzip where the client takes it, in chunks where it is large."""
    headers: dict[str, str] = {}
    if "gzip" in request.headers.get("accept-encoding", "") and len(body) > WORTH_PACKING:
        headers["Content-Encoding"] = "gzip"
        packed_body = gzip.compress(body, compresslevel=1, mtime=0)
    else:
        packed_body = body
    if len(body) > CHUNKED_FROM:
        headers["Transfer-Encoding"] = "chunked"
        packed_body = b"".join(_chunks(packed_body))
    return Response(body=packed_body, headers=headers, content_type=XML)


def _chunks(body: bytes) -> Iterable[bytes]:
    for start in range(0, len(body), CHUNK):
        piece = body[start : start + CHUNK]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _envelope(inner: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="{ENVELOPE}">'
        f"<env:Header/><env:Body>{inner}</env:Body></env:Envelope>"
    ).encode()


def _members(parent: Any) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for child in parent:
        name = etree.QName(child).localname
        value: Any = _members(child) if len(child) else child.text or ""
        if name in members:
            before: Any = members[name]
            members[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            members[name] = value
    return members
