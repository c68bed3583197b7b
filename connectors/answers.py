"""What a vendor answered, and how its JSON becomes Python values.

Numbers with a fraction decode to `Decimal`, whole numbers to `int` of any size.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec

from connectors.errors import ContractError, TransientError
from connectors.secrets import scrub

T = TypeVar("T")
ANYTHING = msgspec.json.Decoder(float_hook=Decimal)
ITEMS = list[msgspec.Raw]
"""Shape of a list whose items stay JSON text, for a source that takes them apart itself.

Where a body is JSON only by a lenient reading its items come decoded: `decoded` reads both.
"""
VENDOR_MESSAGE_LENGTH = 200  # characters of the vendor's own error text that we repeat


@dataclass(slots=True, kw_only=True)
class Answer:
    """One complete answer. `where` is method and path, without the query."""

    where: str
    status: int
    headers: Mapping[str, str]
    content: bytes
    _decoded: dict[Any, Any] = field(default_factory=dict[Any, Any], repr=False)

    def json(self) -> Any:
        """Return the body decoded; the same object on every call.

        Raises `TransientError` when the body is not (all of) a JSON text.
        """
        return self.decode_as(Any)

    def decode(self, shape: type[T]) -> T:
        """Return the body as `shape`, a class that msgspec understands; see `decode_as`."""
        return cast("T", self.decode_as(shape))

    def decode_as(self, shape: Any) -> Any:
        """Return the body as `shape`, any type expression that msgspec understands.

        Raises `TransientError` when the body is not (all of) a JSON text, `ContractError`
        when it is one of another shape.
        """
        if shape in self._decoded:
            return self._decoded[shape]
        try:
            value = _decode(self.content, shape)
        except msgspec.ValidationError as error:  # names a place in the document, never a value
            raise ContractError(f"{self.where}: {self.status}, unexpected shape: {error}") from None
        except RecursionError:
            raise ContractError(f"{self.where}: {self.status}, nested too deeply") from None
        except ValueError:  # its text quotes the body
            raise TransientError(
                f"{self.where}: {self.status}, {len(self.content)} bytes that are not JSON "
                f"(cut short?)"
            ) from None
        self._decoded[shape] = value
        return value

    def is_html(self) -> bool:
        """Whether this is a web page: a login form, a proxy's error."""
        kind = self.headers.get("content-type", "")
        return "html" in kind or self.content[:64].lstrip().startswith(b"<")

    def vendor_message(self) -> str:
        """Return the vendor's own words about an error, scrubbed and cut, else ""."""
        try:
            body: object = self.json()
        except (TransientError, ContractError):
            return ""
        if not isinstance(body, dict):
            return ""
        members = cast("dict[str, object]", body)
        inner = members.get("error")
        if isinstance(inner, dict):
            members = cast("dict[str, object]", inner)
        words = [members.get(name) for name in ("category", "status", "message", "error")]
        text = ", ".join(word for word in words if isinstance(word, str) and word != "error")
        return scrub(" ".join(text.split()))[:VENDOR_MESSAGE_LENGTH]


def decoded(text: Any) -> Any:
    """Return the value of JSON text that was left as it came; any other value as it is."""
    if type(text) is not msgspec.Raw:
        return text
    try:
        return ANYTHING.decode(text)
    except ValueError:  # all but the encoding was checked when the body came
        return _decode_leniently(bytes(text))


@lru_cache(maxsize=256)
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape, float_hook=Decimal)


def _decode(content: bytes, shape: Any) -> Any:
    """Decode fast, else leniently. Raises `ValueError` when the body is not JSON."""
    try:
        return _decoder(shape).decode(content)
    except msgspec.ValidationError:
        raise
    except ValueError:  # msgspec's `DecodeError`, or bytes that are not UTF-8
        value = _decode_leniently(content)
    return value if shape in {Any, ITEMS} else msgspec.convert(value, shape)


def _decode_leniently(content: bytes) -> Any:
    """Let single bad values through (NaN, half a surrogate pair, control characters, no UTF-8).

    The warehouse can then refuse the value and keep the rest of the page.
    """
    try:
        return json.loads(content, parse_float=Decimal, strict=False)
    except UnicodeDecodeError:
        text = content.decode("utf-8", "surrogateescape")
        return json.loads(text, parse_float=Decimal, strict=False)
