"""Reading a response body of bounded size in bounded time, whatever the other side sends."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator

import httpx

from connectors.errors import ContractError, TransientError

INFLATE_STEP = 2**18  # bytes inflated at a time, so that a compression bomb is noticed early
GZIP_WINDOW = 31  # zlib's way to ask for a gzip header


def read_body(response: httpx.Response, where: str, *, max_bytes: int, ends_at: float) -> bytes:
    """Return the decompressed body of a streamed `response`.

    `ends_at` is a `time.monotonic()`. Raises `ContractError` above `max_bytes` and for a
    coding we did not offer, `TransientError` past `ends_at` or when gzip data are damaged.
    Network failures stay `httpx.TransportError`.
    """
    parts: list[bytes] = []
    size = 0
    for part in _decoded(response, where):
        size += len(part)
        if size > max_bytes:
            raise ContractError(
                f"{where}: the answer is larger than {max_bytes} bytes. Ask for smaller pages"
            )
        if time.monotonic() > ends_at:
            raise TransientError(f"{where}: the answer trickled in too slowly and was given up")
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _decoded(response: httpx.Response, where: str) -> Iterator[bytes]:
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return response.iter_raw()
    if coding in {"gzip", "x-gzip"}:
        return _inflated(response.iter_raw(), where)
    raise ContractError(f"{where}: the answer is coded as {coding[:20]!r}, which we did not offer")


def _inflated(chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Inflate step by step; a body may be several gzip members in a row."""
    inflater = zlib.decompressobj(wbits=GZIP_WINDOW)
    started = False
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if inflater.eof:
                    inflater = zlib.decompressobj(wbits=GZIP_WINDOW)
                started = True
                yield inflater.decompress(rest, INFLATE_STEP)
                rest = inflater.unconsumed_tail or inflater.unused_data
    except zlib.error as error:
        raise TransientError(f"{where}: the compressed answer is damaged") from error
    if started and not inflater.eof:
        raise TransientError(f"{where}: the compressed answer was cut short")
