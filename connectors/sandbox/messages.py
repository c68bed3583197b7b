"""What a vendor of the sandbox is asked and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request, its path without the vendor's prefix."""

    method: str
    path: str  # percent-decoded, starts with "/", no query
    target: str  # as it came: vendor prefix, path and query; some vendors limit its length
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""
    base_url: str = ""  # the vendor's own, for links in answers

    @cached_property
    def queries(self) -> dict[str, list[str]]:
        """Every value of every query parameter, blank ones included."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @cached_property
    def query(self) -> dict[str, str]:
        """The last value of each query parameter."""
        return {name: values[-1] for name, values in self.queries.items()}

    @cached_property
    def form(self) -> dict[str, str]:
        """The last value of each field of a form-encoded body."""
        fields = parse_qs(self.body.decode(), keep_blank_values=True)
        return {name: values[-1] for name, values in fields.items()}

    def json(self) -> Any:
        """The decoded body. Raises `msgspec.DecodeError` when it is no JSON."""
        return msgspec.json.decode(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer; the server adds `Content-Length` and `Connection`."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content_type: str = "application/json;charset=utf-8"


def json_answer(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with `value` as JSON."""
    return Response(status=status, body=msgspec.json.encode(value), headers=headers or {})


def html_answer(status: int, title: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error page as gateways send it: HTML where a client expects JSON."""
    head = f"<head><title>{status} {title}</title></head>"
    page = f"<html>\r\n{head}\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n"
    return Response(
        status=status, body=page.encode(), headers=headers or {}, content_type="text/html"
    )


def decoded_path(target: str) -> str:
    """The percent-decoded path of a request target."""
    return unquote(target.partition("?")[0])
