"""Links that lead astray, tokens that repeat, lists that never end."""

from __future__ import annotations

from itertools import islice

import pytest

from connectors.errors import ContractError
from connectors.paging import NoRepeat, page_numbers, same_origin

BASE = "https://api.acme.example/hub"


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        ("https://api.acme.example/v2/x?after=a%3D", "https://api.acme.example/v2/x?after=a%3D"),
        ("HTTPS://API.acme.example:443/x", "https://api.acme.example/x"),
        ("/v2/x?page=2", "https://api.acme.example/v2/x?page=2"),
        ("//api.acme.example/x", "https://api.acme.example/x"),
        ("https://api.acme.example/x#top", "https://api.acme.example/x"),
    ],
)
def test_a_link_on_our_origin_is_made_absolute(link: str, followed: str) -> None:
    assert same_origin(BASE, link) == followed


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/x",
        "//evil.example/x",
        "http://api.acme.example/x",
        "https://api.acme.example:8443/x",
        "https://api.acme.example.evil.example/x",
        "https://api.acme.example@evil.example/x",
        "https://me:pw@api.acme.example/x",
        "https://api.acme.example\\@evil.example/x",
        "https://api.acme.example\t/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://[half",
    ],
)
def test_a_link_elsewhere_is_refused_without_its_query(link: str) -> None:
    """Case 48 of the fault list."""
    with pytest.raises(ContractError) as caught:
        same_origin(BASE, link + "?token=abc123")

    assert "abc123" not in str(caught.value)


def test_a_default_port_may_be_written_or_not() -> None:
    assert same_origin("http://127.0.0.1:80", "http://127.0.0.1/x") == "http://127.0.0.1/x"


def test_a_repeated_token_ends_the_read() -> None:
    """Case 46 of the fault list."""
    tokens = NoRepeat("hubspot.contacts")
    tokens.check("a")
    tokens.check("b")

    with pytest.raises(ContractError, match=r"hubspot\.contacts: .* the same page token twice"):
        tokens.check("a")


def test_pages_are_counted_up_to_a_bound() -> None:
    """Case 47 of the fault list: `has_more` is true for ever."""
    pages = page_numbers("arrivy.tasks", start=0, limit=3)

    assert list(islice(pages, 3)) == [0, 1, 2]
    with pytest.raises(ContractError, match=r"arrivy\.tasks: still more pages after 3"):
        next(pages)
