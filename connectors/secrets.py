"""Every secret value this process knows, and a way to keep it out of text.

Secrets are known by value, not by where they appear: a token inside a URL, an
exception of a library or a log line of somebody else's code is found all the same.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import threading
import traceback
from collections.abc import Iterator, Mapping
from typing import cast
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from pydantic import BaseModel, SecretStr

MASK = "***"
MIN_LENGTH = 6  # shorter values would blank out ordinary words of every log line
SECRET_NAME = re.compile(
    r"auth|token|secret|passw|pwd|private|api.?key|access.?key|cookie", re.IGNORECASE
)
"""Names of headers, URL parameters and JSON members whose values are secrets."""

_lock = threading.Lock()
_forms: set[str] = set()
_pattern: re.Pattern[str] | None = None


def register(value: str) -> None:
    """Remember `value` as a secret in all its spellings. Shorter than `MIN_LENGTH`: ignored."""
    global _pattern  # noqa: PLW0603 - the registry is the process's, like logging itself
    value = value.strip()
    if len(value) < MIN_LENGTH:
        return
    spellings = set(_spellings(value))
    with _lock:
        if not spellings <= _forms:
            _forms.update(spellings)
            _pattern = None  # made anew when it is needed: a private key takes a third of a second


def register_settings(settings: BaseModel) -> None:
    """Register every `SecretStr` of `settings`.

    Of a URL only the password and secret parameters count, of a JSON object (a service
    account) only the members with secret names: the rest is useful in a message.
    """
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            for part in _secret_parts(value.get_secret_value()):
                register(part)


def register_headers(headers: Mapping[str, str]) -> None:
    """Register the values of headers that carry a credential, scheme and token apart."""
    for name, value in headers.items():
        if SECRET_NAME.search(name) or name.lower().endswith("-key"):
            register(value)
            register(value.rpartition(" ")[2])


def scrub(text: str) -> str:
    """Return `text` with every known secret replaced by `***`."""
    if not _forms:
        return text
    return (_pattern or _compiled()).sub(MASK, text)


def _compiled() -> re.Pattern[str]:
    global _pattern  # noqa: PLW0603 - as above
    with _lock:
        longest_first = sorted(_forms, key=len, reverse=True)
        _pattern = pattern = re.compile("|".join(map(re.escape, longest_first)))
    return pattern


class SecretFilter(logging.Filter):
    """Scrubs a record's message, arguments, exception and stack.

    Belongs on handlers: a logger's own filter does not see its children's records.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Scrub `record` in place; never drops one."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # arguments that do not fit: logging would print them raw
            message = f"{record.msg} {record.args!r}"
            record.msg, record.args = message, None
        clean = scrub(message)
        if clean != message:
            record.msg, record.args = clean, None
        if record.exc_info:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            clean = scrub(text)
            if clean != text:  # other formatters would format the exception itself again
                record.exc_text, record.exc_info = clean, None
        if record.exc_text:
            record.exc_text = scrub(record.exc_text)
        if record.stack_info:
            record.stack_info = scrub(record.stack_info)
        return True


def _secret_parts(value: str) -> Iterator[str]:
    if "://" in value and not value.lstrip().startswith("{"):
        yield from _url_secrets(value)
        return
    yield value
    try:
        document: object = json.loads(value)
    except ValueError:
        return
    if isinstance(document, dict):
        for name, member in cast("dict[str, object]", document).items():
            if isinstance(member, str) and SECRET_NAME.search(name):
                yield member


def _url_secrets(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        password, query = parts.password, parse_qsl(parts.query)
    except ValueError:  # not a URL after all: all of it is secret
        yield url
        return
    if password:
        yield password
        yield unquote(password)
    for name, value in query:
        if SECRET_NAME.search(name):
            yield value


def _spellings(value: str) -> Iterator[str]:
    yield value
    for encoded in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), encoded)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield from _base64_spellings(value.encode(errors="surrogatepass"))


def _base64_spellings(value: bytes) -> Iterator[str]:
    """Base64 of the value alone, and its part of a longer text at each of three offsets."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(value).decode()
        for offset, mixed in ((0, 0), (1, 2), (2, 3)):  # leading characters shared with others
            padded = bytes(offset) + value
            text = encode(padded).decode().rstrip("=")
            inner = text[mixed : len(text) - bool(len(padded) % 3)]
            if len(inner) >= MIN_LENGTH:
                yield inner
