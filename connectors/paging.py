"""Following a vendor's pages without being led astray or in circles."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator

import httpx

from connectors.errors import ContractError

MAX_PAGES = 1_000_000  # a bound, not a limit: 100 million records at 100 a page
DEFAULT_PORTS = {"http": 80, "https": 443}
UNSAFE = re.compile(r"[\s\\\x00-\x1f\x7f]")  # parsers disagree about these, so nobody is asked


def same_origin(base_url: str, link: str) -> str:
    """Return `link` as an absolute URL if it stays on the origin of `base_url`.

    A relative link is resolved against `base_url` as a browser would. Raises
    `ContractError` for another scheme, host or port, for user names in the link and
    for characters that URL parsers read differently: a credential follows the link.
    """
    base = httpx.URL(base_url)
    if UNSAFE.search(link):
        raise ContractError(f"{base.host}: the next-page link holds characters no URL may have")
    try:
        url = base.join(link)
    except httpx.InvalidURL as error:
        raise ContractError(f"{base.host}: the next-page link is not a URL") from error
    if url.userinfo:
        raise ContractError(f"{base.host}: the next-page link holds a user name; not followed")
    if origin(url) != origin(base):
        raise ContractError(
            f"{base.host}: a link leads to {url.scheme}://{url.host}, another origin; not followed"
        )
    return str(url.copy_with(fragment=None))


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port, the default port filled in."""
    return url.scheme, url.host, url.port or DEFAULT_PORTS.get(url.scheme)


class NoRepeat:
    """Refuses a page token that was already used.

    Keeps hashes only: a million pages cost some tens of megabytes at most.
    """

    def __init__(self, what: str) -> None:
        """Start empty. `what` names the stream in messages: `hubspot.contacts`."""
        self._what = what
        self._seen: set[int] = set()

    def check(self, token: Hashable) -> None:
        """Note `token`; raises `ContractError` when it was seen before."""
        mark = hash(token)
        if mark in self._seen:
            raise ContractError(
                f"{self._what}: the vendor sent the same page token twice; reading on would "
                f"never end. Report it to the vendor, then run again"
            )
        self._seen.add(mark)


def page_numbers(what: str, *, start: int = 1, limit: int = MAX_PAGES) -> Iterator[int]:
    """Count pages from `start`; raises `ContractError` after `limit` pages.

    For loops that end when the vendor says so, which it may never do.
    """
    yield from range(start, start + limit)
    raise ContractError(
        f"{what}: still more pages after {limit}; the vendor does not end its list. "
        f"Read a shorter time range"
    )
